"""Calibration: accuracy by confidence."""

import dataclasses

import numpy as np

from keras_kd._core.arguments import check_count
from keras_kd._core.kinds import as_array
from keras_kd._types import Tensor


@dataclasses.dataclass(frozen=True)
class Reliability:
    """Accuracy of a model by its confidence.

    Empty bins are left out, so the arrays are of equal length, at most the
    number of bins.

    Attributes:
        confidence: Mean highest probability of the examples in each bin.
        accuracy: Part of them that is classified correctly.
        fraction: Part of all examples that falls into each bin.
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    fraction: np.ndarray


def reliability(
    labels: Tensor, probabilities: Tensor, num_bins: int = 15
) -> Reliability:
    """Sorts examples into bins of equal width by the model's confidence.

    The sum of `fraction * abs(accuracy - confidence)` is the expected
    calibration error, which `metrics.ExpectedCalibrationError` computes
    during training.

    Reference: [Guo et al., 2017](https://arxiv.org/abs/1706.04599), section 2.

    Args:
        labels: Class numbers, `(examples,)`.
        probabilities: Probabilities, not logits, `(examples, classes)`.
        num_bins: Number of bins between 0 and 1. Defaults to `15`.

    Returns:
        A `Reliability`.

    Raises:
        TypeError: If an argument is not of the type above.
        ValueError: If the shapes do not fit, or rows of `probabilities` do not
            sum to 1.

    Example:

    >>> bins = keras_kd.report.reliability(
    ...     [0, 1], [[0.9, 0.1], [0.9, 0.1]], num_bins=10)
    >>> bins.confidence, bins.accuracy
    (array([0.9]), array([0.5]))
    """
    check_count("num_bins", num_bins, "bins")
    probabilities = as_array(
        "probabilities", probabilities, "a row for each example"
    )
    labels = as_array("labels", labels, "one for each example")
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1]:
        raise ValueError(
            "`probabilities` must be (examples, classes) and `labels` "
            f"(examples,). Received: probabilities of shape "
            f"{probabilities.shape}, labels of shape {labels.shape}."
        )
    is_number = labels.dtype.kind in "iu" or np.all(labels == np.round(labels))
    classes = probabilities.shape[1]
    if not is_number or np.any((labels < 0) | (labels >= classes)):
        raise ValueError(
            "`labels` must be class numbers, which count the columns of "
            f"`probabilities` from 0. Received: labels from {labels.min()} to "
            f"{labels.max()}, for {classes} columns."
        )
    sums = probabilities.sum(axis=1)
    if not np.allclose(sums, 1, atol=1e-3) or probabilities.min(initial=0) < 0:
        raise ValueError(
            "`probabilities` must sum to 1 in each row, since the highest is "
            f"taken as a confidence. Received: rows that sum to "
            f"{sums.min(initial=1):.3g} to {sums.max(initial=1):.3g}. Apply "
            "the softmax to logits first."
        )
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    # An upper edge belongs to its bin. Not `ceil(confidence * num_bins)`,
    # which a rounded product moves into the next bin.
    edges = np.arange(num_bins + 1) / num_bins
    places = np.clip(np.searchsorted(edges, confidence) - 1, 0, num_bins - 1)
    bins = [places == place for place in np.unique(places)]
    return Reliability(
        confidence=np.array([confidence[chosen].mean() for chosen in bins]),
        accuracy=np.array([correct[chosen].mean() for chosen in bins]),
        fraction=np.array([chosen.mean() for chosen in bins]),
    )
