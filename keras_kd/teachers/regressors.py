"""Checks and outputs of scikit-learn regressors, and of what is like them."""

import numpy as np

from keras_kd.teachers import classifiers

# What has one of these predicts something else, as far as it has `predict`:
# classes, outliers, clusters.
_OTHERS = ("predict_proba", "decision_function", "classes_", "fit_predict")


def is_regressor(function):
    """Whether a function has the interface of scikit-learn's regressors."""
    return (
        hasattr(function, "predict")
        and not callable(function)
        and not any(hasattr(function, name) for name in _OTHERS)
    )


def check_fitted(regressor):
    """Validates that a regressor is fitted, as far as it can tell."""
    if not _is_fitted(regressor):
        raise TypeError(
            "`function` must be a fitted regressor. Received: "
            f"{regressor!r}. Call its `fit`."
        )


def _is_fitted(regressor):
    from sklearn import base
    from sklearn import exceptions
    from sklearn.utils import validation

    if hasattr(regressor, "__sklearn_is_fitted__"):
        return regressor.__sklearn_is_fitted__()
    if not isinstance(regressor, base.BaseEstimator):
        # It may keep what it learnt anywhere.
        return True
    try:
        validation.check_is_fitted(regressor)
    except exceptions.NotFittedError:
        return False
    return True


def check_arguments(functions, from_logits, keep_members):
    """Validates that a list with a regressor is one of regressors alone."""
    if not all(is_regressor(function) for function in functions):
        raise ValueError(
            "`function` must be regressors alone, or none, since numbers and "
            "probabilities have no average. Received: "
            f"function={list(functions)!r}. Make a teacher of each."
        )
    for name, value in (
        ("from_logits", from_logits),
        ("keep_members", keep_members),
    ):
        if value:
            raise ValueError(
                f"`{name}` must be False for regressors, whose numbers are no "
                f"probabilities. Received: {name}={value!r}. Leave it out."
            )


def predict(regressors, x, num_outputs):
    """The mean of the predictions of several regressors.

    Args:
        regressors: A list of at least one.
        x: See `FunctionTeacher.predict`.
        num_outputs: Number of outputs, or `None` if it is not known.

    Returns:
        float64 `(batch, outputs)`.

    Raises:
        ValueError: If one predicts another shape.
    """
    rows = classifiers.rows(x)
    found = []
    for regressor in regressors:
        answer = np.asarray(regressor.predict(rows), "float64")
        if answer.ndim == 1:
            answer = answer[:, np.newaxis]
        expected = num_outputs or answer.shape[-1]
        if answer.shape != (len(rows), expected):
            known = "" if num_outputs is None else f", outputs={num_outputs}"
            raise ValueError(
                "`function` must predict (batch,) or (batch, outputs), with "
                "the same outputs each time. Received: shape "
                f"{answer.shape} for {len(rows)} examples{known}, from "
                f"{regressor!r}."
            )
        num_outputs = expected
        found.append(answer)
    return np.mean(found, axis=0)
