"""Examples of a data set: their input, their hashes and their seeds."""

import contextlib

import keras
import numpy as np
import tensorflow as tf

from keras_kd import batch
from keras_kd.teachers._cache import batched

# Odd constants that spread the bits of a position; as int64 they wrap.
_FIRST = -7046029254386353131
_SECOND = -4658895280553007687

_SAMPLED = 128

_BITS = {
    "bfloat16": tf.int16,
    "float16": tf.int16,
    "float32": tf.int32,
    "float64": tf.int64,
    "uint64": tf.int64,
}


def dataset(data, argument):
    """Returns data as a `tf.data.Dataset` of single examples.

    Args:
        data: Such a data set, or arrays: `x`, `(x, y)` or
            `(x, y, sample_weight)`; or what `batched.is_batched` describes.
        argument: What to call it in errors.
    """
    if batched.is_batched(data):
        return batched.examples(data, argument)
    batched.check_replayable(data, argument)
    if isinstance(data, tf.data.Dataset):
        if data.cardinality() == tf.data.INFINITE_CARDINALITY:
            raise ValueError(
                f"`{argument}` must end, since its examples are counted. "
                f"Received: {argument} with `repeat()`. Repeat what `attach` "
                "returns instead."
            )
        return data
    data = as_tuples(data)
    arrays = keras.tree.flatten(data)
    if not arrays or not all(hasattr(array, "shape") for array in arrays):
        raise TypeError(
            f"`{argument}` must be a `tf.data.Dataset` of single examples, "
            "arrays `x`, `(x, y)` or `(x, y, sample_weight)`, a "
            "`keras.utils.PyDataset`, a `DataLoader`, or a function that makes "
            f"a generator of batches. Received: {argument} of type "
            f"{type(data).__name__}."
        )
    return tf.data.Dataset.from_tensor_slices(data)


def as_tuples(data):
    """Arrays with tuples in place of lists, of which tf.data makes one array.

    Args:
        data: `x`, `(x, y)` or `(x, y, sample_weight)`; a list is an `x`.

    Returns:
        The same structure of tuples; of an `x` that is a list, `(x,)`.
    """
    if isinstance(data, list):
        data = (data,)
    return keras.tree.lists_to_tuples(data)


def parts_of(element):
    """The parts `x`, labels and sample weights of an element, as a tuple.

    A function that a data set maps gets these as its arguments.
    """
    return element if isinstance(element, tuple) else (element,)


def inputs(data):
    """The inputs of a data set, each as a dict `{"x": ...}`.

    Not alone, since `map` would unpack those that are tuples.
    """
    return data.map(lambda *parts: {"x": input_of(parts)})


@contextlib.contextmanager
def batching(data):
    """Says so where examples of several shapes make no batch.

    Args:
        data: `tf.data.Dataset` of single examples.

    Returns:
        A context manager, in which batches of it are read.
    """
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        shapes = set()
        for row in inputs(data):
            shapes.add(batch.described(row["x"]))
            if len(shapes) > 1:
                raise ValueError(
                    "`dataset` must have examples of one shape, since the "
                    "teacher sees batches of them. Received: x of "
                    f"{' and of '.join(sorted(shapes))}. Pad them to one "
                    "shape, or give `batch_size=1`."
                ) from error
        raise


def input_of(element):
    """The input of an example, without labels and reserved entries."""
    return batch.split(parts_of(element)[0])[0]


def others_of(element):
    """Returns the labels and sample weights of an element."""
    return parts_of(element)[1:]


def rows_of(element):
    """Returns the rows of caches in an element, dicts by cache."""
    _, reserved = batch.split(parts_of(element)[0])
    return reserved.get("teacher", {})


def with_teacher(element, rows):
    """Puts the teacher's outputs beside the input of an element."""
    x, *others = parts_of(element)
    x = batch.attach(x, teacher=rows_of(element) | rows)
    return (x, *others) if others else x


def with_input(element, x):
    """Replaces the input of an element, beside which there are rows."""
    before, *others = parts_of(element)
    _, reserved = batch.split(before)
    x = batch.attach(x, **reserved)
    return (x, *others) if others else x


def spec(data):
    """Describes the input's structure for JSON: path, shape and dtype."""
    x = input_of(data.element_spec)
    described = []
    for path, leaf in keras.tree.flatten_with_path(x):
        if not isinstance(leaf, tf.TensorSpec):
            raise TypeError(
                "`x` must consist of dense tensors, since its bytes are "
                f"compared. Received: {leaf}. Convert it before."
            )
        shape = None if leaf.shape.rank is None else leaf.shape.as_list()
        path = "/".join(str(step) for step in path)
        described.append([path, shape, leaf.dtype.name])
    return described


def specs_agree(first, second):
    """Whether two results of `spec` may describe the same examples."""
    return len(first) == len(second) and all(
        a[0] == b[0]
        and a[2] == b[2]
        and tf.TensorShape(a[1]).is_compatible_with(b[1])
        for a, b in zip(first, second, strict=True)
    )


def is_static(data):
    """Whether examples can be put into blocks: all have one shape."""
    return all(
        isinstance(leaf, tf.TensorSpec) and leaf.shape.is_fully_defined()
        for leaf in tf.nest.flatten(data.element_spec)
    )


def num_bytes(data):
    """Bytes of an example in memory, 0 if that is not known."""
    if not is_static(data):
        return 0
    return sum(
        leaf.shape.num_elements() * leaf.dtype.size
        for leaf in tf.nest.flatten(data.element_spec)
    )


def hashes(x):
    """Hashes of examples, the same in every process and on every machine.

    Sums of the bits of numbers, each times a factor of its position: one pass
    over whole blocks. Hash functions for strings would take one example at a
    time, which costs several times as much. Of a large tensor only some
    numbers count: the first ones, and as many that are spread over the rest.

    Args:
        x: Structure of tensors with one row for each example.

    Returns:
        int64 `(examples,)`.
    """
    total = 0
    for number, leaf in enumerate(tf.nest.flatten(x)):
        values = _integers(_sample(leaf))
        positions = tf.range(tf.shape(values, tf.int64)[1], dtype=tf.int64)
        factors = (2 * positions + 1 + (number << 40)) * _FIRST
        shifted = tf.bitwise.right_shift(factors, tf.constant(29, tf.int64))
        factors = tf.bitwise.bitwise_xor(factors, shifted) * _SECOND
        factors = tf.bitwise.bitwise_or(factors, tf.constant(1, tf.int64))
        total += tf.reduce_sum(values * factors, axis=-1)
    return total


def _sample(leaf):
    """At most about `2 * _SAMPLED` numbers of each example, as a matrix."""
    shape = tf.shape(leaf)
    # Not -1, which TensorFlow cannot infer if there is no example.
    leaf = tf.reshape(leaf, (shape[0], tf.reduce_prod(shape[1:])))
    step = tf.maximum(1, (tf.shape(leaf)[1] - _SAMPLED) // _SAMPLED)
    return tf.concat([leaf[:, :_SAMPLED], leaf[:, _SAMPLED::step]], axis=1)


def _integers(leaf):
    if leaf.dtype == tf.string:
        return tf.strings.to_hash_bucket_fast(leaf, 2**63 - 1)
    if leaf.dtype.name in _BITS:
        leaf = tf.bitcast(leaf, _BITS[leaf.dtype.name])
    return tf.cast(leaf, tf.int64)


def view_seed(seed, view):
    """First half of the seeds of a view; the second is the example's number."""
    state = np.random.SeedSequence([seed, view]).generate_state(1)
    return int(state.astype("uint32").view("int32")[0])
