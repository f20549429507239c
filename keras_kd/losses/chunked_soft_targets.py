"""Soft targets of many classes, computed a chunk at a time."""

from typing import Any

import keras
from keras import ops

from keras_kd._core.arguments import check_count
from keras_kd._core.kinds import check_flag
from keras_kd._types import Shape
from keras_kd._types import Tensor
from keras_kd.losses.divergence_in_chunks import divergence_in_chunks
from keras_kd.losses.shapes import check_same_classes
from keras_kd.losses.shapes import check_several_classes
from keras_kd.losses.softened_loss import SoftenedLoss


@keras.saving.register_keras_serializable("keras_kd")
class ChunkedSoftTargets(SoftenedLoss):
    """Matches softened probabilities without logits of all classes (KD).

    The value and the gradient are those of `SoftTargets`, or of
    `ReverseSoftTargets`. The taps are what the output layers are called with:
    hidden states, of any two widths. The loss multiplies them by `chunk_size`
    columns of both kernels at a time, once for the value and once more for the
    gradient, so that memory grows with `chunk_size` and not with the classes,
    but for the gradient of the student's kernel, which learns as with any other
    loss. That takes more time: 1.5 times that of a step with logits where
    nothing but the output layers counts, where they differ by little.

    For vocabularies of tens of thousands of classes, where logits take more
    memory than the models. An output layer is a `keras.layers.Dense` without
    activation, or a `keras.layers.ReversibleEmbedding`, of a Functional or
    Sequential model.

    Whatever else reads the outputs makes all logits again: a loss given to
    `compile`, metrics, another loss at an output. On PyTorch, and with
    `run_eagerly`, both models compute theirs all the same; what this loss
    saves there is the rest.

    Reference: [Hinton et al., 2015](https://arxiv.org/abs/1503.02531), section
    2; reverse: [Gu et al., 2024](https://arxiv.org/abs/2306.08543).

    Args:
        temperature: Float from 0.001 to 1e6, see `SoftTargets`. Defaults to
            `4.0`.
        teacher_tap: What the teacher's output layer is called with:
            `"head:input"` for a layer called `head`, or the layer before it.
        student_tap: The same of the student.
        chunk_size: Number of classes at a time. A float32 number is kept for
            each row of the batch, or position, and each of them, some five
            times. Defaults to `2048`.
        reverse: Whether the student's probabilities weigh the classes, as in
            `ReverseSoftTargets`. Defaults to `False`.
        **kwargs: See `DistillationLoss`.

    Call arguments:
        teacher: Hidden states, `(batch, ..., features)`.
        student: Hidden states of as many positions.
        teacher_output_layer: Served by the Distiller.
        student_output_layer: The same.

    Returns:
        One value per example or position in nats, `(batch, ...)`.

    Raises:
        TypeError: If `chunk_size` is no integer, `reverse` not a bool, or, in a
            Distiller, a model has no graph.
        ValueError: If a number is out of range; in a Distiller, if a tap is
            not what an output layer is called with, the models have different
            classes or positions, or there is one class only.

    Example:

    >>> def net(width):
    ...     return keras.Sequential(
    ...         [keras.Input((4,)), keras.layers.Dense(width, name="hidden"),
    ...          keras.layers.Dense(50000, name="head")])
    >>> distiller = keras_kd.Distiller(
    ...     teacher=net(8),
    ...     student=net(2),
    ...     distillation_losses=keras_kd.losses.ChunkedSoftTargets(
    ...         teacher_tap="hidden", student_tap="head:input"),
    ... )
    >>> distiller.compile("adam")
    """

    expects_logits = False
    accepts_members = False
    accepts_minus_infinity = False
    needs = ("teacher_output_layer", "student_output_layer")

    def __init__(
        self,
        temperature: float = 4.0,
        *,
        chunk_size: int = 2048,
        reverse: bool = False,
        **kwargs: Any,
    ):
        super().__init__(temperature, **kwargs)
        check_count("chunk_size", chunk_size, "classes at a time")
        self.chunk_size = int(chunk_size)
        check_flag("reverse", reverse, "which model weighs the classes")
        self.reverse = bool(reverse)

    def build(
        self,
        teacher_shape: Shape,
        student_shape: Shape,
        teacher_output_layer_shape: Shape | None = None,
        student_output_layer_shape: Shape | None = None,
    ) -> None:
        # Those of the logits, which a Distiller knows.
        if student_output_layer_shape is not None:
            check_same_classes(
                self, teacher_output_layer_shape, student_output_layer_shape
            )
            check_several_classes(self, student_output_layer_shape)

    def call(
        self,
        teacher: Tensor,
        student: Tensor,
        teacher_output_layer: Any,
        student_output_layer: Any,
    ) -> Tensor:
        values = divergence_in_chunks(
            teacher_output_layer.scores(teacher),
            student_output_layer.scores(student),
            self.temperature,
            self.chunk_size,
            reverse=self.reverse,
        )
        return self.scale(ops.reshape(values, ops.shape(student)[:-1]))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "chunk_size": self.chunk_size,
            "reverse": self.reverse,
        }
