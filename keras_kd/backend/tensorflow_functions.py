"""Functions of tensors on TensorFlow, and what replicas tell each other."""

import contextvars
import functools

import keras
import tensorflow as tf

_is_in_place = contextvars.ContextVar("is_in_place", default=False)


def is_tracing():
    """Whether a graph is being made, whose tensors have no values yet."""
    return not tf.executing_eagerly()


def is_in_reach(tensor, output):
    """Whether a tensor can be used where `output` can.

    It cannot if it was made in a loop or a condition that `output` left.
    """
    graph = getattr(tensor, "graph", None)
    return graph is None or graph is getattr(output, "graph", None)


def check_finite(tensor, message, allows_minus_infinity=False):
    """Returns the tensor; fails with the message if it has nan or infinity.

    Args:
        tensor: Real numbers.
        message: Beginning of the error, which ends in `Received:`.
        allows_minus_infinity: Whether -inf is let through.
    """
    if not allows_minus_infinity:
        return tf.debugging.check_numerics(tensor, message)
    # Of a sum, nan and infinity are left; -inf is, only where there is no
    # other. A tensor without it would be one more of all classes.
    wide = tf.cast(tensor, tf.float32) if tensor.dtype.size < 4 else tensor
    sums = tf.reduce_sum(wide, axis=-1)
    lowest = tf.constant(sums.dtype.min, sums.dtype)
    checked = tf.debugging.check_numerics(tf.maximum(sums, lowest), message)
    with tf.control_dependencies([checked]):
        return tf.identity(tensor)


def check_labels(is_strange, message):
    """Fails with the message if any of some booleans is true.

    Not in a graph: what follows from such labels there fails by itself.
    """
    if tf.executing_eagerly() and tf.reduce_any(is_strange):
        raise ValueError(message)


def after(x, y):
    """Delays a tensor until another is computed.

    A graph begins whatever it can, and keeps all of that in memory.

    Args:
        x: The tensor.
        y: What is computed first.
    """
    with tf.control_dependencies([y]):
        return tf.identity(x)


def in_place(step):
    """Decorates a step of a model, in which `put` makes no copy.

    Operations that write in the memory of a tensor at a place that a loop
    decides on are none that XLA has, and what XLA has copies it without XLA.

    Args:
        step: A method of a compiled model.
    """

    @functools.wraps(step)
    def run(model, data):
        token = _is_in_place.set(not model.jit_compile)
        try:
            return step(model, data)
        finally:
            _is_in_place.reset(token)

    return run


def put(tensor, part, place):
    """Writes a part into a tensor that nothing else uses.

    Args:
        tensor: The tensor, in whose memory a step writes; see `in_place`.
        part: A tensor of as many axes.
        place: Where the part begins, an index for each axis.

    Returns:
        The changed tensor.
    """
    if not _is_in_place.get():
        return keras.ops.slice_update(tensor, place, part)
    return tf.raw_ops.TensorStridedSliceUpdate(
        input=tensor,
        begin=place,
        end=[n + length for n, length in zip(place, part.shape, strict=True)],
        strides=[1] * len(place),
        value=part,
    )


def num_replicas():
    """Number of replicas that take part in a step."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def replica_id():
    """Number of this replica, from 0, inside a step; 0 outside of one."""
    context = tf.distribute.get_replica_context()
    return 0 if context is None else context.replica_id_in_sync_group


def all_sum(value):
    """Sums a tensor over the replicas, inside a step."""
    context = tf.distribute.get_replica_context()
    if context is None or num_replicas() == 1:
        return value
    return context.all_reduce(tf.distribute.ReduceOp.SUM, value)


def all_rows(tensor):
    """Joins the rows of a tensor on all replicas, inside a step.

    The gradient by a row is the sum of those of all replicas: of what each
    computes of all rows, it counts the share of one.

    Args:
        tensor: Of any dtype. Replicas may have different numbers of rows, also
            none.

    Returns:
        A tensor of all rows, in the order of the replicas.
    """
    count = num_replicas()
    if tf.distribute.get_replica_context() is None or count == 1:
        return tensor
    # A sum of padded rows, since to gather takes a new graph each time in a
    # step without one.
    rows = tf.shape(tensor)[0]
    numbers = all_sum(tf.one_hot(replica_id(), count, rows, 0))
    before = tf.cumsum(numbers, exclusive=True)[replica_id()]
    after = tf.reduce_sum(numbers) - before - rows
    padding = [[before, after], *[[0, 0]] * (len(tensor.shape) - 1)]
    is_sent = tensor.dtype.is_floating or tensor.dtype in (tf.int32, tf.int64)
    sent = tensor if is_sent else tf.cast(tensor, tf.int64)
    return tf.cast(all_sum(tf.pad(sent, padding)), tensor.dtype)


def assign(pairs):
    """Assigns variables inside a step, on all replicas.

    Args:
        pairs: Variables, each with its new value, equal on all replicas.
    """
    context = tf.distribute.get_replica_context()
    if context is None or num_replicas() == 1:
        for variable, value in pairs:
            variable.assign(value)
        return

    def update(strategy, values):
        for (variable, _), value in zip(pairs, values, strict=True):
            strategy.extended.update(
                variable.value, lambda v, new: v.assign(new), args=(value,)
            )

    # A mirrored variable says nothing of how to join what replicas assign.
    context.merge_call(update, args=([value for _, value in pairs],))


def input_gradients(function, x, objectives):
    """Runs a function of the input and differentiates by the input.

    Args:
        function: Of `x`.
        x: Structure of tensors.
        objectives: Dict from a name to a function of what `function` returns
            that returns one value per example.

    Returns:
        `(result, gradients)`: what `function` returned, and a dict from each
        name to the gradient of its values, of the structure and shape of `x`,
        zeros for integers. The gradients can be differentiated again.
    """
    x = tf.nest.map_structure(tf.convert_to_tensor, x)
    watched = [t for t in tf.nest.flatten(x) if t.dtype.is_floating]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(watched)
        result = function(x)
        totals = {
            name: tf.reduce_sum(objective(result))
            for name, objective in objectives.items()
        }
    gradients = {}
    for name, total in totals.items():
        found = iter(
            tape.gradient(
                total,
                watched,
                unconnected_gradients=tf.UnconnectedGradients.ZERO,
            )
        )
        gradients[name] = tf.nest.map_structure(
            lambda t, found=found: (
                next(found)
                if t.dtype.is_floating
                else tf.zeros_like(t, keras.config.floatx())
            ),
            x,
        )
    return result, gradients


def compiled_by_shape(function, variables=()):
    """Compiles a function of tensors, once for each shape.

    Args:
        function: Of a structure of tensors.
        variables: See `compiled`.
    """
    return tf.function(function, reduce_retracing=False)


def compiled(function, variables=()):
    """Compiles a function of tensors, for calls in a loop.

    Args:
        function: Of structures of tensors whose first axis is the batch. Called
            once, with tensors of unknown batch size, to be recorded.
        variables: What JAX must be told: all that it changes, and what it reads
            and others change. Defaults to none.

    Returns:
        A function that computes the same, of tensors or arrays: of any batch
        size, otherwise always of the shapes and types of its first call.
    """
    recorded = []

    def run(*inputs):
        tensors = tf.nest.map_structure(tf.convert_to_tensor, inputs)
        if not recorded:
            specs = tf.nest.map_structure(
                lambda t: tf.TensorSpec((None, *t.shape[1:]), t.dtype), tensors
            )
            # As Keras 3.15 compiles a step: what a model does is not rewritten.
            compiling = tf.function(function, autograph=False)
            # Not to be called itself: it would complain of a loop when many
            # models are compiled one after another.
            recorded.append(compiling.get_concrete_function(*specs))
        return recorded[0](*tensors)

    return run
