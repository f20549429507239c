"""Mean probabilities of classes, and the shifts of logits that give them."""

import numpy as np

# Largest error of a mean probability that still counts as solved.
TOLERANCE = 1e-6


def class_mass(logits):
    """Mean probability of each class.

    Args:
        logits: Array `(..., classes)`.

    Returns:
        float64 array `(classes,)` that sums to 1.
    """
    from scipy import special

    logits = np.asarray(logits, "float64")
    logits = logits.reshape(-1, logits.shape[-1])
    return special.softmax(logits, axis=-1).mean(axis=0)


def find_shifts(logits, classes, mass):
    """Finds shifts of some logits for a given mean probability.

    The shifts `b` are the minimum of `mean(logsumexp(logits + b)) - mass * b`,
    whose gradient is the difference of the masses. It is strictly convex if
    some class is left out, so there is one solution and Newton's method, in
    regions that it can trust, finds it from anywhere.

    Args:
        logits: Array `(..., classes)`.
        classes: Distinct numbers of classes, not all of them.
        mass: Wanted mean probability of each of these, above 0, with a sum
            below 1.

    Returns:
        float64 array, one shift for each of `classes`.

    Raises:
        ValueError: If the wanted masses cannot be reached in float64.
    """
    from scipy import optimize
    from scipy import special

    logits = np.asarray(logits, "float64")
    logits = logits.reshape(-1, logits.shape[-1])
    classes, mass = list(classes), np.asarray(mass, "float64")
    rest = np.delete(logits, classes, axis=1)
    # All that matters of the other classes is their sum, kept in column 0.
    odds = logits[:, classes] - special.logsumexp(rest, axis=1, keepdims=True)
    odds = np.pad(odds, ((0, 0), (1, 0)))

    def objective(shifts):
        shifted = odds + np.append(0, shifts)
        return special.logsumexp(shifted, axis=1).mean() - mass @ shifts

    def probabilities(shifts):
        return special.softmax(odds + np.append(0, shifts), axis=1)[:, 1:]

    def gradient(shifts):
        return probabilities(shifts).mean(axis=0) - mass

    def hessian(shifts):
        p = probabilities(shifts)
        return np.diag(p.mean(axis=0)) - p.T @ p / len(p)

    # Exact where a class is rare, or its odds are the same for all images.
    before = special.logsumexp(
        special.log_softmax(odds, axis=1)[:, 1:], axis=0, b=1 / len(odds)
    )
    shifts = optimize.minimize(
        objective,
        np.log(mass) - before,
        method="trust-exact",
        jac=gradient,
        hess=hessian,
        options={"gtol": 1e-10},
    ).x
    error = np.abs(gradient(shifts)).max()
    if not error <= TOLERANCE:
        raise ValueError(
            "`mass` must be in reach, since a shift is searched that gives it. "
            f"Received: mass={mass.tolist()}, missed by {error:.1e}."
        )
    return shifts
