"""Float64 references of Keras's metrics of probabilities.

Labels and probabilities are `(batch, units)`; each number of them counts once.
"""

import numpy as np

CLIP = 1e-7  # Keras's, next to 0 and 1.


def probabilities(logits, is_softmax):
    logits = np.asarray(logits, "float64")
    if not is_softmax:
        return 1 / (1 + np.exp(-logits))
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def counts(y, p, threshold=0.5):
    """True positives, false positives, false negatives, true negatives."""
    said, is_true = p > threshold, y > 0
    return (
        np.sum(said & is_true),
        np.sum(said & ~is_true),
        np.sum(~said & is_true),
        np.sum(~said & ~is_true),
    )


def accuracy(y, p):
    return np.mean((p > 0.5) == (y > 0))


def true_positives(y, p):
    return counts(y, p)[0]


def precision(y, p, threshold=0.5):
    true, wrong, _, _ = counts(y, p, threshold)
    return true / (true + wrong)


def recall(y, p, threshold=0.5):
    true, _, missed, _ = counts(y, p, threshold)
    return true / (true + missed)


def f1(y, p):
    true, wrong, missed, _ = counts(y, p)
    return 2 * true / (2 * true + wrong + missed)


def iou(y, p):
    true, wrong, missed, _ = counts(y, p)
    return true / (true + wrong + missed)


def top_accuracy(y, p):
    return np.mean(np.argmax(y, -1) == np.argmax(p, -1))


def f1_of_the_highest(y, p):
    # One choice and one label for each: precision, recall and F1 are equal.
    return top_accuracy(y, p)


def thresholds():
    """Those of Keras: 200, of which the outer two lie outside of [0, 1]."""
    inner = np.arange(1, 199) / 199
    return [-CLIP, *inner, 1 + CLIP]


def auc(y, p):
    """Trapezoids under the receiver operating characteristic."""
    rates = []
    for threshold in thresholds():
        true, wrong, missed, rejected = counts(y, p, threshold)
        rates.append((wrong / (wrong + rejected), true / (true + missed)))
    x, height = np.array(rates).T
    return np.sum((x[:-1] - x[1:]) * (height[:-1] + height[1:]) / 2)


def sensitivity_at_specificity(y, p, specificity=0.6):
    found = []
    for threshold in [0, *np.arange(1, 199) / 199, 1]:
        true, wrong, missed, rejected = counts(y, p, threshold)
        if rejected / (rejected + wrong) >= specificity:
            found.append(true / (true + missed))
    return max(found)


def binary_cross_entropy(y, p):
    return np.mean(-y * np.log(p) - (1 - y) * np.log(1 - p))


def cross_entropy(y, p):
    return np.mean(-np.sum(y * np.log(p), axis=-1))


def kl_divergence(y, p):
    y, p = np.clip(y, CLIP, 1), np.clip(p, CLIP, 1)
    return np.mean(np.sum(y * np.log(y / p), axis=-1))


def poisson(y, p):
    return np.mean(p - y * np.log(p + CLIP))
