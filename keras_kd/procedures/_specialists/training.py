"""Trains one specialist."""

import dataclasses
import math
from typing import Any

import keras
import numpy as np

from keras_kd._core.predictions import predict_logits
from keras_kd._runs.fit_arguments import new_optimizer
from keras_kd.distiller import Distiller
from keras_kd.losses import SoftTargets
from keras_kd.procedures._specialists import checks
from keras_kd.procedures._specialists.models import collapse
from keras_kd.procedures._specialists.models import from_generalist

# Entries of the input: the generalist's soft targets of an example, and the
# example, if it has no names of its own.
SOFT_TARGETS = "keras_kd_soft_targets"
EXAMPLE = "keras_kd_example"


@dataclasses.dataclass(frozen=True)
class Examples:
    """Examples with the generalist's logits.

    Attributes:
        x: An array or a dict of arrays.
        y: Class numbers, `(examples,)`.
        logits: The generalist's, `(examples, classes)`.
    """

    x: Any
    y: np.ndarray
    logits: np.ndarray

    def is_special(self, classes):
        """Booleans, `(examples,)`: whether their class is one of these."""
        return np.isin(self.y, classes)

    def for_specialist(self, classes, dustbin_shift):
        """Input and labels of a specialist's training.

        Args:
            classes: Class numbers.
            dustbin_shift: Added to the dustbin's logit in the soft targets.

        Returns:
            `(x, y)`: `x` with the soft targets beside it, and places of the
            labels among the classes, the dustbin last.
        """
        x = self.x if isinstance(self.x, dict) else {EXAMPLE: self.x}
        targets = collapse(self.logits, classes, dustbin_shift)
        place = np.full(self.logits.shape[-1], len(classes))
        place[list(classes)] = np.arange(len(classes))
        return x | {SOFT_TARGETS: targets}, place[self.y]


def look(generalist, data, argument, batch_size):
    """Reads data and predicts the generalist's logits.

    Args:
        generalist: A `keras.Model` that gives logits.
        data: Arrays `(x, y)` or a data set of such batches.
        argument: Name of the data for error messages.
        batch_size: Examples in a batch.

    Returns:
        `Examples`.
    """
    x, y = checks.read(data, argument)
    logits = predict_logits(generalist, x, "generalist", batch_size)
    checks.check_logits(generalist, logits)
    checks.check_labels(y, logits.shape[-1], argument)
    return Examples(x, y, logits)


@dataclasses.dataclass(frozen=True)
class SpecialistTraining:
    """Training of specialists. The attributes are as in `specialists`."""

    generalist: keras.Model
    train: Examples
    validation: Examples | None
    build_specialist: Any
    temperature: float
    loss_weight: float
    student_loss_weight: float
    optimizer: Any
    seed: int

    def run(self, index, classes, stages, *, batch_size, callbacks, **kwargs):
        """Makes and trains a specialist, or resumes its training.

        Args:
            index: Number of the specialist.
            classes: Its class numbers.
            stages: A `Stages`.
            batch_size: Even number of examples in a batch.
            callbacks: Callbacks of the user.
            **kwargs: Passed to `stages.fit`.

        Returns:
            `(specialist, dustbin_shift, history)`.
        """
        is_special = self.train.is_special(classes)
        # The rest is so many times as frequent as it is in a batch, compared
        # with the special examples.
        shift = math.log(np.sum(~is_special) / np.sum(is_special))
        x, y = self.train.for_specialist(classes, -shift)
        specialist = self._make(classes, x[SOFT_TARGETS])
        batches = HalfSpecial(x, y, is_special, batch_size, (self.seed, index))
        draw = keras.callbacks.LambdaCallback(
            on_epoch_begin=batches.begin_epoch
        )
        history = stages.fit(
            f"specialist_{index}",
            self._distiller(specialist, classes),
            batches,
            shuffle=False,
            validation_data=self._validation(classes, shift),
            validation_batch_size=batch_size,
            callbacks=[draw, *callbacks],
            **kwargs,
        )
        return specialist, shift, history

    def _make(self, classes, soft_targets):
        if self.build_specialist is None:
            return from_generalist(
                self.generalist,
                classes,
                self.train.logits,
                soft_targets,
                balanced_weights(self.train.is_special(classes)),
            )
        specialist = self.build_specialist(classes)
        checks.check_specialist(specialist, self.generalist, classes)
        return specialist

    def _distiller(self, specialist, classes):
        # The generalist need not run again: a model in its place passes on the
        # soft targets that come with the data.
        generalist = keras.Sequential(
            [
                keras.Input((len(classes) + 1,)),
                keras.layers.Identity(dtype="float32"),
            ]
        )
        soft_targets = SoftTargets(
            self.temperature, loss_weight=self.loss_weight or 1.0
        )
        soft_targets.loss_weight.assign(self.loss_weight)
        x = self.train.x
        distiller = Distiller(
            teacher=generalist,
            student=specialist,
            distillation_losses=soft_targets,
            student_loss_weight=self.student_loss_weight,
            teacher_inputs=SOFT_TARGETS,
            student_inputs=list(x) if isinstance(x, dict) else EXAMPLE,
        )
        distiller.compile(
            new_optimizer(self.optimizer),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        return distiller

    def _validation(self, classes, shift):
        if self.validation is None:
            return None
        x, y = self.validation.for_specialist(classes, -shift)
        return x, y, balanced_weights(self.validation.is_special(classes))


class HalfSpecial(keras.utils.PyDataset):
    """Gives batches that are half special, half at random from the rest.

    An epoch goes through the special examples once, in another order each time,
    and takes as many of the rest. The order depends on the seed and the number
    of the epoch alone, so resumed training gets the same batches as training
    without interruption. Pass `shuffle=False` to `fit`.

    Reference: [Hinton et al., 2015](https://arxiv.org/abs/1503.02531),
    section 5.2.

    Args:
        x: Structure of arrays, one row per example.
        y: Structure of arrays.
        is_special: Booleans, `(examples,)`, some true and some false.
        batch_size: Even number of examples in a batch. The last of an epoch
            may be smaller.
        seed: Sequence of integers.
    """

    def __init__(self, x, y, is_special, batch_size, seed):
        super().__init__()
        self.x = x
        self.y = y
        self.special = np.flatnonzero(is_special)
        self.rest = np.flatnonzero(np.logical_not(is_special))
        self.half = batch_size // 2
        self.seed = tuple(seed)
        self.begin_epoch(0)

    def begin_epoch(self, epoch, logs=None):
        """Draws the examples of an epoch, as a callback."""
        random = np.random.default_rng((*self.seed, epoch))
        self._special_order = random.permutation(self.special)
        count = len(self.special)
        repeats = -(-count // len(self.rest))
        self._rest_order = np.concatenate(
            [random.permutation(self.rest) for _ in range(repeats)]
        )[:count]

    def __len__(self):
        return -(-len(self.special) // self.half)

    def __getitem__(self, index):
        part = slice(index * self.half, (index + 1) * self.half)
        rows = np.concatenate(
            [self._special_order[part], self._rest_order[part]]
        )
        return keras.tree.map_structure(lambda a: a[rows], (self.x, self.y))


def balanced_weights(is_special):
    """Weights that let special examples and the rest count as one half each.

    Args:
        is_special: Booleans, `(examples,)`, some true and some false.

    Returns:
        float32 `(examples,)`, with mean 1.
    """
    share = np.mean(is_special)
    return np.where(is_special, 0.5 / share, 0.5 / (1 - share)).astype(
        "float32"
    )
