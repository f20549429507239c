"""The formulas once more, in float64 NumPy: the tests compare with them.

Nothing here knows Keras or shares code with the library. Sections are those
of the papers themselves. The teacher comes first, classes and channels are on
the last axis, and values are per example, neither reduced nor weighted.
"""

import numpy as np
from scipy import stats


def float64(x):
    # A tensor of PyTorch that has a gradient is no array.
    return np.asarray(getattr(x, "detach", lambda: x)(), "float64")


def log_softmax(logits, temperature=1.0):
    """log(softmax(logits / temperature)) over the last axis."""
    logits = float64(logits)
    # Before the division, where the difference of near numbers is exact.
    shifted = (logits - logits.max(axis=-1, keepdims=True)) / temperature
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def softmax(logits, temperature=1.0):
    """Hinton et al. 2015, section 2, equation 1."""
    return np.exp(log_softmax(logits, temperature))


def log_sigmoid(logits):
    """log(1 / (1 + exp(-logits))), accurate in both tails."""
    return -np.logaddexp(0.0, -float64(logits))


def sigmoid(logits):
    """1 / (1 + exp(-logits)), accurate in both tails."""
    return np.exp(log_sigmoid(logits))


def divergence(log_p, log_q):
    """KL(p || q) over the last axis, from logarithms of probabilities.

    The plain sum of p (log p - log q) cancels where p and q are close. Since
    both sum to 1, it equals the sum of p (log p - log q) + q - p, whose terms
    are all at least 0.
    """
    p, q = np.exp(log_p), np.exp(log_q)
    ratio = np.subtract(log_p, log_q, out=np.zeros(p.shape), where=p > 0)
    # q = p exp(-ratio). The clip only tames the branch that is not taken.
    close = p * (np.expm1(-np.clip(ratio, -1, 1)) + np.clip(ratio, -1, 1))
    far = np.multiply(p, ratio, out=np.zeros(p.shape), where=p > 0) + q - p
    return np.where((p > 0) & (np.abs(ratio) < 1), close, far).sum(axis=-1)


def kl_divergence(teacher_logits, student_logits):
    """KL(softmax(teacher) || softmax(student)) in nats, shape `(...)`."""
    return divergence(log_softmax(teacher_logits), log_softmax(student_logits))


def soft_targets(teacher, student, temperature):
    """Hinton et al. 2015, section 2: temperature^2 times the divergence.

    The paper writes the cross-entropy, which differs by the teacher's entropy,
    a constant. Shape `(...)`.
    """
    log_p = log_softmax(teacher, temperature)
    log_q = log_softmax(student, temperature)
    return temperature**2 * divergence(log_p, log_q)


def ensemble_log_probabilities(members, weights, temperature, combine):
    """Hinton et al. 2015, section 2: an arithmetic or geometric mean.

    Of the members' softened distributions. `members` are logits
    `(batch, members, ..., classes)`, `weights` sum to 1.
    """
    log_p = np.moveaxis(log_softmax(members, temperature), 1, -1)
    weights = float64(weights)
    if combine == "arithmetic":
        return np.log(np.exp(log_p) @ weights)
    product = np.exp(log_p @ weights)
    return np.log(product / product.sum(axis=-1, keepdims=True))


def ensemble_divergence(members, weights, student, temperature, combine):
    """KL of the ensemble's softened mean from the student, shape `(...)`."""
    log_p = ensemble_log_probabilities(members, weights, temperature, combine)
    return divergence(log_p, log_softmax(student, temperature))


def noise_offset(logits, noise_stddev, probability):
    """Sau and Balasubramanian 2016: what noise adds to a squared error.

    With n = 1 + xi in the given part of the examples, E ||g - n v||^2 there is
    ||g - v||^2 - 2 E xi (g - v).v + E xi^2 ||v||^2, and E xi is 0.
    Shape `(...)`.
    """
    square = np.square(float64(logits)).sum(axis=-1)
    return probability * noise_stddev**2 * square


def soft_targets_gradient(teacher, student, temperature):
    """Hinton et al. 2015, section 2.1, equation 2, times temperature^2.

    The derivative by the student's logits, so it has their shape.
    """
    p = softmax(teacher, temperature)
    q = softmax(student, temperature)
    return temperature * (q - p)


def centred_logit_match(teacher, student):
    """Hinton et al. 2015, section 2.1: `soft_targets` as T -> infinity.

    With x = logits / T and e = x_student - x_teacher, the divergence is to
    second order half the variance of e under p, and p tends to 1 / N over the
    N classes. So T^2 KL tends to 1 / (2 N) times the sum of squared
    differences of the logits, each centred within its example.
    """
    difference = float64(student) - float64(teacher)
    difference -= difference.mean(axis=-1, keepdims=True)
    return 0.5 * np.square(difference).mean(axis=-1)


def binary_soft_targets(teacher, student, temperature):
    """Hinton et al. 2015, section 2, for independent labels.

    Each label is its own distribution over yes and no; the last axis, the
    labels, is averaged.
    """

    def log_probabilities(logits):
        x = float64(logits) / temperature
        return np.stack([log_sigmoid(x), log_sigmoid(-x)], axis=-1)

    per_label = divergence(
        log_probabilities(teacher), log_probabilities(student)
    )
    return temperature**2 * per_label.mean(axis=-1)


def bounded_regression(teacher, student, labels, margin=0.0):
    """Chen et al. 2017, section 3.3: L_b with its weight left out."""
    ours, theirs = (((m - labels) ** 2).sum(-1) for m in (student, teacher))
    return np.where(ours + margin > theirs, ours, 0.0)


def logit_regression(teacher, student, center=False):
    """Ba and Caruana 2014, section 2.2: half the squared distance of logits.

    `center` subtracts each example's mean from the teacher's logits alone,
    which is in neither this paper nor Urban et al. 2017.
    """
    teacher = float64(teacher)
    if center:
        teacher = teacher - teacher.mean(axis=-1, keepdims=True)
    return 0.5 * np.square(float64(student) - teacher).sum(axis=-1)


def probability_regression(teacher, student):
    """Bucila et al. 2006: (p - q)**2 of two classes, summed over more."""
    difference = softmax(student) - softmax(teacher)
    return 0.5 * np.square(difference).sum(axis=-1)


def hint(teacher, student):
    """Romero et al. 2015, section 2.2, as a mean instead of half the sum.

    Shape `(batch,)`, or `(batch, steps)` for `(batch, steps, features)`.
    """
    square = np.square(float64(student) - float64(teacher))
    first = 2 if square.ndim == 3 else 1
    return square.mean(axis=tuple(range(first, square.ndim)))


def attention_map(features, power=2, maximum=False):
    """Zagoruyko and Komodakis 2017, section 3.1: F_sum^p or F_max^p.

    Flattened per example, shape `(batch, positions)`, and of length 1; a map
    of zeros stays zeros.
    """
    energy = np.abs(float64(features)) ** power
    energy = energy.max(axis=-1) if maximum else energy.sum(axis=-1)
    energy = energy.reshape(len(energy), -1)
    length = np.linalg.norm(energy, axis=-1, keepdims=True)
    return energy / np.where(length == 0, 1, length)


def attention_transfer(teacher, student, power=2, maximum=False, squared=False):
    """Zagoruyko and Komodakis 2017, section 3.1, equation 2, without beta / 2.

    `squared` gives the form of the published code: the mean over positions of
    the squared difference. Shape `(batch,)`.
    """
    difference = attention_map(student, power, maximum) - attention_map(
        teacher, power, maximum
    )
    if squared:
        return np.square(difference).mean(axis=-1)
    return np.linalg.norm(difference, axis=-1)


def top_k_agreement(teacher, student, k):
    """Fraction of examples with the teacher's choice in the student's top k.

    Ties count in favour, as in `ops.in_top_k`: the class is within the k
    highest if fewer than k classes score strictly higher. Of the teacher's
    tied classes the first is taken.
    """
    teacher, student = float64(teacher), float64(student)
    choice = teacher.argmax(axis=-1)[..., np.newaxis]
    score = np.take_along_axis(student, choice, axis=-1)
    return np.mean((student > score).sum(axis=-1) < k)


def expected_calibration_error(labels, probabilities, num_bins=15):
    """Guo et al. 2017, section 2: top-1, equal widths, (lo, hi].

    `labels` are class numbers, shape `(examples,)`.
    """
    probabilities = float64(probabilities)
    confidence = probabilities.max(axis=-1)
    correct = probabilities.argmax(axis=-1) == np.asarray(labels)
    # Not linspace, which multiplies by a rounded width and misses 9 / 15.
    edges = np.arange(num_bins + 1) / num_bins
    place = np.searchsorted(edges, confidence, side="left") - 1
    place = np.clip(place, 0, num_bins - 1)
    error = 0.0
    for chosen in (place == i for i in np.unique(place)):
        gap = correct[chosen].mean() - confidence[chosen].mean()
        error += chosen.mean() * abs(gap)
    return error


def t_interval(differences, level=0.95):
    """Student 1908: mean of paired differences with its t interval.

    Returns:
        `(mean, low, high)`.
    """
    differences = float64(differences)
    count = len(differences)
    if count < 2:
        raise ValueError(
            "`differences` must have at least 2 entries, since one has no "
            f"spread. Received: {count} entries."
        )
    mean = differences.mean()
    quantile = stats.t.ppf((1 + level) / 2, count - 1)
    margin = quantile * differences.std(ddof=1) / np.sqrt(count)
    return mean, mean - margin, mean + margin


def two_way_interval(before, after, level=0.95, comparisons=1):
    """Seeds crossed with examples: the mean difference with its interval.

    Cornfield and Tukey 1956: mean squares of a two-way table, cell by cell.

    Args:
        before: Scores of the control from 0 to 1, `(seeds, examples)`.
        after: Scores of what is judged.
        level: Confidence of all comparisons together.
        comparisons: Their number.

    Returns:
        `(mean, low, high)`.
    """
    table = [
        [float(y) - float(x) for x, y in zip(*rows, strict=True)]
        for rows in zip(before, after, strict=True)
    ]
    n, m = len(table), len(table[0])
    mean = sum(map(sum, table)) / (n * m)
    rows = [sum(row) / m for row in table]
    columns = [sum(row[i] for row in table) / n for i in range(m)]
    seeds = m * sum((row - mean) ** 2 for row in rows) / (n - 1)
    examples = n * sum((column - mean) ** 2 for column in columns) / (m - 1)
    rest = 0.0
    for s in range(n):
        for i in range(m):
            rest += (table[s][i] - rows[s] - columns[i] + mean) ** 2
    rest /= (n - 1) * (m - 1)
    tail = (1 - level) / (2 * comparisons)
    of_seeds, of_examples = (stats.t.isf(tail, k - 1) ** 2 for k in (n, m))
    both = of_seeds * seeds + of_examples * max(examples - rest, 0)
    margin = (max(both, of_examples * examples) / (n * m)) ** 0.5
    control = float64(before).mean()
    return mean, max(mean - margin, -control), min(mean + margin, 1 - control)
