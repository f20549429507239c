"""Classifies metrics and losses of Keras by how they read `y_pred`.

A student gives logits. `ROWS` lists how every name in `keras.metrics` and
`keras.losses`, class or function, reads `y_pred`, and
`expectation` looks up what was given to `compile`.
"""

import functools
import inspect
from typing import NamedTuple

import keras

from keras_kd import metrics
from keras_kd.backend.neutral import wrapped_function

# How `y_pred` is read.
ANYTHING = "anything"  # Real numbers, or only their order.
LOGITS = "logits"
PROBABILITIES = "probabilities"
NUMBERS = "numbers of classes"
UNKNOWN = "unknown"

SIGMOID = "sigmoid"
SOFTMAX = "softmax"


class Expectation(NamedTuple):
    """Form of `y_pred` that a metric or loss expects.

    Attributes:
        reads: One of the constants above.
        activation: `"sigmoid"` or `"softmax"`, which makes the probabilities
            that it is about; `None` for either.
        name: Its name in Keras, or of the user's object.
        has_flag: Whether it has an argument `from_logits`.
    """

    reads: str
    activation: str | None = None
    name: str = ""
    has_flag: bool = False


class Row(NamedTuple):
    """A line of the table.

    Attributes:
        reads: Form of `y_pred`; `LOGITS` if its `argument` selects them.
        argument: `"from_logits"`, `"sparse_y_pred"`, or the name of the
            threshold, or `None`.
        activation: See `Expectation`.
    """

    reads: str
    argument: str | None = None
    activation: str | None = None


_ANYTHING = Row(ANYTHING)
_PROBABILITIES = Row(PROBABILITIES)
_BINARY_FLAG = Row(PROBABILITIES, "from_logits", SIGMOID)
_CLASSES_FLAG = Row(PROBABILITIES, "from_logits", SOFTMAX)
_CLASSES = Row(PROBABILITIES, None, SOFTMAX)
_BINARY_THRESHOLD = Row(PROBABILITIES, "threshold", SIGMOID)
_THRESHOLDS = Row(PROBABILITIES, "thresholds")
_NUMBERS = Row(NUMBERS, "sparse_y_pred")

ROWS = {
    # Regression, margins, correlation and embeddings.
    "Circle": _ANYTHING,
    "ConcordanceCorrelation": _ANYTHING,
    "CosineSimilarity": _ANYTHING,
    "CategoricalHinge": _ANYTHING,
    "Hinge": _ANYTHING,
    "Huber": _ANYTHING,
    "LogCosh": _ANYTHING,
    "LogCoshError": _ANYTHING,
    "Mean": _ANYTHING,
    "MeanAbsoluteError": _ANYTHING,
    "MeanAbsolutePercentageError": _ANYTHING,
    "MeanSquaredError": _ANYTHING,
    "MeanSquaredLogarithmicError": _ANYTHING,
    "PearsonCorrelation": _ANYTHING,
    "R2Score": _ANYTHING,
    "RootMeanSquaredError": _ANYTHING,
    "SquaredHinge": _ANYTHING,
    "Sum": _ANYTHING,
    "categorical_hinge": _ANYTHING,
    "circle": _ANYTHING,
    "concordance_correlation": _ANYTHING,
    "cosine_similarity": _ANYTHING,
    "hinge": _ANYTHING,
    "huber": _ANYTHING,
    "log_cosh": _ANYTHING,
    "mean_absolute_error": _ANYTHING,
    "mean_absolute_percentage_error": _ANYTHING,
    "mean_squared_error": _ANYTHING,
    "mean_squared_logarithmic_error": _ANYTHING,
    "pearson_correlation": _ANYTHING,
    "squared_hinge": _ANYTHING,
    # The order of the classes.
    "CategoricalAccuracy": _ANYTHING,
    "OneHotIoU": _NUMBERS,
    "OneHotMeanIoU": _NUMBERS,
    "SparseCategoricalAccuracy": _ANYTHING,
    "SparseTopKCategoricalAccuracy": _ANYTHING,
    "TopKCategoricalAccuracy": _ANYTHING,
    "categorical_accuracy": _ANYTHING,
    "sparse_categorical_accuracy": _ANYTHING,
    "sparse_top_k_categorical_accuracy": _ANYTHING,
    "top_k_categorical_accuracy": _ANYTHING,
    # Classes by number, or their order with `sparse_y_pred=False`.
    "Accuracy": Row(NUMBERS),
    "IoU": _NUMBERS,
    "MeanIoU": _NUMBERS,
    # A threshold, which is one of logits outside of (0, 1).
    "BinaryAccuracy": _BINARY_THRESHOLD,
    "BinaryIoU": _BINARY_THRESHOLD,
    "FalseNegatives": _THRESHOLDS,
    "FalsePositives": _THRESHOLDS,
    "Precision": _THRESHOLDS,
    "Recall": _THRESHOLDS,
    "TrueNegatives": _THRESHOLDS,
    "TruePositives": _THRESHOLDS,
    "binary_accuracy": _BINARY_THRESHOLD,
    # Thresholds that sweep [0, 1], or may be none of logits. Without one, the
    # F scores take the highest number, but never one near 0.
    "F1Score": _PROBABILITIES,
    "FBetaScore": _PROBABILITIES,
    "PrecisionAtRecall": _PROBABILITIES,
    "RecallAtPrecision": _PROBABILITIES,
    "SensitivityAtSpecificity": _PROBABILITIES,
    "SpecificityAtSensitivity": _PROBABILITIES,
    "AUC": Row(PROBABILITIES, "from_logits"),
    # Distributions.
    "BinaryCrossentropy": _BINARY_FLAG,
    "BinaryFocalCrossentropy": _BINARY_FLAG,
    "CTC": Row(LOGITS, None, SOFTMAX),
    "CategoricalCrossentropy": _CLASSES_FLAG,
    "CategoricalFocalCrossentropy": _CLASSES_FLAG,
    "CategoricalGeneralizedCrossEntropy": _CLASSES,
    "Dice": _PROBABILITIES,
    "KLDivergence": _PROBABILITIES,
    "Poisson": _PROBABILITIES,
    "SparseCategoricalCrossentropy": _CLASSES_FLAG,
    "Tversky": _PROBABILITIES,
    "binary_crossentropy": _BINARY_FLAG,
    "binary_focal_crossentropy": _BINARY_FLAG,
    "categorical_crossentropy": _CLASSES_FLAG,
    "categorical_focal_crossentropy": _CLASSES_FLAG,
    "categorical_generalized_cross_entropy": _CLASSES,
    "ctc": Row(LOGITS, None, SOFTMAX),
    "dice": _PROBABILITIES,
    "kl_divergence": _PROBABILITIES,
    "poisson": _PROBABILITIES,
    "sparse_categorical_crossentropy": _CLASSES_FLAG,
    "tversky": _PROBABILITIES,
    # Ours.
    "ExpectedCalibrationError": _CLASSES_FLAG,
}
MODULES = (keras.metrics, keras.losses, metrics)

# Words that Keras resolves by the shapes of labels and output.
ACCURACY = ("accuracy", "acc")
CROSS_ENTROPY = ("crossentropy", "ce")


def expectation(given, keywords=None):
    """Looks up a metric or loss.

    Args:
        given: An object or function. Names are resolved by the caller, with
            `keras.metrics.get` or `keras.losses.get`.
        keywords: Arguments that a function is called with besides the two.

    Returns:
        An `Expectation`.
    """
    if isinstance(given, functools.partial):
        return expectation(given.func, given.keywords | (keywords or {}))
    name, row = _find(given)
    if row is None:
        function, bound = _wrapped(given)
        if function is not None:
            return expectation(function, bound)
        return _declared(given, keywords or {})
    reads = _reads(row, given, keywords or {})
    has_flag = row.argument == "from_logits"
    return Expectation(reads, row.activation, name, has_flag)


def ignored_class(given):
    """Finds the class that a loss ignores, or `None`.

    Args:
        given: What `compile` takes for one output, or `None`.
    """
    if isinstance(given, functools.partial):
        return given.keywords.get("ignore_class")
    found = getattr(given, "ignore_class", None)
    return _wrapped(given)[1].get("ignore_class") if found is None else found


def name_of(given):
    """Name of a metric, a loss or a function, for messages."""
    own = getattr(given, "__name__", None) or type(given).__name__
    return getattr(given, "name", None) or own


def _find(given):
    """Name and row, or `(None, None)`."""
    method = _method(given)
    if method is None:
        return getattr(given, "__name__", None), _row_of(given)
    for base in type(given).__mro__:
        row = _row_of(base)
        # A subclass may read `y_pred` in a way of its own.
        if row and getattr(base, method) is getattr(type(given), method):
            return base.__name__, row
    return None, None


def _method(given):
    """Names the method that reads `y_pred`; `None` for a function."""
    if isinstance(given, keras.losses.Loss):
        return "call"
    return "update_state" if isinstance(given, keras.metrics.Metric) else None


def _row_of(given):
    name = getattr(given, "__name__", None)
    known = any(getattr(m, str(name), None) is given for m in MODULES)
    return ROWS.get(name) if known else None


def _wrapped(given):
    """Finds the function behind a metric or loss, and its arguments."""
    method = _method(given)
    if method is None:
        return None, {}
    plain = (
        keras.metrics.MeanMetricWrapper
        if method == "update_state"
        # The class that makes a loss of a function is not public.
        else keras.losses.MeanSquaredError
    )
    if getattr(type(given), method) is not getattr(plain, method):
        return None, {}
    return wrapped_function(given)


def _declared(given, keywords):
    """Reads the `from_logits` of a metric or loss of the user."""
    flag = _argument(given, keywords, "from_logits")
    reads = UNKNOWN
    if isinstance(flag, bool):
        reads = LOGITS if flag else PROBABILITIES
    return Expectation(reads, None, name_of(given), reads != UNKNOWN)


def _reads(row, given, keywords):
    """Decides the form of `y_pred` from a row and the arguments."""
    if row.argument is None:
        return row.reads
    value = _argument(given, keywords, row.argument)
    if row.argument == "from_logits":
        return LOGITS if value else PROBABILITIES
    if row.argument == "sparse_y_pred":
        return row.reads if value else ANYTHING
    # Keras recommends 0 for logits; `top_k` alone has a very negative one.
    is_probability = any(0 < t < 1 for t in keras.tree.flatten(value))
    return PROBABILITIES if is_probability else LOGITS


def _argument(given, keywords, name):
    """The value of an argument, `None` if there is no such argument."""
    if name in keywords:
        return keywords[name]
    if hasattr(given, name):
        return getattr(given, name)
    try:
        if _method(given) is not None:
            # `keras.metrics.AUC` shows `from_logits` here only.
            return given.get_config().get(name)
        parameter = inspect.signature(given).parameters[name]
    except Exception:  # A config of the user's may fail in any way.
        return None
    return None if parameter.default is parameter.empty else parameter.default
