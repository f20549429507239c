"""Defensive distillation (Papernot et al., 2016), which does not defend."""

import dataclasses
import os
from collections.abc import Callable
from collections.abc import Sequence

import keras

from keras_kd import losses
from keras_kd._core import identity
from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_not_empty
from keras_kd._core.arguments import check_temperature
from keras_kd._core.predictions import logits_of
from keras_kd._runs.fit_arguments import check_fits
from keras_kd._runs.fit_arguments import check_labels
from keras_kd._runs.fit_arguments import new_optimizer
from keras_kd._runs.stages import Stages
from keras_kd._types import Data
from keras_kd.distiller import Distiller
from keras_kd.procedures.new_networks import new_networks
from keras_kd.procedures.softened import LabelCrossEntropy
from keras_kd.procedures.softened import Softened


@dataclasses.dataclass(frozen=True)
class DefensiveDistillationResult:
    """Result of `defensive_distillation`: two networks that give logits.

    Attributes:
        student: The network that learnt from the teacher's answers, for use at
            temperature 1: nothing divides its logits any more.
        teacher: The network that learnt from the labels, at the same
            temperature. At temperature 1 it is one without any defence.
        histories: The logs of the stages `"teacher"` and `"student"`: dicts
            from a key to its values, one per epoch.
    """

    student: keras.Model
    teacher: keras.Model
    histories: dict[str, dict[str, list[float]]]


def defensive_distillation(
    *,
    build_network: Callable[[], keras.Model],
    data: Data,
    epochs: int,
    temperature: float = 20.0,
    batch_size: int | None = None,
    validation_data: Data | None = None,
    optimizer: str | keras.optimizers.Optimizer = "adam",
    directory: str | os.PathLike[str] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int | str = "auto",
) -> DefensiveDistillationResult:
    """Trains a network twice, so that its input gradients seem to vanish.

    **Do not rely on it.** It was proposed against adversarial examples, and
    was refuted a few months later: it does not make a network more robust, but
    hides its gradients from attacks that differentiate rounded probabilities.
    An attack on the logits finds examples as ever, and as near. See
    `report.robustness`, which has such attacks. It is here to be studied, and
    as a warning of what a defence must be tested against.

    1. *teacher*: a network learns the labels, at a high temperature.
    2. *student*: a second network of the same architecture, from fresh initial
       weights, learns the first network's outputs for the same examples, at the
       same temperature. It sees no label.

    The loss of either is

    ```
    cross-entropy of softmax(logits / temperature)
    ```

    with the label, or with the teacher's softened probabilities. There is no
    factor `temperature**2`. To fit its targets, a network makes its logits
    about `temperature` times larger. Used at temperature 1 they are then so
    far apart that the softmax is one-hot, in float32 exactly, and its gradient
    zero.

    References: [Papernot et al., 2016](https://arxiv.org/abs/1511.04508),
    section IV; refuted by [Carlini and Wagner, 2016](
    https://arxiv.org/abs/1607.04311), and [2017](
    https://arxiv.org/abs/1608.04644), section VIII.

    Args:
        build_network: Function without arguments that returns a new, built
            `keras.Model` that gives logits; called twice.
        data: A `tf.data.Dataset` of batches, or a tuple of arrays `(x, y)`.
            Labels are class numbers, or probabilities of the classes.
        epochs: Epochs of each stage.
        temperature: Float > 0, in both stages. Defaults to `20.0`. The paper
            has 1 to 100, and recommends 20 for MNIST.
        batch_size: Examples in a batch, if the data are arrays.
        validation_data: As `data`, or `None`.
        optimizer: A Keras optimizer or its name; each stage has its own, and
            never sees this one. Defaults to `"adam"`. The paper has SGD with
            momentum, whose steps at a high temperature are small: the gradient
            of the logits has a factor `1 / temperature`.
        directory: Folder for finished work, from which an interrupted run
            resumes. `None`, the default, keeps nothing.
        callbacks: Keras callbacks for both stages.
        verbose: See `keras.Model.fit`.

    Returns:
        A `DefensiveDistillationResult`.

    Raises:
        TypeError: If `build_network` returns no `keras.Model`.
        ValueError: If what it returns is not built, gives probabilities or is
            not new; an argument is out of range; or the directory holds
            another run.

    Example:

    >>> def build_network():
    ...     return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> result = keras_kd.procedures.defensive_distillation(
    ...     build_network=build_network, temperature=20.0, epochs=2,
    ...     data=(np.ones((6, 4)), np.array([0, 1, 2] * 2)), verbose=0)
    >>> list(result.histories)
    ['teacher', 'student']
    """
    arguments = {"procedure": "defensive_distillation"} | locals()
    check_fits(arguments)
    check_temperature(temperature)
    check_count("epochs", epochs, "epochs of a stage")
    check_count("batch_size", batch_size, "examples", is_optional=True)
    check_not_empty("data", data)
    teacher, student = new_networks(build_network, 2)
    logits = logits_of(student, "build_network()").shape
    check_labels("data", data, logits)
    check_labels("validation_data", validation_data, logits)
    # Both are made before either is trained, so that a fault shows at once.
    distiller = Distiller(
        teacher=teacher,
        student=student,
        # Its own factor temperature**2 is not the paper's.
        distillation_losses=losses.SoftTargets(
            temperature, loss_weight=1 / temperature**2, name="soft_targets"
        ),
        student_loss_weight=0.0,
    )
    distiller.compile(new_optimizer(optimizer), metrics=["accuracy"])
    softened = Softened(teacher, temperature)
    softened.compile(
        new_optimizer(optimizer), LabelCrossEntropy(), metrics=["accuracy"]
    )
    layers = [identity.of_model(network) for network in (teacher, student)]
    stages = Stages(directory, arguments | {"networks": layers})
    histories = {
        name: stages.fit(
            name,
            model,
            data,
            epochs=epochs,
            batch_size=batch_size,
            validation_data=validation_data,
            callbacks=callbacks,
            verbose=verbose,
        )
        for name, model in (("teacher", softened), ("student", distiller))
    }
    return DefensiveDistillationResult(student, teacher, histories)
