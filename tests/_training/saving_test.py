"""Saving, loading and resuming a Distiller."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import absltest

import keras_kd
from tests import support
from tests.support import cross_entropy

ROOT = pathlib.Path(__file__).parents[2]


def with_dropout(width, name):
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(width, activation="relu", name="hidden"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(3, name="head"),
        ],
        name=name,
    )


def made(seed=0):
    """A Distiller with a projector, dropout, Adam and a metric."""
    keras.utils.set_random_seed(seed)
    teacher = with_dropout(8, "teacher")
    keras.utils.set_random_seed(seed + 1)
    distiller = keras_kd.Distiller(
        teacher=teacher,
        student=with_dropout(4, "student"),
        distillation_losses=[
            keras_kd.losses.SoftTargets(3.0, loss_weight=0.7),
            keras_kd.losses.Hint(teacher_tap="hidden", student_tap="hidden"),
        ],
        student_loss_weight=0.3,
    )
    schedule = keras.optimizers.schedules.CosineDecay(0.01, 20)
    distiller.compile(
        keras.optimizers.Adam(schedule),
        loss=cross_entropy(),
        metrics=["accuracy", keras_kd.metrics.TeacherAgreement()],
    )
    return distiller


def fit(distiller, **kwargs):
    return distiller.fit(*support.data(), shuffle=False, verbose=0, **kwargs)


def state(distiller):
    return support.values(
        [*distiller.variables, *distiller.optimizer.variables]
    )


def run(arguments):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )


class SaveTest(absltest.TestCase):
    def path(self, name):
        return str(support.folder(self) / name)

    @pytest.mark.slow
    def test_a_loaded_distiller_goes_on_to_equal_weights(self):
        first = made()
        fit(first)
        first.hyperparameter("soft_targets.temperature").assign(1.5)
        path = self.path("distiller.keras")
        first.save(path)
        second = keras.models.load_model(path)
        self.assertEqual(
            keras.ops.convert_to_numpy(
                second.hyperparameter("soft_targets.temperature")
            ),
            1.5,
        )
        histories = [fit(one, epochs=2).history for one in (first, second)]
        self.assertEqual(*histories)
        difference = support.largest_difference(state(first), state(second))
        self.assertEqual(difference, 0)
        teachers = [
            support.values(one.teacher.weights) for one in (first, second)
        ]
        self.assertEqual(support.largest_difference(*teachers), 0)

    def test_the_config_survives_a_round_trip(self):
        config = made().get_config()
        again = keras_kd.Distiller.from_config(config).get_config()
        self.assertEqual(config, again)

    def test_weights_files_hold_no_teacher(self):
        big = support.dense(2000, name="teacher")
        distiller = support.distiller(teacher=big)
        distiller.compile("sgd")
        weights, full = self.path("d.weights.h5"), self.path("d.keras")
        distiller.save_weights(weights)
        distiller.save(full)
        teacher = sum(v.size * 4 for v in support.values(big.weights))
        self.assertLess(os.path.getsize(weights), teacher)
        self.assertGreater(os.path.getsize(full), teacher)

    def test_checkpoints_of_weights_hold_no_teacher(self):
        big = support.dense(2000, name="teacher")
        distiller = support.distiller(teacher=big)
        distiller.compile("sgd")
        path = self.path("d.weights.h5")
        checkpoint = keras.callbacks.ModelCheckpoint(
            path, save_weights_only=True
        )
        x, _ = support.data()
        distiller.fit(x, verbose=0, callbacks=[checkpoint])
        teacher = sum(v.size * 4 for v in support.values(big.weights))
        self.assertLess(os.path.getsize(path), teacher)

    def test_the_exported_student_has_no_projector(self):
        distiller = made()
        path = self.path("student.keras")
        distiller.student.save(path)
        student = keras.models.load_model(path)
        self.assertLen(student.weights, len(distiller.student.weights))
        x, _ = support.data()
        np.testing.assert_array_equal(
            distiller.predict(x, verbose=0), student.predict(x, verbose=0)
        )

    def test_is_exported_as_the_model_that_predicts(self):
        x, _ = support.data(4)
        mutual = keras_kd.MutualDistiller(
            peers=[support.dense(4), support.dense(5)],
            distillation_losses=keras_kd.losses.SoftTargets(),
        )
        for made in (support.distiller(), mutual):
            with self.subTest(type(made).__name__):
                folder = support.folder(self)
                made.export(folder, verbose=False)
                loaded = tf.saved_model.load(folder)
                np.testing.assert_allclose(
                    loaded.serve(x), made.predict(x, verbose=0), atol=1e-6
                )

    def test_weights_of_another_teacher_are_refused(self):
        path = self.path("d.weights.h5")
        made(0).save_weights(path)
        with self.assertRaisesRegex(
            ValueError, 'must come from.*Received: teacher="teacher"'
        ):
            made(5).load_weights(path)

    @pytest.mark.slow
    def test_every_changed_value_of_a_weights_file_is_noticed(self):
        path = self.path("d.weights.h5")
        distiller = made()
        fit(distiller, epochs=1)
        distiller.save_weights(path)
        names = []
        with h5py.File(path) as file:
            file.visititems(
                lambda name, item: (
                    names.append(name) if hasattr(item, "shape") else None
                )
            )
        names = [name for name in names if not name.endswith("/seal")]
        self.assertGreater(len(names), 20)
        for name in names:
            changed = self.path("changed.weights.h5")
            shutil.copyfile(path, changed)
            with h5py.File(changed, "r+") as file:
                file[name][...] = np.asarray(file[name]) + 1
            if "metrics" in name or "tracker" in name:
                continue
            with self.assertRaisesRegex(
                ValueError, "changed.weights.h5' must be as it|must come from"
            ):
                distiller.load_weights(changed)
        distiller.load_weights(path)

    @pytest.mark.slow
    def test_a_fresh_process_needs_no_custom_objects(self):
        path = self.path("distiller.keras")
        made().save(path)
        # tests/mutual_distiller_saving_test.py imports them in the other order.
        code = (
            "import keras_kd, keras\n"
            f"model = keras.models.load_model({path!r})\n"
            "print(type(model).__name__, model.loss_names)"
        )
        process = run(["-c", code])
        self.assertIn(
            "Distiller ('soft_targets', 'hint')",
            process.stdout,
            process.stderr[-2000:],
        )

    @pytest.mark.slow
    def test_tensorboard_writes_every_term(self):
        folder = support.folder(self)
        distiller = made()
        fit(distiller, callbacks=[keras.callbacks.TensorBoard(folder)])
        written = b"".join(
            path.read_bytes() for path in pathlib.Path(folder).rglob("events.*")
        )
        for key in (b"epoch_soft_targets", b"epoch_hint", b"epoch_loss"):
            self.assertIn(key, written)


class Killer(keras.callbacks.Callback):
    """Ends the process without notice in the third epoch."""

    def on_train_batch_end(self, batch, logs=None):
        if self.model.optimizer.iterations == 8:
            os.kill(os.getpid(), signal.SIGKILL)


def resumable(folder, seed=0, callbacks=()):
    """Trains five epochs, or what is left of them."""
    distiller = made()
    # Other weights: what is resumed must not depend on them.
    for variable in distiller.student.weights:
        variable.assign(variable + float(seed))
    schedule = keras.optimizers.schedules.PolynomialDecay(8.0, 15, 1.0)
    fit(
        distiller,
        batch_size=8,
        epochs=5,
        callbacks=[
            keras.callbacks.BackupAndRestore(folder),
            keras_kd.callbacks.Anneal("soft_targets.temperature", schedule),
            keras_kd.callbacks.Anneal(
                "student_loss_weight", lambda epoch: 0.5**epoch, per="epoch"
            ),
            *callbacks,
        ],
    )
    return state(distiller)


KILLED = """
import sys
from tests._training import saving_test as here

here.resumable(sys.argv[1], callbacks=[here.Killer()])
"""


class ResumeTest(absltest.TestCase):
    @pytest.mark.slow
    def test_a_killed_run_ends_bit_equal_to_an_uninterrupted_one(self):
        folder = support.folder(self)
        process = run(["-c", KILLED, str(folder / "cut")])
        self.assertEqual(
            process.returncode, -signal.SIGKILL, process.stderr[-3000:]
        )

        cut = resumable(folder / "cut", seed=7)

        whole = resumable(folder / "whole")
        self.assertEqual(support.largest_difference(cut, whole), 0)


if __name__ == "__main__":
    absltest.main()
