"""Finds losses whose value for an example depends on the rest of the batch."""

import keras
import numpy as np

from keras_kd.losses import declaration

# Two examples, which two replicas would get one each.
EXAMPLES = 2
UNKNOWN_LENGTH = 3


def check_examples_apart(name, loss, shapes):
    """Validates that a loss on replicas treats each example alone.

    Each replica sees a part of the batch, so pairs of examples on different
    replicas would be left out.

    Args:
        name: Name of the loss, for the error.
        loss: A built `DistillationLoss`.
        shapes: What its `build` takes: shapes by the names of arguments.
    """
    if depends_on_batch(loss, shapes):
        raise ValueError(
            f"The loss {name!r} must give each example a value of its own on "
            "several replicas, since each sees a part of the batch. Received: "
            f"{type(loss).__name__}, whose value for an example depends on the "
            "others. Write `compares_examples = True` in the class, and it "
            "gets the examples of all replicas; or train on one replica, "
            '`keras_kd.distribution.strategy("one_device")`.'
        )


def depends_on_batch(loss, shapes):
    """Whether a loss for one example depends on the others.

    Args:
        loss: A built `DistillationLoss`.
        shapes: What its `build` takes: shapes by the names of arguments.
    """
    if not set(loss.needs).isdisjoint(declaration.PARTS):
        # Only the models have them.
        return False
    random = np.random.default_rng(0)
    arguments = {
        argument.removesuffix("_shape"): _random(random, shape)
        for argument, shape in shapes.items()
    }
    student, *_ = keras.tree.flatten(arguments["student"])
    known = {
        "labels": np.zeros(student.shape[: max(1, student.ndim - 1)], int),
        "example_ids": np.arange(EXAMPLES),
    }
    arguments |= {need: known[need] for need in loss.needs if need in known}
    if not set(loss.needs) <= set(arguments):
        # A gradient whose shape `build` does not ask for.
        return False

    def values(rows):
        part = keras.tree.map_structure(lambda a: a[rows], arguments)
        teacher, student = part.pop("teacher"), part.pop("student")
        # The state of a loss must stay as it is.
        with keras.StatelessScope():
            found = loss(teacher, student, training=False, **part)
        return keras.ops.convert_to_numpy(found)

    try:
        together = values(slice(None))
    except Exception:
        # Labels of another form, such as one-hot: only data would tell.
        if "labels" in loss.needs:
            return False
        raise
    apart = [values(slice(i, i + 1)) for i in range(EXAMPLES)]
    return not np.allclose(together, np.concatenate(apart), 1e-4, 1e-6)


def _random(random, shape):
    """Random numbers for one shape, or a structure of shapes."""
    if isinstance(shape, dict):
        return {key: _random(random, part) for key, part in shape.items()}
    if not all(n is None or isinstance(n, int) for n in shape):
        return type(shape)(_random(random, part) for part in shape)
    sizes = [UNKNOWN_LENGTH if n is None else n for n in shape[1:]]
    return random.normal(size=(EXAMPLES, *sizes)).astype("float32")
