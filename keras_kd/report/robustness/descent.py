"""Minimises the loss of the attack of Carlini and Wagner."""

import keras
import numpy as np
from keras import ops

from keras_kd import backend
from keras_kd.report.robustness.victim import as_numpy


class Descent:
    """Adam on the numbers whose `tanh` gives the images of a batch.

    Args:
        victim: The `Victim`.
        part: A slice of its images.
        confidence: By how much the target's logit is to exceed the others.
        learning_rate: Of Adam.
    """

    def __init__(self, victim, part, confidence, learning_rate):
        self.victim = victim
        self.confidence = confidence
        self.x = victim.x[part]
        self.wanted = victim.one_hot(part)
        self.free = keras.Variable(_free(self.x, *victim.bounds), name="free")
        self.optimizer = keras.optimizers.Adam(learning_rate)
        self.optimizer.build([self.free])
        self._variables = [self.free, *self.optimizer.variables]
        self._initial = [as_numpy(v) for v in self._variables]
        self._step = backend.compiled(self._take_step)

    def run(self, search, num_iterations):
        """Runs from scratch, with the constants of a search.

        It ends early when a tenth of the iterations has not lowered the loss.

        Args:
            search: A `ConstantSearch`, which notes all images on the way.
            num_iterations: Number of steps, at most.
        """
        for variable, value in zip(self._variables, self._initial, strict=True):
            variable.assign(value)
        last = np.inf
        for iteration in range(num_iterations):
            images, is_success, loss = map(
                as_numpy, self._step(self.x, self.wanted, search.constants)
            )
            search.note(images, is_success)
            if iteration % max(1, num_iterations // 10) == 0:
                if loss.sum() > 0.9999 * last:
                    return
                last = loss.sum()

    def _take_step(self, x, wanted, constants):
        """Evaluates a batch and takes a step; images are those before it."""
        low, high = self.victim.bounds

        def look(free):
            images = low + (high - low) * (ops.tanh(free) + 1) / 2
            return images, self.victim.logits(images)

        def loss(result):
            images, logits = result
            axes = tuple(range(1, len(x.shape)))
            distance = ops.sum(ops.square(images - x), axis=axes)
            shortfall = ops.maximum(-_lead(logits, wanted), -self.confidence)
            return distance + constants * shortfall

        result, gradients = backend.input_gradients(
            look, self.free.value, {"loss": loss}
        )
        images, logits = result
        # A draw is no success: the prediction of the model is not certain.
        lead = _lead(logits, wanted)
        is_success = (lead > 0) & (lead >= self.confidence)
        self.optimizer.apply([gradients["loss"]], [self.free])
        return images, is_success, loss(result)


def _lead(logits, wanted):
    """By how much the target's logit exceeds all others, `(batch,)`."""
    largest = ops.max(ops.where(wanted > 0, -np.inf, logits), axis=-1)
    return ops.sum(logits * wanted, axis=-1) - largest


def _free(x, low, high):
    """Inverts the `tanh` of images; moves values on a bound inwards."""
    scaled = 2 * (np.float64(x) - low) / (high - low) - 1
    return np.arctanh(0.999999 * scaled).astype("float32")
