"""Probabilistic knowledge transfer (Passalis and Tefas, 2018)."""

import keras
from keras import ops

from keras_kd._types import Tensor
from keras_kd.losses.divergence import divergence
from keras_kd.losses.example_pairs import ExamplePairs
from keras_kd.losses.example_pairs import mean_by
from keras_kd.losses.lengths import unit

# As published: added to both probabilities, of which one may be 0.
EPSILON = 1e-7


def neighbour_probabilities(features, weights):
    """Probabilities by which each example chooses one of the batch.

    Args:
        features: `(batch, features)`.
        weights: `(batch,)`.

    Returns:
        `(batch, batch)`: the cosines, brought to between 0 and 1, by their sum
        over the row.
    """
    directions = unit(features, smallest=EPSILON)
    cosines = ops.matmul(directions, ops.transpose(directions))
    # Opposite vectors may come out below -1.
    likeness = ops.maximum((cosines + 1) / 2, 0)
    total = ops.sum(weights * likeness, axis=-1, keepdims=True)
    return ops.divide_no_nan(likeness, total)


def neighbour_divergence(teacher, student, weights):
    """Divergence of the neighbours' probabilities, by the size of the batch.

    Args:
        teacher: `(batch, teacher's features)`.
        student: `(batch, student's features)`.
        weights: `(batch,)`.

    Returns:
        For each example the mean over all examples of the terms of the
        Kullback-Leibler divergence, `(batch,)`.
    """
    theirs, ours = (
        ops.log(neighbour_probabilities(features, weights) + EPSILON)
        for features in (teacher, student)
    )
    # `divergence` is that of p + EPSILON; the published factor is p alone.
    terms = divergence(theirs, ours) + EPSILON * (ours - theirs)
    return mean_by(weights, terms)


@keras.saving.register_keras_serializable("keras_kd")
class ProbabilisticKnowledgeTransfer(ExamplePairs):
    """Matches the probabilities of being neighbours (PKT).

    From the cosines between the features of an example and of all examples of
    the batch, itself included, come the probabilities

    ```
    p = (1 + cosine) / 2, divided by their sum
    ```

    and the loss of one example is

    ```
    KL(p(teacher) || p(student)) / batch
    ```

    so that features of any sizes meet without a projector. It is the mean of
    the terms and not their sum, as in the published code, whose weight of
    30000 beside the cross-entropy belongs to it. Divided by the batch, that is
    the weight of the divergence itself.

    Reference: [Passalis and Tefas, 2018](https://arxiv.org/abs/1803.10837).

    Args:
        **kwargs: See `DistillationLoss`.

    Call arguments:
        teacher: Features of the teacher, `(batch, ...)`, flattened.
        student: Features of the student, `(batch, ...)`, of any other size.
        example_weights: Numbers of at least 0, `(batch,)`, or `None` for 1.
            An example of weight 2 counts as two; one of weight 0 is in no
            pair.
        student_mask: The Keras mask of the student's features, filled in by
            Keras: what it hides is 0 in both models.

    Returns:
        One value per example, `(batch,)`, that depends on the whole batch.

    Example:

    Opposite for the teacher, p = (1, 0), and alike for the student, (.5, .5):
    the divergence is log 2.

    >>> loss = keras_kd.losses.ProbabilisticKnowledgeTransfer(
    ...     teacher_tap="pool", student_tap="pool", loss_weight=30000.0
    ... )
    >>> teacher, student = np.array([[1.0], [-1.0]]), np.array([[2.0], [2.0]])
    >>> [round(float(value), 4) for value in loss(teacher, student)]
    [0.3466, 0.3466]
    """

    def relate(
        self, teacher: Tensor, student: Tensor, weights: Tensor
    ) -> Tensor:
        return neighbour_divergence(teacher, student, weights)
