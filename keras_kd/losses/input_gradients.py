"""Gradient-based attention transfer (Zagoruyko and Komodakis, 2017)."""

from typing import Any

import keras
from keras import ops

from keras_kd._types import Shape
from keras_kd._types import Tensor
from keras_kd.losses.distillation_loss import DistillationLoss
from keras_kd.losses.lengths import distance
from keras_kd.losses.shapes import shapes_agree


def input_distance(first, second):
    """Euclidean distance over all of the input.

    Args:
        first: A tensor `(batch, ...)`, or a structure of several.
        second: The same.

    Returns:
        Distances, `(batch,)`, with a finite gradient at zero.
    """
    return distance(_flat(first), _flat(second))


def _flat(structure):
    """All numbers of each example in a row, `(batch, numbers)`."""
    return ops.concatenate(
        [
            ops.reshape(tensor, (ops.shape(tensor)[0], -1))
            for tensor in keras.tree.flatten(structure)
        ],
        axis=-1,
    )


@keras.saving.register_keras_serializable("keras_kd")
class InputGradientTransfer(DistillationLoss):
    """Matches the input gradients of both models.

    The gradient of the cross-entropy with respect to the input shows which
    pixels would change the decision most. With the gradients `J` of the
    teacher and of the student, the loss of one example is

    ```
    norm(J_student - J_teacher), over all pixels and channels
    ```

    The factor `beta / 2` of the paper is `loss_weight` here. Each `J` is that
    of the example's own cross-entropy, not divided by the size of the batch.

    The student is differentiated twice, and the teacher once: a step takes
    about twice as long as one with `SoftTargets`. The teacher runs in inference
    mode. The paper trained without batch normalisation, which mixes the
    examples of a batch; with it, this loss works, but untried by the authors.

    The differentiated objective is `input_objective`, by default the
    cross-entropy of the logits at the tap. Labels are class numbers or one-hot.

    Reference: [Zagoruyko and Komodakis, 2017](
    https://arxiv.org/abs/1612.03928), section 3.2.

    Args:
        **kwargs: See `DistillationLoss`. The taps name the logits that are
            differentiated: one of several outputs, or, by default, the only.

    Call arguments:
        teacher: The teacher's logits; not used.
        student: The student's logits; not used.
        teacher_input_gradient: Of the shape of the teacher's input, `(batch,
            ...)`, or a structure of such tensors.
        student_input_gradient: Of the shape of the student's input.
        labels: Not used here: the gradients depend on them.

    Returns:
        One value per example, `(batch,)`.

    Raises:
        ValueError: If the two models see inputs of different shapes.

    Example:

    Beside soft targets, for two models that see the same images:

    >>> teacher = keras_kd.models.small_convnet((8, 8, 1), 10, (8, 16))
    >>> student = keras_kd.models.small_convnet((8, 8, 1), 10, (4, 8))
    >>> distiller = keras_kd.Distiller(
    ...     teacher=teacher,
    ...     student=student,
    ...     distillation_losses=[
    ...         keras_kd.losses.SoftTargets(4.0, loss_weight=0.9),
    ...         keras_kd.losses.InputGradientTransfer(loss_weight=0.5),
    ...     ],
    ...     student_loss_weight=0.1,
    ... )
    >>> supervised = keras.losses.SparseCategoricalCrossentropy(
    ...     from_logits=True)
    >>> distiller.compile("sgd", loss=supervised)
    >>> images, labels = np.ones((4, 8, 8, 1)), np.arange(4)
    >>> sorted(distiller.fit(images, labels, verbose=0).history)
    ['input_gradient_transfer', 'loss', 'soft_targets', 'student_loss']
    """

    needs = ("labels", "teacher_input_gradient", "student_input_gradient")
    expects_logits = True
    accepts_members = True

    def build(
        self,
        teacher_shape: Shape,
        student_shape: Shape,
        teacher_input_gradient_shape: Shape,
        student_input_gradient_shape: Shape,
    ) -> None:
        theirs, ours = (
            _shapes(structure)
            for structure in (
                teacher_input_gradient_shape,
                student_input_gradient_shape,
            )
        )
        if not _agree(theirs, ours):
            raise ValueError(
                "`InputGradientTransfer` must have inputs of one shape, since "
                "it compares the gradients with respect to them. Received: "
                f"{_shown(theirs)} for the teacher and {_shown(ours)} for the "
                "student. Resize inside the model that needs another size, or "
                "compare layers with `AttentionTransfer`."
            )

    def call(
        self,
        teacher: Tensor,
        student: Tensor,
        teacher_input_gradient: Tensor,
        student_input_gradient: Tensor,
        labels: Tensor | None = None,
    ) -> Tensor:
        target = keras.tree.map_structure(
            ops.stop_gradient, teacher_input_gradient
        )
        return input_distance(target, student_input_gradient)


@keras.saving.register_keras_serializable("keras_kd")
class InputGradientSymmetry(DistillationLoss):
    """Matches a student's input gradients at an image and its mirror image.

    Not the teacher but the student itself, shown the flipped input, is the
    model to follow. With the gradient `J` of the cross-entropy with respect to
    the input, the loss of one example is

    ```
    norm(J(x) - flip(J(flip(x)))), over all pixels and channels
    ```

    The factor `beta / 2` of the paper is `loss_weight` here. It fits data whose
    labels stay true when it is flipped.

    The student runs twice, both times in the mode of the step, and both runs
    are differentiated twice: a step takes three to four times as long as one
    with `SoftTargets`. Batch normalisation updates its statistics in both runs,
    and dropout is drawn again for each. The teacher's tensor is not used; where
    this is the only loss, any teacher will do.

    Reference: [Zagoruyko and Komodakis, 2017](
    https://arxiv.org/abs/1612.03928), section 3.2.

    Args:
        axis: Integer, the axis of the input to flip, counted as in an input
            with a batch axis. Defaults to `-2`, the width of images `(batch,
            height, width, channels)`. Of an input of several entries, each is
            flipped; to flip some, override `input_view`.
        **kwargs: See `DistillationLoss`. `student_tap` names the logits that
            are differentiated.

    Call arguments:
        teacher: Not used.
        student: The student's logits; not used.
        student_input_gradient: Of the shape of the input, `(batch, ...)`.
        student_input_gradient_of_view: The same of the flipped input.
        labels: Not used here: the gradients depend on them.

    Returns:
        One value per example, `(batch,)`.

    Raises:
        ValueError: If `axis` is not an integer, or, when the Distiller is
            made, not an axis of the input other than the batch.

    Example:

    >>> loss = keras_kd.losses.InputGradientSymmetry(axis=-1)
    >>> gradient, of_flipped = np.array([[3.0, 0.0]]), np.array([[4.0, 3.0]])
    >>> logits = np.zeros((1, 2))
    >>> value = loss(logits, logits, student_input_gradient=gradient,
    ...              student_input_gradient_of_view=of_flipped)
    >>> round(float(value[0]), 4)
    4.0
    """

    needs = (
        "labels",
        "student_input_gradient",
        "student_input_gradient_of_view",
    )
    expects_logits = True
    accepts_members = True

    def __init__(self, axis: int = -2, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(axis, int) or isinstance(axis, bool) or axis == 0:
            raise ValueError(
                "`axis` must be an integer other than 0, since it is an axis "
                f"of each example. Received: axis={axis!r}."
            )
        self.axis = axis

    def input_view(self, x: Tensor) -> Tensor:
        return keras.tree.map_structure(self._flip, x)

    def _flip(self, x):
        rank = len(x.shape)
        if not -rank < self.axis < rank:
            raise ValueError(
                "`axis` must be an axis of the input behind the batch, since "
                f"`InputGradientSymmetry` flips it. Received: axis="
                f"{self.axis} for an input of shape {tuple(x.shape)}. "
                "Override `input_view` to flip only some entries."
            )
        return ops.flip(x, axis=self.axis)

    def call(
        self,
        teacher: Tensor,
        student: Tensor,
        student_input_gradient: Tensor,
        student_input_gradient_of_view: Tensor,
        labels: Tensor | None = None,
    ) -> Tensor:
        # Flipping twice is no change, so the view takes its gradient back.
        return input_distance(
            self.input_view(student_input_gradient_of_view),
            student_input_gradient,
        )

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"axis": self.axis}


def _shapes(structure):
    """The shapes in a structure of shapes, in a fixed order."""
    if isinstance(structure, dict):
        return [s for key in sorted(structure) for s in _shapes(structure[key])]
    if structure and not all(
        n is None or isinstance(n, int) for n in structure
    ):
        return [s for part in structure for s in _shapes(part)]
    return [tuple(structure)]


def _agree(theirs, ours):
    return len(theirs) == len(ours) and all(map(shapes_agree, theirs, ours))


def _shown(shapes):
    return ", ".join(map(str, shapes))
