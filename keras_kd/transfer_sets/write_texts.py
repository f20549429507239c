"""Texts that a language model writes."""

from collections.abc import Sequence

import keras
import numpy as np

from keras_kd._core.arguments import TEMPERATURE
from keras_kd._core.arguments import as_float
from keras_kd._core.arguments import check_count
from keras_kd._types import Tensor
from keras_kd.transfer_sets._texts.language_models import LanguageModel
from keras_kd.transfer_sets._texts.language_models import check_end
from keras_kd.transfer_sets._texts.tokens import joined
from keras_kd.transfer_sets._texts.tokens import prompts_of
from keras_kd.transfer_sets._texts.writer import Writer


def write_texts(
    *,
    model: keras.Model,
    prompts: Sequence[Sequence[int]] | Tensor,
    max_length: int | None = None,
    end_token: int | None = None,
    temperature: float = 1.0,
    batch_size: int = 32,
    seed: int = 0,
) -> list[np.ndarray]:
    """Lets a language model go on with prompts, on any backend.

    The model reads all of a text again for each token, without a cache, so that
    any model can write. Where one has a way of its own that is faster, such as
    `generate` of KerasHub, its texts serve as well.

    Args:
        model: A built, causal `keras.Model` from token numbers `(batch,
            steps)`, or from a dict of `"token_ids"` and `"padding_mask"` of
            that shape, to logits `(batch, steps, vocabulary)`.
        prompts: Token numbers that each text begins with, at least one: a list
            of lists, or an array.
        max_length: Tokens of a text at most, with its prompt. `None`, the
            default, is one more than the steps of the model, if it takes a
            fixed number of them.
        end_token: Token that ends a text, and is its last. `None`, the default,
            writes all texts to `max_length`.
        temperature: Float from 0.001 to 1e6 that divides the logits before a
            token is drawn, or 0 for the likeliest. Defaults to `1.0`.
        batch_size: Texts that are written together. Defaults to `32`.
        seed: Integer >= 0. Defaults to `0`.

    Returns:
        An array of token numbers for each prompt, which it begins with.

    Raises:
        TypeError: If the model or the prompts are something else.
        ValueError: If the model looks ahead, there is nothing that ends a text,
            or an argument is out of range.

    Example:

    >>> model = keras.Sequential([
    ...     keras.Input((None,)), keras.layers.Embedding(5, 5)])
    >>> texts = keras_kd.transfer_sets.write_texts(
    ...     model=model, prompts=[[1, 2], [3]], max_length=6)
    >>> [len(text) for text in texts]
    [6, 6]
    """
    check_count("batch_size", batch_size, "texts")
    check_count("seed", seed, "one sequence of numbers", 0)
    check_writing_temperature(temperature)
    read = LanguageModel(model, "model")
    length = check_end([read], max_length, end_token)
    prompts = prompts_of("prompts", prompts, read.vocabulary, length)
    read.check_causal(length)
    writer = Writer(read, end_token, temperature)
    parts = written_batches(writer, prompts, batch_size, (seed,))
    return joined(list(parts)).lists()


def written_batches(writer, prompts, batch_size, seed, kept=None):
    """Writes texts batch by batch.

    Args:
        writer: A `Writer`.
        prompts: `Texts` of which nothing is written yet.
        batch_size: Texts that are written together.
        seed: Tuple of integers.
        kept: Function `(number, write)` that returns what `write()` gives, or
            gave before. Defaults to `None`, which calls it.

    Yields:
        `Texts`, a batch each.
    """
    count = len(prompts.tokens)
    batch_size = min(batch_size, count)
    for number, start in enumerate(range(0, count, batch_size)):
        # The last batch is filled up: another size were another graph.
        places = np.arange(start, start + batch_size) % count
        left = min(batch_size, count - start)

        def write(number=number, places=places, left=left):
            made = writer.write(prompts.rows(places), (*seed, number))
            return made.rows(slice(left))

        yield write() if kept is None else kept(number, write)


def check_writing_temperature(temperature):
    """Validates a temperature to write at."""
    number = as_float(temperature)
    if number != 0 and number not in TEMPERATURE:
        raise ValueError(
            f"`temperature` must be 0 or a number {TEMPERATURE}, since it "
            "divides the logits before a token is drawn. Received: temperature="
            f"{temperature!r}. Use 0 for the likeliest token."
        )
