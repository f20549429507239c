"""A `tf.distribute` strategy from a name."""

import contextlib
import json
import os
from typing import TYPE_CHECKING

import keras

from keras_kd.backend.neutral import DISTRIBUTIONS

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["is_chief", "strategy"]

NAMES = ("one_device", "mirrored", "multi_worker")
_EXAMPLE = (
    '{"cluster": {"worker": ["10.0.0.1:12345", "10.0.0.2:12345"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


def strategy(name: str = "one_device") -> "tf.distribute.Strategy":
    """Makes the strategy that a model is trained with.

    Make student and Distiller, and compile, in its scope; the teacher may come
    from outside. `fit`, `evaluate` and `predict` then give the numbers of one
    device, if they get the same batches. What differs, as in Keras:

    * batch normalisation, whose statistics are those of a replica's own
      examples; `keras.layers.BatchNormalization(synchronized=True)` takes those
      of all;
    * dropout and other layers that draw at random, of which each replica draws
      its own;
    * `add_loss`, activity regularisers, and losses given to `compile` with a
      reduction of their own.

    Several workers must all call `keras.utils.set_random_seed` with one seed,
    or each shuffles in its own order. TensorFlow asks that this function is
    called before anything else that makes a tensor, such as loading a teacher.
    All of them must save a model, each to its own path, since a part of its
    state is gathered from all; the student alone can be saved by one.

    GPUs get their memory as it is needed, unless they are in use already.

    Args:
        name: `"one_device"`, the default: TensorFlow's default, a GPU if there
            is one. `"mirrored"`: all GPUs of this machine, or else its logical
            CPUs. `"multi_worker"`: all processes that the environment variable
            `TF_CONFIG` lists. Each of them runs the same program, with its own
            `"index"`, and waits here for the others.

    Returns:
        A `tf.distribute.Strategy`.

    Raises:
        RuntimeError: If Keras runs on another backend.
        ValueError: If the name is unknown, or `TF_CONFIG` is not as it must
            be for several workers.

    Example:

    >>> def model():
    ...     return keras.Sequential(
    ...         [keras.Input((4,)), keras.layers.Dense(2)])
    >>> with keras_kd.distribution.strategy("one_device").scope():
    ...     distiller = keras_kd.Distiller(
    ...         teacher=model(), student=model(),
    ...         distillation_losses=keras_kd.losses.SoftTargets(4.0))
    ...     distiller.compile("adam")
    >>> history = distiller.fit(np.zeros((8, 4)), verbose=0)
    """
    used = keras.backend.backend()
    if used != "tensorflow":
        raise RuntimeError(
            "The Keras backend must be tensorflow for a strategy, since it is "
            f"one of `tf.distribute`. Received: backend={used}. "
            f"{DISTRIBUTIONS.get(used, 'Train on one device.')}"
        )
    if name not in NAMES:
        raise ValueError(
            f"`name` must be one of {', '.join(map(repr, NAMES))}. Received: "
            f"name={name!r}."
        )
    if name == "multi_worker":
        _check_cluster(os.environ.get("TF_CONFIG", ""))
    # Not at the top: whoever asks for the chief may have none.
    import tensorflow as tf

    _let_memory_grow(tf.config)
    if name == "one_device":
        return tf.distribute.get_strategy()
    if name == "mirrored":
        gpus = tf.config.list_logical_devices("GPU")
        devices = gpus or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([one.name for one in devices])
    return tf.distribute.MultiWorkerMirroredStrategy()


def is_chief() -> bool:
    """Whether this process is the one that prints, and saves the student.

    Returns:
        `True` without `TF_CONFIG`; with it, for the task `"chief"`, or, where
        there is none, for the first worker.

    Raises:
        ValueError: If `TF_CONFIG` is not as `strategy` needs it.
    """
    config = os.environ.get("TF_CONFIG", "")
    if config in ("", "{}"):
        return True
    cluster, kind, index = _check_cluster(config)
    return index == 0 and (kind == "chief" or "chief" not in cluster)


def _let_memory_grow(config):
    for gpu in config.list_physical_devices("GPU"):
        # It may be in use, or split into logical devices: then its first user
        # has decided.
        with contextlib.suppress(RuntimeError, ValueError):
            config.experimental.set_memory_growth(gpu, True)


def _check_cluster(text):
    """The cluster, and the type and index of this task.

    Args:
        text: Value of `TF_CONFIG`.

    Raises:
        ValueError: If something in it is missing or does not fit.
    """
    try:
        config = json.loads(text)
        cluster, task = config["cluster"], config["task"]
        kind, index = task["type"], int(task["index"])
        workers = dict(cluster)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _refused(
            text, f"it cannot be read ({type(error).__name__}: {error})"
        ) from error
    if not workers.get("worker"):
        raise _refused(text, "its cluster has no workers")
    if not all(isinstance(group, list) for group in workers.values()):
        raise _refused(text, "the addresses of a type are not a list")
    if kind not in workers or kind not in ("chief", "worker"):
        raise _refused(text, f"its task is of type {kind!r}")
    if not 0 <= index < len(workers[kind]):
        raise _refused(
            text,
            f"its task has the index {index}, of {len(workers[kind])} of type "
            f"{kind!r}",
        )
    addresses = [one for kind in workers for one in workers[kind]]
    if len(set(addresses)) < len(addresses):
        raise _refused(text, "an address is in it twice")
    return workers, kind, index


def _refused(text, problem):
    return ValueError(
        "The environment variable TF_CONFIG must tell the addresses of all "
        f"workers and which of them this process is. Received: {text!r}; "
        f"{problem}. Set it to something like {_EXAMPLE} in each process."
    )
