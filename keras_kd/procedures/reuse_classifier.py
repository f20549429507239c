"""A student that ends in its teacher's classifier (Chen et al., 2022)."""

import dataclasses
import os
from collections.abc import Sequence

import keras

from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_not_empty
from keras_kd._core.heads import check_has_graph
from keras_kd._core.kinds import check_path
from keras_kd._core.predictions import logits_of
from keras_kd._runs.fit_arguments import check_fits
from keras_kd._runs.fit_arguments import check_labels
from keras_kd._runs.fit_arguments import new_optimizer
from keras_kd._runs.stages import Stages
from keras_kd._training.checks import check_model
from keras_kd._types import Data
from keras_kd.distiller import Distiller
from keras_kd.procedures._reuse_classifier.reused import PARTS
from keras_kd.procedures._reuse_classifier.reused import distance
from keras_kd.procedures._reuse_classifier.reused import reused


@dataclasses.dataclass(frozen=True)
class ReuseClassifierResult:
    """Result of `reuse_classifier`.

    Attributes:
        student: A new model, of the layers `"body"`, `"projector"` and
            `"head"`: the student's own up to its tap, the map to the teacher's
            features, and a frozen copy of the teacher's classifier. It is what
            is saved and used, so it is what counts as the student's size.
        parameters: Numbers of parameters of these three, by name.
        histories: The logs of the stage `"student"`: a dict from a key to its
            values, one per epoch.
    """

    student: keras.Model
    parameters: dict[str, int]
    histories: dict[str, dict[str, list[float]]]


def reuse_classifier(
    *,
    teacher: keras.Model,
    student: keras.Model,
    data: Data,
    teacher_tap: str,
    student_tap: str | None = None,
    epochs: int,
    batch_size: int | None = None,
    validation_data: Data | None = None,
    optimizer: str | keras.optimizers.Optimizer = "adam",
    projector: str | keras.layers.Layer = "infer",
    reduction: int = 2,
    directory: str | os.PathLike[str] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int | str = "auto",
) -> ReuseClassifierResult:
    """Gives a student the teacher's features, and its classifier (SIMKD).

    The student's last features go through a projector and learn to equal the
    teacher's; the loss is their mean squared difference, and nothing else: no
    label is used. What follows in the teacher, its classifier, is then the
    student's own, frozen. The better the features fit, the nearer the student
    is to its teacher.

    The result is larger than the student that was given, by the projector and
    the classifier: compare it with students of its own size.

    Reference: [Chen et al., 2022](https://arxiv.org/abs/2203.14001), section
    3.2. Where the student's map is the smaller one, the paper pools the
    teacher's; here the student's is resized, since a classifier may know one
    size only.

    Args:
        teacher: A built Functional or Sequential model that gives logits. Not
            changed.
        student: A built Functional or Sequential model. Its layers up to the
            tap are trained themselves, from the weights that they have.
        data: A `tf.data.Dataset` of batches, or a tuple of arrays `(x, y)`. The
            labels, numbers or probabilities of the teacher's classes, or nan,
            are for the accuracy in the logs.
        teacher_tap: Path of the teacher's layer that its classifier follows;
            in the paper the last before the pooling. See `taps`.
        student_tap: Path of the student's layer whose features are brought to
            the teacher's. Layers behind it are left out. `None`, the default,
            is the student's output.
        epochs: Epochs of the training.
        batch_size: Examples in a batch, if the data are arrays.
        validation_data: As `data`, or `None`.
        optimizer: A Keras optimizer or its name, of which a copy is used.
            Defaults to `"adam"`. The paper has SGD with momentum.
        projector: Brings the student's features to the teacher's shape: a
            `keras.Layer`, or `"infer"`, the default: three convolutions, 1x1,
            3x3 and 1x1, each with batch normalisation and a rectifier, the last
            one only where the teacher's layer has one; of vectors and sequences
            dense layers. Maps of other sizes are pooled or resized.
        reduction: Integer >= 1, what the teacher's channels are divided by
            inside an inferred projector. Defaults to `2`, the best of 2, 4 and
            8 in the paper.
        directory: Folder for finished work, from which an interrupted run
            resumes. `None`, the default, keeps nothing.
        callbacks: Keras callbacks.
        verbose: See `keras.Model.fit`.

    Returns:
        A `ReuseClassifierResult`.

    Raises:
        TypeError: If a model is not Functional or Sequential, or `projector`
            no layer.
        ValueError: If a tap or an argument cannot be used, or the directory
            holds another run.

    Example:

    >>> teacher = keras_kd.models.small_convnet((8, 8, 1), 3, (8, 8))
    >>> student = keras_kd.models.small_convnet((8, 8, 1), 3, (2, 2))
    >>> result = keras_kd.procedures.reuse_classifier(
    ...     teacher=teacher, student=student,
    ...     data=(np.ones((6, 8, 8, 1)), np.array([0, 1, 2] * 2)),
    ...     teacher_tap="stage2", student_tap="stage2", epochs=1, verbose=0)
    >>> result.parameters
    {'body': 58, 'projector': 248, 'head': 387}
    """
    arguments = {"procedure": "reuse_classifier"} | locals()
    check_fits(arguments)
    check_not_empty("data", data)
    check_count("epochs", epochs, "epochs of a stage")
    check_count("batch_size", batch_size, "examples", is_optional=True)
    check_count("reduction", reduction, "times fewer channels")
    check_model(student, "student")
    check_path("teacher_tap", teacher_tap)
    _check_projector(projector)
    check_model(teacher, "teacher")
    check_has_graph(teacher, "its classifier is copied")
    logits = logits_of(teacher, "teacher").shape
    check_labels("data", data, logits, may_lack=True)
    check_labels("validation_data", validation_data, logits, may_lack=True)
    whole = reused(
        teacher, student, teacher_tap, student_tap, projector, reduction
    )
    distiller = Distiller(
        teacher=teacher,
        student=whole,
        distillation_losses=distance(teacher_tap),
        student_loss_weight=0.0,
    )
    distiller.compile(new_optimizer(optimizer), metrics=["accuracy"])
    stages = Stages(directory, arguments)
    stages.keep_first("student", student)
    stages.keep_first("whole", whole)
    history = stages.fit(
        "student",
        distiller,
        data,
        epochs=epochs,
        batch_size=batch_size,
        validation_data=validation_data,
        callbacks=callbacks,
        verbose=verbose,
    )
    parameters = {name: whole.get_layer(name).count_params() for name in PARTS}
    return ReuseClassifierResult(whole, parameters, {"student": history})


def _check_projector(projector):
    is_infer = isinstance(projector, str) and projector == "infer"
    if not (is_infer or isinstance(projector, keras.Layer)):
        raise TypeError(
            '`projector` must be "infer" or a `keras.Layer`, since its weights '
            f"become the student's. Received: projector={projector!r}."
        )
