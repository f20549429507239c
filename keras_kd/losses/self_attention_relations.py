"""Self-attention relations of MiniLM v2 (Wang et al., 2021)."""

import math
from typing import Any

import keras
from keras import ops

from keras_kd._core.arguments import check_count
from keras_kd._types import Shape
from keras_kd._types import Tensor
from keras_kd.losses.distillation_loss import DistillationLoss
from keras_kd.losses.divergence import IMPOSSIBLE
from keras_kd.losses.divergence_of_logits import divergence_of_logits
from keras_kd.losses.shapes import check_several_features
from keras_kd.losses.shapes import shapes_agree


def relation(vectors, heads, mask):
    """Logits of how much each position of a sequence is like each other.

    Args:
        vectors: `(batch, steps, ...)`, of a width that `heads` divides.
        heads: Number of parts of the width.
        mask: Boolean `(batch, steps)`, or `None`. What is false is no column.

    Returns:
        `(batch, heads, steps, steps)`: `a @ a.T / sqrt(size)` of each part.
    """
    width = math.prod(vectors.shape[2:])
    if mask is not None:
        places = ops.reshape(mask, (*ops.shape(mask), *_ones(vectors)))
        # What does not count may be infinite.
        vectors = ops.where(places, vectors, 0)
    shape = (-1, ops.shape(vectors)[1], heads, width // heads)
    parts = ops.transpose(ops.reshape(vectors, shape), (0, 2, 1, 3))
    products = ops.matmul(parts, ops.transpose(parts, (0, 1, 3, 2)))
    products /= math.sqrt(width // heads)
    if mask is None:
        return products
    return ops.where(mask[:, None, None, :], products, IMPOSSIBLE)


def _ones(vectors):
    return [1] * (len(vectors.shape) - 2)


def _shared(masks):
    """The mask `(batch, steps)` of what all show, or `None`.

    Args:
        masks: Keras masks, of the positions and heads, or `None`.
    """
    found = None
    for mask in masks:
        if mask is None:
            continue
        if len(mask.shape) > 2:
            mask = ops.any(mask, axis=tuple(range(2, len(mask.shape))))
        found = mask if found is None else ops.logical_and(found, mask)
    return found


@keras.saving.register_keras_serializable("keras_kd")
class SelfAttentionRelations(DistillationLoss):
    """Matches which words the attention of both models relates (MiniLM v2).

    For encoders of text, or of pieces of an image. Queries, keys and values of
    one attention layer of each model are each cut into `relation_heads` parts,
    whatever heads the layer has, and every part relates all words with each
    other, `a` being its vectors and `d` their length:

    ```
    relation(a) = softmax(a @ a.T / sqrt(d))
    ```

    The loss of one word is the divergence of the student's rows from the
    teacher's, `KL(relation(teacher) || relation(student))`, by its mean over
    the parts and its sum over queries, keys and values. So the models may
    differ in width, heads and depth, without a projector.

    As published, it is the only loss, on unlabelled text; the student's last
    layer learns from the teacher's last of 12, or from the 21st of 24, with 48
    parts, and 64 for the larger. What follows the student's tapped layers then
    learns nothing, of which Keras warns.

    The taps are layers inside the attention layer. Those of
    `keras.layers.MultiHeadAttention`, also in KerasHub, are named so:

    ```
    attention = "transformer_layer_11/self_attention_layer"
    taps = tuple(f"{attention}/{part}" for part in ("query", "key", "value"))
    ```

    Reference: [Wang et al., 2021](https://arxiv.org/abs/2012.15828).

    Args:
        relation_heads: Integer >= 1, the parts into which vectors are cut. It
            must divide the widths of both models. Defaults to `48`.
        **kwargs: See `DistillationLoss`. `teacher_tap` and `student_tap` are
            tuples of as many taps.

    Call arguments:
        teacher: Features of the teacher, a tuple, each `(batch, steps, width)`
            or `(batch, steps, heads, size)`.
        student: As many of the student, of as many steps, and any width.
        student_mask: The Keras masks of the student's features, filled in by
            Keras: a word that one hides is related to none. A Distiller adds
            those of the teacher and of `mask_input`.

    Returns:
        One value per word in nats, `(batch, steps)`; 0 for hidden ones.

    Raises:
        ValueError: If `relation_heads` is no count or divides a width with a
            rest, or the features are not as many, of other forms, or of other
            numbers of steps.

    Example:
    >>> loss = keras_kd.losses.SelfAttentionRelations(
    ...     relation_heads=2, teacher_tap=("keys",), student_tap=("keys",)
    ... )
    >>> teacher, student = np.eye(4)[None], np.zeros((1, 4, 2))
    >>> loss((teacher,), (student,)).shape
    TensorShape([1, 4])
    """

    accepts_several_taps = True

    def __init__(self, relation_heads: int = 48, **kwargs: Any):
        super().__init__(**kwargs)
        check_count("relation_heads", relation_heads, "parts of the width")
        self.relation_heads = relation_heads

    def build(self, teacher_shape: Shape, student_shape: Shape) -> None:
        compared = self.comparison(teacher_shape, student_shape)
        for theirs, ours in check_several_features(
            self,
            teacher_shape,
            student_shape,
            "such as queries, keys and values",
        ):
            widths = [s[2:] for s in (theirs, ours)]
            if not all(
                len(width) in (1, 2) and None not in width for width in widths
            ) or not shapes_agree(theirs[:2], ours[:2]):
                raise ValueError(
                    f"{compared} Each pair must be two sequences of as many "
                    "steps, `(batch, steps, width)` or `(batch, steps, heads, "
                    "size)` of known sizes, since words are related to each "
                    "other. Tap the layers that make queries, keys and values."
                )
            self._check_heads(*map(math.prod, widths))

    def _check_heads(self, *widths):
        """Validates that the parts of a width are equal."""
        common = math.gcd(*widths)
        if common % self.relation_heads:
            raise ValueError(
                "`relation_heads` must divide the widths of both models, since "
                "vectors are cut into equal parts. Received: relation_heads="
                f"{self.relation_heads}, for {widths[0]} numbers of the "
                f"teacher and {widths[1]} of the student. Choose a divisor of "
                f"{common}."
            )

    def call(
        self,
        teacher: Tensor,
        student: Tensor,
        student_mask: Tensor | None = None,
    ) -> Tensor:
        mask = _shared(keras.tree.flatten(student_mask))
        value = 0.0
        for theirs, ours in zip(teacher, student, strict=True):
            logits = (
                relation(vectors, self.relation_heads, mask)
                for vectors in (ops.stop_gradient(theirs), ours)
            )
            value += ops.mean(divergence_of_logits(*logits, 1.0), axis=1)
        return value if mask is None else ops.where(mask, value, 0)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"relation_heads": self.relation_heads}
