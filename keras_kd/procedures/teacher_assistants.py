"""Teachers that teach smaller teachers (Mirzadeh et al., 2020)."""

import dataclasses
import itertools
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras

from keras_kd._core import identity
from keras_kd._core.kinds import check_list
from keras_kd._training.checks import check_model
from keras_kd._training.checks import check_pair
from keras_kd._types import Data
from keras_kd._types import PerOutput
from keras_kd.procedures.chain import Losses
from keras_kd.procedures.chain import check_chain
from keras_kd.procedures.chain import train_chain

if TYPE_CHECKING:
    from keras_kd.teachers.cached import CachedTeacher


@dataclasses.dataclass(frozen=True)
class TeacherAssistantsResult:
    """Result of `teacher_assistants`.

    Attributes:
        student: The student that was given, trained.
        assistants: The assistants that were given, trained.
        histories: The logs of the stages `"assistant_0"`, ..., `"student"`:
            dicts from a key to its values, one per epoch.
    """

    student: keras.Model
    assistants: tuple[keras.Model, ...]
    histories: dict[str, dict[str, list[float]]]


def teacher_assistants(
    *,
    teacher: "keras.Model | CachedTeacher",
    assistants: Sequence[keras.Model],
    student: keras.Model,
    data: Data,
    distillation_losses: Losses,
    epochs: int,
    student_loss_weight: float = 1.0,
    batch_size: int | None = None,
    validation_data: Data | None = None,
    optimizer: str | keras.optimizers.Optimizer = "adam",
    loss: PerOutput = "default",
    directory: str | os.PathLike[str] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int | str = "auto",
) -> TeacherAssistantsResult:
    """Distils into a small student by way of models of sizes between (TAKD).

    A student can be too small for its teacher: one that learns from a smaller
    teacher, which is worse, may become better. So the teacher teaches an
    assistant, the assistant the next smaller one, and the last of them the
    student. Each stage is a distillation of its own, with the same losses,
    data and number of epochs.

    Which sizes? In the paper any assistant was better than none. The best
    single one was the size whose accuracy, trained alone, is nearest to the
    mean of the teacher's and the student's, which is not the mean size: its
    authors call that a heuristic (section "What is the best TA size?"). Of
    several, the path through all sizes was best, and longer ones gained little
    over those with one assistant ("Why limiting to 1-step TA?").

    Reference: [Mirzadeh et al., 2020](https://arxiv.org/abs/1902.03393). Their
    code divides the distillation loss by the number of classes, so the weights
    that it was tuned for are to be divided too.

    Args:
        teacher: A built `keras.Model`, or a `teachers.CachedTeacher` that the
            data are attached to; it teaches the first stage. Not changed.
        assistants: Built `keras.Model`s from the largest to the smallest, that
            are trained themselves, as the student is, from the weights that
            they have. An empty list is plain distillation, the paper's
            control.
        student: A built `keras.Model`.
        data: A `tf.data.Dataset` of batches, or a tuple of arrays `(x, y)`.
        distillation_losses: A `losses.DistillationLoss` or a list, of which
            each stage gets copies, or a function of a teacher and a student
            that returns those of their stage, where taps or weights differ.
            The paper has `losses.SoftTargets`.
        epochs: Epochs of each stage.
        student_loss_weight: Float >= 0, the factor on the loss of the labels,
            in each stage. Defaults to `1.0`.
        batch_size: Examples in a batch, if the data are arrays.
        validation_data: As `data`, or `None`.
        optimizer: A Keras optimizer or its name; each stage has its own, and
            never sees this one. Defaults to `"adam"`.
        loss: Loss of the labels. Defaults to the cross-entropy of class
            numbers and logits.
        directory: Folder for finished work, the first weights too, from which
            an interrupted run resumes. `None`, the default, keeps nothing.
        callbacks: Keras callbacks for all stages.
        verbose: See `keras.Model.fit`.

    Returns:
        A `TeacherAssistantsResult`.

    Raises:
        TypeError: If a model is no `keras.Model`.
        ValueError: If a model is not built or is given twice, a pair cannot be
            compared by the losses, an argument is out of range, or the
            directory holds another run.

    Example:

    >>> def net(units):
    ...     hidden = keras.layers.Dense(units, "relu")
    ...     return keras.Sequential(
    ...         [keras.Input((4,)), hidden, keras.layers.Dense(3)])
    >>> result = keras_kd.procedures.teacher_assistants(
    ...     teacher=net(16), assistants=[net(8), net(4)], student=net(2),
    ...     distillation_losses=keras_kd.losses.SoftTargets(4.0),
    ...     data=(np.ones((6, 4)), np.array([0, 1, 2] * 2)),
    ...     epochs=2, verbose=0)
    >>> list(result.histories)
    ['assistant_0', 'assistant_1', 'student']
    """
    arguments = {"procedure": "teacher_assistants"} | locals()
    check_chain(arguments)
    assistants = check_list("assistants", assistants, "built Keras models")
    networks = {f"assistant_{i}": each for i, each in enumerate(assistants)}
    networks["student"] = student
    for i, assistant in enumerate(assistants):
        check_model(assistant, f"assistants[{i}]")
    check_model(student, "student")
    for first, second in itertools.combinations(networks.values(), 2):
        check_pair(first, second)
    histories = train_chain(
        arguments,
        networks,
        {
            "assistants": [identity.of_model(each) for each in assistants],
            "student": identity.of_model(student),
        },
    )
    return TeacherAssistantsResult(student, tuple(assistants), histories)
