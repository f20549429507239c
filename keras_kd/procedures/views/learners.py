"""What learns from one view: a Keras model, or anything like scikit-learn's."""

import keras
import numpy as np
from scipy import special

from keras_kd import whole_files
from keras_kd.procedures.seeded_batches import SeededBatches
from keras_kd.procedures.softened import LabelCrossEntropy
from keras_kd.procedures.softened import Softened
from keras_kd.procedures.stages import new_optimizer
from keras_kd.teachers.wrapped import logits_of


def rows_of(view, places):
    """Some examples of a view.

    Args:
        view: A structure of arrays or of sparse matrices, one row per example.
        places: Numbers of the examples.
    """
    return keras.tree.map_structure(lambda a: a[places], view)


def posterior(learner, view):
    """Probabilities of the classes, `(examples, classes)` in float64.

    Args:
        learner: A Keras model that gives logits, or a fitted estimator with
            `predict_proba`.
        view: As for `rows_of`.
    """
    if isinstance(learner, keras.Model):
        logits = learner.predict(view, verbose=0).astype("float64")
        probabilities = special.softmax(logits, axis=-1)
    else:
        probabilities = np.asarray(learner.predict_proba(view), "float64")
    if not np.all(np.isfinite(probabilities)):
        raise ValueError(
            "A learner must give finite probabilities, since its most certain "
            f"answers become labels. Received: nan or infinity from {learner}."
        )
    return probabilities


class Estimator:
    """A learner that is made anew for each fit.

    Args:
        prototype: An object with `fit` and `predict_proba`. It is not changed.
    """

    def __init__(self, prototype):
        self.prototype = prototype
        self.fitted = None

    def fit(self, name, x, y, seed):
        """Learns from the beginning; there is no history."""
        from sklearn import base

        self.fitted = base.clone(self.prototype, safe=False)
        self.fitted.fit(x, y)
        return {}


class Network:
    """A Keras model that begins from the same weights in each fit.

    Args:
        model: A built model that gives logits. It is trained itself.
        stages: A `Stages`.
        path: Where its first weights are kept, or `None`.
        optimizer: A Keras optimizer or its name.
        batch_size: Examples in a batch.
        **kwargs: Passed to `stages.fit`.
    """

    def __init__(self, model, stages, path, optimizer, batch_size, **kwargs):
        self.fitted = model
        # Writes the state of dropout too, for a run that goes on.
        self.trained = Softened(model, temperature=1.0)
        self.stages = stages
        self.batch_size = batch_size
        self.kwargs = kwargs
        self.trained.compile(
            new_optimizer(optimizer), LabelCrossEntropy(), metrics=["accuracy"]
        )
        optimizer = self.trained.optimizer
        optimizer.build(model.trainable_variables)
        if path is not None and path.exists():
            # Each fit of the run that was interrupted began from these.
            self.trained.load_weights(path)
        elif path is not None:
            with whole_files.written(path) as partial:
                self.trained.save_weights(partial)
        self.variables = [*model.variables, *optimizer.variables]
        self.first = [
            keras.ops.convert_to_numpy(v).copy() for v in self.variables
        ]

    def fit(self, name, x, y, seed):
        """Learns from the beginning, or takes up what is finished of it."""
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
    """Refuses what cannot be a learner.

    Args:
        learner: One of `learners`.
        place: Its number.
        num_classes: Number of classes in the labels.
    """
    argument = f"learners[{place}]"
    if isinstance(learner, keras.Model):
        width = logits_of(learner, argument).shape[-1]
        if width != num_classes:
            raise ValueError(
                "`learners` must score the classes of `labels`, since they "
                f"give labels to each other. Received: {argument} with "
                f"{width} outputs, for {num_classes} classes."
            )
        return
    for method in ("fit", "predict_proba"):
        if not callable(getattr(learner, method, None)):
            raise TypeError(
                "`learners` must be Keras models, or have `fit` and "
                "`predict_proba` as scikit-learn's classifiers do. Received: "
                f"{argument}={learner!r} without `{method}`."
            )
