"""Cost of a search beside the same search with `keras.distillation`.

Sixteen trials of random search each, over temperature and learning rate, taken
in turns: a trial here, a trial there. The teacher's forward pass is meant to
cost four training steps of the student; both are measured. Here, the teacher is
asked once and its answers are cached, which counts. `keras.distillation` gets
`keras.losses.KLDivergence()`, since its default divergence is none, and runs
the teacher in every step.

Given are ratios of CPU seconds of whole trials (building, training, validation,
checkpoint, and here a sixteenth of the cache), with the first batch of each
trial, in which its graph is made, and without it.

    python -m benchmarks.search_cost --output search_cost.json

takes about ten minutes on two cores.
"""

import argparse
import json
import pathlib
import tempfile

import keras
import keras_tuner
import numpy as np

import keras_kd
from benchmarks import contestants
from benchmarks import measure
from benchmarks import step_ratios

BATCH = 128
# Units of the teacher's layers at which a forward pass costs four steps.
TEACHER_UNITS = 4600
STUDENT_UNITS = 800
COST_RATIO = 4
OURS, THEIRS = step_ratios.OURS, step_ratios.THEIRS


class Clock(keras.callbacks.Callback):
    """Takes the CPU seconds of the first batch of a training."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def on_train_begin(self, logs=None):
        self._begun = measure.cpu_seconds()

    def on_train_batch_end(self, batch, logs=None):
        if self._begun is not None:
            self.seconds.append(measure.cpu_seconds() - self._begun)
        self._begun = None


class OurSearch(keras_kd.search.DistillationHyperModel):
    """Ours, with a clock."""

    def fit(self, hp, model, *args, callbacks=(), **kwargs):
        clock = Clock(self.first_batches)
        callbacks = [*callbacks, clock]
        return super().fit(hp, model, *args, callbacks=callbacks, **kwargs)


class TheirSearch(keras_tuner.HyperModel):
    """`keras.distillation` in a hypermodel, as one would write it."""

    def __init__(self, teacher, make_student, loss):
        super().__init__()
        self.teacher = teacher
        self.make_student = make_student
        self.loss = loss

    def build(self, hp):
        temperature = hp.Float("temperature", 1.0, 20.0, sampling="log")
        distiller = keras.distillation.Distiller(
            teacher=self.teacher,
            student=self.make_student(hp),
            distillation_losses=keras.distillation.LogitsDistillation(
                temperature=temperature, loss=keras.losses.KLDivergence()
            ),
            student_loss_weight=0.1,
        )
        rate = hp.Float("learning_rate", 1e-4, 3e-2, sampling="log")
        distiller.compile(
            keras.optimizers.Adam(rate), self.loss, metrics=["accuracy"]
        )
        return distiller

    def fit(self, hp, model, *args, callbacks=(), **kwargs):
        clock = Clock(self.first_batches)
        return model.fit(*args, callbacks=[*callbacks, clock], **kwargs)


def cost_ratio(teacher, student, x, y, rounds):
    """CPU seconds of a teacher's forward pass by those of a student's step."""
    batch = keras.ops.convert_to_tensor(x[:BATCH])
    student.compile("adam", loss())
    data = (x[:BATCH], y[:BATCH])
    student.train_on_batch(*data)
    forward = keras.Sequential([teacher])
    forward.compile()
    steps = {
        "teacher": lambda: forward.predict_on_batch(batch),
        "student": lambda: student.train_on_batch(*data),
    }
    seconds = measure.interleave(steps, rounds, count=10)
    ratios = np.array(seconds["teacher"]["cpu"]) / seconds["student"]["cpu"]
    return measure.spread(ratios)


def loss():
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def make_searches(teacher, train, validation, epochs, folder):
    """Returns a tuner and its call of `search` for each, and filling's cost."""

    def make_student(hp):
        return contestants.mlp(STUDENT_UNITS, inputs=train[0].shape[1])

    knobs = {
        "optimizer": "adam",
        "features": "none",
        "temperature_schedule": "constant",
        "soft_targets.loss_weight": 0.9,
        "batch_size": BATCH,
    }
    begun = measure.cpu_seconds()
    ours = OurSearch(
        teacher=teacher,
        student=make_student,
        data=train,
        cache_directory=folder / "cache",
        knobs=knobs,
        loss=loss(),
        metrics=["accuracy"],
    )
    filling = measure.cpu_seconds() - begun
    theirs = TheirSearch(teacher, make_student, loss())
    more = {"validation_data": validation, "epochs": epochs, "verbose": 0}
    tuners = {}
    for name, hypermodel, data in (
        (OURS, ours, ()),
        (THEIRS, theirs, train),
    ):
        hypermodel.first_batches = []
        tuner = keras_tuner.RandomSearch(
            hypermodel,
            objective="val_accuracy",
            max_trials=1,
            directory=folder,
            project_name=name,
            seed=0,
        )
        size = {} if name == OURS else {"batch_size": BATCH}
        tuners[name] = tuner, data, more | size
    return tuners, filling


def run(trials, batches, epochs, teacher_units, inputs=784, rounds=9):
    """Measures all.

    Returns:
        Dict of results that JSON can hold.
    """
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    x = random.normal(size=(batches * BATCH, inputs)).astype("float32")
    y = random.integers(0, 10, len(x))
    validation = x[: 4 * BATCH], y[: 4 * BATCH]
    teacher = contestants.mlp(teacher_units, inputs=inputs)
    student = contestants.mlp(STUDENT_UNITS, inputs=inputs)
    ratio = cost_ratio(teacher, student, x, y, rounds)
    seconds = {OURS: [], THEIRS: []}
    with tempfile.TemporaryDirectory() as folder:
        searches, filling = make_searches(
            teacher, (x, y), validation, epochs, pathlib.Path(folder)
        )
        for trial in range(trials):
            for name in (OURS, THEIRS)[:: 1 if trial % 2 else -1]:
                tuner, data, more = searches[name]
                tuner.oracle.max_trials = trial + 1
                begun = measure.cpu_seconds()
                tuner.search(*data, **more)
                seconds[name].append(measure.cpu_seconds() - begun)
            print(f"  trial {trial + 1} of {trials}", flush=True)
        first = {
            name: np.array(tuner.hypermodel.first_batches)
            for name, (tuner, _, _) in searches.items()
        }
    return summary(ratio, filling, seconds, first)


def summary(ratio, filling, seconds, first):
    """The results: theirs by ours, cache included.

    Args:
        ratio: Of the cost of teacher and student.
        filling: CPU seconds for the cache.
        seconds: CPU seconds of each trial, by who.
        first: CPU seconds of its first batch, by who.
    """
    ours, theirs = (np.array(seconds[name]) for name in (OURS, THEIRS))
    ours = ours + filling / len(ours)
    steady = [theirs - first[THEIRS], ours - first[OURS]]
    return {
        "teacher by student": ratio,
        "cache, seconds": filling,
        "seconds": {OURS: ours.tolist(), THEIRS: theirs.tolist()},
        "first batches, seconds": {k: v.tolist() for k, v in first.items()},
        "theirs by ours": theirs.sum() / ours.sum(),
        "trial by trial": measure.spread(theirs / ours),
        "without first batches": steady[0].sum() / steady[1].sum(),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--batches", type=int, default=60)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--output", type=pathlib.Path)
    arguments = parser.parse_args()
    found = run(
        arguments.trials, arguments.batches, arguments.epochs, TEACHER_UNITS
    )
    ratio, by_trial = found["teacher by student"], found["trial by trial"]
    low, high = by_trial["quartiles"]
    print(
        f"teacher's forward pass by student's step: {ratio['median']:.2f} "
        f"(meant: {COST_RATIO})\n"
        f"{arguments.trials} trials, theirs by ours, cache included: "
        f"{found['theirs by ours']:.2f} (a trial: {by_trial['median']:.2f} "
        f"[{low:.2f}, {high:.2f}])\n"
        "without the first batch of each trial, which makes the graph: "
        f"{found['without first batches']:.2f}"
    )
    for who, values in found["first batches, seconds"].items():
        print(f"first batch, {who}: {np.median(values):.2f} CPU seconds")
    if arguments.output:
        arguments.output.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
