"""A student without data (Lopes, Fenu and Starner, 2017)."""

import dataclasses
import os
from collections.abc import Sequence

import keras

from keras_kd import losses
from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_positive
from keras_kd._core.arguments import check_temperature
from keras_kd._core.predictions import logits_of
from keras_kd._runs.fit_arguments import check_fits
from keras_kd._runs.fit_arguments import check_labels
from keras_kd._runs.fit_arguments import new_optimizer
from keras_kd._runs.seeded_batches import SeededBatches
from keras_kd._runs.stages import Stages
from keras_kd._types import Data
from keras_kd.distiller import Distiller
from keras_kd.transfer_sets._activations.records import ActivationRecords
from keras_kd.transfer_sets.reconstruct import Reconstruction
from keras_kd.transfer_sets.reconstruct import make_plan
from keras_kd.transfer_sets.reconstruct import reconstruct


@dataclasses.dataclass(frozen=True)
class DataFreeResult:
    """Result of `data_free`.

    Attributes:
        student: The student that was given, trained.
        reconstruction: The inputs that it was trained on.
        histories: The logs of the stages `"reconstruction"`, with a value for
            each batch of inputs, and `"distillation"`, with one per epoch.
    """

    student: keras.Model
    reconstruction: Reconstruction
    histories: dict[str, dict[str, list[float]]]


def data_free(
    *,
    teacher: keras.Model,
    student: keras.Model,
    records: ActivationRecords,
    images_per_class: int,
    epochs: int,
    steps: int = 1000,
    image_learning_rate: float = 0.07,
    pixel_mean: float = 0.15,
    pixel_stddev: float = 0.1,
    dropout: float = 0.0,
    rectified: bool = True,
    reconstruction_batch_size: int = 64,
    temperature: float = 8.0,
    optimizer: str | keras.optimizers.Optimizer = "adam",
    batch_size: int = 64,
    validation_data: Data | None = None,
    seed: int = 0,
    directory: str | os.PathLike[str] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int | str = "auto",
) -> DataFreeResult:
    """Trains a student from a teacher and a small record of its activations.

    1. *reconstruction*: inputs are made that give the teacher's recorded
       activations; see `transfer_sets.reconstruct`.
    2. *distillation*: the student learns the teacher's softened probabilities
       for these inputs. It sees neither data nor labels. The loss is the
       cross-entropy at the temperature, less the teacher's entropy, without
       the factor `temperature**2`.

    Students trained so are far from those that had data: on MNIST, the paper's
    made 8 to 31 percent errors in place of 1 to 5. They are further away the
    less the records hold.

    Reference: [Lopes et al., 2017](https://arxiv.org/abs/1710.07535).

    Args:
        teacher: A built `keras.Model` that gives logits, the one that the
            records belong to.
        student: A built `keras.Model` that gives logits. It is trained itself,
            from the weights that it has.
        records: `transfer_sets.ActivationRecords`.
        images_per_class: Number of inputs to make for each class.
        epochs: Epochs of the distillation. The paper has 30.
        steps: Updates of each input. Defaults to `1000`.
        image_learning_rate: `learning_rate` of `transfer_sets.reconstruct`.
            Defaults to `0.07`.
        pixel_mean: See `transfer_sets.reconstruct`. Defaults to `0.15`.
        pixel_stddev: The same. Defaults to `0.1`.
        dropout: The same. Defaults to `0.0`.
        rectified: The same. Defaults to `True`.
        reconstruction_batch_size: Inputs that are made together. Defaults to
            `64`.
        temperature: Float > 0 that divides the logits of both in the
            distillation. Defaults to `8.0`.
        optimizer: A Keras optimizer or its name; never changed. Defaults to
            `"adam"`. The authors' rate of Adam is 1e-5.
        batch_size: Inputs in a batch of the distillation. Defaults to `64`.
        validation_data: Arrays `(x, y)` or a data set of batches with class
            numbers, to see the accuracy while it trains. Nothing is chosen by
            it. Defaults to `None`.
        seed: Integer >= 0, for inputs and order of the examples. Defaults to
            `0`.
        directory: Folder for finished work, from which an interrupted run
            resumes. `None`, the default, keeps nothing.
        callbacks: Keras callbacks for the distillation.
        verbose: See `keras.Model.fit`; `0` shows no progress of the
            reconstruction either.

    Returns:
        A `DataFreeResult`.

    Raises:
        TypeError: If the records or a model are something else.
        ValueError: If the records are of another teacher, an argument cannot
            be used, or the directory holds another run.

    Example:

    >>> teacher, student = (
    ...     keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    ...     for _ in range(2))
    >>> x, y = np.random.default_rng(0).normal(size=(20, 4)), [0, 1] * 10
    >>> records = keras_kd.transfer_sets.activation_records(
    ...     teacher=teacher, data=(x, np.array(y)))
    >>> result = keras_kd.procedures.data_free(
    ...     teacher=teacher, student=student, records=records,
    ...     images_per_class=4, epochs=2, steps=20, verbose=0)
    >>> list(result.histories)
    ['reconstruction', 'distillation']
    """
    arguments = {"procedure": "data_free"} | locals()
    check_fits(arguments)
    check_temperature(temperature)
    check_positive("image_learning_rate", image_learning_rate, "a rate")
    sizes = {
        "epochs": epochs,
        "batch_size": batch_size,
        "reconstruction_batch_size": reconstruction_batch_size,
    }
    for name, size in sizes.items():
        check_count(name, size, "epochs" if name == "epochs" else "inputs")
    made = {
        "images_per_class": images_per_class,
        "steps": steps,
        "learning_rate": image_learning_rate,
        "pixel_mean": pixel_mean,
        "pixel_stddev": pixel_stddev,
        "dropout": dropout,
        "rectified": rectified,
        "batch_size": reconstruction_batch_size,
        "seed": seed,
    }
    make_plan(teacher, records, **made)  # Checks before anything is written.
    distiller = _distiller(teacher, student, temperature, optimizer)
    logits = logits_of(student, "student").shape
    check_labels("validation_data", validation_data, logits)
    stages = Stages(directory, arguments)
    stages.keep_first("student", student)
    reconstruction = reconstruct(
        teacher=teacher,
        records=records,
        directory=stages.folder and stages.folder / "reconstruction",
        verbose=0 if verbose == 0 else 1,
        **made,
    )
    batches = SeededBatches(reconstruction.x, None, batch_size, (seed,))
    history = stages.fit(
        "distillation",
        distiller,
        batches,
        epochs=epochs,
        callbacks=[batches.callback, *callbacks],
        shuffle=False,
        validation_data=validation_data,
        verbose=verbose,
    )
    histories = {
        "reconstruction": reconstruction.history,
        "distillation": history,
    }
    return DataFreeResult(student, reconstruction, histories)


def _distiller(teacher, student, temperature, optimizer):
    distiller = Distiller(
        teacher=teacher,
        student=student,
        # Its own factor temperature**2 is not the paper's.
        distillation_losses=losses.SoftTargets(
            temperature,
            loss_weight=1 / temperature**2,
            name="soft_targets",
        ),
    )
    distiller.compile(new_optimizer(optimizer), metrics=["accuracy"])
    return distiller
