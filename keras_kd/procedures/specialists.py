"""Specialists for confusable classes (Hinton et al., 2015)."""

from collections.abc import Callable
from typing import Any

import keras

from keras_kd._core.kinds import check_callable
from keras_kd._core.kinds import check_flag
from keras_kd._core.predictions import logits_of
from keras_kd._runs.fit_arguments import check_fits
from keras_kd._runs.stages import Stages
from keras_kd.procedures._specialists import checks
from keras_kd.procedures._specialists.classes import cluster_classes
from keras_kd.procedures._specialists.team import Specialists
from keras_kd.procedures._specialists.training import SpecialistTraining
from keras_kd.procedures._specialists.training import look


def specialists(
    *,
    generalist: keras.Model,
    num_specialists: int,
    data: Any,
    classes_per_specialist: int | None = None,
    standardize: bool = True,
    build_specialist: Callable[[tuple[int, ...]], keras.Model] | None = None,
    temperature: float = 1.0,
    loss_weight: float = 1.0,
    student_loss_weight: float = 1.0,
    epochs: int = 1,
    batch_size: int = 128,
    validation_data: Any = None,
    optimizer: Any = "adam",
    patience: int | None = None,
    seed: int = 0,
    directory: Any = None,
    callbacks: Any = (),
    verbose: Any = "auto",
) -> Specialists:
    """Trains specialists for groups of classes that a generalist confuses.

    1. Classes that the generalist often predicts together are grouped, by
       online K-means on the covariance of its predictions.
    2. For each group a specialist begins with the generalist's weights. It
       distinguishes the classes of its group and puts all others in one more,
       the dustbin.
    3. It is trained on batches of which one half is of its group and the other
       at random from the rest, with labels and with the generalist's
       probabilities, those of the other classes added up.
    4. Its dustbin's logit gets the logarithm of the ratio by which its classes
       were oversampled: it had seen them too often.

    The specialists do not depend on one another. They learn from hard labels in
    the experiments of section 5; soft targets against overfitting are proposed
    in section 6.1. The generalist's outputs are for examples as they are in
    `data`, and in batches that are half special, a good specialist gives its
    dustbin that much less: so its soft targets have the dustbin's logit lowered
    by what step 4 adds. With no labels and no training it would be the
    generalist.

    Reference: [Hinton et al., 2015](https://arxiv.org/abs/1503.02531),
    section 5.

    Args:
        generalist: A trained `keras.Model` that gives logits. Not changed.
        num_specialists: Number of specialists, each for one cluster.
        data: Arrays `(x, y)` with integer labels, or a `tf.data.Dataset` of
            batches of these, which is read into memory once. `x` is an array
            or a dict of arrays. Random augmentation belongs into the
            generalist, as layers.
        classes_per_specialist: Number of classes of a specialist: those whose
            columns of the covariance are nearest to the centre of its cluster.
            A class can then have several specialists or none, as in the
            paper. Defaults to `None`, each class with that of its cluster.
        standardize: Whether to standardise the predictions of each class before
            their covariance is taken. Without it, as in the paper, a class with
            a high variance can be a cluster of its own. Defaults to `True`.
        build_specialist: Function from the class numbers, a tuple, to a built
            model with a logit for each and, last, one for all others. It
            should begin with what the generalist has learnt. Defaults to
            `None`: a copy of the generalist with another last layer.
        temperature: Of the soft targets. Defaults to `1.0`.
        loss_weight: Factor on the soft targets, at least 0. Defaults to `1.0`.
        student_loss_weight: Factor on the labels' cross-entropy, at least 0.
            Defaults to `1.0`.
        epochs: Passes through a specialist's own examples, at most. Defaults
            to `1`.
        batch_size: An even number. Defaults to `128`.
        validation_data: As `data`; its special examples and the rest count as
            one half each. Defaults to `None`.
        optimizer: A Keras optimizer or its name. Each specialist gets a fresh
            one. Defaults to `"adam"`.
        patience: Stops a specialist after so many epochs without a lower
            `val_loss`, and puts its best weights back. Defaults to `None`.
        seed: Seed of the clustering and of the batches. Defaults to `0`.
        directory: Folder for finished and interrupted work, from which a
            second call resumes. Defaults to `None`.
        callbacks: Keras callbacks, for each specialist.
        verbose: As in `fit`. Defaults to `"auto"`.

    Returns:
        `Specialists`, with a stage `"specialist_0"` ... for each.

    Raises:
        TypeError: If `generalist` is not a `keras.Model`.
        ValueError: If an argument is out of range; the labels are not class
            numbers of the generalist; it gives probabilities; a class set has
            no examples, or all of them; a specialist has another number of
            outputs; or the directory has another run.

    Example:

    >>> generalist = keras.Sequential(
    ...     [keras.Input((4,)), keras.layers.Dense(6)])
    >>> x, y = np.random.normal(size=(60, 4)), np.arange(60) % 6
    >>> both = keras_kd.procedures.specialists(
    ...     generalist=generalist, num_specialists=2, data=(x, y),
    ...     classes_per_specialist=3, batch_size=20, verbose=0)
    >>> both.predict(x).shape, both.specialists[0].output_shape
    ((60, 6), (None, 4))
    """
    arguments = {"procedure": "specialists"} | locals()
    check_fits(arguments)
    logits_of(generalist, "generalist")
    checks.check_numbers(
        temperature, loss_weight, student_loss_weight, epochs, seed, patience
    )
    checks.check_batch_size(batch_size)
    check_flag("standardize", standardize, "what is clustered")
    if build_specialist is not None:
        call = "of class numbers that returns a model"
        check_callable("build_specialist", build_specialist, call)
    train = look(generalist, data, "data", batch_size)
    checks.check_counts(
        num_specialists, classes_per_specialist, train.logits.shape[-1]
    )
    class_sets = cluster_classes(
        train.logits,
        num_specialists,
        classes_per_specialist,
        standardize,
        seed,
    )
    checks.check_examples(class_sets, train.y, "data")
    validation = _look_at_validation(
        generalist, validation_data, batch_size, class_sets
    )
    weights = {
        "temperature": temperature,
        "loss_weight": loss_weight,
        "student_loss_weight": student_loss_weight,
        "seed": seed,
    }
    budget = {"epochs": epochs, "batch_size": batch_size, "patience": patience}
    # Found from what the generalist says, which rounding may change.
    stages = Stages(directory, arguments | {"class_sets": class_sets})
    course = SpecialistTraining(
        generalist=generalist,
        train=train,
        validation=validation,
        build_specialist=build_specialist,
        optimizer=optimizer,
        **weights,
    )
    options = budget | {"callbacks": callbacks, "verbose": verbose}
    results = [
        course.run(index, classes, stages, **options)
        for index, classes in enumerate(class_sets)
    ]
    models, shifts, histories = zip(*results, strict=True)
    return Specialists(
        generalist=generalist,
        specialists=models,
        class_sets=class_sets,
        dustbin_shifts=shifts,
        histories={f"specialist_{m}": h for m, h in enumerate(histories)},
    )


def _look_at_validation(generalist, validation_data, batch_size, class_sets):
    """Prepares the validation data of the specialists, or `None`."""
    if validation_data is None:
        return None
    found = look(generalist, validation_data, "validation_data", batch_size)
    checks.check_examples(class_sets, found.y, "validation_data")
    return found
