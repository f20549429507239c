"""Small communities, and the same training by Distillers with copies."""

import keras
import numpy as np

import keras_kd
from tests import support

STEPS = 5


def vectors(width, name):
    return support.dense(width, name=name)


def tagger(width, name):
    """A sequence model whose padding is masked."""
    return keras.Sequential(
        [
            keras.Input((STEPS,), dtype="int32"),
            keras.layers.Embedding(10, width, mask_zero=True),
            keras.layers.Dense(3),
        ],
        name=name,
    )


def two_inputs(width, name):
    """A model of a number and a token."""
    inputs = {
        "number": keras.Input((4,), name="number"),
        "token": keras.Input((), dtype="int32", name="token"),
    }
    hidden = keras.layers.Concatenate()(
        [
            inputs["number"],
            keras.layers.Embedding(10, width)(inputs["token"]),
        ]
    )
    return keras.Model(inputs, keras.layers.Dense(3)(hidden), name=name)


def data(make, count=11, seed=0):
    """Examples and labels for one kind of model."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(count, 4)).astype("float32")
    tokens = rng.integers(0, 10, (count, STEPS))
    if make is tagger:
        return tokens, rng.integers(0, 3, (count, STEPS))
    x = numbers
    if make is two_inputs:
        x = {"number": numbers, "token": tokens[:, 0]}
    return x, rng.integers(0, 3, count)


def peers(count, make=vectors, seed=0):
    """Nets of different widths."""
    keras.utils.set_random_seed(seed)
    return [make(8 - i, f"net_{i}") for i in range(count)]


def made(count=2, make=vectors, losses=None, **kwargs):
    """A MutualDistiller, by default with soft targets."""
    return keras_kd.MutualDistiller(
        peers=peers(count, make),
        distillation_losses=losses or keras_kd.losses.SoftTargets(2.0),
        **kwargs,
    )


def clone(model):
    """A copy of a model with its weights."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


class ByDistillers:
    """Trains copies of peers, each by a Distiller with frozen teachers.

    Args:
        models: The peers; they stay as they are.
        make_losses: Makes the distillation losses of one peer.
        make_optimizer: Makes the optimizer of one peer.
        target: As in a MutualDistiller.
        **compiled: Further arguments of `compile`.
    """

    def __init__(
        self, models, make_losses, make_optimizer, target="others", **compiled
    ):
        self.students = [clone(model) for model in models]
        self.teachers = []
        self.distillers = []
        self.sources = []
        for index, student in enumerate(self.students):
            sources = [
                i
                for i in range(len(models))
                if target == "community" or i != index
            ]
            teachers = [clone(models[i]) for i in sources]
            self.sources.append(sources)
            self.teachers.append(teachers)
            distiller = keras_kd.Distiller(
                teacher=teachers[0]
                if len(teachers) == 1
                else keras_kd.teachers.EnsembleTeacher(teachers),
                student=student,
                distillation_losses=make_losses(),
            )
            # Without a graph, which would take longer to make than to run.
            distiller.compile(make_optimizer(), run_eagerly=True, **compiled)
            self.distillers.append(distiller)

    def listen(self, listener):
        """Gives the teachers of one peer the weights of now."""
        for teacher, source in zip(
            self.teachers[listener], self.sources[listener], strict=True
        ):
            teacher.set_weights(self.students[source].get_weights())

    def step(self, *batch, exchange="together", **kwargs):
        """Trains all on one batch; `exchange=None` leaves teachers stale."""
        places = range(len(self.students))
        if exchange == "together":
            for index in places:
                self.listen(index)
        logs = []
        for index in places:
            if exchange == "in_turn":
                self.listen(index)
            logs.append(
                self.distillers[index].train_on_batch(
                    *batch, return_dict=True, **kwargs
                )
            )
            self.distillers[index].reset_metrics()
        return logs


def difference(first, second):
    """Largest difference between the weights of two lists of models."""
    return max(
        support.largest_difference(a.get_weights(), b.get_weights())
        for a, b in zip(first, second, strict=True)
    )
