"""Trainings whose results are exact, or near numbers known beforehand.

A program: `python -m tests.backend.exact train FOLDER` writes the arrays of
`FOLDER/train.npz` and Distillers that have trained half of their epochs. In
another process, `go_on FOLDER` trains them on, and writes `FOLDER/go_on.npz`.
"""

import pathlib
import sys

import keras
import numpy as np

import keras_kd
from tests import support
from tests.backend import settled
from tests.backend import trainings
from tests.peers import communities

TEMPERATURE = 3.0
RATE = 0.5
# Of teacher and student.
POLICIES = {
    "float32": ("float32", "float32"),
    "student": ("float32", "mixed_bfloat16"),
    "teacher": ("mixed_bfloat16", "float32"),
    "both": ("mixed_bfloat16", "mixed_bfloat16"),
    "half": ("mixed_float16", "mixed_float16"),
}
HALF_THE_EPOCHS = 2


def linear(name, seed, dtype="float32"):
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, dtype=dtype)], name=name
    )
    settled.set_weights(model, seed)
    return model


def soft(teacher, student):
    return keras_kd.Distiller(
        teacher=teacher,
        student=student,
        distillation_losses=keras_kd.losses.SoftTargets(
            TEMPERATURE, name="soft"
        ),
    )


def precision(folder):
    """One step of a linear student under each pair of policies."""
    x, _, _ = trainings.vectors()
    for name, (of_teacher, of_student) in POLICIES.items():
        teacher = linear("teacher", 1, of_teacher)
        student = linear("student", 2, of_student)
        yield f"{name}/teacher", np.vstack(teacher.get_weights())
        yield f"{name}/before", np.vstack(student.get_weights())
        distiller = soft(teacher, student)
        distiller.compile(keras.optimizers.SGD(RATE))
        logs = distiller.fit(x, batch_size=len(x), verbose=0).history
        yield f"{name}/after", np.vstack(student.get_weights())
        yield f"{name}/loss", logs["soft"]


def renewed(folder):
    """Losses after a teacher got new weights between two fits."""
    x, y, _ = trainings.vectors()
    teacher, student = linear("teacher", 1), linear("student", 2)
    distiller = soft(teacher, student)
    distiller.compile(keras.optimizers.SGD(0.0))
    path = folder / "other.weights.h5"
    linear("other", 3).save_weights(path)
    teacher.compile(keras.optimizers.SGD(1.0), support.cross_entropy())
    twice = [2 * weight for weight in teacher.get_weights()]
    changes = {
        "nothing": lambda: None,
        "set_weights": lambda: teacher.set_weights(twice),
        "load_weights": lambda: teacher.load_weights(path),
        "training": lambda: teacher.fit(x, y, verbose=0),
    }
    for name, change in changes.items():
        change()
        logs = distiller.fit(x, verbose=0).history
        evaluated = distiller.evaluate(x, verbose=0, return_dict=True)
        yield f"{name}/losses", [logs["soft"][0], evaluated["soft"]]
        yield f"{name}/teacher", np.vstack(teacher.get_weights())
        yield f"{name}/student", np.vstack(student.get_weights())


def alike(folder):
    """One training in several ways: by batches, without a graph, in groups."""
    x, y, weights = trainings.vectors()
    starts = range(0, len(x), trainings.BATCH)

    def on_batch(distiller):
        for start in starts:
            rows = slice(start, start + trainings.BATCH)
            distiller.train_on_batch(x[rows], y[rows], weights[rows])
        return [*distiller.test_on_batch(x, y), distiller.predict_on_batch(x)]

    def fit(distiller):
        distiller.fit(
            x,
            y,
            sample_weight=weights,
            batch_size=trainings.BATCH,
            shuffle=False,
            verbose=0,
        )
        logs = distiller.evaluate(x, y, batch_size=len(x), verbose=0)
        return [*logs, distiller.predict(x, verbose=0)]

    ways = {
        "fit": (fit, {}),
        "on_batch": (on_batch, {}),
        "eagerly": (fit, {"run_eagerly": True}),
    }
    if keras.backend.backend() != "torch":
        ways["in_groups"] = (fit, {"steps_per_execution": 2})
    for name, (train, options) in ways.items():
        distiller = settled.settle(support.distiller())
        loss = support.cross_entropy()
        distiller.compile(keras.optimizers.Adam(0.01), loss, **options)
        found = [*train(distiller), *distiller.get_weights()]
        for number, array in enumerate(found):
            yield f"{name}/{number}", array


def interrupted():
    """A Distiller and a MutualDistiller to be trained, by name."""
    student = support.dense(6, name="student")
    # On PyTorch, Keras's dropout draws what no file holds.
    if keras.backend.backend() != "torch":
        student = keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.Dense(6, name="hidden"),
                keras.layers.BatchNormalization(),
                keras.layers.Dropout(0.5, seed=3),
                keras.layers.Dense(3),
            ],
            name="student",
        )
    losses = [
        keras_kd.losses.SoftTargets(TEMPERATURE),
        keras_kd.losses.Hint(teacher_tap="hidden", student_tap="hidden"),
    ]
    made = {
        "distiller": support.distiller(losses, student=student),
        "peers": communities.made(2),
    }
    for distiller in made.values():
        optimizer = keras.optimizers.Adam(0.01)
        trainings.compiled(distiller, optimizer, metrics=False)
    return made


def train(distiller, times=1):
    x, y, _ = trainings.vectors()
    distiller.fit(
        x,
        y,
        batch_size=trainings.BATCH,
        epochs=times * HALF_THE_EPOCHS,
        shuffle=False,
        verbose=0,
    )


def uninterrupted(folder):
    """Weights after all epochs; saves what has trained half of them."""
    for name, distiller in interrupted().items():
        train(distiller, 2)
        for number, array in enumerate(distiller.get_weights()):
            yield f"{name}/{number}", array
    for name, distiller in interrupted().items():
        train(distiller)
        distiller.save(folder / f"{name}.keras")


def resumed(folder):
    """Weights after the second half of the epochs."""
    for path in sorted(folder.glob("*.keras")):
        distiller = keras.saving.load_model(path)
        train(distiller)
        for number, array in enumerate(distiller.get_weights()):
            yield f"{path.stem}/{number}", array


PARTS = {
    "train": (precision, renewed, alike, uninterrupted),
    "go_on": (resumed,),
}


def main(what, folder):
    folder = pathlib.Path(folder)
    found = {
        f"{part.__name__}/{name}": np.asarray(array)
        for part in PARTS[what]
        for name, array in part(folder)
    }
    np.savez(folder / f"{what}.npz", **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
