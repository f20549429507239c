"""Kullback-Leibler divergence of two output layers, some classes at a time.

Logits of all classes never exist: each chunk of them is computed from the
hidden states and added up, and computed again for the gradient. That is half as
many products of matrices more than with logits that are kept.
"""

from keras import ops

from keras_kd import backend
from keras_kd._core import reduction
from keras_kd.losses.divergence_of_logits import CLOSE
from keras_kd.losses.divergence_of_logits import LARGEST
from keras_kd.losses.divergence_of_logits import terms

# Below all logits, and finite: it may be subtracted from itself.
LOWEST = -1e30


def divergence_in_chunks(teacher, student, temperature, chunk_size, *, reverse):
    """Kullback-Leibler divergence of softened distributions.

    It can be differentiated once.

    Args:
        teacher: `output_layers.Scores`, which get no gradient.
        student: `output_layers.Scores` of the same rows and classes.
        temperature: See `divergence_of_logits`.
        chunk_size: Number of classes at a time, an int.
        reverse: Whether the student's distribution weighs the classes, and not
            the teacher's.

    Returns:
        Divergence in nats, `(rows,)`, from 0 to 1e30.
    """
    by_temperature = getattr(
        temperature, "trainable", ops.is_tensor(temperature)
    )

    @ops.custom_gradient
    def of(hidden, kernel, bias, temperature):
        learner = student._replace(hidden=hidden, kernel=kernel, bias=bias)
        pair = [one.softened(temperature) for one in (teacher, learner)]
        if reverse:
            pair.reverse()
        totals, plain = _statistics(pair, chunk_size)
        value = _precise(pair, chunk_size, totals, plain)

        def gradients(*arguments, upstream=None):
            if upstream is None:
                (upstream,) = arguments
            return _gradients(
                ops.expand_dims(upstream, axis=-1),
                pair,
                chunk_size,
                (totals, value),
                temperature,
                reverse,
                by_temperature,
            )

        return ops.squeeze(value, axis=-1), gradients

    # A tensor of its own: TensorFlow takes no variable that is trained here.
    temperature = 1 * ops.convert_to_tensor(temperature, student.hidden.dtype)
    return of(student.hidden, student.kernel, student.bias, temperature)


def _over_chunks(pair, chunk_size, add, state):
    """Takes a state through all chunks.

    Args:
        pair: Two `Scores`.
        chunk_size: Number of classes at a time.
        add: From a state, the first class of a chunk, and both columns and both
            logits of it, two lists, to the next state.
        state: A tuple of tensors.
    """
    classes = pair[0].bias.shape[0]
    chunk_size = min(chunk_size, classes)

    def step(start, size, state):
        # Else a graph begins with several chunks at once, which take memory.
        start = backend.after(start, state[0])
        columns = [one.columns(start, size) for one in pair]
        logits = [
            one.logits(start, part)
            for one, part in zip(pair, columns, strict=True)
        ]
        return add(state, start, columns, logits)

    count, rest = divmod(classes, chunk_size)
    state = ops.fori_loop(
        0,
        count,
        lambda index, state: step(index * chunk_size, chunk_size, state),
        state,
    )
    return step(count * chunk_size, rest, state) if rest else state


def _statistics(pair, chunk_size):
    """Adds up all chunks.

    Returns:
        `(totals, value)`: of both distributions the highest logit and the sum
        of the exponentials of the logits less that, and the divergence, all of
        shape `(rows, 1)`.
    """

    def add(state, start, columns, logits):
        value, *totals = state
        highest = [
            ops.maximum(earlier, reduction.highest(x))
            for (earlier, _), x in zip(totals, logits, strict=True)
        ]
        shifts = [
            earlier - now
            for (earlier, _), now in zip(totals, highest, strict=True)
        ]
        factors = list(map(ops.exp, shifts))
        first, second = (
            x - now for x, now in zip(logits, highest, strict=True)
        )
        weights = ops.exp(first)
        # The highest were other ones in the sum.
        moved = value + totals[0][1] * (shifts[0] - shifts[1])
        value = ops.where(factors[0] > 0, factors[0] * moved, 0.0)
        value += _sum(ops.where(weights > 0, weights * (first - second), 0.0))
        sums = (
            factor * earlier + _sum(x)
            for factor, (_, earlier), x in zip(
                factors, totals, (weights, ops.exp(second)), strict=True
            )
        )
        return value, *zip(highest, sums, strict=True)

    zeros = ops.zeros_like(pair[0].hidden[:, :1])
    nothing = zeros + LOWEST, zeros
    value, *totals = _over_chunks(
        pair, chunk_size, add, (zeros, nothing, nothing)
    )
    (_, first), (_, second) = totals
    return totals, value / first + ops.log(second / first)


def _compared(totals, logits):
    """Probabilities of a chunk, and their log-ratios.

    Returns:
        `(p, q, log_ratios)`: of the first and of the second distribution, and
        `log q - log p`.
    """
    (first, second), (p, q) = (
        [x - highest for x, (highest, _) in zip(logits, totals, strict=True)],
        [total for _, total in totals],
    )
    return (
        ops.exp(first) / p,
        ops.exp(second) / q,
        second - first - ops.log(q / p),
    )


def _precise(pair, chunk_size, totals, plain):
    """The divergence, with its digits where it is near 0."""

    def add(state, start, columns, logits):
        return (state[0] + _sum(terms(*_compared(totals, logits))),)

    def close():
        (found,) = _over_chunks(pair, chunk_size, add, (ops.zeros_like(plain),))
        return ops.where(plain < CLOSE, found, plain)

    value = backend.cond(ops.any(plain < CLOSE), close, lambda: plain)
    return ops.clip(value, 0.0, LARGEST)


def _gradients(
    upstream, pair, chunk_size, known, temperature, reverse, by_temperature
):
    """Gradients by the student's tensors and by the temperature.

    Args:
        upstream: The gradient by the divergence, `(rows, 1)`.
        pair: Softened `Scores` of both distributions.
        chunk_size: Number of classes at a time.
        known: What `_statistics` returned.
        temperature: The temperature.
        reverse: Whether the first of the pair is the student's.
        by_temperature: Whether there is one by the temperature.
    """
    totals, value = known
    index = 0 if reverse else 1
    student = pair[index]

    def add(state, start, columns, logits):
        by_hidden, by_kernel, by_bias, by_softness = state
        p, q, log_ratios = _compared(totals, logits)
        slopes = [None, q - p]
        if reverse or by_temperature:
            slopes[0] = ops.where(p > 0, -p * (log_ratios + value), 0.0)
        slope = upstream * slopes[index]
        by_hidden += ops.matmul(slope, ops.transpose(columns[index]))
        if student.is_by_rows:
            part = ops.matmul(ops.transpose(slope), student.hidden)
            place = start, 0
        else:
            part = ops.matmul(ops.transpose(student.hidden), slope)
            place = 0, start
        part = ops.cast(part, by_kernel.dtype)
        by_kernel = backend.put(by_kernel, part, place)
        by_bias = backend.put(by_bias, ops.sum(slope, axis=0), (start,))
        if by_temperature:
            for x, (highest, _), of in zip(logits, totals, slopes, strict=True):
                by_softness += _sum(ops.where(of == 0, 0.0, of * (x - highest)))
        return by_hidden, by_kernel, by_bias, by_softness

    by_hidden, by_kernel, by_bias, by_softness = _over_chunks(
        pair,
        chunk_size,
        add,
        (
            ops.zeros_like(student.hidden),
            _zeros_like(student.kernel, temperature),
            _zeros_like(student.bias, temperature),
            ops.zeros_like(upstream),
        ),
    )
    # What was softened is not what the student computes.
    return (
        by_hidden / temperature,
        by_kernel,
        by_bias / temperature,
        -ops.sum(upstream * by_softness) / temperature,
    )


def _zeros_like(tensor, temperature):
    """Zeros that a graph does not keep as a constant beside what is written."""
    zero = ops.cast(ops.minimum(temperature, 0.0), tensor.dtype)
    return ops.copy(ops.broadcast_to(zero, tensor.shape))


def _sum(x):
    return ops.sum(x, axis=-1, keepdims=True)
