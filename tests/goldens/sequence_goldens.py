"""Makes the goldens of losses on sequences."""

import keras

from keras_kd import losses
from tests.goldens.loss_goldens import pair


def tagger(width, name):
    return keras.Sequential(
        [
            keras.Input((6,), dtype="int32"),
            keras.layers.Embedding(10, width, mask_zero=True, name="embed"),
            keras.layers.Dense(3, name="head"),
        ],
        name=name,
    )


def sequence_losses():
    return pair(
        [
            losses.SoftTargets(2.0),
            losses.Hint(teacher_tap="embed", student_tap="embed"),
        ],
        tagger(4, "teacher"),
        tagger(3, "student"),
    )


def attentive(width, heads, words, name):
    """A net with self-attention that gives scores of words."""
    tokens = keras.Input((6,), dtype="int32")
    hidden = keras.layers.Embedding(10, width, mask_zero=True)(tokens)
    attention = keras.layers.MultiHeadAttention(heads, 4, name="attention")
    hidden = attention(hidden, hidden)
    return keras.Model(tokens, keras.layers.Dense(words)(hidden), name=name)


def language_losses():
    """Losses between encoders of other widths and vocabularies."""
    taps = tuple(f"attention/{part}" for part in ("query", "key", "value"))
    relations = losses.SelfAttentionRelations(
        2, teacher_tap=taps, student_tap=taps
    )
    return pair(
        [losses.SortedProbabilities(), relations],
        attentive(6, 3, 4, "teacher"),
        attentive(4, 2, 3, "student"),
    )


# Name: how it is made, and the data that it learns from.
DISTILLERS = {
    "losses_of_sequences": (sequence_losses, "tokens"),
    "losses_of_language": (language_losses, "tokens"),
}
