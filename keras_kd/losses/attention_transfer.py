"""Attention transfer (Zagoruyko and Komodakis, 2017)."""

import math
from typing import Any

import keras
from keras import ops

from keras_kd._core import reduction
from keras_kd._core.kinds import check_flag
from keras_kd._types import Shape
from keras_kd._types import Tensor
from keras_kd.losses.distillation_loss import DistillationLoss
from keras_kd.losses.lengths import distance
from keras_kd.losses.lengths import unit
from keras_kd.losses.positions import counts
from keras_kd.losses.positions import cover
from keras_kd.losses.positions import flat
from keras_kd.losses.positions import pool
from keras_kd.losses.positions import pooling

# Below these, an activation or a length counts as zero; it keeps the gradient
# of an empty map finite.
SMALLEST_ACTIVATION = 1e-20
SMALLEST_LENGTH = 1e-6


def attention_map(features, power=2, maximum=False):
    """Map of a layer's activity, one unit vector per example.

    Args:
        features: Activations, `(batch, ..., channels)`.
        power: Number >= 1, the exponent on the absolute activations.
        maximum: Whether to take the highest channel instead of their sum.

    Returns:
        Energies of the positions, `(batch, positions)`, of length 1; zeros
        where all activations are zero.
    """
    size = ops.abs(features)
    # A map has no scale, so this changes nothing but the range: the fourth
    # power of a half-precision number, squared for the length, overflows.
    axes = tuple(range(1, len(features.shape)))
    highest = reduction.highest(ops.stop_gradient(size), axes)
    size = size / ops.maximum(highest, SMALLEST_ACTIVATION)
    if power != 1:
        size = ops.square(size) if power == 2 else ops.power(size, power)
    energy = (
        reduction.highest(size)[..., 0] if maximum else ops.sum(size, axis=-1)
    )
    energy = ops.reshape(energy, (ops.shape(energy)[0], -1))
    return unit(energy, smallest=SMALLEST_LENGTH)


@keras.saving.register_keras_serializable("keras_kd")
class AttentionTransfer(DistillationLoss):
    """Matches the attention maps of both models (AT).

    It compares *where* two layers are active and not in which channel, so any
    numbers of channels meet without a projector. With the attention map

    ```
    map = sum(abs(activations)**power over channels), flattened
    ```

    divided by its length, the loss of one example is the equation of the paper

    ```
    norm(map(student) - map(teacher))
    ```

    without its factor `beta / 2`, which is `loss_weight` here. The released
    code has another form, the mean over positions of the squared difference
    (`squared=True`), and the paper's `beta = 1000` belongs to that one: with
    maps of 8x8 positions that differ by .25, `1000` there weighs like about 4
    here. Its gradient vanishes as the maps meet; that of the norm does not.

    Where the two maps differ in size, the activations of the larger are
    average-pooled first, axis by axis, by a whole number.

    Reference: [Zagoruyko and Komodakis, 2017](
    https://arxiv.org/abs/1612.03928), section 3.1.

    Args:
        power: Number >= 1. Higher values let the most active positions count
            alone. Defaults to `2`.
        maximum: Whether a position's energy is that of its highest channel
            instead of the sum. Defaults to `False`.
        squared: Whether to take the form of the released code. Defaults to
            `False`, the paper's equation.
        **kwargs: See `DistillationLoss`.

    Call arguments:
        teacher: Activations, `(batch, ..., channels)`, with at least one axis
            of positions, such as `(batch, height, width, channels)`.
        student: Activations of the same rank.
        student_mask: The Keras mask of the student's activations, filled in
            by Keras: masked positions get no energy in either map.

    Returns:
        One value per example, `(batch,)`: between 0 and the root of 2 for the
        norm.

    Raises:
        TypeError: If `maximum` or `squared` is not a bool.
        ValueError: If `power` is below 1, there are no positions, or whole
            pooling does not make the maps equal in size.

    Example:
    >>> loss = keras_kd.losses.AttentionTransfer(
    ...     teacher_tap="stage2", student_tap="stage2", loss_weight=4.0
    ... )
    >>> left = np.array([[[1.0, 1.0], [0.0, 0.0]]])
    >>> right = np.array([[[0.0], [3.0]]])
    >>> round(float(loss(left, right)[0]), 4)
    1.4142
    """

    def __init__(
        self,
        power: int = 2,
        *,
        maximum: bool = False,
        squared: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        is_number = isinstance(power, int | float)
        is_number &= not isinstance(power, bool)
        if not (is_number and 1 <= power < math.inf):
            raise ValueError(
                "`power` must be a number of at least 1, since the gradient "
                "of a lower one is infinite at zero. Received: "
                f"power={power!r}."
            )
        self.power = power
        check_flag("maximum", maximum, "which map is taken")
        check_flag("squared", squared, "which distance is taken")
        self.maximum = bool(maximum)
        self.squared = bool(squared)

    def build(self, teacher_shape: Shape, student_shape: Shape) -> None:
        pooling(self, teacher_shape, student_shape)

    def call(
        self,
        teacher: Tensor,
        student: Tensor,
        student_mask: Tensor | None = None,
    ) -> Tensor:
        teacher = ops.stop_gradient(teacher)
        sizes = pooling(self, teacher.shape, student.shape)
        pair = cover(self, teacher, student, student_mask)
        maps = (
            attention_map(pool(features, size), self.power, self.maximum)
            for features, size in zip(pair, sizes, strict=True)
        )
        if not self.squared:
            return distance(*maps)
        square = ops.square(ops.subtract(*maps))
        counted = counts(student, student_mask)
        if counted is None:
            return ops.mean(square, axis=-1)
        counted = ops.sum(flat(counted), axis=(1, 2))
        return ops.sum(square, axis=-1) / ops.maximum(counted, 1)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "power": self.power,
            "maximum": self.maximum,
            "squared": self.squared,
        }
