"""Runs a teacher on batches, and returns arrays to store."""

import keras
import numpy as np

from keras_kd import backend
from keras_kd import batch
from keras_kd._core import model_specs
from keras_kd._core import tapped_model
from keras_kd._core.final_activations import gives_probabilities
from keras_kd.teachers._cache import layout


class ModelForward:
    """A Keras model in inference mode.

    A forward pass has a `layout` of what it returns, and says what it is called
    in errors, its `argument`.

    Args:
        teacher: A built `keras.Model`.
        taps: Names of taps to store beside the output.
        inputs: Entries of `x` that it sees; see `Distiller`.
        dtype: See `cache_teacher`.
        top_k: See `cache_teacher`.
        x: The input of a first batch, which shows the lengths that the model
            leaves open.
    """

    argument = "teacher"

    def __init__(self, teacher, taps, inputs, dtype, top_k, x):
        names = tapped_model.output_names(teacher)
        self.inputs = inputs
        self.spec = model_specs.input_spec(teacher)
        self._check_rank(x)
        self.tapped = tapped_model.TappedModel(
            teacher,
            [*(names or [None]), *taps],
            "teacher",
            "taps",
            model_specs.of_lengths(self.spec, self._entries(x)),
        )
        output, tensors = self.tapped.symbolic()
        probabilities = [
            tap
            for tap in self.tapped.taps
            if gives_probabilities(self.tapped, tap)
        ]
        chosen = {tap: tensors[tap] for tap in taps if tap not in names}
        self.layout = layout.plan(
            output,
            names,
            chosen,
            probabilities,
            dtype,
            top_k,
            self.tapped.mask_shapes,
        )
        # One trace for the full batches and one for a last, smaller one.
        self._encode = backend.compiled_by_shape(self._run, teacher.variables)

    def _run(self, x):
        with backend.unchanged(self.tapped.model):
            output, tensors = self.tapped(self._entries(x), training=False)
        return self.layout.encode(output, tensors)

    def _entries(self, x):
        takes_list = isinstance(self.spec, list | tuple)
        return batch.entries(x, self.inputs, "teacher_inputs", takes_list)

    def __call__(self, x, start):
        """Arrays to store for a batch, by name.

        Args:
            x: The input of the batch.
            start: Number of its first example.
        """
        return _as_arrays(self._encode(x))

    def _check_rank(self, x):
        """Validates that examples are single, not batches.

        Args:
            x: The input of a batch.
        """
        given = keras.tree.flatten(self._entries(x))
        wanted = keras.tree.flatten(self.spec)
        for one, other in zip(given, wanted, strict=False):
            if one.shape.rank == len(other.shape) + 1:
                raise ValueError(
                    "`dataset` must have single examples, since each is kept "
                    "under its own number. Received: elements of shape "
                    f"{tuple(one.shape[1:])} for a teacher that takes one of "
                    f"{tuple(other.shape[1:])}. Leave `batch` away."
                )


class FunctionForward:
    """A teacher that is a function of arrays.

    Args:
        teacher: A `FunctionTeacher`, or what has its methods.
        inputs: See `ModelForward`.
        dtype: See `cache_teacher`.
        top_k: See `cache_teacher`.
        x: The input of a first batch, which shows the shapes.
    """

    argument = "teacher"

    def __init__(self, teacher, inputs, dtype, top_k, x):
        self.teacher = teacher
        self.inputs = inputs
        logits = self._predict(x)
        self.layout = layout.plan(logits, (), {}, (), dtype, top_k)

    def _predict(self, x):
        arrays = keras.tree.map_structure(np.asarray, x)
        x = batch.entries(arrays, self.inputs, "teacher_inputs")
        # One array, or a dict of the members' form.
        return keras.tree.map_structure(
            keras.ops.convert_to_tensor, self.teacher.predict(x)
        )

    def __call__(self, x, start):
        """Arrays to store for a batch, by name; see `ModelForward`."""
        return _as_arrays(self.layout.encode(self._predict(x), {}))


def _as_arrays(tensors):
    return {
        name: keras.ops.convert_to_numpy(tensor)
        for name, tensor in tensors.items()
    }


def make(teacher, taps, inputs, dtype, top_k, x):
    """The forward pass of a teacher of any kind.

    Args:
        teacher: See `cache_teacher`.
        taps: See `cache_teacher`.
        inputs: See `ModelForward`.
        dtype: See `cache_teacher`.
        top_k: See `cache_teacher`.
        x: The input of a first batch.
    """
    if isinstance(teacher, keras.Model):
        return ModelForward(teacher, taps, inputs, dtype, top_k, x)
    if taps:
        raise ValueError(
            "`taps` must be empty for a teacher that is no Keras model, since "
            f"it has no layers. Received: taps={list(taps)}, "
            f"teacher={teacher!r}."
        )
    return FunctionForward(teacher, inputs, dtype, top_k, x)
