"""Saving, loading and resuming a MutualDistiller."""

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

import keras_kd
from tests import support
from tests.peers import communities
from tests.support import cross_entropy

ROOT = pathlib.Path(__file__).parents[1]


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


def made(seed=0, count=2, **kwargs):
    """Peers with projectors, dropout, Adam, a schedule and metrics."""
    keras.utils.set_random_seed(seed)
    distiller = keras_kd.MutualDistiller(
        peers=[with_dropout(4 + i, f"peer{i}") for i in range(count)],
        distillation_losses=[
            keras_kd.losses.SoftTargets(3.0, loss_weight=0.7),
            keras_kd.losses.Hint(teacher_tap="hidden", student_tap="hidden"),
        ],
        student_loss_weight=0.3,
        **kwargs,
    )
    schedule = keras.optimizers.schedules.CosineDecay(0.01, 20)
    distiller.compile(
        keras.optimizers.Adam(schedule),
        loss=cross_entropy(),
        metrics=["accuracy", keras_kd.metrics.TeacherAgreement()],
    )
    return distiller


def data():
    x, y = support.data()
    return keras_kd.batch.attach(x, example_ids=np.arange(len(x))), y


def fit(distiller, **kwargs):
    return distiller.fit(
        *data(), batch_size=8, shuffle=False, verbose=0, **kwargs
    )


def state(distiller):
    return support.values(
        [
            *distiller.variables,
            *(v for one in distiller.optimizers for v in one.variables),
        ]
    )


@pytest.mark.slow
class SaveTest(parameterized.TestCase):
    @parameterized.parameters(
        {"exchange": "in_turn"},
        {"exchange_every": 2, "shards": True, "exchange": "together"},
    )
    def test_a_loaded_distiller_goes_on_to_equal_weights(self, **kwargs):
        first = made(**kwargs)
        fit(first)
        first.hyperparameter("soft_targets.temperature").assign(1.5)
        path = str(support.folder(self) / "distiller.keras")
        first.save(path)
        keras.utils.set_random_seed(9)
        second = keras.models.load_model(path)
        for argument, value in kwargs.items():
            self.assertEqual(getattr(second, argument), value)
        histories = [fit(one, epochs=2).history for one in (first, second)]
        self.assertEqual(*histories)
        difference = support.largest_difference(state(first), state(second))
        self.assertEqual(difference, 0)

    def test_weights_files_hold_all_of_it(self):
        first, second = (made(seed, 3, exchange_every=2) for seed in (0, 5))
        fit(first)
        path = str(support.folder(self) / "d.weights.h5")
        first.save_weights(path)
        second.load_weights(path)
        difference = support.largest_difference(state(first), state(second))
        self.assertEqual(difference, 0)

    def test_a_peer_is_saved_alone(self):
        distiller = made()
        fit(distiller)
        path = str(support.folder(self) / "peer.keras")
        distiller.peers[1].save(path)
        peer = keras.models.load_model(path)
        x, _ = support.data()
        np.testing.assert_array_equal(
            peer.predict(x, verbose=0),
            distiller.peers[1].predict(x, verbose=0),
        )

    def test_a_fresh_process_needs_no_custom_objects(self):
        path = str(support.folder(self) / "distiller.keras")
        communities.made().save(path)
        code = (
            "import keras, keras_kd\n"
            f"model = keras.models.load_model({path!r})\n"
            "print(type(model).__name__, model.peer_names)"
        )
        process = run(["-c", code])
        self.assertIn(
            "MutualDistiller ('peer_0', 'peer_1')",
            process.stdout,
            process.stderr[-2000:],
        )


def run(arguments):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )


class Killer(keras.callbacks.Callback):
    """Ends the process without notice in the third epoch."""

    def on_train_batch_end(self, batch, logs=None):
        if self.model.optimizer.iterations == 8:
            os.kill(os.getpid(), signal.SIGKILL)


def resumable(folder, seed=0, callbacks=(), **kwargs):
    """Trains five epochs, or what is left of them."""
    distiller = made(**kwargs)
    # Other weights: what is resumed must not depend on them.
    for peer in distiller.peers:
        for variable in peer.weights:
            variable.assign(variable + float(seed))
    schedule = keras.optimizers.schedules.PolynomialDecay(8.0, 15, 1.0)
    fit(
        distiller,
        epochs=5,
        callbacks=[
            keras.callbacks.BackupAndRestore(folder),
            keras_kd.callbacks.Anneal("soft_targets.temperature", schedule),
            *callbacks,
        ],
    )
    return state(distiller)


KILLED = """
import sys
from tests import mutual_distiller_saving_test as here

here.resumable(
    sys.argv[1], callbacks=[here.Killer()], exchange_every=4, shards=True
)
"""


class ResumeTest(absltest.TestCase):
    @pytest.mark.slow
    def test_a_killed_run_ends_bit_equal_to_an_uninterrupted_one(self):
        # The third epoch ends after the ninth step: a copy is one step old.
        folder = support.folder(self)
        process = run(["-c", KILLED, str(folder / "cut")])
        self.assertEqual(
            process.returncode, -signal.SIGKILL, process.stderr[-2000:]
        )
        kwargs = {"exchange_every": 4, "shards": True}

        cut = resumable(folder / "cut", seed=7, **kwargs)

        whole = resumable(folder / "whole", **kwargs)
        self.assertEqual(support.largest_difference(cut, whole), 0)


if __name__ == "__main__":
    absltest.main()
