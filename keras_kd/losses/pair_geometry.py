"""Distances of examples, and angles between them, in two models."""

from keras import ops

from keras_kd.losses.example_pairs import mean_by
from keras_kd.losses.lengths import huber

# A difference that is a smaller part of a feature is rounding, such as between
# two copies of an example: its direction says nothing, and turns at once.
ROUNDING = 1e-5
SMALLEST_LENGTH = 1e-12
# So many examples are compared with all others at once: memory grows with the
# batch as that of one does, and a loop over them takes few turns.
CHUNK = 16
# What divides distances that are all 0.
SMALLEST_MEAN = 1e-30


def _of_each(function, number, shape, dtype):
    """Values of a function for each example, some at a time.

    Args:
        function: From the numbers of `CHUNK` examples, some of which may be
            past the last, to a tensor with a row for each.
        number: Number of examples, which may be 0.
        shape: Shape of a row.
        dtype: Dtype of the rows.
    """

    def put(turn, found):
        first = turn * CHUNK
        rows = function(first + ops.arange(CHUNK))
        return ops.slice_update(found, (first, *(0 for _ in shape)), rows)

    turns = _turns(number)
    found = ops.zeros((turns * CHUNK, *shape), dtype)
    return ops.fori_loop(0, turns, put, found)[:number]


def _turns(number):
    return (number + CHUNK - 1) // CHUNK


def _take(rows, index):
    """Rows of examples; past the end, the last once more."""
    index = ops.minimum(index, ops.shape(rows)[0] - 1)
    return ops.take(rows, index, axis=0)


def _upstream(arguments, upstream):
    """The gradient from above, which only PyTorch gives by name."""
    return arguments[0] if upstream is None else upstream


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
    found = _of_each(from_some, number, (number,), features.dtype)

    def gradient(*arguments, upstream=None):
        upstream = _upstream(arguments, upstream)
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
        """Differences of the cosines at some examples, and directions."""
        (ours, scale), (theirs, _) = (
            _directions(features, index) for features in (student, teacher)
        )
        gap, taught = (
            ops.matmul(directions, ops.transpose(directions, (0, 2, 1)))
            for directions in (ours, theirs)
        )
        return gap - taught, ours, scale

    def at_some(index):
        return ops.sum(both * huber(gaps(index)[0]), axis=(1, 2))

    def gradient(*arguments, upstream=None):
        upstream = _upstream(arguments, upstream)

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

    return _of_each(at_some, number, (), student.dtype), gradient
