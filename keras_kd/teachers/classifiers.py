"""Checks and outputs of scikit-learn classifiers."""

import pickle

import keras
import numpy as np

from keras_kd._core.arguments import check_count


def is_classifier(function):
    """Whether a function has the interface of scikit-learn's classifiers."""
    return hasattr(function, "predict_proba")


def check_fitted(classifier):
    """Validates that a classifier is fitted and has one output."""
    if not hasattr(classifier, "classes_"):
        raise TypeError(
            "`function` must be a fitted classifier. Received: "
            f"{classifier!r}, without `classes_`. Call its `fit`."
        )
    if isinstance(classifier.classes_, list):
        raise ValueError(
            "`function` must classify once, since there is one student. "
            f"Received: {classifier!r} with {len(classifier.classes_)} "
            "outputs. Take one of its estimators."
        )


def numbers(classifier):
    """Classes of a classifier as integers, or `None` if they are none."""
    classes = np.asarray(classifier.classes_)
    if classes.dtype.kind not in "biuf":
        return None
    whole = classes.astype("int64")
    is_number = np.all(whole == classes) and np.all(whole >= 0)
    return whole if is_number else None


def columns(classifier, num_classes):
    """Places of a classifier's columns among all classes."""
    places = numbers(classifier)
    if places is not None and places.max() < num_classes:
        return places
    if len(classifier.classes_) != num_classes:
        raise ValueError(
            "`num_classes` must be the number of classes that the classifier "
            "knows, or above all their numbers. Received: "
            f"num_classes={num_classes} for classes_={classifier.classes_}."
        )
    return np.arange(num_classes)


def count(functions, num_classes):
    """Counts the classes of functions and classifiers.

    Args:
        functions: A list.
        num_classes: See `FunctionTeacher`.

    Returns:
        `num_classes` as given, or the number that the classifiers know.
    """
    fitted = [f for f in functions if is_classifier(f)]
    if num_classes is None:
        known = {tuple(np.asarray(c.classes_).tolist()) for c in fitted}
        is_clear = len(known) == 1 and all(
            found is None or list(found) == list(range(len(found)))
            for found in map(numbers, fitted)
        )
        if not is_clear:
            raise ValueError(
                "`num_classes` must be given, unless `function` is classifiers "
                "that know the same classes, numbered from 0 or named. "
                f"Received: num_classes=None, classes {sorted(known)[:5]}."
            )
        return len(known.pop())
    check_count("num_classes", num_classes, "classes")
    for classifier in fitted:
        columns(classifier, num_classes)
    return num_classes


def rows(x):
    """Features of a batch as scikit-learn wants them."""
    if keras.tree.is_nested(x):
        raise ValueError(
            "`x` must be one array for a classifier or a regressor. Received: "
            f"a structure of {len(keras.tree.flatten(x))} arrays. Pass a "
            "function that joins them and calls `predict_proba` or `predict`."
        )
    # A data frame, whose columns a pipeline may know by name, has two axes.
    return x.reshape(len(x), -1) if x.ndim > 2 else x


def contents(estimator):
    """Digest of the contents of a classifier or regressor, a string."""
    # Comes with scikit-learn. Unlike pickled bytes, its digest does not depend
    # on which equal strings are one object.
    import joblib

    # A copy, since loading tidies some of them: the digest is then the
    # same for one that was saved and loaded.
    return joblib.hash(pickle.loads(pickle.dumps(estimator)))
