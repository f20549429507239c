"""A student as it answers users: the copy that is exported."""

import dataclasses
import inspect
from typing import Any

import keras
import numpy as np

from keras_kd import taps
from keras_kd._core import final_activations
from keras_kd._core import model_specs
from keras_kd._core import tapped_model
from keras_kd.export import _runtimes

SIGNATURE = "serving_default"
# What Keras calls an `Input` without a name, in each process another.
_UNNAMED = "keras_tensor"
_POLICIES = (
    "bfloat16",
    "float16",
    "float64",
    "mixed_bfloat16",
    "mixed_float16",
)


@dataclasses.dataclass(frozen=True)
class Signature:
    """Names and shapes of what goes into a model and comes out.

    Attributes:
        spec: The input as the model takes it, of `keras.KerasTensor`s.
        inputs: Names of the inputs, in the order of `keras.tree.flatten`.
        outputs: Likewise.
    """

    spec: Any
    inputs: list[str]
    outputs: list[str]

    @classmethod
    def of_tensors(cls, tensors, is_dict):
        """Of inputs that are known by their names alone.

        Args:
            tensors: Dict of a `keras.KerasTensor` by input.
            is_dict: Whether one input is in a dict too.
        """
        spec = tensors
        if len(tensors) == 1 and not is_dict:
            (spec,) = tensors.values()
        names = keras.tree.flatten({name: name for name in tensors})
        return cls(spec, names, [])

    def tensors(self):
        """The `keras.KerasTensor` of each input by its name."""
        return dict(
            zip(self.inputs, keras.tree.flatten(self.spec), strict=True)
        )


class InferenceCopy(keras.Model):
    """A student in inference mode, in float32, with names for its tensors.

    A model with augmentation keeps a `training=True` in its graph, and then
    runs in training mode throughout unless it is told otherwise. Here it is, in
    each call; so neither augmentation nor dropout is traced.

    Args:
        student: A built `keras.Model`.
        final_activation: Name of a Keras activation for its outputs, or `None`.
        is_as_it_is: Whether to leave it its dtypes. Defaults to `False`.

    Attributes:
        signature: A `Signature`.
        is_same: Whether this is the student itself, and no copy in float32.
        gives_probabilities: Whether outputs are made by a softmax or sigmoid.
    """

    def __init__(self, student, final_activation=None, is_as_it_is=False):
        super().__init__(name="inference", dtype="float32", autocast=False)
        self.is_same = is_as_it_is or not any(
            layer.dtype_policy.name in _POLICIES for layer in _layers(student)
        )
        self.student = student if self.is_same else in_float32(student)
        self.activation = None
        if final_activation is not None:
            self.activation = keras.activations.get(final_activation)
        self.gives_probabilities = (
            final_activation is not None or ends_in_probabilities(student)
        )
        spec = model_specs.input_spec(student)
        output = model_specs.symbolic(self._answer, spec)
        # A plain object: Keras would turn dicts and lists into its own.
        self.signature = Signature(
            spec, _names_of_inputs(student, spec), _names_of_outputs(output)
        )
        self.built = True

    def _answer(self, x):
        return keras.tree.map_structure(
            self._finish, tapped_model.run(self.student, x, training=False)
        )

    def _finish(self, tensor):
        tensor = keras.ops.convert_to_tensor(tensor)
        return tensor if self.activation is None else self.activation(tensor)

    def call(self, inputs, training=False):
        # The argument reaches the layers of a student whose `call` has none.
        tensors = [inputs[name] for name in self.signature.inputs]
        x = keras.tree.pack_sequence_as(self.signature.spec, tensors)
        output = keras.tree.flatten(self._answer(x))
        return dict(zip(self.signature.outputs, output, strict=True))

    def answers(self, arrays):
        """Runs the student.

        Args:
            arrays: Dict of arrays by the names of the inputs.

        Returns:
            Dict of float32 arrays, or of integers, by the names of the outputs.
        """
        count = len(next(iter(arrays.values())))
        parts = [
            self({n: a[i : i + _runtimes.ROWS] for n, a in arrays.items()})
            for i in range(0, count, _runtimes.ROWS)
        ]
        return {
            name: np.concatenate([_as_array(part[name]) for part in parts])
            for name in self.signature.outputs
        }

    def write(self, path, batch_size=None):
        """Writes a SavedModel; on TensorFlow only.

        Args:
            path: Its folder.
            batch_size: The only number of examples that it takes. Defaults to
                `None`, any.
        """
        signature = {
            name: keras.InputSpec(
                dtype=tensor.dtype,
                shape=(batch_size, *tensor.shape[1:]),
                name=name,
            )
            for name, tensor in self.signature.tensors().items()
        }
        archive = keras.export.ExportArchive()
        archive.track(self)
        archive.add_endpoint(
            SIGNATURE,
            lambda inputs: self(inputs, training=False),
            input_signature=[signature],
        )
        archive.write_out(str(path), verbose=False)


def _as_array(tensor):
    if keras.backend.is_float_dtype(tensor.dtype):
        tensor = keras.ops.cast(tensor, "float32")
    return keras.ops.convert_to_numpy(tensor)


def ends_in_probabilities(student):
    """Whether an output of a student is made by a softmax or a sigmoid."""
    found = final_activations.final_activations(student)
    return bool(found.layers or found.others)


def modules_of(student):
    """Modules of the user that define the classes of a model's layers."""
    modules = {type(layer).__module__ for layer in _layers(student)}
    ours = ("keras", "keras_kd")
    return sorted(m for m in modules if m.split(".")[0] not in ours)


def in_float32(student):
    """A copy of a model that computes in float32.

    Raises:
        ValueError: If the model cannot be made from its config.
    """
    try:
        config = _with_float32(student.get_config())
        copy = type(student).from_config(config)
        # Before they are built: those that the class itself has made.
        for layer in _layers(copy):
            if layer.dtype_policy.name in _POLICIES:
                layer.dtype_policy = "float32"
        if not copy.built:
            copy.build_from_config(student.get_build_config())
        copy.set_weights(student.get_weights())
    except (NotImplementedError, TypeError, ValueError, KeyError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(
            "`student` must be a model that can be made from its config, since "
            "it is exported as a copy in float32. Received: student="
            f'"{student.name}", with layers of another type, and '
            f"{type(error).__name__}: {reason} Write `get_config` of its "
            "class, and let its constructor take **kwargs."
        ) from error
    return copy


def _layers(student):
    return [student, *taps.layers(student, in_loops=True).values()]


def _with_float32(config):
    """A config whose policies are replaced, at any depth."""
    if isinstance(config, dict):
        return {
            key: "float32"
            if key == "dtype" and _policy(value) in _POLICIES
            else _with_float32(value)
            for key, value in config.items()
        }
    if isinstance(config, list | tuple):
        return type(config)(_with_float32(value) for value in config)
    return config


def _policy(value):
    if isinstance(value, dict):
        return value.get("config", {}).get("name")
    return getattr(value, "name", value)


def _names_of_inputs(student, spec):
    if isinstance(spec, dict) and not any(
        map(keras.tree.is_nested, spec.values())
    ):
        return keras.tree.flatten({name: name for name in spec})
    tensors = keras.tree.flatten(spec)
    given = [None] * len(tensors)
    inner = taps.unwrapped(student)
    if getattr(inner, "inputs", None):
        given = [tensor.name for tensor in inner.inputs]
    elif len(tensors) == 1:
        parameters = inspect.signature(inner.call).parameters
        given = [next(iter(parameters), None)]
    made = [f"input_{index}" for index in range(len(tensors))]
    return [
        name if name and not name.startswith(_UNNAMED) else other
        for name, other in zip(given, made, strict=True)
    ]


def _names_of_outputs(output):
    if isinstance(output, dict) and not any(
        map(keras.tree.is_nested, output.values())
    ):
        return keras.tree.flatten({name: name for name in output})
    return [f"output_{i}" for i in range(len(keras.tree.flatten(output)))]
