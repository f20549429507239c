"""Small models and data that many tests use."""

import functools
import importlib.util
import pathlib
import tempfile
from unittest import mock

import keras
import numpy as np
import pytest

import keras_kd
from tests import xla  # noqa: F401


def dense(width, classes=3, name=None, features=4, **head):
    """A two-layer net whose hidden layer is called `hidden`."""
    return keras.Sequential(
        [
            keras.Input((features,)),
            keras.layers.Dense(width, activation="relu", name="hidden"),
            keras.layers.Dense(classes, name="head", **head),
        ],
        name=name,
    )


def data(count=24, features=4, classes=3, seed=0):
    """Random vectors and labels."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, features)).astype("float32")
    return x, rng.integers(0, classes, count)


def cross_entropy(**kwargs):
    return keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, **kwargs
    )


def distiller(losses=None, *, teacher=None, student=None, **kwargs):
    """A Distiller of dense nets, by default with soft targets."""
    return keras_kd.Distiller(
        teacher=teacher or dense(8, name="teacher"),
        student=student or dense(4, name="student"),
        distillation_losses=losses or keras_kd.losses.SoftTargets(2.0),
        **kwargs,
    )


def two_headed(width, name=None, **classes):
    """A net with the layer `hidden` and an output for each name.

    Args:
        width: Of the hidden layer.
        name: Of the model. Defaults to `None`.
        **classes: Number of units by name. Defaults to 3 for `a` and for `b`.
    """
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(width, name="hidden")(inputs)
    classes = classes or {"a": 3, "b": 3}
    outputs = {
        head: keras.layers.Dense(units, name=head)(hidden)
        for head, units in classes.items()
    }
    return keras.Model(inputs, outputs, name=name)


def evaluated(distiller, *data, **kwargs):
    """Logs of `evaluate` by name."""
    return distiller.evaluate(*data, verbose=0, return_dict=True, **kwargs)


# Of a test in `tests/backend/everywhere.py` that is about TensorFlow.
on_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="It is about TensorFlow."
)


def eagerly():
    """Lets all models run without a graph, as a context or a decorator.

    To make a graph of a small model takes as long as its first ten steps.
    What is right, or wrong, in a graph alone is not seen within.
    """
    always = property(lambda model: True, lambda model, value: None)
    return mock.patch.object(keras.Model, "run_eagerly", always)


def eager_tests(test_class=None, but=()):
    """Decorates a class, whose tests then run `eagerly`, but for slow ones.

    Args:
        test_class: The class. Without it, this makes a decorator.
        but: A tuple of beginnings of names of tests that keep their graphs.
            Defaults to none.
    """
    if test_class is None:
        return functools.partial(eager_tests, but=but)
    for name in dir(test_class):
        test = getattr(test_class, name)
        marks = getattr(test, "pytestmark", [])
        is_slow = any(mark.name == "slow" for mark in marks)
        if name.startswith("test") and not is_slow and not name.startswith(but):
            setattr(test_class, name, eagerly()(test))
    return test_class


def mark_slow(test_class, prefix, but=()):
    """Marks tests of a class as slow, so that one row of them stays quick.

    Args:
        test_class: The class, when it is finished.
        prefix: Beginning of the names of the tests.
        but: Endings of the names that stay quick. Defaults to none.
    """
    names = [name for name in dir(test_class) if name.startswith(prefix)]
    slow = [name for name in names if not name.endswith(tuple(but))]
    if not slow or (but and len(slow) == len(names)):
        raise ValueError(
            f"`prefix` and `but` must fit tests. Received: prefix={prefix!r}, "
            f"but={but!r}, where there are {names}."
        )
    for name in slow:
        pytest.mark.slow(getattr(test_class, name))


def values(variables):
    """Copies of variables as arrays."""
    return [keras.ops.convert_to_numpy(v).copy() for v in variables]


def largest_difference(first, second):
    """Largest absolute difference of two lists of arrays."""
    return max(
        float(np.max(np.abs(a.astype("float64") - b.astype("float64"))))
        for a, b in zip(first, second, strict=True)
    )


def folder(test):
    """A temporary folder that lasts for one test.

    absltest's own `create_tempdir` needs parsed flags, which pytest lacks.
    """
    made = tempfile.TemporaryDirectory()
    test.addCleanup(made.cleanup)
    return pathlib.Path(made.name)


def through_a_file(model):
    """The model that loads from what it saves."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "model.keras")
        model.save(path)
        return keras.saving.load_model(path)


class Interrupt(keras.callbacks.Callback):
    """Stands for Ctrl-C at the end of an epoch, counted over all stages."""

    def __init__(self, epoch):
        super().__init__()
        self.left = epoch

    def on_epoch_end(self, epoch, logs=None):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def load_program(path):
    """A program of the repository, which is in no package, as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
