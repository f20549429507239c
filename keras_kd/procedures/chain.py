"""Chains of networks, in which each is taught by the one before it."""

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras

from keras_kd._core import named
from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_not_empty
from keras_kd._core.kinds import check_loss
from keras_kd._core.predictions import logits_of
from keras_kd._runs.fit_arguments import check_fits
from keras_kd._runs.fit_arguments import check_labels
from keras_kd._runs.fit_arguments import new_optimizer
from keras_kd._runs.stages import Stages
from keras_kd._training.checks import check_losses
from keras_kd._training.checks import check_model
from keras_kd.distiller import Distiller
from keras_kd.losses import DistillationLoss
from keras_kd.losses.copies import new_of

# One loss, several, or a function of a teacher and a student that gives them.
Losses = (
    DistillationLoss
    | Sequence[DistillationLoss]
    | Callable[[Any, keras.Model], Any]
)


def check_chain(arguments):
    """Validates what needs no networks, before any is built.

    Args:
        arguments: See `train_chain`.
    """
    check_fits(arguments)
    check_model(arguments["teacher"], "teacher")
    check_count("epochs", arguments["epochs"], "epochs of a stage")
    check_count(
        "batch_size", arguments["batch_size"], "examples", is_optional=True
    )
    check_not_empty("data", arguments["data"])
    check_loss("loss", _loss_of(arguments))


def train_chain(arguments, networks, described):
    """Trains networks in turn, the first by the teacher, each by the last.

    All Distillers are made before any is trained, so that a fault of the last
    one shows at once. The first weights are kept: a run that goes on begins
    from those.

    Args:
        arguments: Those of the procedure, by name, and `"procedure"`.
        networks: Dict from the name of a stage to its built network.
        described: Dict of what identifies the networks, in place of arguments
            of these names. Their weights do not count.

    Returns:
        The histories of the stages, by name.
    """
    distillers = _distillers(arguments, networks)
    stages = Stages(arguments["directory"], arguments | described)
    for name, network in networks.items():
        stages.keep_first(name, network)
    passed_on = "epochs", "batch_size", "validation_data", "callbacks"
    options = {name: arguments[name] for name in (*passed_on, "verbose")}
    return {
        name: stages.fit(name, distiller, arguments["data"], **options)
        for name, distiller in distillers.items()
    }


def _distillers(arguments, networks):
    """A compiled Distiller for each stage, by name."""
    if _is_default(arguments["loss"]):
        logits = logits_of(list(networks.values())[-1], "student").shape
        for name in ("data", "validation_data"):
            check_labels(name, arguments[name], logits, may_lack=True)
    teacher, made = arguments["teacher"], {}
    for name, network in networks.items():
        made[name] = Distiller(
            teacher=teacher,
            student=network,
            distillation_losses=_losses(
                arguments["distillation_losses"], teacher, network
            ),
            student_loss_weight=arguments["student_loss_weight"],
        )
        made[name].compile(
            new_optimizer(arguments["optimizer"]),
            _loss_of(arguments),
            metrics=["accuracy"],
        )
        teacher = network
    return made


def _losses(given, teacher, student):
    """New losses for a stage, since each is built once."""
    if named.is_function(given) and not isinstance(given, type):
        given = given(teacher, student)
    return [new_of(loss) for loss in check_losses(given)]


def _is_default(loss):
    return isinstance(loss, str) and loss == "default"


def _loss_of(arguments):
    """The loss of the labels."""
    if _is_default(arguments["loss"]):
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return arguments["loss"]
