"""Outputs of a teacher for a comparison, if it is a cache."""

import difflib

import keras

from keras_kd._core import places
from keras_kd._core import tapped_model
from keras_kd._core import top_logits
from keras_kd._training import checks
from keras_kd._training.outputs import ForwardPass
from keras_kd._training.outputs import ModelOutputs


class TappedCache:
    """A cache that returns chosen taps along with the output.

    For shapes it has the attributes of `tapped_model.TappedModel`.

    Args:
        cached: A `CachedTeacher`.
        names: Names of taps; `None` stands for the output.
        top: Those of them at which the form of `top_logits` is wanted, where it
            is stored. Defaults to none.

    Raises:
        ValueError: If a tap is not stored.
    """

    role = "teacher"

    def __init__(self, cached, names, top=()):
        self.model = cached
        self.outputs = cached.layout.outputs
        self.taps = tuple(dict.fromkeys(names))
        self.layers = [tap for tap in self.taps if tap in cached.taps]
        self.probabilities = cached.layout.probabilities
        self._top = [tap for tap in self.taps if tap in top]
        for tap in self.taps:
            if tap is not None and tap not in (*self.outputs, *cached.taps):
                raise self._unknown(tap)

    def _unknown(self, tap):
        stored = [*self.outputs, *self.model.taps]
        near = difflib.get_close_matches(str(tap), stored, n=5) or stored[:5]
        return ValueError(
            f"The tap {tap!r} must be in the cache, since the teacher does not "
            f'run. Received: teacher="{self.model.name}", teacher_tap={tap!r}. '
            f"Stored are: {', '.join(near) or 'no taps, only the output'}. "
            f"Call `cache_teacher` with taps=[{tap!r}] in another folder."
        )

    def __call__(self, rows):
        """Returns `(output, tensors)`, as the model would, from rows."""
        output, tensors = self._pick(*self.model.read(rows))
        stored = self.model.read_top(rows)
        for tap in self._top:
            found = None
            if tap not in self.layers:
                found = tapped_model.pick(stored, self.outputs, tap)
            if top_logits.is_top(found):
                # A graph then makes all logits for metrics alone.
                tensors[tap] = found
        return output, tensors

    def _pick(self, output, by_tap):
        return output, {
            tap: by_tap[tap]
            if tap in by_tap
            else tapped_model.pick(output, self.outputs, tap)
            for tap in self.taps
        }

    def symbolic(self):
        """The result of a call, with `KerasTensor`s that show the shapes."""
        layout = self.model.layout
        tensors = {
            name: keras.KerasTensor((None, *field.shape), _dtype_read(field))
            for name, field in layout.fields.items()
        }
        output = keras.tree.map_structure(tensors.__getitem__, layout.output)
        by_tap = {tap: tensors[name] for tap, name in layout.taps.items()}
        return self._pick(output, by_tap)


def _dtype_read(field):
    return "float32" if field.dtype == "float16" else field.dtype


class CachedOutputs(ModelOutputs):
    """Outputs of a cached teacher, from the batch. See `ModelOutputs`."""

    def _find_taps(self, names, losses):
        self.model.check_inputs(self.inputs)
        for name, loss in losses.items():
            asked = [n for n in loss.needs if n.startswith("teacher_")]
            if asked:
                raise ValueError(
                    f"The loss {name!r} must run the teacher, since it needs "
                    f"the {asked[0]}, which no cache has. Received: "
                    f'teacher="{self.model.name}", a cache. Give the teacher '
                    "itself."
                )
        named = places.named(losses.values(), "teacher_tap")
        # Logits that are not known cannot be interpolated.
        others = {
            tap
            for tap, loss in named
            if not loss.accepts_top_logits or loss.resize == "teacher"
        }
        return TappedCache(self.model, names, set(names) - others)

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
