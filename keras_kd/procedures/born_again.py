"""Generations of one architecture (Furlanello et al., 2018)."""

import dataclasses
import os
from collections.abc import Callable
from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras

from keras_kd import losses
from keras_kd._core import identity
from keras_kd._core.arguments import check_count
from keras_kd._types import Data
from keras_kd._types import PerOutput
from keras_kd.procedures.chain import Losses
from keras_kd.procedures.chain import check_chain
from keras_kd.procedures.chain import train_chain
from keras_kd.procedures.new_networks import new_networks
from keras_kd.teachers.ensemble import EnsembleTeacher

if TYPE_CHECKING:
    from keras_kd.teachers.cached import CachedTeacher


@dataclasses.dataclass(frozen=True)
class BornAgainResult:
    """Result of `born_again`.

    Attributes:
        student: The last generation.
        generations: All of them, the first one first, without the teacher.
        ensemble: Arithmetic `teachers.EnsembleTeacher` of the generations,
            which averages their probabilities, and can teach in turn.
        histories: The logs of the stages `"generation_1"`, ...: dicts from a
            key to its values, one per epoch.
    """

    student: keras.Model
    generations: tuple[keras.Model, ...]
    ensemble: EnsembleTeacher
    histories: dict[str, dict[str, list[float]]]


def born_again(
    *,
    teacher: "keras.Model | CachedTeacher",
    build_network: Callable[[], keras.Model],
    data: Data,
    epochs: int,
    generations: int = 3,
    distillation_losses: Losses | None = None,
    student_loss_weight: float = 0.0,
    batch_size: int | None = None,
    validation_data: Data | None = None,
    optimizer: str | keras.optimizers.Optimizer = "adam",
    loss: PerOutput = "default",
    directory: str | os.PathLike[str] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int | str = "auto",
) -> BornAgainResult:
    """Trains generations of networks, each taught by the one before (BAN).

    Nothing becomes smaller here: a network teaches a new one of its own
    architecture, which begins with fresh weights, and so on. In the paper the
    first of them is better than the teacher, later ones gain little more, and
    the ensemble of the generations is better than each.

    With the defaults a generation learns from the teacher's probabilities
    alone, at temperature 1. `student_loss_weight=1.0` adds the labels, the
    paper's "BAN+L": better for its language models, worse for most of its
    images. The control is the teacher, if it was trained from labels in the
    same way; that of the ensemble is one of as many such networks.

    Reference: [Furlanello et al., 2018](https://arxiv.org/abs/1805.04770),
    sections 3 and 3.1. Its "CWTM" and "DKPP", which take the teacher's answers
    apart to explain them, are not here.

    Args:
        teacher: A built `keras.Model`, or a `teachers.CachedTeacher` that the
            data are attached to; it teaches the first generation. Not
            changed.
        build_network: Function without arguments that returns a new, built
            `keras.Model` that gives logits; called once a generation. The
            paper has the teacher's architecture, and others of its size.
        data: A `tf.data.Dataset` of batches, or a tuple of arrays `(x, y)`.
        epochs: Epochs of each generation.
        generations: Number of generations. Defaults to `3`, as in the paper.
        distillation_losses: See `teacher_assistants`. `None`, the default, is
            `losses.SoftTargets(temperature=1.0)`, as in the paper.
        student_loss_weight: Float >= 0, the factor on the loss of the labels.
            Defaults to `0.0`, no labels.
        batch_size: Examples in a batch, if the data are arrays.
        validation_data: As `data`, or `None`.
        optimizer: A Keras optimizer or its name; each stage has its own, and
            never sees this one. Defaults to `"adam"`. The paper trains each
            generation as the teacher was trained.
        loss: Loss of the labels. Defaults to the cross-entropy of class
            numbers and logits.
        directory: Folder for finished work, the first weights too, from which
            an interrupted run resumes. `None`, the default, keeps nothing.
        callbacks: Keras callbacks for all stages.
        verbose: See `keras.Model.fit`.

    Returns:
        A `BornAgainResult`.

    Raises:
        TypeError: If the teacher or what `build_network` returns is no
            `keras.Model`.
        ValueError: If what `build_network` returns is not built, gives
            probabilities or is not new; an argument is out of range; or the
            directory holds another run.

    Example:

    >>> def build_network():
    ...     return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> result = keras_kd.procedures.born_again(
    ...     teacher=build_network(), build_network=build_network,
    ...     generations=2, data=(np.ones((6, 4)), np.array([0, 1, 2] * 2)),
    ...     epochs=2, verbose=0)
    >>> list(result.histories), len(result.ensemble.models)
    (['generation_1', 'generation_2'], 2)
    """
    arguments = {"procedure": "born_again"} | locals()
    check_chain(arguments)
    check_count("generations", generations, "networks")
    if distillation_losses is None:
        arguments["distillation_losses"] = losses.SoftTargets(1.0)
    networks = new_networks(build_network, generations)
    ensemble = EnsembleTeacher(networks, name="generations")
    histories = train_chain(
        arguments,
        {f"generation_{i}": each for i, each in enumerate(networks, start=1)},
        {"networks": [identity.of_model(each) for each in networks]},
    )
    return BornAgainResult(networks[-1], tuple(networks), ensemble, histories)
