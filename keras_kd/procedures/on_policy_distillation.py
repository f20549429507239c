"""A student that is corrected in what it writes (Agarwal et al., 2024)."""

import dataclasses
import os
from collections.abc import Sequence

import keras

from keras_kd import losses
from keras_kd._core.arguments import check_part
from keras_kd._runs.fit_arguments import new_optimizer
from keras_kd._runs.stages import Stages
from keras_kd._training.checks import check_losses
from keras_kd._types import Tensor
from keras_kd.distiller import Distiller
from keras_kd.losses import DistillationLoss
from keras_kd.losses.copies import new_of
from keras_kd.procedures._language.on_policy_texts import OnPolicyTexts
from keras_kd.procedures._language.readers import check_readers
from keras_kd.transfer_sets._texts.tokens import WRITTEN
from keras_kd.transfer_sets._texts.tokens import with_answers
from keras_kd.transfer_sets._texts.writer import Writer


@dataclasses.dataclass(frozen=True)
class OnPolicyDistillationResult:
    """Result of `on_policy_distillation`.

    Attributes:
        student: The student that was given, trained.
        histories: The logs of the stage `"student"`: a dict from a key to its
            values, one per round.
    """

    student: keras.Model
    histories: dict[str, dict[str, list[float]]]


def on_policy_distillation(
    *,
    teacher: keras.Model,
    student: keras.Model,
    prompts: Sequence[Sequence[int]] | Tensor,
    rounds: int,
    answers: Sequence[Sequence[int]] | Tensor | None = None,
    student_share: float = 1.0,
    distillation_losses: DistillationLoss
    | Sequence[DistillationLoss]
    | None = None,
    max_length: int | None = None,
    end_token: int | None = None,
    temperature: float = 1.0,
    batches_per_round: int = 1,
    batch_size: int = 32,
    optimizer: str | keras.optimizers.Optimizer = "adam",
    seed: int = 0,
    directory: str | os.PathLike[str] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int | str = "auto",
) -> OnPolicyDistillationResult:
    """Trains a language model on texts of its own, by its teacher (GKD).

    A model that learns from the texts of others never sees its own errors, and
    does not know how to go on behind one. Here, in each round,

    1. the student goes on with some of the prompts; see
       `transfer_sets.write_texts`. No gradient passes through what it draws.
    2. The teacher reads these texts, and those that are given for the other
       prompts. The student learns its probabilities of each next token,
       prompts left out, by the distillation losses.

    The control is a student that learns from the teacher's probabilities of
    given texts, `student_share=0.0`. Begin with a student that can write
    already: a teacher has little to say on noise.

    Reference: [Agarwal et al., 2024](https://arxiv.org/abs/2306.13649). Its
    reward, which reinforcement learning adds, is not here.

    Args:
        teacher: A built, causal `keras.Model` from token numbers `(batch,
            steps)`, or from a dict of `"token_ids"` and `"padding_mask"` of
            that shape, to logits `(batch, steps, vocabulary)`. Not changed.
        student: Such a model with the same tokens. It is trained itself, from
            the weights that it has.
        prompts: Token numbers that the texts begin with, at least one each: a
            list of lists, or an array.
        rounds: Number of rounds.
        answers: Token numbers that follow each prompt, of the same form, cut
            to `max_length`: real texts, or the teacher's of
            `sequence_distillation`. Needed if `student_share` is below 1.
            Defaults to `None`.
        student_share: Part of the texts that the student writes, from 0 to 1;
            lambda in the paper. Defaults to `1.0`.
        distillation_losses: One loss of the logits or several, such as
            `losses.JensenShannonDivergence`. `None`, the default, is
            `losses.ReverseSoftTargets()`.
        max_length: See `transfer_sets.write_texts`. Defaults to `None`.
        end_token: The same. Defaults to `None`.
        temperature: The same, of the student's writing: that of the losses is
            theirs. Defaults to `1.0`.
        batches_per_round: Batches that are written and then learnt from.
            Defaults to `1`, in which each text is of the student as it is. More
            cost less time.
        batch_size: Texts in a batch. Defaults to `32`.
        optimizer: A Keras optimizer or its name; never changed. Defaults to
            `"adam"`.
        seed: Integer >= 0, for the order of the prompts and for the texts.
            Defaults to `0`.
        directory: Folder for finished work, from which an interrupted run
            resumes: the weights after each round. `None`, the default, keeps
            nothing.
        callbacks: Keras callbacks for the training; a round is an epoch.
        verbose: See `keras.Model.fit`.

    Returns:
        An `OnPolicyDistillationResult`.

    Raises:
        TypeError: If a model, the prompts, the answers or a loss are something
            else.
        ValueError: If a model looks ahead, the two have different tokens, there
            is nothing that ends a text, answers are missing, an argument is out
            of range, or the directory holds another run.

    Example:

    >>> teacher, student = (
    ...     keras.Sequential([
    ...         keras.Input((None,)), keras.layers.Embedding(5, 5)])
    ...     for _ in range(2))
    >>> result = keras_kd.procedures.on_policy_distillation(
    ...     teacher=teacher, student=student, prompts=[[1, 2], [3]],
    ...     max_length=6, rounds=2, verbose=0)
    >>> list(result.histories["student"])
    ['loss', 'reverse_soft_targets']
    """
    arguments = {"procedure": "on_policy_distillation"} | locals()
    corrects, writes, prompts = check_readers(
        arguments, "rounds", "batches_per_round"
    )
    check_part(
        "student_share", student_share, "a part of the texts", True, True
    )
    answered = _answered(prompts, answers, student_share, writes.vocabulary)
    if answered is not None:
        arguments["answers"] = [answered.tokens, answered.lengths]
    if distillation_losses is None:
        distillation_losses = losses.ReverseSoftTargets()
    arguments["distillation_losses"] = distillation_losses
    distiller = Distiller(
        teacher=teacher,
        student=student,
        distillation_losses=[
            new_of(loss) for loss in check_losses(distillation_losses)
        ],
        teacher_inputs=corrects.entries,
        student_inputs=writes.entries,
        mask_input=WRITTEN,
    )
    distiller.compile(new_optimizer(optimizer))
    stages = Stages(directory, arguments)
    stages.keep_first("student", student)
    texts = OnPolicyTexts(
        Writer(writes, end_token, temperature),
        prompts,
        answered,
        share=student_share,
        batch_size=batch_size,
        steps=batches_per_round,
        seed=seed,
    )
    history = stages.fit(
        "student",
        distiller,
        texts,
        epochs=rounds,
        shuffle=False,
        callbacks=[texts.callback, *callbacks],
        verbose=verbose,
    )
    return OnPolicyDistillationResult(student, {"student": history})


def _answered(prompts, answers, student_share, vocabulary):
    """Texts for prompts that the student leaves out, if there are any."""
    if answers is not None:
        return with_answers(prompts, answers, vocabulary)
    if student_share < 1:
        raise ValueError(
            "`answers` must be given, since the student writes a part of the "
            f"texts alone. Received: answers=None, student_share="
            f"{student_share!r}. Give the tokens that follow each prompt, or "
            "use student_share=1.0."
        )
    return None
