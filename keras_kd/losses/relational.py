"""Relational knowledge distillation (Park et al., 2019)."""

import keras

from keras_kd._types import Tensor
from keras_kd.losses.example_pairs import ExamplePairs
from keras_kd.losses.pair_geometry import angle_gap
from keras_kd.losses.pair_geometry import distance_gap


@keras.saving.register_keras_serializable("keras_kd")
class RelationalDistance(ExamplePairs):
    """Matches the distances between examples (RKD).

    Not where an example lies in the feature space is compared, but how far
    from the others, so features of any sizes meet without a projector. With
    the Euclidean distance of two examples, divided in each model by its mean
    over the pairs of the batch, the loss of one example is

    ```
    mean(huber(distance(student) - distance(teacher)) over all examples)
    ```

    itself included, whose distance is 0; `huber` is half the square up to 1,
    from there linear. The mean over the batch is the number of the paper.

    Published weights, for pooled features beside the cross-entropy, are 25
    here and 50 for `RelationalAngle`; the paper's code for metric learning
    has 1 and 2. Compare batches that are large enough to have a mean distance:
    a batch of one example has the value 0.

    Reference: [Park et al., 2019](https://arxiv.org/abs/1904.05068).

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

    No scale and no direction counts:

    >>> loss = keras_kd.losses.RelationalDistance(
    ...     teacher_tap="pool", student_tap="pool", loss_weight=25.0
    ... )
    >>> teacher = np.array([[0.0], [1.0], [3.0]])
    >>> student = np.array([[0.0, 0.0], [0.0, 5.0], [0.0, 15.0]])
    >>> [round(float(value), 4) for value in loss(teacher, student)]
    [0.0, 0.0, 0.0]
    """

    def relate(
        self, teacher: Tensor, student: Tensor, weights: Tensor
    ) -> Tensor:
        return distance_gap(teacher, student, weights)


@keras.saving.register_keras_serializable("keras_kd")
class RelationalAngle(ExamplePairs):
    """Matches the angles that triples of examples form (RKD).

    As `RelationalDistance`, with the cosine of the angle at one example
    between the directions to two others. The loss of the example is

    ```
    mean(huber(cosine(student) - cosine(teacher)) over all pairs of others)
    ```

    where pairs with itself count too, with a cosine of 0. Neither the scale
    nor the place of the features matters. A step takes time in proportion to
    the cube of the batch, and memory to its square.

    The published weight beside the cross-entropy is 50.

    Reference: [Park et al., 2019](https://arxiv.org/abs/1904.05068).

    Args:
        **kwargs: See `DistillationLoss`.

    Call arguments:
        teacher: Features of the teacher, `(batch, ...)`, flattened.
        student: Features of the student, `(batch, ...)`, of any other size.
        example_weights: See `RelationalDistance`.
        student_mask: See `RelationalDistance`.

    Returns:
        One value per example, `(batch,)`, that depends on the whole batch.

    Example:

    A right angle at the first example, and none:

    >>> loss = keras_kd.losses.RelationalAngle(loss_weight=50.0)
    >>> corner = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> line = np.array([[0.0], [1.0], [2.0]])
    >>> round(float(loss(corner, line)[0]), 4)
    0.1111
    """

    def relate(
        self, teacher: Tensor, student: Tensor, weights: Tensor
    ) -> Tensor:
        return angle_gap(teacher, student, weights)
