"""The layer that makes a model's logits, for losses that compute them."""

from typing import Any
from typing import NamedTuple

import keras
from keras import ops

from keras_kd._core.heads import Behind


class Scores(NamedTuple):
    """Hidden states and weights that an output layer computes logits of.

    Attributes:
        hidden: `(rows, features)`.
        kernel: `(features, classes)`, or `(classes, features)`.
        bias: `(classes,)`; -inf rules a class out.
        is_by_rows: Whether a class is a row of the kernel, as in an embedding.
    """

    hidden: Any
    kernel: Any
    bias: Any
    is_by_rows: bool

    def softened(self, temperature):
        """The same for logits over a temperature."""
        return self._replace(
            hidden=self.hidden / temperature, bias=self.bias / temperature
        )

    def columns(self, start, size):
        """The kernel of a chunk of classes, `(features, size)`."""
        features = self.hidden.shape[-1]
        if self.is_by_rows:
            rows = ops.slice(self.kernel, (start, 0), (size, features))
            columns = ops.transpose(rows)
        else:
            columns = ops.slice(self.kernel, (0, start), (features, size))
        return ops.cast(columns, self.hidden.dtype)

    def logits(self, start, columns):
        """Logits of a chunk of classes, `(rows, size)`."""
        bias = ops.slice(self.bias, (start,), (columns.shape[-1],))
        return ops.matmul(self.hidden, columns) + bias


class OutputLayer:
    """The layer between a tap of a model and its output.

    A plain object, so that what keeps it does not save the model.

    Args:
        model: A built Functional or Sequential model.
        tap: Name of a tap: what the layer is called with.
        role: `"teacher"` or `"student"`, for errors.
        loss: Name of the loss that needs it, for errors.

    Attributes:
        classes: Number of classes.

    Raises:
        TypeError: If the model has no graph.
        ValueError: If the layer is not a `Dense` without an activation or a
            `ReversibleEmbedding` in reverse, or the tap is not its input.
    """

    def __init__(self, model, tap, role, loss):
        need = f"the loss {loss!r} computes the logits from there"
        parts = Behind(model, tap, need, role).parts(keras.Function)
        found = [
            one
            for part in parts
            for one in part.operations
            # Of a model that is its output layer alone.
            if not isinstance(one, keras.layers.InputLayer)
        ]
        *between, last = found or [None]
        if between or not (_is_dense(last) or _is_embedding(last)):
            raise _refusal(model, tap, role, need, found)
        self._layer = last
        self._is_embedding = _is_embedding(last)
        self.classes = last.input_dim if self._is_embedding else last.units

    def scores(self, hidden):
        """Hidden states, with the weights of this moment.

        Args:
            hidden: What it is called with, `(..., features)`, floating point.

        Returns:
            `Scores`.
        """
        layer, is_by_rows, bias = self._layer, False, None
        if not self._is_embedding:
            kernel, bias = layer.kernel, layer.bias
        elif layer.tie_weights:
            kernel, is_by_rows = layer.embeddings, True
        else:
            kernel = layer.reverse_embeddings
        if bias is None:
            bias = ops.zeros((self.classes,))
        # Tensors: TensorFlow's conversion alone leaves a variable as it is.
        kernel, bias = (
            ops.reshape(ops.convert_to_tensor(weights), weights.shape)
            for weights in (kernel, bias)
        )
        rows = ops.reshape(hidden, (-1, hidden.shape[-1]))
        return Scores(rows, kernel, ops.cast(bias, rows.dtype), is_by_rows)


def _is_dense(layer):
    return (
        isinstance(layer, keras.layers.Dense)
        and type(layer).call is keras.layers.Dense.call
        and layer.activation in (None, keras.activations.linear)
        and layer.quantization_mode is None
    )


def _is_embedding(layer):
    return (
        isinstance(layer, keras.layers.ReversibleEmbedding)
        and type(layer).call is keras.layers.ReversibleEmbedding.call
        and layer.logit_soft_cap is None
        and layer.quantization_mode is None
    )


def _refusal(model, tap, role, need, found):
    """The error for what is behind a tap, a list of operations."""
    kinds = [f"{one.name} ({type(one).__name__})" for one in found]
    remedy = "For all other models there is `keras_kd.losses.SoftTargets`."
    if found and _is_dense(found[-1]):
        remedy = f'Tap "{found[-1].name}:input".'
    elif found and _is_embedding(found[-1]):
        remedy = "Tap the layer before it."
    return ValueError(
        f"`{role}_tap` must be what the output layer is called with, a `Dense` "
        "without activation or a `ReversibleEmbedding` without soft cap, since "
        f'{need}. Received: {role}="{model.name}", {role}_tap={tap!r}, behind '
        f"which there is {', '.join(kinds) or 'nothing'}. {remedy}"
    )
