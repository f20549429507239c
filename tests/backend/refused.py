"""Uses that a backend cannot serve, and what each ends in.

A program: `python -m tests.backend.refused` prints a line for each use, with
its name and the error, or `nothing`.
"""

import tempfile

import keras
import numpy as np
import tensorflow as tf

import keras_kd
from tests import support

X = np.ones((8, 4), "float32")
STRANGE = np.array([0, 1, 2, 7] * 2)
IGNORED = np.array([0, 1, 2, -1] * 2)
TYPES = {"dtype": "float64"}


class Batches(keras.utils.PyDataset):
    """Two batches with labels that no class has."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return X, STRANGE


def compiled(distiller=None, loss=None, **kwargs):
    distiller = distiller or support.distiller()
    distiller.compile("sgd", loss or support.cross_entropy(), **kwargs)
    return distiller


def wide(width, name):
    """A net of 64 bits."""
    layers = [keras.layers.Dense(n, **TYPES) for n in (width, 3)]
    return keras.Sequential([keras.Input((4,)), *layers], name=name)


def cached(augmentation):
    """Trains on a cache of augmented images."""
    images = np.arange(96, dtype="float32").reshape(8, 4, 3, 1)
    nets = [
        keras.Sequential(
            [
                keras.Input((4, 3, 1)),
                keras.layers.Flatten(),
                keras.layers.Dense(n, activation="relu"),
                keras.layers.Dense(3),
            ]
        )
        for n in (4, 3)
    ]
    with tempfile.TemporaryDirectory() as folder:
        cache = keras_kd.teachers.cache_teacher(
            nets[0],
            (images, STRANGE % 3),
            folder,
            augmentation=augmentation,
            views=2,
            verbose=0,
        )
        data = cache.attach((images, STRANGE % 3)).batch(4)
        distiller = support.distiller(teacher=cache, student=nets[1])
        compiled(distiller).fit(data, epochs=2, verbose=0)


def layers_in_a_cache():
    cached(keras_kd.teachers.Augmentation(keras.layers.RandomFlip()))


def in_strategy():
    with tf.distribute.OneDeviceStrategy("cpu:0").scope():
        support.distiller()


def in_distribution():
    devices = keras.distribution.DataParallel(devices=["cpu:0"])
    with devices.scope():
        support.distiller()


def peers():
    nets = [support.dense(n, name=f"peer_{n}") for n in (3, 4)]
    distiller = keras_kd.MutualDistiller(
        peers=nets, distillation_losses=keras_kd.losses.SoftTargets(2.0)
    )
    compiled(distiller).fit(X, STRANGE, verbose=0)


def half_peers():
    nets = [
        keras.Sequential(
            [keras.Input((4,)), keras.layers.Dense(3, dtype="mixed_float16")]
        )
        for _ in range(2)
    ]
    distiller = keras_kd.MutualDistiller(
        peers=nets, distillation_losses=keras_kd.losses.SoftTargets(2.0)
    )
    compiled(distiller).fit(X, STRANGE % 3, verbose=0)


def of_a_distillation_loss():
    # It counts them as nothing, like those that `ignore_class` leaves out.
    distiller = support.distiller(keras_kd.losses.InputGradientTransfer())
    distiller.compile("sgd")
    logs = distiller.fit(X, STRANGE, verbose=0).history
    assert np.isfinite(logs["loss"][0])


class Ending(Batches):
    """One batch, which shows the shapes, and none to train on."""

    has_given = False

    def __getitem__(self, index):
        if self.has_given:
            raise OSError("no more")
        self.has_given = True
        return X, STRANGE % 3


def after_an_error():
    distiller = compiled()
    before = distiller.predict(X, verbose=0)
    for use in (distiller.fit, distiller.evaluate):
        try:
            use(Ending(), verbose=0)
        except (OSError, tf.errors.OpError):
            after = distiller.predict(X, verbose=0)
            np.testing.assert_array_equal(after, before)


def with_64_bits():
    # What the error of each tells to do.
    import jax

    jax.config.update("jax_enable_x64", True)
    distiller = support.distiller(
        keras_kd.losses.SoftTargets(2.0, **TYPES),
        teacher=wide(4, "teacher"),
        student=wide(3, "student"),
    )
    distiller.compile("sgd")
    distiller.fit(X, verbose=0)


USES = {
    "labels": lambda: compiled().fit(X, STRANGE, verbose=0),
    "labels_by_name": lambda: compiled(
        loss="sparse_categorical_crossentropy"
    ).fit(X, STRANGE, verbose=0),
    "labels_evaluated": lambda: compiled().evaluate(X, STRANGE, verbose=0),
    "labels_of_validation": lambda: compiled().fit(
        X, STRANGE % 3, validation_data=(X, STRANGE), verbose=0
    ),
    "labels_in_batches": lambda: compiled().fit(Batches(), verbose=0),
    "labels_on_batch": lambda: compiled().train_on_batch(X, STRANGE),
    "labels_of_peers": peers,
    "labels_ignored": lambda: compiled(
        loss=support.cross_entropy(ignore_class=-1)
    ).fit(X, IGNORED, verbose=0),
    "labels_not_ignored": lambda: compiled().fit(X, IGNORED, verbose=0),
    "labels_of_a_distillation_loss": of_a_distillation_loss,
    "after_an_error": after_an_error,
    "teacher": lambda: support.distiller(teacher=wide(4, "teacher")),
    "student": lambda: support.distiller(student=wide(4, "student")),
    "loss": lambda: support.distiller(
        keras_kd.losses.SoftTargets(2.0, name="soft", **TYPES)
    ),
    "half_peers": half_peers,
    "steps": lambda: compiled(steps_per_execution=2),
    "jit": lambda: compiled(jit_compile=True),
    "strategy": keras_kd.distribution.strategy,
    "in_strategy": in_strategy,
    "layers_in_a_cache": layers_in_a_cache,
    "function_in_a_cache": lambda: cached(
        tf.image.stateless_random_flip_left_right
    ),
    "in_distribution": in_distribution,
    "with_64_bits": with_64_bits,
}


def main():
    for name, use in USES.items():
        if name == "with_64_bits" and keras.backend.backend() != "jax":
            continue
        found = "nothing"
        try:
            use()
        except (RuntimeError, ValueError, tf.errors.OpError) as error:
            # TensorFlow puts lines of code around it.
            found = " ".join(str(error).split())
        print(f"{name}: {found}")


if __name__ == "__main__":
    main()
