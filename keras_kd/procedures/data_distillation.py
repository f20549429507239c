"""Labels from one teacher's many views (Radosavovic et al., 2018)."""

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_kd._core import ensemble_logits
from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_not_empty
from keras_kd._core.arguments import check_part
from keras_kd._core.kinds import check_list
from keras_kd._core.kinds import check_loss
from keras_kd._core.kinds import check_metrics
from keras_kd._core.predictions import logits_of
from keras_kd._core.predictions import predict_logits
from keras_kd._runs.fit_arguments import check_fits
from keras_kd._runs.fit_arguments import check_labels
from keras_kd._runs.fit_arguments import new_optimizer
from keras_kd._runs.stages import Stages
from keras_kd._training.checks import check_scoring_teacher
from keras_kd._types import Data
from keras_kd._types import PerOutput
from keras_kd.procedures._data_distillation.mixed_batches import MixedBatches
from keras_kd.procedures._data_distillation.tasks import Annotations
from keras_kd.procedures._data_distillation.tasks import ClassificationTask
from keras_kd.procedures._data_distillation.tasks import ObjectPeaksTask
from keras_kd.procedures._data_distillation.tasks import check_task
from keras_kd.procedures.softened import Softened
from keras_kd.teachers import FunctionTeacher
from keras_kd.transfer_sets.transforms import Identity
from keras_kd.transfer_sets.transforms import check_transforms


@dataclasses.dataclass(frozen=True)
class DataDistillationResult:
    """Result of `data_distillation`.

    Attributes:
        student: The student that was given, trained.
        annotations: The labels that the teacher gave, `Annotations`.
        histories: The logs of the stage `"student"`: a dict from a key to its
            values, one per epoch.
    """

    student: keras.Model
    annotations: Annotations
    histories: dict[str, dict[str, list[float]]]


def data_distillation(
    *,
    teacher: keras.Model | FunctionTeacher,
    student: keras.Model,
    labelled: Data,
    unlabelled: Data,
    transforms: Sequence[Any] = (Identity(),),
    task: ClassificationTask | ObjectPeaksTask | None = None,
    labelled_share: float = 0.6,
    updates: int = 10_000,
    epochs: int = 20,
    batch_size: int = 64,
    loss: PerOutput = "default",
    metrics: Sequence[Any] = (),
    validation_data: Data | None = None,
    optimizer: str | keras.optimizers.Optimizer = "adam",
    seed: int = 0,
    directory: str | os.PathLike[str] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int | str = "auto",
) -> DataDistillationResult:
    """Trains a student on labels that a teacher gives to unlabelled images.

    One teacher predicts several versions of an image better than one, since its
    mistakes differ between versions. The combined prediction becomes a label,
    as sure as any other, and a student learns from both kinds.

    1. Each of `transforms` changes the unlabelled images, the teacher predicts,
       and the predictions are changed back.
    2. The probabilities are averaged, and become *hard* labels in the format
       of the task. The most certain are kept, so many that an unlabelled image
       has as many annotations as a labelled one.
    3. The student, from its own first weights, learns from labelled and
       generated labels, a fixed share of each in every batch.

    With one transform, `Identity`, the labels are the teacher's plain
    predictions: the control.

    Reference: [Radosavovic et al., 2018](https://arxiv.org/abs/1712.04440).

    Args:
        teacher: A built `keras.Model` that gives logits of classes, or maps of
            logits, such as a `teachers.EnsembleTeacher`; or a
            `teachers.FunctionTeacher`.
        student: A built model of the same output. It is trained itself, from
            the weights that it has: fresh ones are better than the teacher's.
        labelled: Arrays `(x, y)`: images and targets in the task's format.
        unlabelled: Array of images.
        transforms: From `transfer_sets.transforms`, or objects with `apply`
            and `invert`. Defaults to one that changes nothing.
        task: `procedures.ClassificationTask` or `procedures.ObjectPeaksTask`.
            Defaults to `ClassificationTask()`.
        labelled_share: In (0, 1): part of each batch. Defaults to `0.6`.
        updates: Updates of the student. Defaults to `10_000`.
        epochs: Into how many parts to divide them, for the logs. Defaults to
            `20`.
        batch_size: Defaults to `64`.
        loss: Loss of targets and logits. Defaults to the cross-entropy of class
            numbers, or of maps, as the task wants it.
        metrics: Metrics of Keras.
        validation_data: Arrays `(x, y)`, or `None`.
        optimizer: A Keras optimizer or its name. Defaults to `"adam"`.
        seed: Integer, for the order of the examples. Defaults to `0`.
        directory: Folder for finished work, from which an interrupted run
            resumes. `None`, the default, keeps nothing.
        callbacks: Keras callbacks.
        verbose: See `keras.Model.fit`.

    Returns:
        A `DataDistillationResult`.

    Raises:
        TypeError: If the teacher is no model.
        ValueError: If the teacher gives probabilities, an argument cannot be
            used, the predictions of two transforms differ in shape, nothing is
            kept, or the directory holds another run.

    Example:

    >>> teacher, student = (
    ...     keras_kd.models.small_convnet((8, 8, 1), 3, (4,)) for _ in range(2))
    >>> images = np.random.default_rng(0).random((12, 8, 8, 1))
    >>> result = keras_kd.procedures.data_distillation(
    ...     teacher=teacher, student=student,
    ...     labelled=(images[:6], np.array([0, 1, 2] * 2)),
    ...     unlabelled=images[6:], updates=4, epochs=2, batch_size=4,
    ...     transforms=[keras_kd.transfer_sets.transforms.Identity(),
    ...                 keras_kd.transfer_sets.transforms.Flip()], verbose=0)
    >>> np.bincount(result.annotations.y).tolist()
    [2, 2, 2]
    """
    arguments = {"procedure": "data_distillation"} | locals()
    check_fits(arguments)
    task = ClassificationTask() if task is None else task
    check_task(task)
    x, y, unlabelled = _check(labelled, unlabelled, transforms, labelled_share)
    check_count("updates", updates, "updates of the student")
    check_count("epochs", epochs, "parts of the training")
    check_count("batch_size", batch_size, "examples in a batch", 2)
    check_count("seed", seed, "one sequence of numbers", 0)
    check_not_empty("labelled", (x, y))
    check_not_empty("unlabelled", unlabelled)
    check_scoring_teacher(teacher)
    if isinstance(loss, str) and loss == "default":
        logits = logits_of(student, "student").shape
        _check_classes(teacher, logits)
        if not task.is_multi_label:
            check_labels("labelled", (x, y), logits)
            check_labels("validation_data", validation_data, logits)
        loss = task.loss()
    check_loss("loss", loss)
    check_metrics("metrics", check_list("metrics", metrics, "metrics"))
    # Without a task it is the same run as with that.
    stages = Stages(directory, arguments | {"task": task})
    stages.keep_first("student", student)
    merged = _merge(teacher, unlabelled, transforms, task)
    annotations = task.annotate(merged, y)
    if not annotations.num_kept:
        raise ValueError(
            "`labelled` and the teacher must give at least one annotation, "
            "since the student is to learn from them. Received: none was kept."
        )
    generated = unlabelled[annotations.examples], annotations.y
    batches = MixedBatches(
        (x, y),
        generated,
        batch_size,
        labelled_share,
        steps=-(-updates // epochs),
        seed=seed,
    )
    # Saves the state of dropout too, for a resumed run.
    trained = Softened(student, temperature=1.0)
    trained.compile(new_optimizer(optimizer), loss, metrics=[*metrics])
    history = stages.fit(
        "student",
        trained,
        batches,
        epochs=epochs,
        shuffle=False,
        validation_data=validation_data,
        callbacks=[batches.callback, *callbacks],
        verbose=verbose,
    )
    return DataDistillationResult(student, annotations, {"student": history})


def _check_classes(teacher, logits):
    """Validates that the teacher labels with the student's classes."""
    theirs = getattr(teacher, "num_classes", None)
    if isinstance(teacher, keras.Model):
        output = ensemble_logits.shape(logits_of(teacher, "teacher"))
        theirs = ensemble_logits.logits_shape(output)[-1]
    if theirs != logits[-1]:
        raise ValueError(
            "`teacher` must score the classes of the student, since it labels "
            f"for it. Received: a teacher of {theirs} classes, and a student "
            f"of {logits[-1]}."
        )


def _merge(teacher, images, transforms, task):
    """Averages the teacher's outputs for all views, changed back."""
    total = None
    for transform in transforms:
        logits = predict_logits(
            teacher,
            transform.apply(images),
            "teacher",
            256,
            is_multi_label=task.is_multi_label,
        )
        found = transform.invert(task.probabilities(logits))
        if total is not None and found.shape != total.shape:
            raise ValueError(
                "`transforms` must change predictions back to one shape, since "
                f"they are averaged. Received: {found.shape[1:]} from "
                f"{transform!r}, and {total.shape[1:]} before. See its "
                "`invert`."
            )
        total = found if total is None else total + found
    return total / len(transforms)


def _check(labelled, unlabelled, transforms, labelled_share):
    """Returns the arrays `x`, `y` and `unlabelled`, after validation."""
    if not isinstance(labelled, tuple) or len(labelled) != 2:
        raise ValueError(
            "`labelled` must be arrays `(x, y)`. Received: "
            f"{type(labelled).__name__}."
        )
    x, y, unlabelled = map(np.asarray, (*labelled, unlabelled))
    if len(x) != len(y) or x.shape[1:] != unlabelled.shape[1:]:
        raise ValueError(
            "`labelled` must have a target for each image, and images like "
            f"those of `unlabelled`. Received: {len(x)} images of shape "
            f"{x.shape[1:]}, {len(y)} targets, and unlabelled images of shape "
            f"{unlabelled.shape[1:]}."
        )
    check_transforms("transforms", transforms)
    if not len(transforms):
        raise ValueError(
            "`transforms` must not be empty, since the teacher is asked about "
            "what they make. Received: none. Pass "
            "`[transfer_sets.transforms.Identity()]` to ask once."
        )
    check_part("labelled_share", labelled_share, "a part of each batch")
    return x, y, unlabelled
