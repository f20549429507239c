"""Base class of the losses that compare vectors of length 1."""

import math
from typing import Any

import keras

from keras_kd._core.arguments import check_count
from keras_kd._types import Shape
from keras_kd._types import Tensor
from keras_kd.losses.example_pairs import ExamplePairs
from keras_kd.losses.lengths import unit


class ProjectedVectors(ExamplePairs):
    """Brings the features of both models to vectors of length 1 of one width.

    By linear projections, which are saved with the loss and are no part of
    the student.

    Args:
        width: Integer, the length of the projected vectors. Defaults to `128`.
        **kwargs: See `DistillationLoss`.

    Raises:
        ValueError: If `width` is no count, or a size of the features is not
            known.
    """

    # Whether the projection of the teacher is trained, as the student's is.
    trains_teacher_projection = True

    def __init__(self, width: int = 128, **kwargs: Any):
        super().__init__(**kwargs)
        check_count("width", width, "numbers of a projected vector")
        self.width = int(width)

    def build(self, teacher_shape: Shape, student_shape: Shape) -> None:
        if None in (*teacher_shape[1:], *student_shape[1:]):
            raise ValueError(
                f"{self.comparison(teacher_shape, student_shape)} Both must "
                "have known sizes, since linear projections take them to "
                "vectors. Pool over the axes of unknown length, such as by "
                "`keras.layers.GlobalAveragePooling1D`."
            )
        self.teacher_projection, self.student_projection = (
            keras.layers.Dense(
                self.width, dtype=self.compute_dtype, trainable=is_trained
            )
            for is_trained in (self.trains_teacher_projection, True)
        )
        for layer, shape in (
            (self.teacher_projection, teacher_shape),
            (self.student_projection, student_shape),
        ):
            layer.build((None, math.prod(shape[1:])))

    def vectors(
        self, teacher: Tensor, student: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Projects both features.

        Args:
            teacher: `(batch, teacher's features)`.
            student: `(batch, student's features)`.

        Returns:
            Two tensors of vectors of length 1, `(batch, width)`.
        """
        return (
            unit(self.teacher_projection(teacher)),
            unit(self.student_projection(student)),
        )

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"width": self.width}
