"""Constants of backends whose steps see the whole batch: no replicas."""

import contextlib
import itertools
from typing import Any

from keras_kd.backend.neutral import first_batch
from keras_kd.backend.neutral import has_labels


class OneDeviceSteps:
    """Preparation of the steps of `fit` and `evaluate`.

    Mixed in before `keras.Model`. The names of Keras 3.15 that are replaced
    here are public, but for `_symbolic_build`.
    """

    def _symbolic_build(self, iterator=None, data_batch=None):
        # Keras builds metrics and losses of labels here, and fails if there are
        # none: those wait for labels, and the step says what it misses.
        data_batch = first_batch(iterator, data_batch)
        if has_labels(data_batch):
            # Without the weights: those of examples do not fit the values of
            # positions, for which a step spreads them.
            super()._symbolic_build(data_batch=data_batch[:2])
        elif not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)

    def make_train_function(self, force: bool = False) -> Any:
        """See Keras; `fit` calls it, and each `train_on_batch`."""
        is_new = self.train_function is None or force
        self._parts.before_training(self, is_new)
        super().make_train_function(force)

    def make_test_function(self, force: bool = False) -> Any:
        """See Keras; `evaluate` calls it."""
        self._parts.before_evaluation(self)
        super().make_test_function(force)


class FirstBatch:
    """Keeps the first batch that `fit` trains on.

    Args:
        model: A model whose `fit` has made its `train_function`, as it has when
            callbacks hear of the beginning.

    Attributes:
        value: The batch, as a step gets it. `None` until it has come.
    """

    def __init__(self, model):
        self.value = None
        function = model.train_function

        def train(*arguments):
            model.train_function = function
            # Keras 3.15 gives the batches last: an iterator of the epoch on
            # JAX, a list of those of the call on PyTorch.
            *state, batches = arguments
            found = list(itertools.islice(batches, model.steps_per_execution))
            self.value = found[0] if found else None
            return function(*state, found)

        model.train_function = train


def num_replicas():
    """Number of replicas that take part in a step."""
    return 1


def replicas_of(model):
    """Number of replicas that train a model."""
    return 1


def scope_of(model):
    """The scope in which what belongs to a model is made."""
    return contextlib.nullcontext()


def replica_id():
    """Number of this replica, from 0."""
    return 0


def all_sum(value):
    """Sums a tensor over the replicas, inside a step."""
    return value


def all_rows(tensor):
    """Joins the rows of a tensor on all replicas, inside a step."""
    return tensor


def assign(pairs):
    """Assigns variables inside a step.

    Args:
        pairs: Variables, each with its new value.
    """
    for variable, value in pairs:
        variable.assign(value)


def gather_ints(model, numbers, count):
    """Collects some numbers of all workers: here there is one."""
    return [list(numbers)]


def is_in_scope(variables):
    """Whether variables were made in the scope of the current strategy."""
    return True


def is_scope_name(name):
    """Whether a graph can have a scope of this name."""
    return True
