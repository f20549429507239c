"""Hints first, then distillation (Romero et al., 2015)."""

import dataclasses
import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras

from keras_kd import losses
from keras_kd import taps
from keras_kd._core import tapped_model
from keras_kd._core.arguments import as_float
from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_not_empty
from keras_kd._core.arguments import check_positive
from keras_kd._core.arguments import check_temperature
from keras_kd._core.kinds import check_loss
from keras_kd._core.kinds import check_path
from keras_kd._core.predictions import logits_of
from keras_kd._runs.fit_arguments import check_fits
from keras_kd._runs.fit_arguments import check_labels
from keras_kd._runs.fit_arguments import new_optimizer
from keras_kd._runs.stages import Stages
from keras_kd._training.checks import check_model
from keras_kd._training.outputs import teacher_outputs
from keras_kd._types import Data
from keras_kd._types import PerOutput
from keras_kd.callbacks import Anneal
from keras_kd.distiller import Distiller
from keras_kd.procedures._fitnets.guided_part import guided_part
from keras_kd.procedures.regressor import infer_regressor
from keras_kd.procedures.regressor import nonlinearity_of

if TYPE_CHECKING:
    from keras_kd.teachers.cached import CachedTeacher


@dataclasses.dataclass(frozen=True)
class FitNetsResult:
    """Result of `fitnets`.

    Attributes:
        student: The student that was given, trained. It has no regressor.
        histories: The logs of the stages `"hint"` and `"distillation"`: dicts
            from a key to its values, one per epoch.
    """

    student: keras.Model
    histories: dict[str, dict[str, list[float]]]


def fitnets(
    *,
    teacher: "keras.Model | CachedTeacher",
    student: keras.Model,
    data: Data,
    hint_tap: str,
    guided_tap: str,
    hint_epochs: int,
    epochs: int,
    batch_size: int | None = None,
    validation_data: Data | None = None,
    optimizer: str | keras.optimizers.Optimizer = "rmsprop",
    loss: PerOutput = "default",
    regressor: str | keras.layers.Layer | None = "infer",
    temperature: float = 3.0,
    first_weight: float = 4.0,
    last_weight: float = 1.0,
    patience: int | None = None,
    directory: str | os.PathLike[str] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int | str = "auto",
) -> FitNetsResult:
    """Trains a deep, thin student in two stages.

    A network that is deeper and thinner than its teacher is hard to train.
    Its first half gets a target of its own, a middle layer of the teacher:

    1. *hint*: the student's layers up to the guided one, and a regressor
       behind them, learn to predict a hidden layer of the teacher, the hint.
       No label is used, and no later layer is run or changed. The loss is half
       the squared error, summed over the hint.
    2. *distillation*: the regressor is dropped, and the whole student learns
       from labels and teacher. The loss is

    ```
    cross-entropy with the labels
        + weight * cross-entropy of the softened probabilities
    ```

    where `weight` falls linearly from `first_weight` in the first epoch to
    `last_weight` in the last. There is no factor `temperature**2` here. The
    logs show it as `soft_targets.loss_weight`, which is `weight /
    temperature**2`, since `losses.SoftTargets` has that factor.

    These are two optimisations: in the paper, one of the sum of hints and
    labels failed to train such students. What others call FitNets or "hints"
    is that sum; here it is `losses.Hint` in a `Distiller`.

    Reference: [Romero et al., 2015](https://arxiv.org/abs/1412.6550),
    sections 2.2 and 2.3.

    Args:
        teacher: A built `keras.Model` that gives logits, or a
            `teachers.CachedTeacher` with the hint among its taps.
        student: A built Functional or Sequential model that gives logits. It
            is trained itself, from the weights that it has.
        data: A `tf.data.Dataset` of batches, or a tuple of arrays `(x, y)`.
        hint_tap: Path of the teacher's layer that gives the hint. See `taps`.
        guided_tap: Path of the student's layer that is guided.
        hint_epochs: Epochs of the first stage, at most. With `0` it is left
            out, its history is empty, and the rest is what the paper compares
            with as "KD".
        epochs: Epochs of the second stage, at most.
        batch_size: Examples in a batch, if the data are arrays.
        validation_data: As `data`, or `None`.
        optimizer: A Keras optimizer or its name; each stage has its own, and
            never sees this one. Defaults to `"rmsprop"`. The paper has RMSProp
            with a rate of .005 on CIFAR-10 and of .0005 on MNIST.
        loss: Loss of the labels. Defaults to the cross-entropy of class
            numbers and logits.
        regressor: Predicts the hint from the guided layer's output: a
            `keras.Layer`, `None` for nothing, if the shapes are equal, or
            `"infer"`, the default. That is a convolution without padding, or a
            dense layer for vectors, with the nonlinearity of the hint layer and
            weights from U(-.05, .05); linear for a cached teacher.
        temperature: Float > 0, for the second stage. Defaults to `3.0`.
        first_weight: Float > 0. Defaults to `4.0`.
        last_weight: Float >= 0. Defaults to `1.0`.
        patience: Number of epochs without a better validation after which a
            stage stops; its best weights are then kept, those of the lowest
            loss of the hint and of the highest accuracy. `None`, the default,
            trains all epochs and keeps the last.
        directory: Folder for finished work, from which an interrupted run
            resumes. `None`, the default, keeps nothing.
        callbacks: Keras callbacks for both stages.
        verbose: See `keras.Model.fit`.

    Returns:
        A `FitNetsResult`.

    Raises:
        TypeError: If the student is not Functional or Sequential.
        ValueError: If a tap or an argument cannot be used, or the directory
            holds another run.

    Example:

    >>> teacher = keras_kd.models.small_convnet((8, 8, 1), 3, (8, 8))
    >>> student = keras_kd.models.maxout_convnet(
    ...     (8, 8, 1), 3, [keras_kd.models.MaxoutBlock(2)] * 4)
    >>> result = keras_kd.procedures.fitnets(
    ...     teacher=teacher, student=student,
    ...     data=(np.ones((6, 8, 8, 1)), np.array([0, 1, 2] * 2)),
    ...     hint_tap="stage1", guided_tap="block2",
    ...     hint_epochs=1, epochs=2, verbose=0)
    >>> list(result.histories)
    ['hint', 'distillation']
    """
    arguments = {"procedure": "fitnets"} | locals()
    check_fits(arguments)
    check_temperature(temperature)
    check_positive("first_weight", first_weight, "that of the soft targets")
    check_not_empty("data", data)
    check_count("batch_size", batch_size, "examples", is_optional=True)
    _check(hint_epochs, epochs, last_weight, patience, validation_data)
    check_model(teacher, "teacher")
    check_model(student, "student")
    check_path("hint_tap", hint_tap)
    if isinstance(loss, str) and loss == "default":
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        logits = logits_of(student, "student").shape
        check_labels("data", data, logits, may_lack=True)
        check_labels("validation_data", validation_data, logits, may_lack=True)
    check_loss("loss", loss)
    part = guided_part(student, guided_tap)
    hint = _hint(teacher, hint_tap, part, regressor)
    first = Distiller(teacher=teacher, student=part, distillation_losses=hint)
    first.compile(new_optimizer(optimizer))
    weights = [w / temperature**2 for w in (first_weight, last_weight)]
    second = Distiller(
        teacher=teacher,
        student=student,
        # Its own factor temperature**2 is not the paper's.
        distillation_losses=losses.SoftTargets(
            temperature, loss_weight=weights[0], name="soft_targets"
        ),
    )
    second.compile(new_optimizer(optimizer), loss, metrics=["accuracy"])
    stages = Stages(directory, arguments)
    stages.keep_first("student", student)
    common = {
        "batch_size": batch_size,
        "validation_data": validation_data,
        "patience": patience,
        "verbose": verbose,
    }
    histories = {"hint": {}}
    if hint_epochs:
        histories["hint"] = stages.fit(
            "hint",
            first,
            data,
            epochs=hint_epochs,
            callbacks=callbacks,
            **common,
        )
    histories["distillation"] = stages.fit(
        "distillation",
        second,
        data,
        epochs=epochs,
        callbacks=[_falling(*weights, epochs), *callbacks],
        monitor="val_accuracy",
        mode="max",
        **common,
    )
    return FitNetsResult(student, histories)


def _falling(first, last, epochs):
    """Lets the weight of the soft targets fall linearly over the epochs."""
    schedule = keras.optimizers.schedules.PolynomialDecay(
        first, max(1, epochs - 1), last
    )
    return Anneal("soft_targets.loss_weight", schedule, per="epoch")


def _check(hint_epochs, epochs, last_weight, patience, validation_data):
    check_count("hint_epochs", hint_epochs, "epochs of a stage", 0)
    check_count("epochs", epochs, "epochs of a stage")
    check_count("patience", patience, "epochs to wait", is_optional=True)
    if not 0 <= as_float(last_weight) < math.inf:
        raise ValueError(
            "`last_weight` must be at least 0, since it is the weight of the "
            f"soft targets in the last epoch. Received: last_weight="
            f"{last_weight!r}."
        )
    if patience is not None and validation_data is None:
        raise ValueError(
            "`patience` must come with `validation_data`, since it is their "
            f"loss or accuracy that is waited for. Received: patience="
            f"{patience}, validation_data=None."
        )


def _hint(teacher, hint_tap, part, regressor):
    """The loss between the teacher's hint and the guided part's output."""
    is_layer = regressor is None or isinstance(regressor, keras.Layer)
    if not is_layer and not (
        isinstance(regressor, str) and regressor == "infer"
    ):
        raise TypeError(
            '`regressor` must be "infer", a `keras.Layer` or None, since its '
            f"weights are trained. Received: regressor={regressor!r}."
        )
    if isinstance(teacher, keras.Model):
        outputs = tapped_model.output_names(teacher)
        if hint_tap not in outputs and taps.find(teacher, hint_tap) is None:
            raise ValueError(
                taps.unknown_tap(
                    teacher, outputs, hint_tap, "teacher", "hint_tap"
                )
            )
    outputs = teacher_outputs(
        teacher, None, {"hint": losses.Hint(teacher_tap=hint_tap)}
    )
    shape = tuple(outputs.symbolic()[1][hint_tap].shape)
    if None in shape[1:]:
        raise ValueError(
            "`hint_tap` must give tensors of known size, since the loss is a "
            f"sum over them. Received: hint_tap={hint_tap!r}, of shape "
            f"{shape}. Give the teacher an `Input` that fixes it."
        )
    if regressor == "infer":
        regressor = infer_regressor(
            tuple(part.output.shape), shape, nonlinearity_of(teacher, hint_tap)
        )
    return losses.Hint(
        teacher_tap=hint_tap,
        projector=regressor,
        # `Hint` is a mean, and the paper's loss half the sum.
        loss_weight=math.prod(shape[1:]) / 2,
        name="hint",
    )
