"""Texts as arrays: what was given, and what a model learns from."""

import dataclasses

import keras
import numpy as np

from keras_kd._core.arguments import check_not_empty

# What stands behind the end of a text. No model sees it as a part of one.
PAD = 0
# Label of a position from which nothing is learnt.
IGNORED = -1
# Entries of an input, by the names of KerasHub, and one that no model sees.
TOKENS, PADDING, WRITTEN = "token_ids", "padding_mask", "written"


@dataclasses.dataclass(frozen=True)
class Texts:
    """Some texts of at most the same length.

    Attributes:
        tokens: Integers, `(texts, steps)`, with `PAD` behind each end.
        lengths: Number of tokens of each, `(texts,)`.
        starts: Number of tokens of each that were given, the prompt.
    """

    tokens: np.ndarray
    lengths: np.ndarray
    starts: np.ndarray

    def rows(self, places):
        """Some of them, in an order of their own."""
        return Texts(
            self.tokens[places], self.lengths[places], self.starts[places]
        )

    def lists(self):
        """An array of integers for each, without what is behind its end."""
        pairs = zip(self.tokens, self.lengths, strict=True)
        return [row[:length] for row, length in pairs]

    def lesson(self):
        """Inputs and labels by which a model learns to write the texts.

        Returns:
            A dict of inputs, `(texts, steps - 1)`, of which `WRITTEN` is true
            where the token to predict is in the text and not in its prompt,
            and the tokens to predict, `IGNORED` elsewhere.
        """
        places = np.arange(self.tokens.shape[1] - 1)
        lengths, starts = self.lengths[:, None], self.starts[:, None]
        written = (places >= starts - 1) & (places < lengths - 1)
        inputs = {
            TOKENS: self.tokens[:, :-1],
            PADDING: places < lengths,
            WRITTEN: written,
        }
        return inputs, np.where(written, self.tokens[:, 1:], IGNORED)


def joined(parts):
    """Puts several `Texts` in one."""
    fields = [field.name for field in dataclasses.fields(Texts)]
    return Texts(
        *(np.concatenate([getattr(p, f) for p in parts]) for f in fields)
    )


def prompts_of(argument, given, vocabulary, max_length):
    """Prompts as `Texts` of which nothing is written yet.

    Args:
        argument: The caller's argument.
        given: A sequence of sequences of integers, or an array of two axes.
        vocabulary: Number of tokens that there are.
        max_length: Number of tokens of the longest text.
    """
    prompts = _sequences(argument, given, vocabulary)
    lengths = np.array([len(prompt) for prompt in prompts])
    if lengths.min() < 1 or lengths.max() >= max_length:
        raise ValueError(
            f"`{argument}` must have from 1 to {max_length - 1} tokens each, "
            "since a text begins with its prompt, goes on behind it, and has "
            f"at most max_length={max_length}. Received: {argument} of "
            f"{lengths.min()} to {lengths.max()} tokens. Begin an empty one "
            "with the token that stands before all texts, and cut long ones, "
            "or raise `max_length`."
        )
    return Texts(_padded(prompts, max_length), lengths, lengths)


def with_answers(prompts, given, vocabulary):
    """Prompts and the answers that were given for them.

    Args:
        prompts: `Texts`.
        given: The caller's argument `answers`, of the form of prompts.
        vocabulary: Number of tokens that there are.

    Returns:
        `Texts`, which end where the prompts' arrays do.
    """
    answers = _sequences("answers", given, vocabulary)
    if len(answers) != len(prompts.tokens) or not all(map(len, answers)):
        raise ValueError(
            "`answers` must have one for each prompt, of at least one token, "
            f"since it is learnt from in its place. Received: {len(answers)} "
            f"answers, the shortest of {min(map(len, answers))} tokens, for "
            f"{len(prompts.tokens)} prompts."
        )
    width = prompts.tokens.shape[1]
    both = [
        np.concatenate(pair)[:width]
        for pair in zip(prompts.lists(), answers, strict=True)
    ]
    lengths = np.array([len(text) for text in both])
    return Texts(_padded(both, width), lengths, prompts.starts)


def _sequences(argument, given, vocabulary):
    """Converts prompts or texts to a list of arrays of integers."""
    is_nested = isinstance(given, list | tuple) or len(np.shape(given)) == 2
    try:
        rows = [np.asarray(row) for row in given] if is_nested else [None]
    except (TypeError, ValueError):
        rows = [None]
    check_not_empty(argument, np.zeros(len(rows)))
    for row in rows:
        is_row = row is not None and row.ndim == 1
        if not is_row or (row.size and row.dtype.kind not in "iu"):
            shown = type(given).__name__
            if is_nested:
                shown = f"{shown} with {row!r}"
            raise TypeError(
                f"`{argument}` must be a list of lists of whole numbers, since "
                f"models read tokens. Received: {argument} of type {shown}. "
                "Apply the models' tokeniser to each text."
            )
        strange = row[(row < 0) | (row >= vocabulary)]
        if strange.size:
            raise ValueError(
                f"`{argument}` must have tokens from 0 to {vocabulary - 1}, "
                f"since the models know {vocabulary}. Received: {argument} "
                f"with {strange[0]}. Use the tokeniser of these models."
            )
    return [row.astype("int32") for row in rows]


def _padded(rows, width):
    return keras.utils.pad_sequences(
        rows, maxlen=width, padding="post", value=PAD
    ).astype("int32")
