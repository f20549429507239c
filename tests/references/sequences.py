"""Losses of language models, in float64 NumPy, from the papers' formulas.

The teacher comes first. Values are per position, of the logits' shape without
its last axis, unless a function says otherwise. Their official number is the
sum over valid positions of the batch by the number of these; weights and masks
enter there, and in pairs of positions where a function takes a `mask`.
"""

import numpy as np

from tests import reference


def reverse_divergence(teacher, student, temperature=1.0):
    """Gu et al. 2024, MiniLLM: KL(student || teacher).

    Without temperature^2, as in TRL.
    """
    log_p = reference.log_softmax(teacher, temperature)
    log_q = reference.log_softmax(student, temperature)
    return reference.divergence(log_q, log_p)


def log_mixture(log_first, log_second, share):
    """log(share * first + (1 - share) * second)."""
    with np.errstate(divide="ignore"):  # The logarithm of a share of 0.
        return np.logaddexp(
            log_first + np.log(share), log_second + np.log1p(-share)
        )


def jensen_shannon(teacher, student, beta=0.5, temperature=1.0):
    """Agarwal et al. 2024, GKD: beta KL(p || m) + (1 - beta) KL(q || m).

    m = beta p + (1 - beta) q, so beta is the teacher's share. By definition
    beta = 0 gives KL(p || q) and 1 gives KL(q || p), to which the formula
    tends only after a division by beta or 1 - beta. Without temperature^2.
    """
    log_p = reference.log_softmax(teacher, temperature)
    log_q = reference.log_softmax(student, temperature)
    if beta == 0:
        return reference.divergence(log_p, log_q)
    if beta == 1:
        return reference.divergence(log_q, log_p)
    log_m = log_mixture(log_p, log_q, beta)
    return beta * reference.divergence(log_p, log_m) + (
        1 - beta
    ) * reference.divergence(log_q, log_m)


def skewed_divergence(teacher, student, skew=0.1):
    """Ko et al. 2024, DistiLLM, SKL: KL(p || skew p + (1 - skew) q).

    The published code leaves out the constant sum p log p. Temperature 1.
    """
    log_p, log_q = map(reference.log_softmax, (teacher, student))
    return reference.divergence(log_p, log_mixture(log_p, log_q, skew))


def skewed_reverse_divergence(teacher, student, skew=0.1):
    """Ko et al. 2024, DistiLLM, SRKL: KL(q || skew q + (1 - skew) p)."""
    return skewed_divergence(student, teacher, skew)


def interpolated_target(teacher, student, share):
    """Shing et al. 2025, TAID: KL(softmax((1 - t) z + t v) || softmax(z)).

    z are the student's logits, as constants in the target; `share` is t. The
    published code has the cross-entropy: the target's entropy more, of which
    no gradient comes. Temperature 1.
    """
    target = (1 - share) * reference.float64(student)
    target = target + share * reference.float64(teacher)
    return reference.kl_divergence(target, student)


def next_share(
    share,
    momentum,
    previous_loss,
    loss,
    progress,
    start=0.4,
    end=1.0,
    step_size=5e-4,
    decay=0.99,
):
    """Shing et al. 2025, TAID: t and its momentum after a step.

    t <- min(end, max(line, t + step_size sigmoid(momentum) (1 - t))), the
    momentum first being brought up to date with the relative change of loss.
    Silent, and chosen: the change is (previous - now) / previous, positive
    where the loss falls; the first loss, with the previous one None, changes
    nothing; the line is start + (end - start) * `progress`, the part of the
    training that is done; the momentum begins at 0.

    Returns:
        `(share, momentum)`.
    """
    if previous_loss is None:
        return share, momentum
    change = (previous_loss - loss) / previous_loss
    momentum = decay * momentum + (1 - decay) * change
    line = start + (end - start) * progress
    step = step_size * reference.sigmoid(momentum) * (1 - share)
    return min(end, max(line, share + step)), momentum


def relation(vectors, heads, valid):
    """Log-probabilities `(heads, steps, steps)` of one example's vectors.

    Of softmax(A A^T / sqrt(d)) over the valid steps, which alone are left: the
    width is cut into `heads` of d = width / heads features.
    """
    steps = reference.float64(vectors)[valid]
    parts = np.split(steps, heads, axis=-1)
    root = np.sqrt(parts[0].shape[-1])
    return np.stack([reference.log_softmax(a @ a.T / root) for a in parts])


def self_attention_relations(teacher, student, heads=48, mask=None):
    """Wang et al. 2021, MiniLM v2: KL of relations among queries, and so on.

    Args:
        teacher: Queries, keys and values, each `(batch, steps, width)`, their
            heads side by side. The sum over what is given.
        student: The same of a width of its own; `heads` divides both.
        heads: Number of relation heads.
        mask: `(batch, steps)`, false at padding: it is no row and no column
            of a relation. Defaults to no padding.

    Returns:
        The mean over heads per step, `(batch, steps)`; 0 at padding.
    """
    batch, steps = np.shape(teacher[0])[:2]
    mask = np.ones((batch, steps)) if mask is None else mask
    values = np.zeros((batch, steps))
    for ts, ss in zip(teacher, student, strict=True):
        for i, valid in enumerate(np.asarray(mask, bool)):
            divergence = reference.divergence(
                relation(ts[i], heads, valid), relation(ss[i], heads, valid)
            )
            values[i, valid] += divergence.mean(axis=0)
    return values


def sorted_distance(teacher, student):
    """Boizard et al. 2024, ULD: sum_k |p_(k) - q_(k)| in falling order.

    The smaller vocabulary gets probabilities of 0. Temperature 1.
    """
    p, q = (
        -np.sort(-reference.softmax(logits), axis=-1)
        for logits in (teacher, student)
    )
    words = max(p.shape[-1], q.shape[-1])
    p, q = (
        np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, words - x.shape[-1])])
        for x in (p, q)
    )
    return np.abs(p - q).sum(axis=-1)


def aligned_sorted_distance(teacher, student, teacher_mask, student_mask):
    """Boizard et al. 2024, ULD of two tokenisations, shape `(batch,)`.

    Masks, `(batch, steps)` of each net, are true in the answer. Its first
    positions meet, as many as the shorter answer has; an example's value is
    their mean, of which the published loss is the mean: a short answer counts
    as much as a long one, unlike in the other losses here. Silent: an example
    without an answer; its value is 0.
    """
    values = np.zeros(len(teacher))
    for i in range(len(values)):
        t = reference.float64(teacher[i])[np.asarray(teacher_mask[i], bool)]
        s = reference.float64(student[i])[np.asarray(student_mask[i], bool)]
        length = min(len(t), len(s))
        if length:
            values[i] = sorted_distance(t[:length], s[:length]).mean()
    return values
