"""Synthetic examples that an ensemble labels (Buciluă et al., 2006)."""

import dataclasses
import functools
import os
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_kd import losses
from keras_kd._core import identity
from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_not_empty
from keras_kd._core.model_weights import equal_copy
from keras_kd._runs.fit_arguments import check_fits
from keras_kd._runs.fit_arguments import new_optimizer
from keras_kd._runs.seeded_batches import SeededBatches
from keras_kd._runs.stages import Stages
from keras_kd._types import Data
from keras_kd.losses.copies import new_of
from keras_kd.procedures._compress import arguments
from keras_kd.procedures._compress.answers import CompressData
from keras_kd.procedures._compress.answers import CompressScores
from keras_kd.procedures._compress.answers import distiller
from keras_kd.teachers import FunctionTeacher
from keras_kd.transfer_sets import synthetic


@dataclasses.dataclass(frozen=True)
class CompressResult:
    """Result of `compress`.

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
    teacher: keras.Model | FunctionTeacher,
    student: keras.Model,
    x: Data,
    num_synthetic: int | Sequence[int],
    generator: Callable[..., Any] | None = None,
    encode: Callable[..., Any] | None = None,
    loss: losses.DistillationLoss | None = None,
    updates: int = 10_000,
    epochs: int = 20,
    batch_size: int = 128,
    validation_data: Data | None = None,
    patience: int | None = None,
    optimizer: str | keras.optimizers.Optimizer = "adam",
    seed: int = 0,
    directory: str | os.PathLike[str] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int | str = "auto",
) -> CompressResult:
    """Trains a small net on made-up examples that a big teacher labels.

    An ensemble of hundreds of models is good, and too big to be used. A small
    net could do as well, but the few labelled examples are not enough for it.
    So more examples are made, which look like the real ones, and the teacher
    labels them. The student learns from all of them, real and made up,
    and sees no label.

    One student is trained for each of `num_synthetic`, all from the same first
    weights and with the same number of updates.

    Reference: [Buciluă, Caruana and Niculescu-Mizil,
    2006](https://doi.org/10.1145/1150402.1150464).

    Args:
        teacher: A `keras.Model` that gives logits, such as a
            `teachers.EnsembleTeacher`, or a `teachers.FunctionTeacher`, for
            scikit-learn. It predicts rows like those of `x`.
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
        loss: A distillation loss of the outputs. `None`, the default, is
            `losses.ProbabilityRegression()`, as in the paper;
            `losses.LogitRegression()` is that of Ba and Caruana (2014).
        updates: Updates of each student. Defaults to `10_000`.
        epochs: Into how many equal parts to divide them; after each, the
            student is validated. Defaults to `20`.
        batch_size: Defaults to `128`.
        validation_data: Real examples and their class numbers, `(x, y)`, to
            judge by. Defaults to `None`.
        patience: Number of epochs without a better validation loss, that of
            the teacher's answers, after which a student stops; its best
            weights are then kept. Defaults to `None`, all updates.
        optimizer: A Keras optimizer or its name; each student has its own.
            Defaults to `"adam"`.
        seed: For the generator and the order of examples. Defaults to `0`.
        directory: Folder for finished work, the rows and the teacher's
            answers too, from which an interrupted run resumes. `None`, the
            default, keeps nothing. Functions are distinguished by name and
            code, not by what they call.
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
    given = {"procedure": "compress"} | locals()
    check_fits(given)
    numbers = arguments.check(
        teacher, student, num_synthetic, validation_data, patience
    )
    check_count("batch_size", batch_size, "examples in a batch")
    check_count("seed", seed, "one sequence of numbers", 0)
    arguments.check_parts(updates, epochs)
    loss = losses.ProbabilityRegression() if loss is None else loss
    x = np.asarray(x)
    arguments.check_parts_of(x, generator, encode, loss)
    check_not_empty("x", x)
    if generator is None:
        generator = functools.partial(synthetic.munge, verbose=verbose)
    given |= {
        # Its first weights are kept: a run that goes on begins from those.
        "student": identity.of_model(student),
        "loss": loss,
        "x": x,
    }
    stages = Stages(directory, given)
    student = equal_copy(student)
    stages.keep_first("student", student)
    room = CompressData(teacher, encode or (lambda rows: rows), validation_data)
    students, scores, histories = {}, room.teacher_score(), {}
    for count in numbers:
        name = f"synthetic_{count}"
        inputs = room.inputs(
            functools.partial(_rows, generator, x, count, seed),
            stages.run,
            f"{name}.npz",
        )
        batches = SeededBatches(
            inputs, None, batch_size, (seed, count), updates // epochs
        )
        students[count] = equal_copy(student)
        # A loss is built once: each student gets its own.
        model = distiller(students[count], inputs, new_of(loss))
        model.compile(new_optimizer(optimizer))
        histories[name] = stages.fit(
            name,
            model,
            batches,
            shuffle=False,
            epochs=epochs,
            patience=patience,
            validation_data=room.validation,
            callbacks=[batches.callback, *callbacks],
            verbose=verbose,
        )
        scores |= room.score(count, students[count])
    return CompressResult(students, scores, histories)


def _rows(generator, x, count, seed):
    """Joins the real rows and the synthetic ones."""
    if not count:
        return x
    made = np.asarray(generator(x, count, seed=seed))
    if made.shape != (count, *x.shape[1:]):
        raise ValueError(
            "`generator` must make rows like those of `x`, as many as it is "
            f"asked for. Received: shape {made.shape}, for {count} rows of "
            f"shape {x.shape[1:]}."
        )
    # Between integers there are other numbers: these are not rounded.
    return np.concatenate([x, made])
