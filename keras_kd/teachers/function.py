"""Teachers that are no Keras models: functions and those of scikit-learn."""

import hashlib
from typing import Any

import keras
import numpy as np

from keras_kd._core import ensemble_logits
from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_positive
from keras_kd._core.kinds import check_flag
from keras_kd._core.teacher_protocol import TeacherProtocol
from keras_kd._types import Data
from keras_kd.teachers import classifiers
from keras_kd.teachers import regressors


class FunctionTeacher(TeacherProtocol):
    """A function, or what scikit-learn fits, whose answers can be cached.

    Such a teacher cannot run inside a compiled training step: `predict` labels
    data with it, and `teachers.cache_teacher` keeps its outputs for a
    `Distiller`.

    Probabilities become logits by `log(maximum(probability, floor))`. The
    softmax of those at temperature 1 is the probabilities again, but for what
    the floor adds to classes that the teacher rules out. A higher floor softens
    a teacher that is too sure, such as a tree. What a regressor predicts stays
    as it is, for `losses.LogitRegression` or `losses.Match`.

    Args:
        function: One of

            * a function from a NumPy batch to `(batch, ..., classes)`;
            * a fitted scikit-learn classifier with `predict_proba`, or a
              pipeline that ends in one. It sees the input as `(examples,
              features)`;
            * a fitted scikit-learn regressor, a pipeline that ends in one, or
              another object with its `predict`, such as XGBoost's
              `XGBRegressor`: `(batch,)` or `(batch, outputs)`;
            * a list of these, an ensemble; regressors among themselves.

            A classifier's `decision_function` is a function too, for those
            whose softmax is `predict_proba`, with `from_logits=True`.
        num_classes: Integer, the length of the last axis. Defaults to the
            number of classes that the classifiers know. If those are integers
            below `num_classes`, each has its own place; else they come in the
            order of `classes_`. Functions need it. Of a regressor it is the
            number of outputs, and need not be given.
        from_logits: Whether functions return logits, not probabilities.
            Classifiers give probabilities. Defaults to `False`.
        keep_members: Whether to return the outputs of each of a list, so that
            `losses.SoftTargets` averages their probabilities at its own
            temperature, as for an arithmetic `EnsembleTeacher`. `False`, the
            default, averages them at temperature 1.
        floor: Float in (0, 1), the smallest probability. Defaults to `1e-7`.
        identity: String that changes when the function does, such as a version
            of its file. A cache needs it to notice another teacher. Defaults
            to `None`: classifiers are distinguished by their contents, and a
            function cannot be cached.
        name: Name for messages. Defaults to `"function_teacher"`.

    Raises:
        TypeError: If `function` is none of these, or is not fitted.
        ValueError: If the number of classes is unknown or does not fit, or an
            argument is not as above.

    Example:

    >>> def parity(x):
    ...     odd = np.sum(x, axis=1, keepdims=True) % 2
    ...     return np.concatenate([1 - odd, odd], axis=1)
    >>> teacher = keras_kd.teachers.FunctionTeacher(
    ...     parity, num_classes=2, floor=0.01
    ... )
    >>> teacher.predict(np.array([[1, 1], [1, 0]])).round(2) + 0.0
    array([[ 0.  , -4.61],
           [-4.61,  0.  ]], dtype=float32)
    """

    def __init__(
        self,
        function: Any,
        *,
        num_classes: int | None = None,
        from_logits: bool = False,
        keep_members: bool = False,
        floor: float = 1e-7,
        identity: str | None = None,
        name: str = "function_teacher",
    ):
        functions = (
            function if isinstance(function, list | tuple) else [function]
        )
        if not functions:
            raise ValueError(
                "`function` must not be an empty list. Received: "
                f"function={function!r}."
            )
        for index, one in enumerate(functions):
            _check_function(one, index)
        check_positive("floor", floor, "a probability")
        if floor >= 1:
            raise ValueError(
                "`floor` must be below 1, since it is a probability. "
                f"Received: floor={floor!r}."
            )
        if not (identity is None or isinstance(identity, str)):
            raise TypeError(
                "`identity` must be a string or None. Received: "
                f"identity={identity!r} of type {type(identity).__name__}."
            )
        self.functions = list(functions)
        self._is_regressor = any(map(regressors.is_regressor, functions))
        if self._is_regressor:
            regressors.check_arguments(functions, from_logits, keep_members)
            check_count("num_classes", num_classes, "outputs", is_optional=True)
            self.num_classes = num_classes
        else:
            self.num_classes = classifiers.count(functions, num_classes)
        check_flag("from_logits", from_logits, "what the function returns")
        check_flag("keep_members", keep_members, "whether all are returned")
        self.from_logits = bool(from_logits)
        self.keep_members = bool(keep_members)
        self.floor = float(floor)
        self.identity = identity
        self.name = name

    def __repr__(self) -> str:
        return f'<FunctionTeacher "{self.name}">'

    def predict(self, x: Data) -> np.ndarray | dict[str, np.ndarray]:
        """Predicts logits.

        Args:
            x: A batch, or all examples: an array, for a classifier also a
                data frame, for a function also a structure of arrays.

        Returns:
            Logits as float32 `(batch, ..., classes)`; of regressors, their
            predictions `(batch, outputs)`, averaged. With `keep_members`, a
            dict like that of an arithmetic `EnsembleTeacher`.

        Raises:
            ValueError: If a function returns another shape, numbers that are
                not finite, or anything but probabilities while
                `from_logits=False`.
        """
        x = keras.tree.map_structure(_as_array, x)
        if self._is_regressor:
            answer = regressors.predict(self.functions, x, self.num_classes)
            return self._finite(answer)
        if self.keep_members:
            logits = np.stack([self._logits(f, x) for f in self.functions], 1)
            weights = np.full(logits.shape[:2], -np.log(len(self.functions)))
            return {
                ensemble_logits.MEMBER_LOGITS: self._finite(logits),
                ensemble_logits.MEMBER_LOG_WEIGHTS: weights.astype("float32"),
            }
        if len(self.functions) == 1:
            return self._finite(self._logits(self.functions[0], x))
        mean = np.mean([self._probabilities(f, x) for f in self.functions], 0)
        return self._finite(self._to_logits(mean))

    def _finite(self, logits):
        """Converts logits to float32; validates that all are finite."""
        with np.errstate(over="ignore"):
            logits = logits.astype("float32")
        if not np.all(np.isfinite(logits)):
            raise ValueError(
                "`function` must return finite numbers, since nan would "
                "spread to the student. Received: "
                f'{logits[~np.isfinite(logits)][0]} from "{self.name}".'
            )
        return logits

    def _logits(self, function, x):
        if self.from_logits and not classifiers.is_classifier(function):
            return self._answer(function, x)
        return self._to_logits(self._probabilities(function, x))

    def _probabilities(self, function, x):
        if classifiers.is_classifier(function):
            return self._place(
                function, function.predict_proba(classifiers.rows(x))
            )
        answer = self._answer(function, x)
        return _softmax(answer) if self.from_logits else answer

    def _to_logits(self, probabilities):
        logits = np.log(np.maximum(probabilities, self.floor))
        if self.num_classes > 1:
            return logits
        # One sigmoid unit.
        return logits - np.log(np.maximum(1 - probabilities, self.floor))

    def _answer(self, function, x):
        """Runs a function and returns checked float64 outputs."""
        answer = np.asarray(function(x), "float64")
        examples = len(keras.tree.flatten(x)[0])
        expected = (examples, self.num_classes)
        if answer.ndim < 2 or (len(answer), answer.shape[-1]) != expected:
            raise ValueError(
                "`function` must return (batch, ..., num_classes). Received: "
                f"shape {answer.shape} for {examples} examples and "
                f"num_classes={self.num_classes}."
            )
        if self.num_classes > 1:
            _check_kind(answer, self.from_logits, self.name)
        return answer

    def _place(self, classifier, answer):
        """Sorts a classifier's columns by class number."""
        columns = classifiers.columns(classifier, self.num_classes)
        placed = np.zeros((len(answer), self.num_classes))
        placed[:, columns] = answer
        return placed

    def fingerprint(self) -> bytes:
        """Digest of what the answers depend on.

        Returns:
            16 bytes.

        Raises:
            ValueError: If `function` is no classifier and has no `identity`.
        """
        arguments = (
            self.num_classes,
            self.from_logits,
            self.keep_members,
            self.floor,
        )
        parts = [self.identity]
        if self.identity is None:
            parts = [_contents(function) for function in self.functions]
        return hashlib.blake2b(
            f"{parts}{arguments}".encode(), digest_size=16
        ).digest()


def _check_function(function, index):
    if classifiers.is_classifier(function):
        classifiers.check_fitted(function)
    elif regressors.is_regressor(function):
        regressors.check_fitted(function)
    elif not callable(function):
        raise TypeError(
            "`function` must be a function, a classifier with "
            "`predict_proba`, a regressor, or a list of these. Received: "
            f"{function!r} at place {index}. Classifiers without "
            "probabilities get them by "
            "`sklearn.calibration.CalibratedClassifierCV`."
        )


def _check_kind(answer, from_logits, name):
    """Validates that outputs are logits or probabilities, as declared."""
    totals = answer.sum(axis=-1)
    is_probability = answer.min() >= 0 and np.allclose(totals, 1, atol=1e-3)
    # Outputs with nan are neither, and raise elsewhere.
    if is_probability == from_logits and np.all(np.isfinite(answer)):
        expected = "logits" if from_logits else "probabilities"
        raise ValueError(
            f"`function` must return {expected} for from_logits={from_logits}. "
            f"Received: numbers from {answer.min():.3g} to {answer.max():.3g} "
            f"whose sums over the classes are from {totals.min():.3g} to "
            f'{totals.max():.3g}, from "{name}". Pass '
            f"`from_logits={not from_logits}`."
        )


def _softmax(logits):
    """Probabilities; of one unit, the sigmoid."""
    if logits.shape[-1] == 1:
        return np.exp(-np.logaddexp(0, -logits))
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def _contents(function):
    is_known = (classifiers.is_classifier, regressors.is_regressor)
    if not any(is_one(function) for is_one in is_known):
        raise ValueError(
            "`identity` must be given for a function, since a cache has to "
            "notice another teacher. Received: identity=None for "
            f"{function!r}. Pass a string that changes with the function."
        )
    return classifiers.contents(function)


def _as_array(x):
    # A data frame stays one: pipelines choose its columns by name.
    return x if hasattr(x, "iloc") else np.asarray(x)
