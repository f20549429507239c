"""A modality with labels teaches one without (Gupta et al., 2016)."""

import dataclasses
import math
import os
from collections.abc import Sequence

import keras

from keras_kd import losses
from keras_kd._core.heads import upper_part
from keras_kd._core.kinds import check_path
from keras_kd._core.model_weights import copied_graph
from keras_kd._core.predictions import logits_of
from keras_kd._runs.fit_arguments import check_fit_data
from keras_kd._runs.fit_arguments import check_fits
from keras_kd._runs.fit_arguments import check_labels
from keras_kd._runs.fit_arguments import new_optimizer
from keras_kd._runs.stages import Stages
from keras_kd._types import Data
from keras_kd.distiller import Distiller
from keras_kd.procedures._fitnets.guided_part import guided_part
from keras_kd.procedures._supervision_transfer import checks
from keras_kd.procedures._supervision_transfer.models import fusion
from keras_kd.procedures._supervision_transfer.models import trainable_copy
from keras_kd.procedures.softened import LabelCrossEntropy
from keras_kd.procedures.softened import Softened


@dataclasses.dataclass(frozen=True)
class SupervisionTransferResult:
    """Result of `supervision_transfer`.

    Attributes:
        student: A model from the new modality to logits: the student's layers,
            a map of channels if there was need of one, and copies of the
            teacher's upper layers.
        fusion: A model of both modalities, which takes a dict with the entries
            `teacher_inputs` and `student_inputs` and gives logits: the
            logarithm of the mean of the teacher's and the student's
            probabilities (late fusion), or the logit of that mean if there is
            one unit. It has a copy of the teacher, and the student itself: to
            train it is to train the student too.
        histories: The logs of the stages `"transfer"` and `"fine_tuning"`:
            dicts from a key to its values, one per epoch.
    """

    student: keras.Model
    fusion: keras.Model
    histories: dict[str, dict[str, list[float]]]


def supervision_transfer(
    *,
    teacher: keras.Model,
    student: keras.Model,
    pairs: Data,
    teacher_tap: str,
    student_tap: str | None = None,
    teacher_inputs: str = "teacher",
    student_inputs: str = "student",
    epochs: int,
    labelled: Data | None = None,
    fine_tuning_epochs: int = 0,
    validation_data: Data | None = None,
    batch_size: int | None = None,
    projector: str | keras.layers.Layer | None = "infer",
    optimizer: str | keras.optimizers.Optimizer = "adam",
    fine_tuning_optimizer: str | keras.optimizers.Optimizer | None = None,
    directory: str | os.PathLike[str] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int | str = "auto",
) -> SupervisionTransferResult:
    """Transfers supervision from one kind of image to another.

    There are many labelled colour images, and no labelled depth images; but
    there are *pairs*, one of each kind of the same scene, without labels. A net
    for colour is trained already, the teacher. The student looks at depth.

    1. *transfer*: on pairs, the student's features learn to equal the
       teacher's, half-way up. No label is used. The loss is the squared
       distance, summed over the whole map.
    2. The teacher's upper layers, which know the classes, are copied on top of
       the student's: the whole is a classifier of depth images, though none of
       them had a label.
    3. *fine_tuning*, if there are some labels: the whole learns from those. The
       copies are trained, also those of layers that are frozen in the teacher.

    The teacher itself stays as it is.

    Reference: [Gupta, Hoffman and Malik, 2016](
    https://arxiv.org/abs/1507.00448), section 3.

    Args:
        teacher: A built Functional or Sequential model of one input that gives
            logits.
        student: A built Functional or Sequential model of the new modality, of
            one input. It is trained itself, from the weights that it has; those
            of the teacher may be a good beginning.
        pairs: A dict with an array of each modality, or a `tf.data.Dataset` of
            batches of such dicts. No labels.
        teacher_tap: Path of the teacher's layer whose output is matched. In
            the middle is best: lower layers know their modality, higher ones
            their classes. If it is the last, the student learns the logits, and
            nothing is copied.
        student_tap: Path of the student's layer that is to match it. Layers
            above are left out. `None`, the default, is the student's output.
        teacher_inputs: Key of the teacher's modality in `pairs`. Defaults to
            `"teacher"`.
        student_inputs: Key of the student's modality. Defaults to `"student"`.
        epochs: Epochs of the transfer.
        labelled: Examples of the new modality and their labels, `(x, y)`, or a
            data set of such batches. Labels are numbers or probabilities of the
            teacher's classes. Defaults to `None`: zero-shot.
        fine_tuning_epochs: Epochs of the fine-tuning. Defaults to `0`.
        validation_data: Others, of the same kind, for the logs of the
            fine-tuning. Defaults to `None`.
        batch_size: Examples in a batch, if the data are arrays.
        projector: Maps the student's features to the teacher's shape. See
            `losses.Hint`. Defaults to `"infer"`: nothing if the shapes are
            equal, a learnt 1×1 convolution if the channels differ.
        optimizer: A Keras optimizer or its name. Defaults to `"adam"`.
        fine_tuning_optimizer: The same for the fine-tuning. Defaults to
            `optimizer`.
        directory: Folder for finished work, from which an interrupted run
            resumes. `None`, the default, keeps nothing.
        callbacks: Keras callbacks for both stages.
        verbose: See `keras.Model.fit`.

    Returns:
        A `SupervisionTransferResult`.

    Raises:
        TypeError: If a model is not Functional or Sequential.
        ValueError: If a model, a tap, the data or a number cannot be used,
            pairs come with labels, or the directory holds another run.

    Example:

    >>> teacher = keras_kd.models.small_convnet((8, 8, 3), 5, (4, 6))
    >>> student = keras_kd.models.small_convnet((8, 8, 1), 5, (4, 4))
    >>> pairs = {"rgb": np.ones((6, 8, 8, 3)), "depth": np.ones((6, 8, 8, 1))}
    >>> result = keras_kd.procedures.supervision_transfer(
    ...     teacher=teacher, student=student, pairs=pairs,
    ...     teacher_tap="stage2", student_tap="stage2",
    ...     teacher_inputs="rgb", student_inputs="depth", epochs=1, verbose=0)
    >>> result.student.predict(pairs["depth"], verbose=0).shape
    (6, 5)
    >>> result.fusion.predict(pairs, verbose=0).shape
    (6, 5)
    """
    arguments = {"procedure": "supervision_transfer"} | locals()
    check_fits(arguments)
    checks.check_pairs(pairs, (teacher_inputs, student_inputs))
    checks.check_epochs(
        epochs, fine_tuning_epochs, batch_size, labelled, validation_data
    )
    check_path("teacher_tap", teacher_tap)
    checks.check_net(teacher, "teacher")
    checks.check_net(student, "student")
    logits = tuple(logits_of(teacher, "teacher").shape)
    for name in ("labelled", "validation_data"):
        if arguments[name] is not None:
            check_fit_data(name, arguments[name], may_weigh=False)
            check_labels(name, arguments[name], logits)
    lower = student
    if student_tap is not None:
        lower = guided_part(student, student_tap, "student_tap")
    copied = copied_graph(teacher)
    upper = trainable_copy(
        upper_part(copied, teacher_tap, f"{teacher.name}_upper")
    )
    distance = losses.Hint(
        teacher_tap=teacher_tap,
        projector=projector,
        # `Hint` is a mean, and the paper's loss the sum.
        loss_weight=math.prod(checks.known_shape(upper, teacher_tap)),
        name="distance",
    )
    distiller = Distiller(
        teacher=teacher,
        student=lower,
        distillation_losses=distance,
        teacher_inputs=teacher_inputs,
        student_inputs=student_inputs,
    )
    distiller.compile(new_optimizer(optimizer))
    second = optimizer
    if fine_tuning_optimizer is not None:
        second = fine_tuning_optimizer
    arguments["fine_tuning_optimizer"] = second
    stages = Stages(directory, arguments)
    stages.keep_first("student", student)
    common = {
        "batch_size": batch_size,
        "callbacks": callbacks,
        "verbose": verbose,
    }
    transfer = stages.fit("transfer", distiller, pairs, epochs=epochs, **common)
    whole = _whole(lower, distance.projector, upper)
    tuning = {}
    if fine_tuning_epochs:
        common |= {
            "epochs": fine_tuning_epochs,
            "validation_data": validation_data,
        }
        tuning = _fine_tune(stages, whole, second, labelled, common)
    both = fusion(copied, whole, teacher_inputs, student_inputs)
    histories = {"transfer": transfer, "fine_tuning": tuning}
    return SupervisionTransferResult(whole, both, histories)


def _fine_tune(stages, whole, optimizer, labelled, kwargs):
    """Trains a classifier on labels, and returns the history."""
    # Saves the state of dropout too, for a resumed run.
    trained = Softened(whole, temperature=1.0)
    trained.compile(
        new_optimizer(optimizer), LabelCrossEntropy(), metrics=["accuracy"]
    )
    return stages.fit("fine_tuning", trained, labelled, **kwargs)


def _whole(lower, projector, upper):
    """The student's layers, the map of channels and the upper layers."""
    x = lower.outputs[0]
    if projector is not None:
        x = projector(x)
    return keras.Model(lower.inputs[0], upper(x), name=lower.name)
