"""How a trial is trained."""

import dataclasses
import math

import keras

# At most so many examples wait to be drawn from, as in tf.data's own guide.
SHUFFLED = 10_000

OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "rmsprop": keras.optimizers.RMSprop,
    "sgd": lambda rate: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True),
}


@dataclasses.dataclass(frozen=True)
class Fall:
    """A temperature that falls to 1 along half a cosine.

    Attributes:
        first: Its value in the first epoch.
        epochs: Number of epochs; in the last one it is 1.
    """

    first: float
    epochs: int

    def __call__(self, epoch):
        progress = min(1.0, epoch / max(1, self.epochs - 1))
        return 1 + (self.first - 1) * (1 + math.cos(math.pi * progress)) / 2


def optimizer(values):
    """The optimizer of a trial, from the values of its knobs."""
    name = values["optimizer"]
    rate = values["sgd_learning_rate" if name == "sgd" else "learning_rate"]
    return OPTIMIZERS[name](rate)


def of_a_trial(compiled):
    """A copy of what `compile` takes: metrics and losses keep a state.

    Args:
        compiled: A structure of strings, functions, metrics or losses.
    """
    return keras.tree.map_structure(_copied, compiled)


def _copied(item):
    if isinstance(item, keras.metrics.Metric | keras.losses.Loss):
        return type(item).from_config(item.get_config())
    return item


def batches(cached, data, batch_size):
    """Shuffled batches of examples with what the teacher said.

    Args:
        cached: A `CachedTeacher`.
        data: The data that was cached.
        batch_size: Number of examples in a batch.

    Returns:
        `tf.data.Dataset`.
    """
    attached = cached.attach(data)
    count = min(SHUFFLED, cached.num_examples * cached.views)
    return attached.shuffle(count).batch(int(batch_size)).prefetch(2)


def check_not_twice(args, kwargs):
    """Refuses training data in `search` beside that of the hypermodel."""
    if args or kwargs.get("x") is not None or kwargs.get("y") is not None:
        raise ValueError(
            "`search` must get no training data, since the hypermodel was "
            "given `data`, to which the teacher's answers belong. Received: "
            "data in both. Give `search` the `validation_data` only."
        )
