"""Synthetic examples that an ensemble labels (Buciluă et al., 2006)."""

import dataclasses
import functools
import hashlib
import os
from collections.abc import Callable
from collections.abc import Sequence

import keras
import numpy as np

from keras_kd import losses
from keras_kd.arguments import check_count
from keras_kd.model_copies import equal_copy
from keras_kd.procedures.compression import answers as answering
from keras_kd.procedures.compression import arguments
from keras_kd.procedures.compression.answers import CompressScores
from keras_kd.procedures.seeded_batches import SeededBatches
from keras_kd.procedures.stages import Stages
from keras_kd.procedures.stages import describe_optimizer
from keras_kd.procedures.stages import new_optimizer
from keras_kd.transfer_sets import synthetic

TARGETS = {
    "probabilities": losses.ProbabilityRegression,
    "logits": losses.LogitRegression,
}


@dataclasses.dataclass(frozen=True)
class CompressResult:
    """What `compress` made.

    Attributes:
        students: A trained student for each number of synthetic examples.
        scores: `CompressScores` of each, and of the teacher under `"teacher"`.
            Empty without validation data.
        histories: The logs of the stages, such as `"synthetic_10000"`: dicts
            from a key to its values, one per epoch.
    """

    students: dict[int, keras.Model]
    scores: dict[int | str, CompressScores]
    histories: dict[str, dict[str, list[float]]]


def compress(
    *,
    teacher,
    student: keras.Model,
    x,
    num_synthetic: int | Sequence[int],
    generator: Callable | None = None,
    encode: Callable | None = None,
    targets: str = "probabilities",
    updates: int = 10_000,
    epochs: int = 20,
    batch_size: int = 128,
    validation_data=None,
    patience: int | None = None,
    optimizer: str | keras.optimizers.Optimizer = "adam",
    seed: int = 0,
    directory: str | os.PathLike | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose="auto",
) -> CompressResult:
    """Trains a small net on made-up examples that a big teacher labels.

    An ensemble of hundreds of models is good, and too big to be used. A small
    net could do as well, but the few labelled examples do not tell it enough.
    So more examples are made, which look like the real ones, and the teacher
    says what they are. The student learns from all of them, real and made up,
    and sees no label.

    One student is trained for each of `num_synthetic`, all from the same first
    weights and with the same number of updates.

    Reference: [Buciluă, Caruana and Niculescu-Mizil,
    2006](https://doi.org/10.1145/1150402.1150464).

    Args:
        teacher: A `keras.Model` that gives logits, such as a
            `teachers.EnsembleTeacher`, or a `teachers.FunctionTeacher`, for
            scikit-learn. It is asked about rows like those of `x`.
        student: A built model that gives logits. It is not trained itself.
        x: Array `(examples, attributes)` of real examples, without labels.
        num_synthetic: How many examples to make, or several such numbers. `0`
            trains on the real ones alone.
        generator: Function `(x, num_examples, seed=...)` that makes rows.
            `None`, the default, is `transfer_sets.synthetic.munge`. Where
            attributes are nominal, pass `functools.partial(synthetic.munge,
            nominal=[...])`.
        encode: Function from rows to the student's input, such as one that
            scales numbers and spreads nominal attributes over several. `None`,
            the default, passes rows on.
        targets: `"probabilities"`, the default, as in the paper, or `"logits"`,
            as in Ba and Caruana (2014).
        updates: Updates of each student. Defaults to `10_000`.
        epochs: Into how many parts to divide them; after each, the student is
            validated. Defaults to `20`.
        batch_size: Defaults to `128`.
        validation_data: Real examples and their class numbers, `(x, y)`, to
            judge by. Defaults to `None`.
        patience: Number of epochs without a better validation loss, that of
            the teacher's answers, after which a student stops; its best
            weights are then kept. Defaults to `None`, all updates.
        optimizer: A Keras optimizer or its name; each student has its own.
            Defaults to `"adam"`.
        seed: For the generator and the order of examples. Defaults to `0`.
        directory: Folder for what is finished, so that a run that was
            interrupted goes on. `None`, the default, keeps nothing.
        callbacks: Keras callbacks for each student.
        verbose: See `keras.Model.fit`.

    Returns:
        A `CompressResult`.

    Raises:
        TypeError: If the teacher or the student is no model.
        ValueError: If an argument cannot be used, or the directory holds
            another run.

    Example:

    >>> x = np.random.default_rng(0).normal(size=(50, 3))
    >>> teacher = keras_kd.teachers.FunctionTeacher(
    ...     lambda x: x[:, :2], num_classes=2, from_logits=True)
    >>> student = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> result = keras_kd.procedures.compress(
    ...     teacher=teacher, student=student, x=x, num_synthetic=[0, 100],
    ...     updates=20, epochs=2, verbose=0)
    >>> list(result.students)
    [0, 100]
    """
    numbers = arguments.check(
        teacher, student, num_synthetic, validation_data, patience
    )
    check_count("updates", updates, "updates of a student")
    check_count("epochs", epochs, "parts of the training")
    check_count("batch_size", batch_size, "examples in a batch")
    if targets not in TARGETS:
        raise ValueError(
            f"`targets` must be one of {', '.join(map(repr, TARGETS))}. "
            f"Received: targets={targets!r}."
        )
    if generator is None:
        generator = functools.partial(synthetic.munge, verbose=verbose)
    x = np.asarray(x)
    settings = {
        "procedure": "compress",
        "x": hashlib.sha256(np.ascontiguousarray(x).tobytes()).hexdigest(),
        "targets": targets,
        "training": [updates, epochs, batch_size, patience, seed],
        "optimizer": describe_optimizer(optimizer),
    }
    course = _Course(
        teacher,
        student,
        encode or (lambda rows: rows),
        TARGETS[targets],
        optimizer,
        validation_data,
        Stages(directory, settings),
        {
            "epochs": epochs,
            "patience": patience,
            "verbose": verbose,
        },
    )
    result = CompressResult({}, course.teacher_score(), {})
    for count in numbers:
        rows = x
        if count:
            made = np.asarray(generator(x, count, seed=seed))
            rows = np.concatenate([x, made.astype(x.dtype)])
        course.run(
            count,
            rows,
            result,
            batch_size=batch_size,
            seed=(seed, count),
            steps=-(-updates // epochs),
            callbacks=callbacks,
        )
    return result


@dataclasses.dataclass(frozen=True)
class _Course:
    """How students are trained and judged, as in `compress`."""

    teacher: object
    student: keras.Model
    encode: Callable
    loss: type
    optimizer: object
    validation_data: tuple | None
    stages: Stages
    kwargs: dict

    def run(self, count, rows, result, *, callbacks, **batches):
        """Trains the student of a number of synthetic examples."""
        answers = answering.ask(self.teacher, rows)
        x = answering.beside(self.encode(rows), answers)
        batches = SeededBatches(x, None, **batches)
        student = equal_copy(self.student)
        distiller = answering.distiller(
            student, x, answers.shape[-1], self.loss()
        )
        distiller.compile(new_optimizer(self.optimizer))
        judged = self.judged
        name = f"synthetic_{count}"
        result.histories[name] = self.stages.fit(
            name,
            distiller,
            batches,
            shuffle=False,
            validation_data=judged and (judged[0],),
            callbacks=[batches.callback, *callbacks],
            **self.kwargs,
        )
        result.students[count] = student
        if judged:
            inputs = self.encode(np.asarray(self.validation_data[0]))
            logits = student.predict(inputs, batch_size=1024, verbose=0)
            result.scores[count] = answering.score(
                logits, judged[0][answering.ANSWERS], judged[1]
            )

    @functools.cached_property
    def judged(self):
        """The validation data with the teacher's answers, and the labels."""
        if self.validation_data is None:
            return None
        rows, labels = map(np.asarray, self.validation_data)
        answers = answering.ask(self.teacher, rows)
        arguments.check_labels(labels, answers.shape[-1])
        return answering.beside(self.encode(rows), answers), labels

    def teacher_score(self):
        """The teacher's own scores, if there are validation data."""
        judged = self.judged
        if judged is None:
            return {}
        answers = judged[0][answering.ANSWERS]
        return {"teacher": answering.score(answers, answers, judged[1])}
