"""Writes texts with a language model, one token after another."""

import keras
import numpy as np
from keras import ops

from keras_kd._core import ensemble_logits
from keras_kd._core import tapped_model
from keras_kd.transfer_sets._texts.tokens import PADDING
from keras_kd.transfer_sets._texts.tokens import TOKENS
from keras_kd.transfer_sets._texts.tokens import Texts


class Writer:
    """Goes on with prompts.

    The model reads all of a text again for each token, without a cache of what
    it computed before: any model can write so. Random numbers are NumPy's, the
    same on each backend.

    Args:
        language_model: A `LanguageModel`.
        end_token: The token that ends a text, or `None`.
        temperature: Number that divides the logits; 0 takes the likeliest.
    """

    def __init__(self, language_model, end_token, temperature):
        self.model = language_model
        # No token equals -1.
        self.end_token = -1 if end_token is None else end_token
        self.temperature = temperature
        self.next_logits = _NextLogits(language_model.model)

    def write(self, prompts, seed):
        """Goes on until an end token, or the end of the array.

        Args:
            prompts: `Texts` of which nothing is written yet.
            seed: Sequence of integers.

        Returns:
            `Texts`. A text that ended by its end token has that as its last.
        """
        random = np.random.default_rng(seed)
        tokens, lengths = prompts.tokens.copy(), prompts.lengths.copy()
        width = tokens.shape[1]
        goes_on = lengths < width
        while goes_on.any():
            drawn = self._drawn(self._logits(tokens, lengths), random)
            rows = np.flatnonzero(goes_on)
            tokens[rows, lengths[rows]] = drawn[rows]
            lengths[rows] += 1
            goes_on &= (drawn != self.end_token) & (lengths < width)
        return Texts(tokens, lengths, prompts.starts)

    def _logits(self, tokens, lengths):
        """Logits of the token behind each text, `(texts, vocabulary)`."""
        count, width = len(tokens), tokens.shape[1] - 1
        # Of those that are full, what comes next is drawn and not used.
        last = np.minimum(lengths, width) - 1
        x = {
            TOKENS: tokens[:, :-1],
            PADDING: np.arange(width) < lengths[:, None],
        }
        inputs = {
            "x": self.model.inputs_of(x),
            "places": (np.arange(count) * width + last).astype("int32"),
        }
        logits = np.float64(self.next_logits.predict_on_batch(inputs))
        if not np.all(logits < np.inf):  # No comparison with nan is true.
            raise ValueError(
                f"`{self.model.argument}` must give finite logits, since a "
                "token is chosen by them. Received: nan or infinity from "
                f'{self.model.argument}="{self.model.model.name}".'
            )
        return logits

    def _drawn(self, logits, random):
        """A token for each text."""
        if not self.temperature:
            return logits.argmax(-1)
        logits = (logits - logits.max(-1, keepdims=True)) / self.temperature
        reached = np.cumsum(np.exp(logits), axis=-1)
        aims = random.random(len(logits)) * reached[:, -1]
        drawn = np.sum(reached <= aims[:, None], axis=-1)
        return np.minimum(drawn, logits.shape[-1] - 1)


class _NextLogits(keras.Model):
    """Picks one position of each text, so that only that leaves the device."""

    def __init__(self, model):
        super().__init__(name="next_logits", dtype="float32", autocast=False)
        self.model = model

    def call(self, inputs):
        answer = tapped_model.run(self.model, inputs["x"], training=False)
        logits = ensemble_logits.as_logits(answer, dtype="float32")
        rows = ops.reshape(logits, (-1, logits.shape[-1]))
        return ops.take(rows, inputs["places"], axis=0)
