"""A student that learns its teacher's texts (Kim and Rush, 2016)."""

import dataclasses
import functools
import os
from collections.abc import Sequence

import keras
import numpy as np

from keras_kd._runs.fit_arguments import new_optimizer
from keras_kd._runs.seeded_batches import SeededBatches
from keras_kd._runs.stages import Stages
from keras_kd._types import Tensor
from keras_kd.procedures._language.readers import check_readers
from keras_kd.procedures.softened import Softened
from keras_kd.transfer_sets._texts.tokens import IGNORED
from keras_kd.transfer_sets._texts.tokens import Texts
from keras_kd.transfer_sets._texts.tokens import joined
from keras_kd.transfer_sets._texts.writer import Writer
from keras_kd.transfer_sets.write_texts import written_batches


@dataclasses.dataclass(frozen=True)
class SequenceDistillationResult:
    """Result of `sequence_distillation`.

    Attributes:
        student: The student that was given, trained.
        texts: What the teacher wrote, an array of token numbers for each
            prompt, which it begins with.
        histories: The logs of the stage `"student"`: a dict from a key to its
            values, one per epoch.
    """

    student: keras.Model
    texts: list[np.ndarray]
    histories: dict[str, dict[str, list[float]]]


def sequence_distillation(
    *,
    teacher: keras.Model,
    student: keras.Model,
    prompts: Sequence[Sequence[int]] | Tensor,
    epochs: int,
    max_length: int | None = None,
    end_token: int | None = None,
    temperature: float = 0.0,
    batch_size: int = 32,
    optimizer: str | keras.optimizers.Optimizer = "adam",
    seed: int = 0,
    directory: str | os.PathLike[str] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int | str = "auto",
) -> SequenceDistillationResult:
    """Trains a language model on texts that its teacher writes (SeqKD).

    1. The teacher goes on with each prompt, once; see
       `transfer_sets.write_texts`.
    2. The student learns these texts by the cross-entropy of their tokens,
       prompts left out. It needs nothing else of the teacher.

    The control is the same student, trained on real texts. Where a prompt has
    one right answer, such as a translation, take the likeliest text, as the
    default does token by token. The paper searches for it with a beam, which is
    not here. Where it has many, a likeliest text repeats itself:
    `temperature=1.0` draws from all that the teacher could write. What a
    student learns besides from the teacher's probabilities of these texts,
    `on_policy_distillation` adds with `student_share=0.0`.

    Reference: [Kim and Rush, 2016](https://arxiv.org/abs/1606.07947), section
    3.2.

    Args:
        teacher: A built, causal `keras.Model` from token numbers `(batch,
            steps)`, or from a dict of `"token_ids"` and `"padding_mask"` of
            that shape, to logits `(batch, steps, vocabulary)`. Not changed.
        student: Such a model with the same tokens. It is trained itself, from
            the weights that it has.
        prompts: Token numbers that the texts begin with, at least one each: a
            list of lists, or an array.
        epochs: Epochs of the student.
        max_length: See `transfer_sets.write_texts`. Defaults to `None`.
        end_token: The same. Defaults to `None`.
        temperature: The same, of the teacher's writing. Defaults to `0.0`, the
            likeliest token.
        batch_size: Texts in a batch. Defaults to `32`.
        optimizer: A Keras optimizer or its name; never changed. Defaults to
            `"adam"`.
        seed: Integer >= 0, for the texts and their order. Defaults to `0`.
        directory: Folder for finished work, the texts too, from which an
            interrupted run resumes. `None`, the default, keeps nothing.
        callbacks: Keras callbacks for the student's training.
        verbose: See `keras.Model.fit`.

    Returns:
        A `SequenceDistillationResult`.

    Raises:
        TypeError: If a model or the prompts are something else.
        ValueError: If a model looks ahead, the two have different tokens, there
            is nothing that ends a text, an argument is out of range, or the
            directory holds another run.

    Example:

    >>> teacher, student = (
    ...     keras.Sequential([
    ...         keras.Input((None,)), keras.layers.Embedding(5, 5)])
    ...     for _ in range(2))
    >>> result = keras_kd.procedures.sequence_distillation(
    ...     teacher=teacher, student=student, prompts=[[1, 2], [3]],
    ...     max_length=6, epochs=2, verbose=0)
    >>> [len(text) for text in result.texts]
    [6, 6]
    """
    arguments = {"procedure": "sequence_distillation"} | locals()
    writes, reads, prompts = check_readers(arguments, "epochs")
    stages = Stages(directory, arguments)
    stages.keep_first("student", student)
    parts = written_batches(
        Writer(writes, end_token, temperature),
        prompts,
        batch_size,
        (seed,),
        functools.partial(_kept, stages.run),
    )
    texts = joined(list(parts))
    x, y = texts.lesson()
    trained = Softened(student, 1.0)
    trained.compile(
        new_optimizer(optimizer),
        keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, ignore_class=IGNORED
        ),
    )
    batches = SeededBatches(reads.inputs_of(x), y, batch_size, (seed,))
    history = stages.fit(
        "student",
        trained,
        batches,
        epochs=epochs,
        shuffle=False,
        callbacks=[batches.callback, *callbacks],
        verbose=verbose,
    )
    return SequenceDistillationResult(
        student, texts.lists(), {"student": history}
    )


def _kept(run, number, write):
    """A batch of texts from the folder of a run, written there if missing."""
    if run is None:
        return write()
    name = f"texts_{number}.npz"
    arrays = run.read_arrays(name)
    if arrays is None:
        arrays = dataclasses.asdict(write())
        run.write_arrays(name, arrays)
    return Texts(**arrays)
