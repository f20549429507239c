"""Trains small models from weights that are the same on every backend.

A program: `KERAS_BACKEND=jax python -m tests.backend.trainings train FOLDER`
writes `FOLDER/jax.npz`, with the weights and logs of each training under
`name/number`, and `FOLDER/jax.keras`, a Distiller. Then, `go_on FOLDER` trains
the Distillers of all files there, and writes `FOLDER/jax_went_on.npz`.
"""

import pathlib
import sys
import tempfile

import keras
import numpy as np
import tensorflow as tf

import keras_kd
from tests import support
from tests.backend import served_trainings
from tests.backend import settled
from tests.conformance import every_loss_model
from tests.conformance import teacher_rows
from tests.peers import communities

EXAMPLES, BATCH = 14, 6
EPOCHS = 3


def compiled(distiller, optimizer=None, metrics=True):
    settled.settle(distiller)
    own = [keras_kd.metrics.TeacherAgreement()] if metrics else []
    distiller.compile(
        optimizer or keras.optimizers.SGD(0.05, momentum=0.9),
        loss=support.cross_entropy(),
        metrics=["accuracy", *own],
    )
    return distiller


def result(distiller, x, y, sample_weight=None, callbacks=None):
    """Weights, logs and predictions after training, a list of arrays."""
    history = distiller.fit(
        x,
        y,
        sample_weight=sample_weight,
        batch_size=BATCH,
        epochs=EPOCHS,
        shuffle=False,
        verbose=0,
        callbacks=callbacks,
    ).history
    logs = distiller.evaluate(x, y, verbose=0, return_dict=True)
    return [
        *map(keras.ops.convert_to_numpy, distiller.weights),
        *(np.asarray(history[key]) for key in sorted(history)),
        *(np.asarray(logs[key]) for key in sorted(logs)),
        distiller.predict(x, verbose=0),
    ]


def vectors():
    random = np.random.default_rng(0)
    x = random.normal(size=(EXAMPLES, 4)).astype("float32")
    weights = random.random(EXAMPLES).astype("float32")
    return x, random.integers(0, 3, EXAMPLES), weights


def all_losses():
    """A Distiller with all losses, and its result, with masks and weights."""
    x, y, weights = every_loss_model.data(EXAMPLES)
    made = settled.settle(every_loss_model.distiller())
    return made, result(made, x, y, weights.astype("float32"))


def every_loss():
    """All losses at once, and once more from a file."""
    made, found = all_losses()
    x, y, _ = every_loss_model.data(EXAMPLES)
    return [*found, *support.through_a_file(made).evaluate(x, y, verbose=0)]


def images():
    """Convolutions, with what Keras adds to a loss and a schedule."""

    def net(width, name, **regularizers):
        return keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                keras.layers.Conv2D(width, 3, name="conv", **regularizers),
                keras.layers.BatchNormalization(),
                keras.layers.ReLU(),
                keras.layers.Conv2D(width, 3, name="map"),
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dense(3),
            ],
            name=name,
        )

    _, y, weights = vectors()
    x = np.random.default_rng(1).normal(size=(EXAMPLES, 8, 8, 1))
    l2 = keras.regularizers.L2(0.001)
    distiller = keras_kd.Distiller(
        teacher=net(6, "teacher"),
        student=net(
            3, "student", kernel_regularizer=l2, activity_regularizer=l2
        ),
        distillation_losses=[
            keras_kd.losses.SoftTargets(4.0, name="soft"),
            keras_kd.losses.Hint(teacher_tap="conv", student_tap="conv"),
            keras_kd.losses.AttentionTransfer(
                teacher_tap="map", student_tap="map", loss_weight=2.0
            ),
        ],
    )
    anneal = keras_kd.callbacks.Anneal(
        "soft.temperature", lambda step: 4.0 - 0.2 * step
    )
    return result(
        compiled(distiller),
        x.astype("float32"),
        y,
        weights,
        callbacks=[anneal],
    )


def input_gradients():
    """Second derivatives, beside what a layer adds to the loss."""
    student = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(
                5,
                activation="tanh",
                activity_regularizer=keras.regularizers.L2(0.01),
            ),
            keras.layers.Dense(3),
        ],
        name="student",
    )
    distiller = keras_kd.Distiller(
        teacher=support.dense(8, name="teacher"),
        student=student,
        distillation_losses=[
            keras_kd.losses.InputGradientTransfer(),
            keras_kd.losses.InputGradientSymmetry(axis=-1),
        ],
    )
    return result(compiled(distiller), *vectors())


def taught_by(name):
    """A student of one of the teachers of the conformance tests."""
    row = dict(teacher_rows.NAMED_ROWS)[name]

    def train():
        distiller = keras_kd.Distiller(
            teacher=row.make(),
            student=support.dense(5, name="student"),
            distillation_losses=keras_kd.losses.SoftTargets(3.0),
        )
        return result(compiled(distiller), *vectors())

    return train


def cached():
    """A student of the top three answers and a feature in a cache."""
    x, y, weights = vectors()
    teacher = support.dense(8, name="teacher")
    settled.set_weights(teacher, 1)
    data = tf.data.Dataset.from_tensor_slices((x, y, weights))
    with tempfile.TemporaryDirectory() as folder:
        cache = keras_kd.teachers.cache_teacher(
            teacher, data, folder, taps=["hidden"]
        )
        distiller = keras_kd.Distiller(
            teacher=cache,
            student=support.dense(5, name="student"),
            distillation_losses=[
                keras_kd.losses.SoftTargets(3.0),
                keras_kd.losses.Hint(
                    teacher_tap="hidden", student_tap="hidden"
                ),
            ],
        )
        compiled(distiller)
        history = distiller.fit(
            cache.attach(data).batch(BATCH), epochs=EPOCHS, verbose=0
        ).history
        return [
            *distiller.student.get_weights(),
            *(np.asarray(history[key]) for key in sorted(history)),
        ]


def peers(make=communities.vectors, **options):
    """Peers that teach each other."""

    def train():
        x, y = communities.data(make, EXAMPLES)
        distiller = communities.made(3, make, **options)
        return result(compiled(distiller, metrics=False), x, y, vectors()[2])

    return train


def unlabelled():
    """Data without labels at first, then with."""
    x, y, _ = vectors()
    distiller = compiled(support.distiller())
    distiller.compile("sgd", metrics=["accuracy"])
    distiller.fit(x, batch_size=BATCH, shuffle=False, verbose=0)
    return result(distiller, x, y)


def adam():
    """Adam with accumulated gradients and an average of the weights."""
    optimizer = keras.optimizers.Adam(
        0.01, use_ema=True, gradient_accumulation_steps=2
    )
    return result(compiled(support.distiller(), optimizer), *vectors())


TRAININGS = {
    "every_loss": every_loss,
    "images": images,
    "input_gradients": input_gradients,
    **{name: taught_by(name) for name in ("logits", "arithmetic", "geometric")},
    "preprocessed": taught_by("preprocessed"),
    "cached": cached,
    "in_turn": peers(),
    "together": peers(communities.tagger, exchange="together"),
    "stale": peers(exchange_every=2),
    "community": peers(communities.two_inputs, target="community"),
    "unlabelled": unlabelled,
    "adam": adam,
    **served_trainings.by_name(compiled, result, vectors),
}


def saved():
    """One with the state of an optimizer."""
    distiller = keras_kd.Distiller(
        teacher=support.dense(8, name="teacher"),
        student=support.dense(4, name="student"),
        distillation_losses=[
            keras_kd.losses.SoftTargets(3.0),
            keras_kd.losses.Hint(teacher_tap="hidden", student_tap="hidden"),
        ],
    )
    compiled(distiller, keras.optimizers.Adam(0.01))
    result(distiller, *vectors())
    return distiller


def train_all(folder, backend):
    found = {}
    for name, train in TRAININGS.items():
        for number, array in enumerate(train()):
            found[f"{name}/{number}"] = array
    np.savez(folder / f"{backend}.npz", **found)
    saved().save(folder / f"{backend}.keras")


def go_on(folder, backend):
    found = {}
    for path in sorted(folder.glob("*.keras")):
        distiller = keras.saving.load_model(path)
        for number, array in enumerate(result(distiller, *vectors())):
            found[f"{path.stem}/{number}"] = array
    np.savez(folder / f"{backend}_went_on.npz", **found)


def main(what, folder):
    folder = pathlib.Path(folder)
    {"train": train_all, "go_on": go_on}[what](folder, keras.backend.backend())


if __name__ == "__main__":
    main(*sys.argv[1:])
