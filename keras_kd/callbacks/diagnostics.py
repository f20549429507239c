"""Sentences on a training that may lead nowhere."""

import math
from collections.abc import Callable
from typing import Any

import keras

from keras_kd import backend
from keras_kd._core.arguments import as_float
from keras_kd.callbacks import diagnoses
from keras_kd.callbacks.attribute import distiller_attribute
from keras_kd.distribution import is_chief


class Diagnostics(keras.callbacks.Callback):
    """Says after the first epoch what is wrong with a distillation.

    It speaks once for each model, and only of what it finds:

    * The teacher is no better than chance on the labels: its choices agree
      with them no more often than in a random order. It is silent on this
      without labels of classes (so for regression, whose teacher may be in
      other units than the labels, and for many labels an example), if 3 in 4
      labels of the batch are of one class, or if the batch is too small to
      tell: 32 examples do for ten classes.
    * A loss gives the student no gradient: its `loss_weight` is 0, no trainable
      weight lies before its tap, or its gradient is less than a millionth of
      the largest. That `student_loss_weight` is 0 is not said.
    * One term outweighs all others together: the means of the epoch, each with
      its weight as it is at the end of the epoch.

    The terms are those of the logs. The rest is measured on the first batch of
    the training, which is kept for it: at the end of the epoch, one pass of the
    models over it in inference mode, and a step back for each loss, which JAX
    compiles for some seconds. Nothing that is trained changes by a bit, and the
    data is not read again.

    With a `MutualDistiller`, a gradient is looked for in each peer; of teachers
    it says nothing. Of several replicas, the first one's part of the batch
    counts; of several workers, the chief speaks: see `distribution.is_chief`.

    Args:
        ratio: Float > 1, how many times all other terms together one must be to
            be named. Defaults to `30.0`, above what is common: soft targets at
            ten times the weight of the labels.
        say: Takes a sentence for the user. Defaults to `print`.

    Raises:
        TypeError: If `say` cannot be called; when training starts, if the model
            is no `Distiller` or `MutualDistiller`.
        ValueError: If `ratio` is not a number above 1.

    Example:

    >>> teacher = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> student = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> distiller = keras_kd.Distiller(
    ...     teacher=teacher,
    ...     student=student,
    ...     distillation_losses=keras_kd.losses.SoftTargets(loss_weight=0.0),
    ... )
    >>> distiller.compile("adam")
    >>> history = distiller.fit(np.ones((8, 4)), verbose=0, callbacks=[
    ...     keras_kd.callbacks.Diagnostics()])
    The loss `soft_targets` gives the student no gradient, since its weight is
    0. Raise its `loss_weight`, or leave it out of `distillation_losses`.
    """

    def __init__(
        self, *, ratio: float = 30.0, say: Callable[[str], None] = print
    ):
        super().__init__()
        if not 1 < as_float(ratio) < math.inf:
            raise ValueError(
                "`ratio` must be a number above 1, since it is how many times "
                "the other terms one must be to be named. Received: ratio="
                f"{ratio!r}."
            )
        if not callable(say):
            raise TypeError(
                "`say` must be a function of a sentence, such as `print`. "
                f"Received: say={say!r}."
            )
        self.ratio = float(ratio)
        self.say = say
        self._is_chief = is_chief()
        self._judged = None
        self._first = None
        self._sentences = []

    def set_model(self, model: keras.Model) -> None:
        distiller_attribute(self, model, "measure_batch")
        super().set_model(model)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self._is_chief and self._judged is not self.model:
            self._first = backend.FirstBatch(self.model)

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        # Not at the end of the first: the progress bar has not ended its line.
        self._speak()

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        if self._first is None or self._first.value is None:
            return
        measures = self.model.measure_batch(self._first.value)
        self._first, self._judged = None, self.model
        weights = self._weights()
        terms = {
            name: abs(weight * logs[name])
            for name, weight in weights.items()
            if name in (logs or {})
        }
        self._sentences = [
            *diagnoses.of_teacher(measures.hits),
            *diagnoses.of_gradients(measures.norms, weights, self._losses()),
            *diagnoses.of_terms(terms, measures.penalty, weights, self.ratio),
        ]

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._speak()

    def _speak(self):
        for sentence in self._sentences:
            self.say(sentence)
        self._sentences = []

    def _weights(self):
        """Current weight of each term, by its name in the logs."""
        targets = {"student_loss": "student_loss_weight"} | {
            name: f"{name}.loss_weight" for name in self.model.loss_names
        }
        return {
            name: float(
                keras.ops.convert_to_numpy(self.model.hyperparameter(target))
            )
            for name, target in targets.items()
        }

    def _losses(self):
        """The distillation losses by their names in the logs."""
        model = self.model
        return dict(
            zip(model.loss_names, model.distillation_losses, strict=True)
        )
