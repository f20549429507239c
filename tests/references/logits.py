"""Losses of logits and labels, in float64 NumPy, from the papers' formulas.

The teacher comes first, classes are on the last axis, labels are class numbers
without that axis. Values are per example, `(...)`; their mean is the papers'
number. An example's weight enters that mean alone. One whose label is no class
(-1, say) has the value 0 in losses that treat the label's class apart, on
which the papers are silent.
"""

import numpy as np
from scipy import special

from tests import reference


def standardised(logits, epsilon=1e-7):
    """Sun et al. 2024: logits less their mean, by epsilon + deviation.

    Per example. The deviation is that of a sample, by the classes less 1, and
    epsilon is added to it, not to the variance. Both are of the published code.
    """
    logits = reference.float64(logits)
    deviation = logits.std(axis=-1, ddof=1, keepdims=True)
    centred = logits - logits.mean(axis=-1, keepdims=True)
    return centred / (epsilon + deviation)


def standardised_soft_targets(teacher, student, temperature=2.0):
    """Sun et al. 2024: `soft_targets` of standardised logits.

    Without the factor, which the published code has at 9.
    """
    return reference.soft_targets(
        standardised(teacher), standardised(student), temperature
    )


def of_labels(values, labels, classes):
    """The values where the label is a class, elsewhere 0."""
    labels = np.asarray(labels)
    return np.where((labels >= 0) & (labels < classes), values, 0.0)


def take(scores, labels):
    """Scores of the labels' classes; of a label that is none, any."""
    labels = np.clip(labels, 0, scores.shape[-1] - 1)
    return np.take_along_axis(scores, labels[..., np.newaxis], -1)[..., 0]


def others(scores, labels):
    """Scores of all classes but the labels', `(..., classes - 1)`."""
    classes = scores.shape[-1]
    labels = np.clip(labels, 0, classes - 1)
    is_other = np.arange(classes) != labels[..., np.newaxis]
    return scores[is_other].reshape(*labels.shape, classes - 1)


def log_of_label_and_rest(log_p, labels):
    """log(p_label) and log(1 - p_label), `(..., 2)`.

    The second is summed over the other classes: 1 - p_label may round to 0.
    """
    rest = special.logsumexp(others(log_p, labels), axis=-1)
    return np.stack([take(log_p, labels), rest], axis=-1)


def target_class(teacher, student, labels, temperature=4.0):
    """Zhao et al. 2022, TCKD: KL over "the label" and "any other class".

    Without temperature^2.
    """
    labels = np.asarray(labels)
    values = reference.divergence(
        *(
            log_of_label_and_rest(
                reference.log_softmax(logits, temperature), labels
            )
            for logits in (teacher, student)
        )
    )
    return of_labels(values, labels, np.shape(teacher)[-1])


def log_of_others(logits, labels, temperature):
    """Log of the softmax with the label's class left out."""
    return reference.log_softmax(
        others(reference.float64(logits), labels), temperature
    )


def non_target_classes(teacher, student, labels, temperature=4.0):
    """Zhao et al. 2022, NCKD: KL over the classes that are not the label.

    Without temperature^2. Of two classes it is 0.
    """
    labels = np.asarray(labels)
    values = reference.divergence(
        log_of_others(teacher, labels, temperature),
        log_of_others(student, labels, temperature),
    )
    return of_labels(values, labels, np.shape(teacher)[-1])


def decoupled(
    teacher, student, labels, temperature=4.0, target=1.0, non_target=8.0
):
    """Zhao et al. 2022, DKD: T^2 (alpha TCKD + beta NCKD).

    `target` is alpha, `non_target` beta; 1, 8 and T = 4 are those of CIFAR-100.
    """
    given = teacher, student, labels, temperature
    return temperature**2 * (
        target * target_class(*given) + non_target * non_target_classes(*given)
    )


def normalised(teacher, student, labels, temperature=1.0, non_target=1.5):
    """Yang et al. 2023, NKD; `non_target` is gamma.

    A cross-entropy, so not 0 where the student equals the teacher. The term of
    the label is at temperature 1 whatever the temperature is, and has no
    factor.
    """
    labels = np.asarray(labels)
    p_label = np.exp(take(reference.log_softmax(teacher), labels))
    log_q_label = take(reference.log_softmax(student), labels)
    p_others = np.exp(log_of_others(teacher, labels, temperature))
    log_q_others = log_of_others(student, labels, temperature)
    values = -p_label * log_q_label - non_target * temperature**2 * (
        p_others * log_q_others
    ).sum(axis=-1)
    return of_labels(values, labels, np.shape(teacher)[-1])


def refined(
    teacher,
    student,
    labels,
    temperature=4.0,
    target_temperature=1.0,
    target=1.0,
    non_target=8.0,
):
    """Sun et al. 2024, RLD: alpha T_a^2 SCD + beta T^2 MCD; shape `(batch,)`.

    SCD compares the teacher's highest class with the student's label. MCD is
    the divergence over the classes that the teacher scores below the label; of
    no class it is 0, and of one.
    """
    teacher, student = reference.float64(teacher), reference.float64(student)
    values = np.zeros(len(teacher))
    for i, (v, z, label) in enumerate(
        zip(teacher, student, labels, strict=True)
    ):
        if not 0 <= label < len(v):
            continue
        log_p = reference.log_softmax(v, target_temperature)
        log_q = reference.log_softmax(z, target_temperature)
        values[i] = (target * target_temperature**2) * reference.divergence(
            log_of_label_and_rest(log_p, v.argmax()),
            log_of_label_and_rest(log_q, label),
        )
        below = v < v[label]
        if below.any():
            values[i] += non_target * reference.soft_targets(
                v[below], z[below], temperature
            )
    return values


def transformed_teacher(teacher, student, power):
    """Zheng et al. 2024, TTM: KL(p^power / sum(p^power) || q).

    `power` is 1 / T. The student stays at temperature 1, and there is no T^2.
    """
    powers = power * reference.log_softmax(teacher)
    log_p = powers - special.logsumexp(powers, axis=-1, keepdims=True)
    return reference.divergence(log_p, reference.log_softmax(student))


def weighted_transformed_teacher(teacher, student, power):
    """Zheng et al. 2024, WTTM: `transformed_teacher` times sum(p^power)."""
    powers = np.exp(power * reference.log_softmax(teacher))
    return powers.sum(axis=-1) * transformed_teacher(teacher, student, power)


def lifted_label(teacher, student, labels, power=1.0):
    """Hao et al. 2023, OFA: `- sum_c ((p_c + [c = y])^g - [c = y]) log q_c`.

    Temperature 1; `power` is g. Without a label the plain cross-entropy of
    powers is left.
    """
    classes = np.shape(teacher)[-1]
    is_label = np.arange(classes) == np.asarray(labels)[..., np.newaxis]
    target = (reference.softmax(teacher) + is_label) ** power - is_label
    return -(target * reference.log_softmax(student)).sum(axis=-1)


def curriculum_temperature(parameter, start=1.0, end=20.0):
    """Li et al. 2023, CTKD: start + end * sigmoid(parameter)."""
    return start + end * reference.sigmoid(parameter)
