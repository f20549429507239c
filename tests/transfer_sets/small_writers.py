"""Language models whose texts can be told without them."""

import keras
import numpy as np
from keras import ops

# Tokens of the tables.
VOCABULARY = 5


def table(logits, steps=None, name=None):
    """A model that looks at the last token alone, at a row of a table.

    Args:
        logits: Array, `(tokens, tokens)`: those of the next token.
        steps: Steps of its input. Defaults to any.
        name: Of the model. Defaults to `None`.
    """
    embedding = keras.layers.Embedding(*np.shape(logits))
    model = keras.Sequential([keras.Input((steps,)), embedding], name=name)
    embedding.set_weights([np.asarray(logits, "float32")])
    return model


def random_logits(seed=0, size=VOCABULARY, scale=2.0):
    random = np.random.default_rng(seed)
    return random.normal(size=(size, size), scale=scale)


def counter(size=VOCABULARY):
    """Logits of a table in which the likeliest token is one more."""
    return 3.0 * np.roll(np.eye(size), 1, axis=1)


def measures_padding(size=9):
    """A model of a dict: the likeliest token is the number of those shown."""
    tokens = keras.Input((None,), name="token_ids", dtype="int32")
    padding = keras.Input((None,), name="padding_mask", dtype="bool")
    count = ops.sum(ops.cast(padding, "int32"), axis=1, keepdims=True)
    logits = ops.one_hot(count + 0 * tokens, size)
    return keras.Model({"token_ids": tokens, "padding_mask": padding}, logits)


def sees_ahead(padding="same", size=VOCABULARY):
    """A convolution over the token before, this one and, perhaps, the next."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((None,)),
            keras.layers.Embedding(size, 4),
            keras.layers.Conv1D(size, 3, padding=padding),
        ]
    )


def lists(texts):
    return [text.tolist() for text in texts]


def reads_a_dict(size=VOCABULARY):
    """A trainable model of a dict, with a table."""
    tokens = keras.Input((None,), name="token_ids", dtype="int32")
    padding = keras.Input((None,), name="padding_mask", dtype="bool")
    shown = ops.expand_dims(ops.cast(padding, "float32"), -1)
    logits = keras.layers.Embedding(size, size)(tokens) * shown
    return keras.Model({"token_ids": tokens, "padding_mask": padding}, logits)
