"""Reads and validates answers that a caller has."""

import numpy as np

from keras_kd._core import top_logits

LOGITS = "logits"
LOG_PROBABILITIES = "top_log_probabilities"
CLASSES = top_logits.TOP_CLASSES

# Rows that are read at once from arrays, which may be files.
_ROWS = 4096
# What rounding may add to a sum of probabilities: half precision has 11 bits,
# and a logarithm of 8 loses 3 of them.
_ROUNDING = 1e-2


def parts(answers):
    """Begins to read answers.

    Args:
        answers: See `cache_answers`.

    Yields:
        Dicts of arrays with some rows each: `LOGITS`, or `LOG_PROBABILITIES`
        and `CLASSES`.
    """
    found = answers() if callable(answers) else answers
    if hasattr(found, "shape") or isinstance(found, dict):
        arrays = _named(found)
        count = max(len(array) for array in arrays.values())
        for start in range(0, count, _ROWS):
            chosen = slice(start, start + _ROWS)
            yield {n: np.asarray(a[chosen]) for n, a in arrays.items()}
        return
    if not hasattr(found, "__iter__"):
        raise TypeError(
            "`answers` must be an array, batches, or a function that makes a "
            f"generator of batches. Received: {type(found).__name__}."
        )
    for one in found:
        yield {name: np.asarray(array) for name, array in _named(one).items()}


def _named(answers):
    if not isinstance(answers, dict):
        return {LOGITS: answers}
    if answers.keys() != {LOG_PROBABILITIES, CLASSES}:
        raise ValueError(
            f"`answers` must have the entries {LOG_PROBABILITIES!r} and "
            f"{CLASSES!r}, if it is a dict. Received: {', '.join(answers)}. Of "
            "logits, give the array itself."
        )
    return {name: answers[name] for name in (LOG_PROBABILITIES, CLASSES)}


def form(part):
    """Kinds of numbers and shapes of a row, which all parts share."""
    return {name: (a.dtype.str, a.shape[1:]) for name, a in part.items()}


def check_form(part, before):
    """Validates types and shapes of a part.

    Args:
        part: What `parts` yields.
        before: `form` of the first part, or `None` for this one.
    """
    scores, *numbers = part.values()
    is_float = scores.dtype.kind == "f"
    if scores.ndim < 2 or not is_float or 0 in scores.shape[1:]:
        raise ValueError(
            "`answers` must be floats of shape (examples, ..., classes), or "
            "batches of them. Received: "
            f"{scores.dtype} of shape {scores.shape}."
        )
    for classes in numbers:
        if classes.dtype.kind not in "iu" or classes.shape != scores.shape:
            raise ValueError(
                f"`answers` must have an integer in {CLASSES!r} for each "
                f"number in {LOG_PROBABILITIES!r}. Received: {classes.dtype} "
                f"of shape {classes.shape} for shape {scores.shape}."
            )
    if before not in (None, form(part)):
        raise ValueError(
            "`answers` must be of one type and shape in all batches. Received: "
            f"{form(part)} after {before}."
        )


def check_logits(logits, start):
    """Validates that logits are finite, or -inf for a class ruled out.

    Args:
        logits: `(examples, ..., classes)`.
        start: Number of the first example.
    """
    with np.errstate(over="ignore"):
        held = logits.astype("float32")
    is_right = np.isfinite(held) | np.isneginf(logits)
    _check(is_right, logits, start, "be finite numbers that float32 can hold")


def look_like_probabilities(scores):
    """Whether scores are at least 0 and sum to 1 over the classes."""
    return (
        scores.shape[-1] > 1
        and np.all(scores >= 0)
        and np.allclose(scores.sum(-1, dtype="float64"), 1, atol=1e-3)
    )


def check_top(scores, classes, num_classes, start):
    """Validates the highest log-probabilities of classes.

    Args:
        scores: Log-probabilities, `(examples, ..., k)`.
        classes: Numbers of their classes, of the same shape.
        num_classes: Number of all classes.
        start: Number of the first example.
    """
    _check(scores <= 0, scores, start, "have log-probabilities of at most 0")
    sums = np.exp(scores.astype("float64")).sum(-1)
    rule = "have probabilities that sum to at most 1"
    _check(sums <= 1 + _ROUNDING, sums, start, rule)
    is_class = (classes >= 0) & (classes < num_classes)
    rule = f"have classes from 0 to num_classes - 1 = {num_classes - 1}"
    _check(is_class, classes, start, rule)
    ordered = np.sort(classes, axis=-1)
    is_new = np.diff(ordered, axis=-1) != 0
    _check(is_new, ordered[..., 1:], start, "have each class once an example")


def _check(is_right, values, start, rule):
    """Raises for the first value that is not right."""
    if not np.all(is_right):
        place = tuple(np.argwhere(~is_right)[0])
        raise ValueError(
            f"`answers` must {rule}. Received: {values[place]} for example "
            f"{start + place[0]}."
        )
