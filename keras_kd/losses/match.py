"""Any Keras loss, between any two places."""

import inspect
from collections.abc import Callable
from typing import Any
from typing import Self

import keras
from keras import ops

from keras_kd._types import Shape
from keras_kd._types import Tensor
from keras_kd.losses.projected_loss import ProjectedLoss
from keras_kd.losses.shapes import mean_over_features
from keras_kd.losses.shapes import shapes_agree


@keras.saving.register_keras_serializable("keras_kd")
class Match(ProjectedLoss):
    """Compares two tensors by a Keras loss, with the teacher as `y_true`.

    For comparisons without a class here: Huber or cosine distance of features,
    a cross-entropy, a loss of your own. The loss's reduction is not used.

    `keras.losses.KLDivergence` and the cross-entropies clip probabilities at
    1e-7; for outputs, `SoftTargets` is the accurate choice.

    Args:
        loss: A `keras.losses.Loss`, the name of one (`"huber"`), or a
            function `(y_true, y_pred)` that returns one value per example or
            position. To be saved, a loss of your own must be registered with
            `keras.saving.register_keras_serializable`.
        projector: Maps the student's tensor to the teacher's shape. See `Hint`.
            Defaults to `None`, equal shapes.
        **kwargs: See `DistillationLoss`.

    Call arguments:
        teacher: The teacher's tensor, `(batch, ...)`.
        student: The student's tensor, same shape but for the projector.

    Returns:
        One value per example, `(batch,)`: the mean over the axes that the
        loss leaves. Of sequences `(batch, steps, features)` one per step,
        `(batch, steps)`.

    Raises:
        TypeError: If `loss` is not callable.
        ValueError: If no Keras loss has that name, the shapes differ, the
            loss returns one value for the whole batch, or its config leaves
            out arguments, as Keras 3.15 does for `delta` of `Huber`.

    Example:
    >>> loss = keras_kd.losses.Match(
    ...     loss=keras.losses.Huber(), teacher_tap="pool", student_tap="pool"
    ... )
    >>> float(loss(np.array([[0.0, 0.0]]), np.array([[1.0, 3.0]]))[0])
    1.5
    """

    def __init__(
        self,
        loss: str | keras.losses.Loss | Callable[[Tensor, Tensor], Tensor],
        *,
        projector: keras.layers.Layer | str | None = None,
        **kwargs: Any,
    ):
        super().__init__(projector=projector, **kwargs)
        self.loss = loss
        self._compare = _unreduced(loss)

    def build(self, teacher_shape: Shape, student_shape: Shape) -> None:
        super().build(teacher_shape, student_shape)
        if isinstance(self.loss, keras.losses.Loss):
            _check_is_saved(self.loss, teacher_shape)

    def call(self, teacher: Tensor, student: Tensor) -> Tensor:
        teacher, student = self.project(teacher, student)
        values = self._compare(teacher, student)
        if values is None:
            raise ValueError(
                "`loss` must return one value per example or position. "
                f"Received: loss={self.loss!r}, which returned None."
            )
        values = ops.cast(values, self.compute_dtype)
        if not shapes_agree(values.shape[:1], teacher.shape[:1]):
            raise ValueError(
                "`loss` must return one value per example or position, since "
                "the Distiller reduces with masks and sample weights. "
                f"Received: loss={self.loss!r}, which makes shape "
                f"{tuple(values.shape)} of {tuple(teacher.shape)}. Leave out "
                "its mean over the batch."
            )
        return mean_over_features(values, teacher.shape)

    def get_config(self) -> dict[str, Any]:
        loss = self.loss
        if not isinstance(loss, str):
            loss = keras.saving.serialize_keras_object(loss)
        return super().get_config() | {"loss": loss}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        config = dict(config)
        if isinstance(config["loss"], dict):
            config["loss"] = keras.saving.deserialize_keras_object(
                config["loss"]
            )
        return super().from_config(config)


def _unreduced(loss):
    """Returns the function behind a loss, before its reduction."""
    if isinstance(loss, str):
        try:
            loss = keras.losses.get(loss)
        except ValueError as error:
            raise ValueError(
                "`loss` must be a name that `keras.losses.get` knows. "
                f"Received: loss={loss!r}. Pass the loss itself."
            ) from error
    if isinstance(loss, keras.losses.Loss):
        return loss.call
    if not callable(loss) or isinstance(loss, type):
        raise TypeError(
            "`loss` must be a Keras loss, the name of one, or a function of "
            f"`(y_true, y_pred)`. Received: loss={loss!r}."
        )
    return loss


def _check_is_saved(loss, shape):
    """Validates that saving and loading leave a loss unchanged."""
    # Keras 3.15 leaves `delta` out of the config of `Huber`, and `axis` out
    # of that of `CosineSimilarity`.
    config = loss.get_config()
    arguments = set(inspect.signature(type(loss)).parameters)
    left_out = arguments - {*config, "dtype", "args", "kwargs"}
    if not left_out:
        return
    shape = [length or 3 for length in shape]
    teacher, student = (
        keras.random.normal(shape, stddev=3.0, seed=seed) for seed in (0, 1)
    )
    original, loaded = (
        one.call(teacher, student)
        for one in (loss, type(loss).from_config(config))
    )
    if original.shape != loaded.shape or ops.any(original != loaded):
        raise ValueError(
            "`loss` must keep its arguments in its config, since the loss is "
            f"saved by it. Received: loss={loss!r}, whose config leaves out "
            f"{', '.join(sorted(left_out))}. Write a function instead, and "
            "register it with `keras.saving.register_keras_serializable`."
        )
