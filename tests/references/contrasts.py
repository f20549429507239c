"""Contrastive losses, in float64 NumPy, from the papers' formulas.

The teacher comes first. Embeddings are `(batch, features)`, after both nets'
projections; all functions bring them to length 1. Values are per example,
`(batch,)`. `rows.py` says what weights do; examples of weight 0 must not be
put into a queue or a bank either.
"""

import numpy as np
from scipy import special

from tests import reference
from tests.references import rows


def in_batch(
    teacher, student, scale=np.e, bias=0.0, consistency=0.5, weights=None
):
    """DCD (2407.11802): which of the teachers belongs to a student.

    With logits_ij = scale u_i . t_j + bias, row i is the cross-entropy
    -log softmax_j(logits)_ii + `consistency` (alpha) times the divergence of
    row i of the logits' softmax over j from row i of the transposed softmax
    over i, which comes first. Without the second part it is InfoNCE. `scale`
    is exp(t), at most 10, with t = 1 in the beginning. Two copies of an example
    are negatives of each other. Labels play no part.
    """

    def relation(teacher, student, weights):
        logits = rows.unit(student) @ rows.unit(teacher).T
        logits = min(scale, 10.0) * logits + bias
        # Each column j is an example that stands there w_j times.
        over_teachers = logits - special.logsumexp(
            logits, axis=1, b=weights, keepdims=True
        )
        over_students = logits.T - special.logsumexp(
            logits.T, axis=1, b=weights, keepdims=True
        )
        terms = np.exp(over_students) * (over_students - over_teachers)
        return consistency * (terms @ weights) - np.diag(over_teachers)

    return rows.rows_of(relation, teacher, student, weights)


def queue_log_probabilities(embeddings, queue, temperature):
    """Log-softmax of the similarities to the entries of a queue."""
    similarities = rows.unit(reference.float64(embeddings)) @ queue.T
    return reference.log_softmax(similarities, temperature)


def queue_relation(
    teacher,
    student,
    queue,
    teacher_temperature=0.02,
    student_temperature=0.1,
):
    """RRD (2407.12073): cross-entropy of similarities to a teacher's queue.

    `queue`, `(entries, features)`, has vectors of length 1, among them those of
    this batch (`enqueue` comes first). At student = teacher it is the entropy,
    not 0.
    """
    queue = reference.float64(queue)
    log_p = queue_log_probabilities(teacher, queue, teacher_temperature)
    log_q = queue_log_probabilities(student, queue, student_temperature)
    return -(np.exp(log_p) * log_q).sum(axis=-1)


def queue_relation_divergence(teacher, student, queue, temperature=0.07):
    """Lightly's form of `queue_relation`: a divergence at one temperature.

    Without temperature^2.
    """
    queue = reference.float64(queue)
    return reference.divergence(
        queue_log_probabilities(teacher, queue, temperature),
        queue_log_probabilities(student, queue, temperature),
    )


def enqueue(queue, teacher, size, weights=None):
    """Queue after a batch: the newest `size`, the oldest first.

    An example of weight 0 stays out.
    """
    teacher = rows.unit(reference.float64(teacher))
    if weights is not None:
        teacher = teacher[reference.float64(weights) > 0]
    return np.concatenate([queue, teacher])[-size:]


def bank_normaliser(anchors, bank, indices, temperature=0.07):
    """Tian et al. 2020, CRD: Z, the mean of exp(similarity) times N.

    Over the first batch, positives and negatives alike; constant from there.
    """
    anchors = rows.unit(reference.float64(anchors))
    similarities = np.einsum("bd,bkd->bk", anchors, bank[indices])
    return np.exp(similarities / temperature).mean() * len(bank)


def bank_side(anchors, bank, indices, normaliser, temperature=0.07):
    """One half of `bank_contrast`: anchors of one net, the other's bank."""
    entries, negatives = len(bank), np.shape(indices)[1] - 1
    noise, epsilon = negatives / entries, 1e-7
    values = np.zeros(len(indices))
    anchors = rows.unit(reference.float64(anchors))
    for i, (anchor, chosen) in enumerate(zip(anchors, indices, strict=True)):
        scores = np.exp(bank[chosen] @ anchor / temperature) / normaliser
        values[i] = -np.log(scores[0] / (scores[0] + noise + epsilon))
        for score in scores[1:]:
            values[i] -= np.log(noise / (score + noise + epsilon))
    return values


def bank_contrast(
    teacher,
    student,
    teacher_bank,
    student_bank,
    indices,
    teacher_normaliser,
    student_normaliser,
    temperature=0.07,
):
    """Tian et al. 2020, CRD: noise-contrastive estimation with banks.

    `-log h(s_0) - sum_k log((K / N) / (s_k + K / N + 1e-7))` with
    h(s) = s / (s + K / N + 1e-7), once for the student against the teacher's
    bank and once the other way, added.

    Args:
        teacher: Embeddings, compared with `student_bank`.
        student: Embeddings, compared with `teacher_bank`.
        teacher_bank: Vectors of length 1, `(N, features)`: all examples.
        student_bank: The same of the student.
        indices: `(batch, 1 + K)`: the example's own number, then K of others,
            of other classes where labels are known.
        teacher_normaliser: Z of the teacher's scores.
        student_normaliser: Z of the student's scores.
        temperature: Of the similarities.
    """
    return bank_side(
        student, teacher_bank, indices, student_normaliser, temperature
    ) + bank_side(
        teacher, student_bank, indices, teacher_normaliser, temperature
    )


def updated_bank(bank, embeddings, numbers, momentum=0.5, weights=None):
    """CRD's bank after a batch: unit(momentum old + (1 - momentum) new).

    Silent: an example that is twice in a batch; here the last of them is
    joined with what stood there before the batch.
    """
    result = reference.float64(bank).copy()
    weights = np.ones(len(numbers)) if weights is None else weights
    for embedding, number, weight in zip(
        rows.unit(reference.float64(embeddings)), numbers, weights, strict=True
    ):
        if weight > 0:
            mixed = momentum * bank[number] + (1 - momentum) * embedding
            result[number] = rows.unit(mixed)
    return result
