"""Size of the gradient of the probabilities by the input."""

import keras
import numpy as np

from keras_kd._core.arguments import check_temperature
from keras_kd._core.kinds import as_array
from keras_kd._types import Tensor
from keras_kd.report.robustness.victim import Victim


def input_gradient_size(
    model: keras.Model,
    x: Tensor,
    *,
    temperature: float = 1.0,
    batch_size: int = 100,
) -> np.ndarray:
    """Mean absolute derivative of the probabilities by the input.

    It is what defensive distillation makes small, and what its paper calls the
    amplitude of the adversarial gradients. The derivatives of the logits are
    taken in float32, and the softmax is differentiated in float64, so that
    sizes come out that float32 rounds to zero.

    Reference: [Papernot et al., 2016](https://arxiv.org/abs/1511.04508),
    section V-C.

    Args:
        model: A built `keras.Model` from one input to logits.
        x: Images, `(images, ...)`.
        temperature: Float > 0 that divides the logits. Defaults to `1.0`.
        batch_size: Images in a batch. Defaults to `100`.

    Returns:
        The mean over classes and features, float64, `(images,)`.

    Raises:
        TypeError: If `model` is not a `keras.Model`.
        ValueError: If the model does not give logits, or an argument is out of
            range.

    Example:

    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2)])
    >>> model.set_weights([np.array([[1.0, -1.0]]), np.zeros(2)])
    >>> keras_kd.report.robustness.input_gradient_size(model, np.zeros((1, 1)))
    array([0.5])
    """
    check_temperature(temperature)
    x = as_array("x", x, "the images", "float32")
    labels = np.zeros(x.shape[:1], "int32")
    victim = Victim(model, x, labels, (-np.inf, np.inf), batch_size)
    gradients = victim.gradients(
        {
            str(label): lambda logits, _, label=label: logits[:, label]
            for label in range(victim.num_classes)
        }
    )
    sizes = []
    for part in victim.batches():
        logits, found = gradients(x[part], victim.one_hot(part))
        jacobian = np.stack(
            [found[str(label)] for label in range(victim.num_classes)], axis=1
        )
        jacobian = np.float64(jacobian).reshape(*logits.shape, -1)
        sizes.append(_size(np.float64(logits), jacobian, temperature))
    return np.concatenate(sizes)


def _size(logits, jacobian, temperature):
    """Mean absolute derivative of the softmax, `(batch,)`.

    Args:
        logits: `(batch, classes)`.
        jacobian: Their derivatives, `(batch, classes, features)`.
        temperature: A number.
    """
    rows = np.arange(len(logits))
    first = logits.argmax(axis=-1)
    logits = (logits - logits[rows, first][:, None]) / temperature
    probabilities = np.exp(logits)
    probabilities /= probabilities.sum(axis=-1, keepdims=True)
    # Beside the likeliest class, whose own row is then zero: what is left of
    # a sum over classes is small, where the plain sum would cancel to noise.
    jacobian = jacobian - jacobian[rows, first][:, None]
    mean = np.einsum("bc,bcf->bf", probabilities, jacobian)
    derivatives = probabilities[..., None] * (jacobian - mean[:, None])
    return np.abs(derivatives).mean(axis=(1, 2)) / temperature
