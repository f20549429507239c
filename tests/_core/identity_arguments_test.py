"""Runs are told apart by their arguments."""

import json
import pathlib

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd._core import identity
from tests import support


class Turn:
    """A transform of a user's own."""

    def __init__(self, angle):
        self.angle = angle


class Focal(keras.losses.Loss):
    """A loss that does not say all in its config."""

    def __init__(self, gamma):
        super().__init__()
        self.gamma = gamma

    def call(self, y_true, y_pred):
        return y_pred


class Batches(keras.utils.PyDataset):
    def __init__(self, x, is_random=False):
        super().__init__()
        self.x = x
        self.is_random = is_random

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return self.x + self.is_random * np.random.uniform()


def slices(x, times=2):
    data = tf.data.Dataset.from_tensor_slices(np.asarray(x))
    return data.map(lambda one: one * times)


def decay(steps):
    schedule = keras.optimizers.schedules.CosineDecay(0.1, steps)
    return keras.optimizers.Adam(schedule)


def scaled(factor):
    return lambda x: x * factor


def told(identity):
    return keras_kd.teachers.FunctionTeacher(
        scaled(2), num_classes=2, identity=identity
    )


LONG = list(range(100))
# A way to make each argument, the same twice, and another.
KINDS = (
    ("plain", lambda: ("sgd", 1, None), lambda: ("sgd", 1, 0)),
    ("numbers", lambda: np.float32(0.5), lambda: np.float32(0.25)),
    ("infinite", lambda: float("nan"), lambda: float("inf")),
    ("path", lambda: pathlib.Path("a"), lambda: pathlib.Path("b")),
    ("set", lambda: {"b", "a"}, lambda: {"b", "c"}),
    ("list", lambda: LONG, lambda: [*LONG[:-1], 0]),
    ("arrays", lambda: (np.ones(2), None), lambda: (np.ones(2), 1)),
    ("dict", lambda: {"a": [1]}, lambda: {"b": [1]}),
    ("optimizer", lambda: decay(5), lambda: decay(6)),
    ("loss", lambda: Focal(1.0), lambda: Focal(2.0)),
    (
        "loss_of_keras",
        keras.losses.MeanSquaredError,
        lambda: keras.losses.MeanSquaredError("sum"),
    ),
    ("metric", keras.metrics.Mean, keras.metrics.Sum),
    ("layer", lambda: keras.layers.Dense(2), lambda: keras.layers.Dense(3)),
    ("object", lambda: [Turn(1)], lambda: [Turn(2)]),
    ("function", lambda: scaled(2), lambda: scaled(3)),
    ("teacher", lambda: told("1"), lambda: told("2")),
    ("code", lambda: lambda x: x + 1, lambda: lambda x: x - 1),
    ("data_set", lambda: slices([1, 2]), lambda: slices([1, 3])),
    ("map", lambda: slices([1, 2]), lambda: slices([1, 2], 3)),
    (
        "batch",
        lambda: slices([1, 2]).shuffle(2).batch(1),
        lambda: slices([1, 2]).shuffle(2).batch(2),
    ),
    (
        "batches",
        lambda: Batches(np.ones(2)),
        lambda: Batches(np.zeros(2)),
    ),
    (
        "random",
        lambda: Batches(np.ones(2), is_random=True),
        lambda: Batches(np.ones(2)),
    ),
)


class OfArgumentsTest(parameterized.TestCase):
    @parameterized.named_parameters(*KINDS)
    def test_tells_values_apart_by_what_they_hold(self, make, other):
        found, again, another = (
            identity.of_arguments({"given": one()})
            for one in (make, make, other)
        )
        self.assertEqual(json.loads(json.dumps(found)), found)
        self.assertEqual(found, again)
        self.assertNotEqual(found, another)

    def test_an_optimizer_and_its_name_are_the_same(self):
        found = identity.of_arguments({"optimizer": "adam"})
        adam = keras.optimizers.Adam()
        self.assertEqual(identity.of_arguments({"optimizer": adam}), found)
        adam = keras.optimizers.Adam(0.5)
        self.assertNotEqual(identity.of_arguments({"optimizer": adam}), found)

    def test_weights_of_a_model_count(self):
        model = support.dense(4)
        found = identity.of_arguments({"student": model})
        model.set_weights([w + 1 for w in model.get_weights()])
        other = identity.of_arguments({"student": model})
        self.assertEqual(found["student"]["layers"], other["student"]["layers"])
        self.assertNotEqual(found, other)

    def test_a_teacher_may_be_frozen_a_student_not(self):
        for role, is_equal in (("teacher", True), ("student", False)):
            model = support.dense(4)
            found = identity.of_arguments({role: model})
            model.trainable = False
            frozen = identity.of_arguments({role: model})
            self.assertEqual(found == frozen, is_equal)

    def test_members_of_an_ensemble_count(self):
        first, second = support.dense(4), support.dense(4)
        other = support.dense(4, activation="tanh")
        other.set_weights(second.get_weights())
        found, same, another = (
            identity.of_arguments(
                {"teacher": keras_kd.teachers.EnsembleTeacher(members)}
            )
            for members in ([first, second], [first, second], [first, other])
        )
        self.assertEqual(found, same)
        self.assertNotEqual(found, another)

    def test_objects_that_hold_one_another_end(self):
        first, second = Turn(None), Turn(None)
        first.angle, second.angle = second, first
        found = identity.of_arguments({"transforms": [first]})
        self.assertIn("Turn", json.dumps(found))


if __name__ == "__main__":
    absltest.main()
