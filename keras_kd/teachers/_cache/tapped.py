"""Taps of a cache, in place of a `TappedModel`."""

import difflib

import keras

from keras_kd._core import tapped_model


class TappedCache:
    """A cache that returns chosen taps along with the output.

    For shapes it has the attributes of `tapped_model.TappedModel`.

    Args:
        cached: A `CachedTeacher`.
        names: Names of taps; `None` stands for the output.

    Raises:
        ValueError: If a tap is not stored.
    """

    role = "teacher"

    def __init__(self, cached, names):
        self.model = cached
        self.outputs = cached.layout.outputs
        self.taps = tuple(dict.fromkeys(names))
        self.layers = [tap for tap in self.taps if tap in cached.taps]
        self.probabilities = cached.layout.probabilities
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
        return self._pick(*self.model.read(rows))

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
