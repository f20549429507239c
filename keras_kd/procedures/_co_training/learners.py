"""Learners of one view: Keras models and scikit-learn estimators."""

import keras
import numpy as np
from scipy import special

from keras_kd._core import ensemble_logits
from keras_kd._core.predictions import logits_of
from keras_kd._core.predictions import predict_logits
from keras_kd._runs.fit_arguments import new_optimizer
from keras_kd._runs.seeded_batches import SeededBatches
from keras_kd._runs.seeded_batches import rows_of
from keras_kd._training.checks import check_finite_weights
from keras_kd.procedures.softened import LabelCrossEntropy
from keras_kd.procedures.softened import Softened

_ROWS_AT_ONCE = 4096


def log_posterior(learner, view, num_classes):
    """Logarithms of the probabilities, float64 `(examples, classes)`.

    Not the probabilities: those of naive Bayes on a long text, or of a net that
    is sure of itself, are 1.0 for most examples, and there would be no most
    certain one.

    Args:
        learner: A Keras model that gives logits, or a fitted estimator with
            `predict_proba`; its `predict_log_proba` is used if it has one.
        view: As for `rows_of`.
        num_classes: Number of classes that there must be.

    Raises:
        ValueError: If the learner gives another number of classes, or nan.
    """
    count = keras.tree.flatten(view)[0].shape[0]
    if isinstance(learner, keras.Model):
        parts = [
            predict_logits(
                learner,
                rows_of(view, slice(i, i + _ROWS_AT_ONCE), True),
                batch_size=_ROWS_AT_ONCE,
            )
            for i in range(0, count, _ROWS_AT_ONCE)
        ]
        logits = np.concatenate(parts).astype("float64")
        found = special.log_softmax(logits, axis=-1)
    elif hasattr(learner, "predict_log_proba"):
        found = np.asarray(learner.predict_log_proba(view), "float64")
    else:
        tiny = np.finfo("float64").tiny  # The logarithm of 0 has no rank.
        found = np.asarray(learner.predict_proba(view), "float64")
        found = np.log(np.maximum(found, tiny))
    if found.shape != (count, num_classes) or np.isnan(found).any():
        raise ValueError(
            "`learners` must give a probability for each of the "
            f"{num_classes} classes of `labels`, since the most certain "
            f"answers become labels. Received: shape {found.shape} for {count} "
            f"examples, nan={bool(np.isnan(found).any())}, from {learner!r}."
        )
    return found


class Estimator:
    """Learner of one view: a fresh copy of an estimator for each fit.

    Args:
        prototype: An object with `fit` and `predict_proba`. It is not changed.
    """

    def __init__(self, prototype):
        self.prototype = prototype
        self.fitted = None

    def fit(self, name, x, y, seed):
        """Fits from scratch; there is no history."""
        from sklearn import base

        self.fitted = base.clone(self.prototype, safe=False)
        self.fitted.fit(x, y)
        return {}


class Network:
    """A Keras model that begins from the same weights in each fit.

    Args:
        model: A built model that gives logits. It is trained itself.
        stages: A `Stages`.
        name: What its first weights are kept as.
        optimizer: A Keras optimizer or its name.
        batch_size: Examples in a batch.
        **kwargs: Passed to `stages.fit`.
    """

    def __init__(self, model, stages, name, optimizer, batch_size, **kwargs):
        self.fitted = model
        # Saves the state of dropout too, for a resumed run.
        self.trained = Softened(model, temperature=1.0)
        self.stages = stages
        self.batch_size = batch_size
        self.kwargs = kwargs
        self.trained.compile(
            new_optimizer(optimizer), LabelCrossEntropy(), metrics=["accuracy"]
        )
        optimizer = self.trained.optimizer
        optimizer.build(model.trainable_variables)
        # Each fit of a run that was interrupted began from its own.
        stages.keep_first(name, self.trained)
        self.variables = [*model.variables, *optimizer.variables]
        self.first = [
            keras.ops.convert_to_numpy(v).copy() for v in self.variables
        ]

    def fit(self, name, x, y, seed):
        """Fits from scratch, or resumes an interrupted fit."""
        for variable, value in zip(self.variables, self.first, strict=True):
            variable.assign(value)
        batches = SeededBatches(x, y, self.batch_size, seed)
        kwargs = dict(self.kwargs)
        callbacks = [batches.callback, *kwargs.pop("callbacks")]
        return self.stages.fit(
            name,
            self.trained,
            batches,
            shuffle=False,
            callbacks=callbacks,
            **kwargs,
        )


def check(learner, place, num_classes):
    """Validates a learner.

    Args:
        learner: One of `learners`.
        place: Its number.
        num_classes: Number of classes in the labels.
    """
    argument = f"learners[{place}]"
    if isinstance(learner, keras.Model):
        logits = logits_of(learner, argument)
        shape = ensemble_logits.shape(ensemble_logits.scores(logits))
        if ensemble_logits.is_members(logits) or shape[1:] != (num_classes,):
            raise ValueError(
                "`learners` must score the classes of `labels`, since they "
                f"give labels to each other. Received: {argument} with outputs "
                f"of shape {shape}, for {num_classes} classes."
            )
        check_finite_weights(learner, argument)
        return
    for method in ("fit", "predict_proba"):
        if not callable(getattr(learner, method, None)):
            raise TypeError(
                "`learners` must be Keras models, or have `fit` and "
                "`predict_proba` as scikit-learn's classifiers do. Received: "
                f"{argument}={learner!r} without `{method}`."
            )


def check_pair(learners):
    """Validates that two learners are separate objects."""
    first, second = learners
    shared = set(map(id, getattr(first, "weights", ()))) & set(
        map(id, getattr(second, "weights", ()))
    )
    if first is second or shared:
        raise ValueError(
            "`learners` must be two objects that share nothing, since each "
            f"learns from its own view. Received: {first!r} and {second!r}"
            + (f", which share {len(shared)} weights." if shared else ".")
        )
