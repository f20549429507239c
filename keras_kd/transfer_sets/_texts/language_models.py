"""Models that predict the next token of a text."""

import keras
import numpy as np

from keras_kd._core import ensemble_logits
from keras_kd._core import model_specs
from keras_kd._core import tapped_model
from keras_kd._core.arguments import check_count
from keras_kd._core.predictions import logits_of
from keras_kd.transfer_sets._texts.tokens import PADDING
from keras_kd.transfer_sets._texts.tokens import TOKENS

# Of the largest score: a kernel may add in another order.
_ROUNDING = 1e-3


class LanguageModel:
    """A model whose logits at each step are those of the next token.

    Args:
        model: A built `keras.Model` from token numbers `(batch, steps)`, or
            from a dict of `"token_ids"` and `"padding_mask"` of that shape, to
            logits `(batch, steps, vocabulary)`.
        argument: What the caller calls it, for errors.

    Attributes:
        entries: Which entries of a dict it takes, as `student_inputs` of a
            `Distiller`.
        vocabulary: Number of tokens.
        steps: Number of steps of its input, `None` for any.
    """

    def __init__(self, model, argument):
        logits = ensemble_logits.logits_spec(logits_of(model, argument)).shape
        spec = model_specs.input_spec(model)
        self.model = model
        self.argument = argument
        self.entries = TOKENS
        if isinstance(spec, dict) and set(spec) == {TOKENS, PADDING}:
            self.entries = [TOKENS, PADDING]
            spec = spec[TOKENS]
        shape = getattr(spec, "shape", None)
        if shape is None or len(shape) != 2 or len(logits) != 3:
            found = model_specs.shapes_of(spec)
            raise ValueError(
                f"`{argument}` must be a language model: from token numbers "
                f"(batch, steps), or a dict of {TOKENS!r} and {PADDING!r}, to "
                "logits (batch, steps, vocabulary), since it predicts the next "
                f'token at each step. Received: {argument}="{model.name}" from '
                f"{found} to {tuple(logits)}. Make a `keras.Model` of the "
                "inputs and outputs that are meant."
            )
        self.steps, self.vocabulary = shape[1], logits[-1]

    def inputs_of(self, x):
        """The input that the model takes, of a dict with more entries."""
        if self.entries == TOKENS:
            return x[TOKENS]
        return {name: x[name] for name in self.entries}

    def check_causal(self, max_length):
        """Validates that no answer depends on what comes later.

        Args:
            max_length: Number of tokens of the longest text.
        """
        width = max_length - 1
        random = np.random.default_rng(0)
        least = int(self.vocabulary > 2)  # 0 may be padding.
        row = random.integers(least, self.vocabulary, width)
        others = self.vocabulary - least
        changed = np.append(row[:-1], least + (row[-1] - least + 1) % others)
        tokens = np.stack([row, changed]).astype("int32")
        x = {TOKENS: tokens, PADDING: np.ones_like(tokens, bool)}
        inputs = self.inputs_of(x)
        answer = tapped_model.run(self.model, inputs, training=False)
        logits = ensemble_logits.as_logits(answer, dtype="float32")
        first, second = keras.ops.convert_to_numpy(logits)[:, :-1]
        most = np.max(np.abs(first), initial=1.0, where=np.isfinite(first))
        # Minus infinity, for a token that is ruled out, equals itself.
        if not np.allclose(
            first, second, rtol=0, atol=_ROUNDING * most, equal_nan=True
        ):
            raise ValueError(
                f"`{self.argument}` must predict each token from those before "
                "it alone, since what comes later is not written yet. "
                f'Received: {self.argument}="{self.model.name}", in which the '
                "last token of a text changes earlier answers. Give its "
                "attention `use_causal_mask=True`, and its convolutions "
                '`padding="causal"`.'
            )


def check_end(models, max_length, end_token):
    """Validates where texts end.

    Args:
        models: `LanguageModel`s, which read all texts.
        max_length: The caller's argument: tokens of a text at most, with its
            prompt; `None` is what the models are made for.
        end_token: The caller's argument: the token that ends a text, or `None`.

    Returns:
        The number of tokens of a text at most.
    """
    made_for = {m.argument: m.steps for m in models if m.steps is not None}
    if max_length is None and not made_for:
        raise ValueError(
            "`max_length` must be given, since these models take any number of "
            "steps: a text could go on without end. Received: max_length=None, "
            f"end_token={end_token!r}. Give the tokens of a text at most, with "
            "its prompt."
        )
    if max_length is None:
        max_length = 1 + next(iter(made_for.values()))
    check_count("max_length", max_length, "tokens of a text", least=2)
    for argument, steps in made_for.items():
        if max_length != steps + 1:
            raise ValueError(
                f"`max_length` must be {steps + 1}, since the {argument} takes "
                f"{steps} steps and predicts one token more. Received: "
                f"max_length={max_length}. Make it of `Input((None,))` for "
                "other lengths."
            )
    vocabulary = models[0].vocabulary
    if end_token is not None:
        check_count("end_token", end_token, "from the first token", least=0)
        if end_token >= vocabulary:
            raise ValueError(
                f"`end_token` must be one of the {vocabulary} tokens, since "
                f"the model writes it. Received: end_token={end_token}."
            )
    return max_length
