"""Relational knowledge distillation (Park et al., 2019)."""

import keras
from keras import ops

from keras_kd._types import Tensor
from keras_kd.losses.example_pairs import ExamplePairs
from keras_kd.losses.example_pairs import mean_by

# A difference that is a smaller part of a feature is rounding, such as between
# two copies of an example: its direction says nothing, and turns at once.
ROUNDING = 1e-5
SMALLEST_LENGTH = 1e-12
# So many examples are compared with all others at once: memory grows with the
# batch as that of one does, and a loop over them takes few turns.
CHUNK = 16
# What divides distances that are all 0.
SMALLEST_MEAN = 1e-30


def huber(difference):
    """Half the square up to 1, from there the size less a half."""
    size = ops.abs(difference)
    return ops.where(size < 1, ops.square(difference) / 2, size - 0.5)


def _of_each(function, number, shape=()):
    """What a function gives for each example, some at a time.

    Args:
        function: From the numbers of `CHUNK` examples, some of which may be
            past the last, to a tensor with a row for each.
        number: Number of examples.
        shape: Shape of a row.
    """
    found = ops.map(
        lambda turn: function(turn * CHUNK + ops.arange(CHUNK)),
        ops.arange(_turns(number)),
    )
    return ops.reshape(found, (-1, *shape))[:number]


def _turns(number):
    return (number + CHUNK - 1) // CHUNK


def _take(rows, index):
    """Rows of examples; past the end, the last once more."""
    index = ops.minimum(index, ops.shape(rows)[0] - 1)
    return ops.take(rows, index, axis=0)


@ops.custom_gradient
def distances(features):
    """Euclidean distances of all pairs, with no gradient where they are 0.

    Each is the length of a difference. The difference of squared lengths,
    which takes one product of matrices, has no digits left for near pairs.

    Args:
        features: `(batch, features)`.

    Returns:
        `(batch, batch)`.
    """

    def from_some(index):
        vectors = features - _take(features, index)[:, None]
        return ops.sqrt(ops.sum(ops.square(vectors), axis=-1))

    number = ops.shape(features)[0]
    found = _of_each(from_some, number, (number,))

    def gradient(*upstream_or_arguments, upstream=None):
        # TensorFlow and JAX give it as the only argument.
        if upstream is None:
            (upstream,) = upstream_or_arguments
        pull = ops.divide_no_nan(upstream, found)
        pull = pull + ops.transpose(pull)
        total = ops.sum(pull, axis=-1, keepdims=True)
        return total * features - ops.matmul(pull, features)

    return found, gradient


def relative_distances(features, weights):
    """Distances, divided by the mean over the pairs of two examples.

    Args:
        features: `(batch, features)`.
        weights: `(batch,)`.

    Returns:
        `(batch, batch)`; zeros where all examples are equal.
    """
    found = distances(features)
    index = ops.arange(ops.shape(features)[0])
    is_pair = ops.cast(index[:, None] != index, features.dtype)
    # The weight of all pairs, and their distances by it.
    total = ops.sum(weights * ops.sum(is_pair * weights, axis=-1))
    mean = ops.sum(weights * ops.sum(found * weights, axis=-1))
    mean = ops.divide_no_nan(mean, total)
    return found / ops.maximum(mean, SMALLEST_MEAN)


def distance_gap(teacher, student, weights):
    """Mean over all pairs of the Huber loss of relative distances.

    Args:
        teacher: `(batch, teacher's features)`.
        student: `(batch, student's features)`.
        weights: `(batch,)`.

    Returns:
        For each example the mean over its pairs, itself included, `(batch,)`.
    """
    difference = relative_distances(student, weights) - relative_distances(
        teacher, weights
    )
    return mean_by(weights, huber(difference))


def _directions(features, index):
    """Unit vectors from some examples to all, and what divides their length."""
    anchors = _take(features, index)[:, None]
    vectors = features - anchors
    square = ops.sum(ops.square(vectors), axis=-1, keepdims=True)
    size = ROUNDING**2 * ops.sum(ops.square(anchors), axis=-1, keepdims=True)
    is_apart = square > ops.maximum(size, SMALLEST_LENGTH**2)
    scale = ops.where(is_apart, ops.rsqrt(ops.where(is_apart, square, 1)), 0)
    return vectors * scale, scale


def _cosines(directions):
    return ops.matmul(directions, ops.transpose(directions, (0, 2, 1)))


@ops.custom_gradient
def angle_gap(teacher, student, weights):
    """Mean over all triples of the Huber loss of cosines of angles.

    The angles at some examples are looked at after those at others, and once
    more for the gradient: memory grows with the square of the batch, where
    all angles at once are its cube.

    Args:
        teacher: `(batch, teacher's features)`.
        student: `(batch, student's features)`.
        weights: `(batch,)`.

    Returns:
        For each example the mean over the angles at it, `(batch,)`.
    """
    number = ops.shape(student)[0]
    both = weights[:, None] * weights
    both = ops.divide_no_nan(both, ops.square(ops.sum(weights)))

    def gaps(index):
        """What the cosines at some examples differ by, and directions."""
        directions, scale = _directions(student, index)
        taught, _ = _directions(teacher, index)
        return _cosines(directions) - _cosines(taught), directions, scale

    def at_some(index):
        return ops.sum(both * huber(gaps(index)[0]), axis=(1, 2))

    def gradient(*upstream_or_arguments, upstream=None):
        # TensorFlow and JAX give it as the only argument.
        if upstream is None:
            (upstream,) = upstream_or_arguments

        def add(turn, total):
            index = turn * CHUNK + ops.arange(CHUNK)
            gap, directions, scale = gaps(index)
            # An example past the end is none.
            is_anchor = ops.cast(
                index[:, None] == ops.arange(number), student.dtype
            )
            slopes = ops.matmul(is_anchor, upstream[:, None])[..., None]
            # The slope of the Huber loss; each cosine stands there twice.
            pull = 2 * slopes * both * ops.clip(gap, -1, 1)
            pull = ops.matmul(pull, directions)
            # What is along a direction does not turn it.
            along = ops.sum(pull * directions, axis=-1, keepdims=True)
            moved = scale * (pull - along * directions)
            back = ops.matmul(ops.transpose(is_anchor), ops.sum(moved, axis=1))
            return total + ops.sum(moved, axis=0) - back

        found = ops.fori_loop(0, _turns(number), add, ops.zeros_like(student))
        return ops.zeros_like(teacher), found, ops.zeros_like(weights)

    return _of_each(at_some, number), gradient


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
