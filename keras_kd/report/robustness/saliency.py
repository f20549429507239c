"""Chooses the two features that lead most to a class (Papernot et al.)."""

import numpy as np


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
