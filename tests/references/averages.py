"""Teachers that are averages of students, in float64 NumPy."""

import numpy as np

from tests import reference


def ramped_decay(step, maximum=0.99):
    """Tarvainen and Valpola 2017: min(1 - 1 / (step + 1), maximum).

    The text does not say where steps begin. Here the first update is step 1,
    with the decay 1/2; at step 0 the average would be the student itself.
    """
    return min(1 - 1 / (step + 1), maximum)


def moving_average(average, value, decay):
    """Tarvainen and Valpola 2017: decay * average + (1 - decay) * value.

    Of trainable weights; the published code does not average the statistics
    of batch normalisation.
    """
    value = reference.float64(value)
    return decay * reference.float64(average) + (1 - decay) * value


def consistency(teacher, student):
    """Tarvainen and Valpola 2017: mean over classes of (p - q)^2, `(...)`.

    p is the softmax of the moving average. Examples with and without a label
    count alike.
    """
    difference = reference.softmax(teacher) - reference.softmax(student)
    return np.square(difference).mean(axis=-1)


def consistency_weight(epoch, maximum=100.0, ramp=5.0):
    """maximum * exp(-5 (1 - epoch / ramp)^2), constant from `ramp` on."""
    rest = 1 - min(max(epoch, 0.0), ramp) / ramp
    return maximum * np.exp(-5 * rest**2)


def generations(members, student):
    """Furlanello et al. 2018, born again: cross-entropy with an ensemble.

    `members`, `(batch, generations, ..., classes)`, are logits; one generation
    is the plain method. Their probabilities are averaged, at temperature 1:
    the text does not say whether these or logits are. Shape `(batch, ...)`.
    """
    count = np.shape(members)[1]
    log_p = reference.ensemble_log_probabilities(
        members, np.full(count, 1 / count), 1.0, "arithmetic"
    )
    return -(np.exp(log_p) * reference.log_softmax(student)).sum(axis=-1)
