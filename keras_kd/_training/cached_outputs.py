"""Outputs of a teacher for a comparison, if it is a cache."""

from keras_kd._training import checks
from keras_kd._training.outputs import ForwardPass
from keras_kd._training.outputs import ModelOutputs
from keras_kd.teachers._cache.tapped import TappedCache


class CachedOutputs(ModelOutputs):
    """Outputs of a cached teacher, from the batch. See `ModelOutputs`."""

    def _find_taps(self, names, losses):
        self.model.check_inputs(self.inputs)
        for name, loss in losses.items():
            if any(n.startswith("teacher_input") for n in loss.needs):
                raise ValueError(
                    f"The loss {name!r} must run the teacher, since it needs "
                    "the gradient of its input, which no cache has. Received: "
                    f'teacher="{self.model.name}", a cache. Give the teacher '
                    "itself."
                )
        return TappedCache(self.model, names)

    def _find_gradients(self, losses):
        return None

    def _check_logits(self, tap, loss):
        if tap in self.tapped.probabilities:
            checks.refuse_probabilities(self.tapped, tap, loss)

    def run(self, examples, training, learns=False):
        """Returns a `ForwardPass`, or `None` if the data is not attached."""
        rows = examples.reserved.get("teacher")
        if rows is None:
            return None
        return ForwardPass(*self.tapped(rows), training)

    def check_finite(self, tensors):
        """Stops the run at a -inf where a loss cannot use it.

        The rest was validated when stored.
        """
        outputs = {
            tap: tensor
            for tap, tensor in tensors.items()
            if tap not in (*self.ruling_out, *self.tapped.layers)
        }
        return tensors | super().check_finite(outputs) if outputs else tensors
