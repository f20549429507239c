"""The Jacobian-based saliency map attack (Papernot et al., 2016)."""

import keras
import numpy as np
from keras import ops

from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_temperature
from keras_kd._types import Tensor
from keras_kd.report.robustness.attack_result import AttackResult
from keras_kd.report.robustness.attack_result import judge
from keras_kd.report.robustness.victim import Victim

# 112 of the 784 pixels of MNIST, section V-A of the defence's paper.
_DEFAULT_FRACTION = 1 / 7


def jacobian_saliency(
    model: keras.Model,
    x: Tensor,
    targets: Tensor,
    *,
    of: str = "probabilities",
    temperature: float = 1.0,
    max_features: int | None = None,
    bounds: tuple[float, float] = (0.0, 1.0),
    batch_size: int = 100,
) -> AttackResult:
    """Sets few features to their highest value, two at a time: "JSMA".

    In each step it is the pair whose change is predicted to raise the score of
    the target most while it lowers the sum of the others' scores: of the pairs
    with `alpha > 0` and `beta < 0`, the one with the largest `-alpha * beta`,
    where

    ```
    alpha = sum over the pair of d score[target] / dx
    beta = sum over the pair of d (sum of the other scores) / dx
    ```

    It ends when the model chooses the target, at `max_features`, or when there
    is no such pair, as where float32 gradients are all zero.

    References: [Papernot et al., 2016](https://arxiv.org/abs/1511.07528),
    algorithms 2 and 3; against defensive distillation with logits / T, [Carlini
    and Wagner, 2016](https://arxiv.org/abs/1607.04311).

    Args:
        model: A built `keras.Model` from one input to logits.
        x: Images within the bounds, `(images, ...)`.
        targets: Class numbers, `(images,)`.
        of: What the scores are: `"probabilities"`, the softmax of
            `logits / temperature`, or `"logits"`. Defaults to
            `"probabilities"`.
        temperature: Float > 0. At 1, the default, the probabilities are those
            of the model as it is used. Changes nothing with `of="logits"`.
        max_features: Features to change, at most. Defaults to `None`, a
            seventh of them, as in the paper.
        bounds: Lowest and highest value of a feature. Defaults to `(0, 1)`.
        batch_size: Images in a batch. Defaults to `100`.

    Returns:
        An `AttackResult`.

    Raises:
        TypeError: If `model` is not a `keras.Model`.
        ValueError: If the model does not give logits, or an argument is out of
            range.

    Example:

    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> kernel, bias = np.array([[0, 1], [0, 3], [0, 2]]), np.array([4, 0])
    >>> model.set_weights([kernel, bias])
    >>> attack = keras_kd.report.robustness.jacobian_saliency(
    ...     model, np.zeros((1, 3)), [1], max_features=2)
    >>> attack.adversarial, attack.success_rate
    (array([[0., 1., 1.]], dtype=float32), 1.0)
    """
    if of not in tuple(_SCORES):
        raise ValueError(
            f"`of` must be one of {', '.join(map(repr, _SCORES))}. Received: "
            f"of={of!r}."
        )
    check_temperature(temperature)
    victim = Victim(model, x, targets, bounds, batch_size, "targets")
    if max_features is None:
        max_features = max(2, round(victim.x[0].size * _DEFAULT_FRACTION))
    check_count("max_features", max_features, "features, two at a time", 2)

    def score(logits, classes):
        scores = _SCORES[of](logits / temperature)
        return ops.sum(scores * classes, axis=-1)

    gradients = victim.gradients(
        {
            "target": score,
            "others": lambda logits, wanted: score(logits, 1 - wanted),
        }
    )
    adversarial = np.concatenate(
        [
            _attack(victim, part, gradients, max_features // 2)
            for part in victim.batches()
        ]
    )
    return judge(victim, victim.x, adversarial, victim.labels, True)


_SCORES = {
    "probabilities": lambda logits: ops.softmax(logits, axis=-1),
    "logits": lambda logits: logits,
}


def _attack(victim, part, gradients, max_pairs):
    """Attacks the images of a batch."""
    images, wanted = victim.x[part].copy(), victim.one_hot(part)
    targets = victim.labels[part]
    high = victim.bounds[1]
    # A view: what is written to a row is written to the image.
    rows = images.reshape(len(images), -1)
    is_allowed = rows < high
    active = np.arange(len(images))
    for _ in range(max_pairs):
        logits, found = gradients(images[active], wanted[active])
        pairs = {
            row: best_pair(up.ravel(), others.ravel(), is_allowed[row])
            for row, choice, up, others in zip(
                active,
                logits.argmax(axis=-1),
                found["target"],
                found["others"],
                strict=True,
            )
            if choice != targets[row]
        }
        pairs = {row: pair for row, pair in pairs.items() if pair is not None}
        if not pairs:
            break
        for row, pair in pairs.items():
            rows[row, pair] = high
            is_allowed[row, pair] = False
        active = np.array(list(pairs))
    return images


def best_pair(target_gradient, other_gradient, is_allowed):
    """The two features that raise a class most, and lower the others.

    Of the pairs `p`, `q` with

    ```
    alpha = target_gradient[p] + target_gradient[q] > 0
    beta = other_gradient[p] + other_gradient[q] < 0
    ```

    it is the one with the largest `-alpha * beta`.

    Args:
        target_gradient: Gradient of the class's score, `(features,)`.
        other_gradient: Gradient of the sum of all others' scores, same shape.
        is_allowed: Whether a feature may be chosen, `(features,)`.

    Returns:
        Two places, or `None` if there is no such pair.
    """
    places = np.flatnonzero(is_allowed)
    # In float64, where the product of two small float32 is not zero.
    up = np.float64(target_gradient[places])
    down = -np.float64(other_gradient[places])
    chosen = _candidates(up, down)
    up, down, places = up[chosen], down[chosen], places[chosen]
    alphas = np.maximum(up[:, None] + up, 0)
    betas = np.maximum(down[:, None] + down, 0)
    scores = np.triu(alphas * betas, k=1)
    if not scores.any():
        return None
    return places[list(np.unravel_index(scores.argmax(), scores.shape))]


def _candidates(up, down):
    """Features that can be in the best pair: a few, where all pairs are many.

    If two others have both numbers at least as large as a feature has, then at
    least one of them is not its partner, and would do as well in its place.
    So those remain that are outdone by at most one.

    Returns:
        Places in `up`.
    """
    order = np.argsort(-up, kind="stable")
    sorted_down = down[order]
    # Largest and second largest of `down` among what comes before.
    largest = np.maximum.accumulate(sorted_down)
    second = np.maximum.accumulate(np.minimum(sorted_down[1:], largest[:-1]))
    is_candidate = np.ones(len(order), bool)
    is_candidate[2:] = sorted_down[2:] > second[:-1]
    return order[is_candidate]
