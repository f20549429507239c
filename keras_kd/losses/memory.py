"""Memory of a loss: weights that it assigns in training, such as a queue."""

import keras
from keras import ops

from keras_kd._types import Shape
from keras_kd._types import Tensor
from keras_kd.losses.distillation_loss import DistillationLoss


def add_memory(
    loss: DistillationLoss, name: str, shape: Shape, initializer: str = "zeros"
) -> keras.Variable:
    """Makes a weight of a loss that its `call` assigns in training.

    It is saved and resumed with the Distiller, and is no part of the student.
    `call` takes `training`, and assigns only where it is true.

    Args:
        loss: A `DistillationLoss` that `compares_examples`.
        name: Name of the weight.
        shape: Its shape.
        initializer: See `keras.layers.Layer.add_weight`. Defaults to
            `"zeros"`.

    Returns:
        A non-trainable `keras.Variable`, equal on all replicas.

    Raises:
        ValueError: If each replica would assign what it alone has seen.
    """
    if not loss.compares_examples:
        raise ValueError(
            "`compares_examples` must be True for a loss with a memory, since "
            "all replicas have one memory, and each would see its own part of "
            "the batch. Received: compares_examples=False in "
            f"{type(loss).__name__}. Write `compares_examples = True` in the "
            "class."
        )
    return loss.add_weight(
        shape=shape,
        initializer=initializer,
        trainable=False,
        # All assign the same.
        aggregation="only_first_replica",
        name=name,
    )


def recalled(memory: keras.Variable) -> Tensor:
    """The value of a memory as it is now.

    Args:
        memory: What `add_memory` returned.

    Returns:
        A tensor of its own: on PyTorch, assigning changes the one in the
        variable, and gradients would no longer be known.
    """
    return ops.copy(memory.value)


def enqueued(
    queue: keras.Variable, rows: Tensor, example_weights: Tensor
) -> Tensor:
    """The value of a queue when the rows of a batch have come to its end.

    The oldest go from its beginning. Rows of examples that do not count stay
    out.

    Args:
        queue: What `add_memory` returned, `(size, width)`, which stays as it
            is: a training step assigns what is returned.
        rows: `(batch, width)`, taken without its gradient.
        example_weights: `(batch,)`: 0 for examples that do not count.

    Returns:
        A tensor of its own, `(size, width)`.
    """
    size, count = queue.shape[0], ops.shape(rows)[0]
    numbers = ops.arange(count, dtype="int32")
    counts = ops.greater(example_weights, 0)
    # Rows that stay out come first, where they are cut off; then the queue.
    places = ops.concatenate(
        [
            ops.where(counts, numbers + count + size, numbers),
            ops.arange(size, dtype="int32") + count,
        ]
    )
    kept = ops.argsort(places)[count:]
    rows = ops.cast(ops.stop_gradient(rows), queue.dtype)
    every = ops.concatenate([rows, recalled(queue)])
    return ops.reshape(ops.take(every, kept, axis=0), queue.shape)
