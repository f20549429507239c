"""The fast gradient sign method (Goodfellow et al., 2015)."""

import keras
import numpy as np

from keras_kd._core.arguments import check_positive
from keras_kd._core.arguments import check_temperature
from keras_kd._core.kinds import check_flag
from keras_kd._types import Tensor
from keras_kd.losses.cross_entropy import cross_entropy
from keras_kd.report.robustness.attack_result import AttackResult
from keras_kd.report.robustness.attack_result import judge
from keras_kd.report.robustness.victim import Victim


def fast_gradient_sign(
    model: keras.Model,
    x: Tensor,
    labels: Tensor,
    *,
    epsilon: float,
    temperature: float = 1.0,
    is_targeted: bool = False,
    bounds: tuple[float, float] = (0.0, 1.0),
    batch_size: int = 100,
) -> AttackResult:
    """Moves every feature by the same amount, once: "FGSM".

    Away from the labels, or towards the targets:

    ```
    x + epsilon * sign(gradient of cross-entropy(label, logits / temperature))
    ```

    clipped to the bounds; towards targets with a minus. A gradient that is
    zero in float32 moves nothing, and the attack fails. A `temperature` above
    1 brings back a gradient that large logits have hidden.

    Reference: [Goodfellow et al., 2015](https://arxiv.org/abs/1412.6572),
    section 4.

    Args:
        model: A built `keras.Model` from one input to logits.
        x: Images within the bounds, `(images, ...)`.
        labels: Class numbers, `(images,)`: the right ones, or targets.
        epsilon: Float > 0, in units of `x`.
        temperature: Float > 0 that divides the logits in the attack; the model
            is judged without. Defaults to `1.0`.
        is_targeted: Whether `labels` are targets. Defaults to `False`.
        bounds: Lowest and highest value of a feature. Defaults to `(0, 1)`.
        batch_size: Images in a batch. Defaults to `100`.

    Returns:
        An `AttackResult`.

    Raises:
        TypeError: If `model` is not a `keras.Model`.
        ValueError: If the model does not give logits, or an argument is out of
            range.

    Example:

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    >>> model.set_weights([np.array([[1.0, 0.0], [0.0, 1.0]]), np.zeros(2)])
    >>> attack = keras_kd.report.robustness.fast_gradient_sign(
    ...     model, np.array([[0.6, 0.5]]), [0], epsilon=0.1)
    >>> attack.adversarial.round(2), attack.success_rate
    (array([[0.5, 0.6]], dtype=float32), 1.0)
    """
    check_positive("epsilon", epsilon, "how far each feature is moved")
    check_temperature(temperature)
    check_flag("is_targeted", is_targeted, "what the labels are")
    victim = Victim(model, x, labels, bounds, batch_size)
    gradients = victim.gradients(
        {"loss": lambda z, wanted: cross_entropy(wanted, z / temperature)}
    )
    step = np.float32(-epsilon if is_targeted else epsilon)
    adversarial = victim.x.copy()
    for part in victim.batches():
        images = victim.x[part]
        gradient = gradients(images, victim.one_hot(part))[1]["loss"]
        adversarial[part] = images + step * np.sign(gradient)
    adversarial = np.clip(adversarial, *victim.bounds)
    return judge(victim, victim.x, adversarial, victim.labels, is_targeted)
