"""Runs with noise: resumed, saved, refused."""

import os
import pathlib
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import teachers
from keras_kd._core.identity import fingerprint
from tests import support

ROOT = pathlib.Path(__file__).parents[2]
X, _ = support.data()


def noisy(stddev=0.5, probability=1.0, model=None, **kwargs):
    model = model or support.dense(8, name="teacher")
    return teachers.NoisyTeacher(model, stddev, probability, **kwargs)


def state(teacher):
    return [v.tolist() for v in support.values(teacher.noise_state)]


def resumable(noise_seed):
    """A Distiller with a noisy teacher; only the noise depends on the seed."""
    keras.utils.set_random_seed(0)
    distiller = support.distiller(teacher=noisy(seed=noise_seed))
    distiller.compile("adam")
    return distiller


def run(distiller, folder, callbacks=()):
    distiller.fit(
        X,
        batch_size=8,
        epochs=4,
        shuffle=False,
        verbose=0,
        callbacks=[keras.callbacks.BackupAndRestore(folder), *callbacks],
    )
    return support.values(distiller.variables) + [
        np.array(numbers) for numbers in state(distiller.teacher)
    ]


class Killer(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if self.model.optimizer.iterations == 8:  # In the third epoch.
            os.kill(os.getpid(), signal.SIGKILL)


class ResumeTest(absltest.TestCase):
    @pytest.mark.slow
    def test_a_killed_run_ends_bit_equal_to_an_uninterrupted_one(self):
        folder = support.folder(self)
        cut = str(folder / "cut")
        process = subprocess.run(
            [
                sys.executable,
                "-c",
                "import sys\n"
                "from tests.teachers import noisy_runs_test as t\n"
                "t.run(t.resumable(3), sys.argv[1], [t.Killer()])",
                cut,
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
        )
        self.assertEqual(
            process.returncode, -signal.SIGKILL, process.stderr[-3000:]
        )
        whole = run(resumable(3), str(folder / "whole"))
        # Begins with other noise: what is resumed must not depend on it.
        resumed = run(resumable(4), cut)
        self.assertEqual(support.largest_difference(whole, resumed), 0)
        other = run(resumable(4), str(folder / "other"))
        self.assertGreater(support.largest_difference(whole, other), 1e-4)


class SaveTest(absltest.TestCase):
    @pytest.mark.slow
    def test_a_loaded_distiller_draws_what_the_saved_one_would(self):
        distiller = resumable(3)
        distiller.fit(X, verbose=0)
        path = support.folder(self) / "distiller.keras"
        distiller.save(path)
        loaded = keras.models.load_model(path)
        histories = [
            one.fit(X, shuffle=False, epochs=2, verbose=0).history
            for one in (distiller, loaded)
        ]
        self.assertEqual(*histories)

    def test_the_config_survives_a_round_trip(self):
        teacher = noisy(0.3, 0.2, shared_axes=(0, -1), seed=7, name="loud")
        config = keras.saving.serialize_keras_object(teacher)
        copy = keras.saving.deserialize_keras_object(config)
        self.assertEqual(copy.get_config(), teacher.get_config())
        self.assertEqual(state(copy), state(teacher))

    def test_its_fingerprint_is_not_the_plain_ones(self):
        model = support.dense(4)
        prints = [
            fingerprint(one)
            for one in (
                model,
                noisy(0.5, model=model),
                noisy(0.6, model=model),
                noisy(0.5, 0.9, model=model),
                noisy(0.5, model=model, shared_axes=(0,)),
            )
        ]
        self.assertLen(set(prints), 5)

    def test_weights_of_a_run_without_noise_are_refused(self):
        path = support.folder(self) / "plain.weights.h5"
        teacher = support.dense(8, name="teacher")
        support.distiller(teacher=teacher).save_weights(path)
        with self.assertRaisesRegex(
            ValueError, 'must come from.*teacher="noisy_teacher", whose weights'
        ):
            support.distiller(teacher=noisy(model=teacher)).load_weights(path)


class RefuseTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("stddev", {"stddev": 0.0}, "noise_stddev.*positive.*noise_stddev=0.0"),
        ("nothing", {"probability": 0.0}, "`probability`.*probability=0.0"),
        ("much", {"probability": 1.5}, "at most 1.*probability=1.5"),
        ("axis", {"shared_axes": (2,)}, r"shared_axes=\(2,\) for 2 axes"),
        ("seed", {"seed": -1}, "`seed` must be an integer.*seed=-1"),
        ("bool", {"seed": True}, "`seed` must be an integer.*seed=True"),
    )
    def test_values(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            noisy(**arguments)

    def test_axes_that_are_no_integers(self):
        with self.assertRaisesRegex(TypeError, r"integers.*=\('batch',\)"):
            noisy(shared_axes=("batch",))

    def test_noise_on_noise(self):
        with self.assertRaisesRegex(
            ValueError, 'without noise.*Received: model="noisy_teacher"'
        ):
            noisy(model=noisy())

    def test_probabilities(self):
        model = support.dense(4, name="sure", activation="softmax")
        with self.assertRaisesRegex(
            ValueError, 'must give logits.*model="sure"'
        ):
            noisy(model=model)


if __name__ == "__main__":
    absltest.main()
