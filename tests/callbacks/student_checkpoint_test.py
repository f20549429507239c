import json
import os
from unittest import mock

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import callbacks
from keras_kd import metrics
from tests import support


def compiled():
    keras.utils.set_random_seed(0)
    distiller = support.distiller()
    distiller.compile(
        "sgd",
        loss=support.cross_entropy(),
        metrics=[
            "accuracy",
            metrics.TeacherAgreement(),
            metrics.TeacherDivergence(),
            metrics.ExpectedCalibrationError(from_logits=True),
        ],
        run_eagerly=True,
    )
    return distiller


class Students(keras.callbacks.Callback):
    """Keeps the student's weights after each epoch."""

    def __init__(self):
        super().__init__()
        self.weights = []

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(support.values(self.model.student.weights))


def fit(*given, distiller=None, epochs=3, **options):
    """Returns the student's weights after each epoch."""
    x, y = support.data()
    options.setdefault("validation_data", (x, y))
    students = Students()
    (distiller or compiled()).fit(
        x,
        y,
        epochs=epochs,
        verbose=0,
        callbacks=[*given, students],
        **options,
    )
    return students.weights


class MadeUp(keras.callbacks.Callback):
    """Puts values into the logs that later callbacks see."""

    def __init__(self, **values):
        super().__init__()
        self.values = values

    def on_epoch_end(self, epoch, logs=None):
        logs |= {name: values[epoch] for name, values in self.values.items()}


class StudentCheckpointTest(parameterized.TestCase):
    def assert_same(self, actual, expected):
        self.assertEqual(support.largest_difference(actual, expected), 0)

    def test_saves_the_student_alone(self):
        path = support.folder(self) / "student.keras"
        distiller = compiled()
        weights = fit(callbacks.StudentCheckpoint(path), distiller=distiller)
        loaded = keras.models.load_model(path)
        self.assertEqual(loaded.name, "student")
        self.assert_same(support.values(loaded.weights), weights[-1])
        x, _ = support.data()
        np.testing.assert_array_equal(loaded(x), distiller.student(x))

    @pytest.mark.slow
    def test_saves_every_epoch(self):
        folder = support.folder(self)
        weights = fit(callbacks.StudentCheckpoint(folder / "{epoch}.keras"))
        for epoch, expected in enumerate(weights, start=1):
            loaded = keras.models.load_model(folder / f"{epoch}.keras")
            self.assert_same(support.values(loaded.weights), expected)

    def test_saves_weights(self):
        path = support.folder(self) / "student.weights.h5"
        weights = fit(callbacks.StudentCheckpoint(path, save_weights_only=True))
        student = support.dense(4)
        student.load_weights(path)
        self.assert_same(support.values(student.weights), weights[-1])

    @parameterized.parameters(
        # Values of the epochs, and which of them is the best.
        ("val_loss", [2.0, 1.0, 3.0], 1),
        ("loss", [2.0, 3.0, 1.0], 2),
        ("val_student_loss", [1.0, 2.0, 3.0], 0),
        ("val_soft_targets", [2.0, 1.0, 3.0], 1),
        ("val_accuracy", [0.1, 0.9, 0.5], 1),
        ("val_teacher_agreement", [0.1, 0.9, 0.5], 1),
        ("val_teacher_divergence", [0.5, 0.1, 0.9], 1),
    )
    def test_keeps_the_best(self, monitor, values, best):
        path = support.folder(self) / "best.keras"
        checkpoint = callbacks.StudentCheckpoint(
            path, monitor=monitor, save_best_only=True
        )
        weights = fit(MadeUp(**{monitor: values}), checkpoint)
        loaded = keras.models.load_model(path)
        self.assert_same(support.values(loaded.weights), weights[best])

    def test_asks_for_the_mode_where_nothing_tells(self):
        path = support.folder(self) / "best.keras"
        checkpoint = callbacks.StudentCheckpoint(
            path, "val_expected_calibration_error", save_best_only=True
        )
        with self.assertRaisesRegex(ValueError, "mode='min'"):
            fit(checkpoint, epochs=1)

    @pytest.mark.slow
    def test_takes_the_mode(self):
        path = support.folder(self) / "best.keras"
        checkpoint = callbacks.StudentCheckpoint(
            path, "made_up", save_best_only=True, mode="max"
        )
        weights = fit(MadeUp(made_up=[1.0, 3.0, 2.0]), checkpoint)
        loaded = keras.models.load_model(path)
        self.assert_same(support.values(loaded.weights), weights[1])

    @parameterized.parameters("val_acuracy", "acuracy")
    def test_refuses_a_monitor_that_is_not_logged(self, monitor):
        path = support.folder(self) / "best.keras"
        checkpoint = callbacks.StudentCheckpoint(
            path, monitor, save_best_only=True, mode="max"
        )
        with self.assertRaisesRegex(
            ValueError, rf"monitor='{monitor}'.*val_accuracy"
        ):
            fit(checkpoint)
        self.assertFalse(path.exists())

    def test_epochs_without_validation_save_nothing(self):
        path = support.folder(self) / "best.keras"
        checkpoint = callbacks.StudentCheckpoint(path, save_best_only=True)
        with self.assertWarnsRegex(UserWarning, "without val_loss"):
            weights = fit(checkpoint, validation_freq=2)
        loaded = keras.models.load_model(path)
        self.assert_same(support.values(loaded.weights), weights[1])

    def test_refuses_another_model(self):
        with self.assertRaisesRegex(TypeError, "Distiller.*Sequential"):
            callbacks.StudentCheckpoint("s.keras").set_model(support.dense(3))

    def test_refuses_another_suffix(self):
        with self.assertRaisesRegex(ValueError, "keras.*student.txt"):
            callbacks.StudentCheckpoint("student.txt")


class SaveFrequencyTest(absltest.TestCase):
    def test_the_best_of_some_batches_is_refused(self):
        with self.assertRaisesRegex(
            ValueError, 'must be "epoch".*Received: save_freq=2'
        ):
            callbacks.StudentCheckpoint(
                "student.keras", save_freq=2, save_best_only=True
            )


class WorkersTest(parameterized.TestCase):
    @parameterized.parameters((0, True), (1, False))
    def test_the_chief_alone_saves(self, index, saves):
        config = {
            "cluster": {"worker": ["127.0.0.1:1", "127.0.0.1:2"]},
            "task": {"type": "worker", "index": index},
        }
        path = support.folder(self) / "student.keras"
        environment = {"TF_CONFIG": json.dumps(config)}
        with mock.patch.dict(os.environ, environment):
            for frequency in ("epoch", 1):
                checkpoint = callbacks.StudentCheckpoint(
                    path, save_freq=frequency
                )
                fit(checkpoint, epochs=1)
                self.assertEqual(path.exists(), saves)
                path.unlink(missing_ok=True)


support.mark_slow(StudentCheckpointTest, "test_keeps_the_best", but=["0", "4"])


if __name__ == "__main__":
    absltest.main()
