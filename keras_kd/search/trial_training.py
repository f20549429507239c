"""Training of a trial."""

import dataclasses
import math

import keras

from keras_kd import batch as batch_parts
from keras_kd._core import model_weights
from keras_kd.teachers._cache import elements

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
        epochs: Number of epochs; in the last one it is 1, unless there is one
            only. Where hyperband trains in rounds, it falls in each of them.
    """

    first: float
    epochs: int

    def __call__(self, epoch):
        progress = min(1.0, epoch / max(1, self.epochs - 1))
        return 1 + (self.first - 1) * (1 + math.cos(math.pi * progress)) / 2


def optimizer(values):
    """The optimizer of a trial.

    Args:
        values: Dict from names of knobs to values.
    """
    name = values["optimizer"]
    rate = values["sgd_learning_rate" if name == "sgd" else "learning_rate"]
    return OPTIMIZERS[name](rate)


def of_a_trial(compiled):
    """Copies arguments of `compile`, since metrics and losses keep a state.

    Args:
        compiled: A structure of strings, functions, metrics or losses.
    """
    return keras.tree.map_structure(_copied, compiled)


def _copied(item):
    if isinstance(item, keras.metrics.Metric | keras.losses.Loss):
        return type(item).from_config(item.get_config())
    return item


def make_student(student, hp):
    """The student of a trial, before it is trained.

    Args:
        student: A `keras.Model`, or a function of `hp`.
        hp: `keras_tuner.HyperParameters`.
    """
    if isinstance(student, keras.Model):
        return model_weights.equal_copy(student)
    made = student(hp)
    if not isinstance(made, keras.Model):
        raise TypeError(
            "`student` must return a built `keras.Model` when it is called "
            f"with `hp`. Received: {made!r}."
        )
    return made


def compile_model(model, optimizer, loss, metrics):
    """Compiles the model of a trial.

    Args:
        model: A `keras.Model`.
        optimizer: A new one.
        loss: As for `compile`.
        metrics: As for `compile`.
    """
    model.compile(
        optimizer=optimizer,
        loss=of_a_trial(loss),
        metrics=of_a_trial(metrics),
    )
    # `get_best_models` loads a checkpoint before anything was trained, and an
    # optimizer without slots would skip its part with a warning.
    model.optimizer.build(model.trainable_variables)


def without_answers(data):
    """Removes the rows of a cache from a data set.

    Args:
        data: Arrays or a `tf.data.Dataset` of single examples `(x, y)`.
    """
    return elements.dataset(data, "data").map(
        lambda x, *others: (batch_parts.split(x)[0], *others)
    )


def batches(examples, batch_size):
    """Shuffled batches of examples.

    Args:
        examples: `tf.data.Dataset` of single examples.
        batch_size: Number of examples in a batch.
    """
    count = int(examples.cardinality())
    buffer = min(SHUFFLED, count) if count > 0 else SHUFFLED
    return examples.shuffle(buffer).batch(int(batch_size)).prefetch(2)


def check_not_twice(args, kwargs):
    """Validates that `search` gets no data beside the hypermodel's."""
    if args or kwargs.get("x") is not None or kwargs.get("y") is not None:
        raise ValueError(
            "`search` must get no training data, since the hypermodel was "
            "given `data`, to which the teacher's answers belong. Received: "
            "data in both. Give `search` the `validation_data` only."
        )
    if kwargs.get("batch_size") is not None:
        raise ValueError(
            "`search` must get no `batch_size`, since the hypermodel makes the "
            f"batches. Received: batch_size={kwargs['batch_size']}. Give it as "
            'a knob: `knobs={"batch_size": ...}`.'
        )
