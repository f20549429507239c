"""Base class of the losses that may put a projector behind the student."""

from typing import Any
from typing import Self

import keras
from keras import ops

from keras_kd import projectors
from keras_kd._core import reduction
from keras_kd._types import Shape
from keras_kd._types import Tensor
from keras_kd.losses.distillation_loss import DistillationLoss
from keras_kd.losses.shapes import shapes_agree


class ProjectedLoss(DistillationLoss):
    """Compares a teacher's feature with a student's of another shape.

    A subclass calls `project` before it compares. The projector is trained
    and saved with the loss, and is no part of the student.

    Args:
        projector: Maps the student's feature to the teacher's shape: `"infer"`
            for none where the shapes are equal and for `projectors.infer`
            elsewhere, a `keras.Layer`, or `None` for none.
        **kwargs: See `DistillationLoss`.

    Raises:
        TypeError: If `projector` is none of these.
        ValueError: If the shapes differ and no projector fits them.
    """

    def __init__(self, *, projector, **kwargs):
        super().__init__(**kwargs)
        self.infers_projector = projector == "infer"
        if not (
            self.infers_projector
            or projector is None
            or isinstance(projector, keras.Layer)
        ):
            raise TypeError(
                '`projector` must be "infer", a `keras.Layer` or None, since '
                "its weights are trained and saved with the loss. Received: "
                f"projector={projector!r}."
            )
        self.projector = None if self.infers_projector else projector

    def build(self, teacher_shape: Shape, student_shape: Shape) -> None:
        # Any batch, or a projector would be built for the first one's size.
        teacher_shape = (None, *teacher_shape[1:])
        student_shape = (None, *student_shape[1:])
        if self.infers_projector:
            self.projector = self.infer_projector(student_shape, teacher_shape)
        if self.projector is not None:
            feature = keras.KerasTensor(student_shape, self.compute_dtype)
            student_shape = self.projector(feature).shape
        self.check_fit(teacher_shape, student_shape)
        # What is unknown now must not broadcast later.
        self._is_known = None not in (*teacher_shape[1:], *student_shape[1:])

    def infer_projector(
        self, student_shape: Shape, teacher_shape: Shape
    ) -> keras.layers.Layer | None:
        """Chooses what `projector="infer"` stands for.

        Args:
            student_shape: Shape of the student's feature, of any batch.
            teacher_shape: Shape of the teacher's feature.

        Returns:
            A layer, or `None` where the shapes are equal.
        """
        if teacher_shape == student_shape:
            return None
        reason = projectors.obstacle(student_shape, teacher_shape)
        if reason:
            compared = self.comparison(teacher_shape, student_shape)
            raise ValueError(f"{compared} {reason}")
        return projectors.infer(
            student_shape, teacher_shape, dtype=self.compute_dtype
        )

    def project(
        self, teacher: Tensor, student: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Returns both features in one shape and dtype.

        Args:
            teacher: The teacher's feature.
            student: The student's feature.

        Returns:
            The teacher's feature without its gradient, and the student's
            behind the projector.
        """
        if self.infers_projector and reduction.read_mask(student) is not None:
            # Not all layers that are inferred support masks; the Distiller
            # has read it.
            student = ops.copy(student)
        if self.projector is not None:
            # A layer of the user's may compute in half precision.
            student = ops.cast(self.projector(student), self.compute_dtype)
        if not self._is_known:
            self.check_fit(teacher.shape, student.shape)
        return ops.stop_gradient(teacher), student

    def check_fit(self, teacher_shape: Shape, student_shape: Shape) -> None:
        """Validates the shapes of what is compared, behind the projector."""
        if not shapes_agree(teacher_shape, student_shape):
            compared = self.comparison(teacher_shape, student_shape)
            if self.projector is None:
                remedy = 'Tap equal shapes, or pass `projector="infer"`.'
            else:
                remedy = "The second is what its projector made: correct it."
            raise ValueError(
                f"{compared} Both must have one shape, since they are compared "
                f"number by number. {remedy}"
            )

    def get_config(self) -> dict[str, Any]:
        projector = self.projector
        if self.infers_projector:
            projector = "infer"
        elif projector is not None:
            projector = keras.saving.serialize_keras_object(projector)
        return super().get_config() | {"projector": projector}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        config = dict(config)
        if isinstance(config.get("projector"), dict):
            config["projector"] = keras.saving.deserialize_keras_object(
                config["projector"]
            )
        return cls(**config)
