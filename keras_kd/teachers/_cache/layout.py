"""Layout of stored teacher outputs: arrays and their encoding."""

import dataclasses
import math
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_kd._core import ensemble_logits
from keras_kd._core import reduction
from keras_kd._core import top_logits

# Arrays beside the fields: what identifies an example, and its view.
HASH = "example_hash"
SEED = "seed"


@dataclasses.dataclass(frozen=True)
class Field:
    """Storage format of one tensor of the teacher.

    Attributes:
        shape: Shape for one example.
        dtype: Type of what is stored.
        top_k: Number of logits to keep, `None` for all.
    """

    shape: tuple[Any, ...]
    dtype: str
    top_k: int | None = None

    def arrays(self):
        """Suffix, shape and dtype of the arrays that hold it."""
        if self.top_k is None:
            return {"": (self.shape, self.dtype)}
        *outer, classes = self.shape
        kinds = [("uint8", 2**8), ("uint16", 2**16), ("int32", 2**31)]
        class_type = next(kind for kind, end in kinds if classes <= end)
        kept = (*outer, self.top_k)
        return {
            "." + top_logits.TOP_LOGITS: (kept, self.dtype),
            "." + top_logits.TOP_CLASSES: (kept, class_type),
            "." + top_logits.REST: (tuple(outer), self.dtype),
        }

    def encode(self, tensor):
        """The arrays, by suffix, from the teacher's tensor."""
        found = {"": tensor}
        if self.top_k is not None:
            top = top_logits.encode(tensor, self.top_k)
            found = {f".{name}": value for name, value in top.items()}
        return self.store(found)

    def store(self, found):
        """The arrays of the stored types, from tensors by suffix."""
        return {
            suffix: _as_type(found[suffix], dtype)
            for suffix, (_, dtype) in self.arrays().items()
        }

    def decode(self, arrays):
        """The tensor, up to what was rounded, from the arrays by suffix."""
        if self.top_k is None:
            return _as_float32(arrays[""])
        return top_logits.spread(self.top(arrays), self.shape[-1])

    def top(self, arrays):
        """The form of `top_logits`, from the arrays by suffix."""
        return {name[1:]: _as_float32(a) for name, a in arrays.items()}


def _as_type(tensor, dtype):
    """Casts a tensor; numbers outside of the type become nan."""
    converted = ops.cast(tensor, dtype)
    if dtype != "float16":
        return converted
    # A logit of -inf rules its class out; one that became -inf does not.
    overflows = ops.isinf(converted) & ops.logical_not(ops.isinf(tensor))
    return ops.where(overflows, ops.cast(np.nan, dtype), converted)


def _as_float32(tensor):
    is_half = keras.backend.standardize_dtype(tensor.dtype) == "float16"
    return ops.cast(tensor, "float32") if is_half else tensor


@dataclasses.dataclass(frozen=True)
class Layout:
    """Layout of all arrays that are stored of an example.

    Attributes:
        output: The teacher's output, with names of fields in place of tensors.
        outputs: Names of the outputs, `()` if there is only one.
        taps: Names of fields, by tap.
        fields: `Field`s by name.
        probabilities: Those of the outputs, `None` for the only one, and taps
            that are probabilities.
        masks: Names of the fields with Keras masks, by the names of the fields
            that they belong to.
    """

    output: object
    outputs: tuple[Any, ...]
    taps: dict[str, Any]
    fields: dict[str, Any]
    probabilities: tuple[Any, ...]
    masks: dict[str, Any] = dataclasses.field(default_factory=dict)

    def arrays(self):
        """Shape and dtype of a row of each array."""
        return {
            name + suffix: kind
            for name, field in self.fields.items()
            for suffix, kind in field.arrays().items()
        }

    def encode(self, output, tensors):
        """Encodes the teacher's output and its taps as arrays."""
        names = keras.tree.flatten(self.output)
        found = dict(zip(names, keras.tree.flatten(output), strict=True))
        found |= {name: tensors[tap] for tap, name in self.taps.items()}
        found |= {
            mask: reduction.read_mask(found[name])
            for name, mask in self.masks.items()
        }
        return {
            name + suffix: array
            for name, field in self.fields.items()
            for suffix, array in field.encode(found[name]).items()
        }

    def decode(self, arrays):
        """Returns `(output, tensors)` from arrays, `tensors` by tap."""
        found = {
            name: field.decode({s: arrays[name + s] for s in field.arrays()})
            for name, field in self.fields.items()
        }
        for name, mask in self.masks.items():
            counts = ops.cast(found[mask], "bool")
            found[name] = reduction.with_mask(found[name], counts)
        output = keras.tree.map_structure(found.__getitem__, self.output)
        return output, {tap: found[name] for tap, name in self.taps.items()}

    def top(self, arrays):
        """The output of `decode`, with the forms of `top_logits` alone.

        Returns:
            The structure of the output, with `None` for what has all logits.
        """
        found = {
            name: field.top({s: arrays[name + s] for s in field.arrays()})
            if field.top_k
            else None
            for name, field in self.fields.items()
        }
        for name, mask in self.masks.items():
            if found[name]:
                counts = ops.cast(arrays[mask], "bool")
                top = found[name][top_logits.TOP_LOGITS]
                masked = reduction.with_mask(top, counts)
                found[name] |= {top_logits.TOP_LOGITS: masked}
        return keras.tree.map_structure(found.__getitem__, self.output)

    def to_json(self):
        """Describes the layout for JSON."""
        content = dataclasses.asdict(self)
        if not self.masks:
            # As in caches of the time before masks.
            del content["masks"]
        return content


def from_json(content):
    """The `Layout` that `to_json` described."""
    fields = {
        name: Field(tuple(field["shape"]), field["dtype"], field["top_k"])
        for name, field in content["fields"].items()
    }
    return Layout(
        content["output"],
        tuple(content["outputs"]),
        content["taps"],
        fields,
        tuple(content["probabilities"]),
        content.get("masks", {}),
    )


def bytes_of(arrays):
    """Bytes of a row of arrays, given as a dict of shapes and dtypes."""
    return sum(
        math.prod(shape) * np.dtype(dtype).itemsize
        for shape, dtype in arrays.values()
    )


def plan(output, outputs, tensors, probabilities, dtype, top_k, masks=None):
    """Plans the storage of a teacher's outputs.

    Args:
        output: Its output, of anything with `shape` and `dtype`.
        outputs: Names of the outputs, if there are several.
        tensors: The same by tap.
        probabilities: See `Layout`.
        masks: Shapes of Keras masks for one example: a list for the tensors of
            `output`, and a dict by tap. `None`, the default, is none.
        dtype: `"float16"` or `"float32"`.
        top_k: Number of logits to keep, or `None`.

    Returns:
        A `Layout`.

    Raises:
        ValueError: If a shape is not fixed, or `top_k` does not fit.
    """
    fields = {}
    names = []
    for path, tensor in keras.tree.flatten_with_path(output):
        name = ".".join(["output", *map(str, path)])
        is_weight = ensemble_logits.MEMBER_LOG_WEIGHTS in path
        fields[name] = _field(
            name,
            tensor,
            "float32" if is_weight else dtype,
            None if is_weight else top_k,
        )
        names.append(name)
    by_tap = {tap: f"tap.{tap}" for tap in tensors}
    for tap, name in by_tap.items():
        fields[name] = _field(name, tensors[tap], dtype, None)
    of_outputs, of_taps = masks or ([None] * len(names), {})
    shapes = dict(zip(names, of_outputs, strict=True))
    shapes |= {name: of_taps.get(tap) for tap, name in by_tap.items()}
    masked = {n: f"mask.{n}" for n, shape in shapes.items() if shape}
    fields |= {m: Field(shapes[n], "uint8") for n, m in masked.items()}
    template = keras.tree.pack_sequence_as(output, names)
    if isinstance(template, tuple):
        template = list(template)
    return Layout(
        template, tuple(outputs), by_tap, fields, tuple(probabilities), masked
    )


def _field(name, tensor, dtype, top_k):
    shape = tuple(tensor.shape[1:])
    if None in shape:
        raise ValueError(
            "`teacher` must give tensors of one shape for all examples, since "
            f"they are stored in blocks. Received: {name} of shape "
            f"{tuple(tensor.shape)}. Let each output have as many steps for "
            "all examples, such as those of the input."
        )
    given = keras.backend.standardize_dtype(tensor.dtype)
    if not keras.backend.is_float_dtype(given):
        dtype = given
    elif top_k is not None and not (shape and top_k < shape[-1]):
        raise ValueError(
            "`top_k` must be below the number of classes, since all logits "
            f"would be kept. Received: top_k={top_k} for {name} of shape "
            f"{tuple(tensor.shape)}. Leave `top_k` away."
        )
    is_float = keras.backend.is_float_dtype(given)
    return Field(shape, dtype, top_k if is_float else None)


def stored_arrays(layout, augmentation):
    """Shape and dtype of a row of each array in a shard."""
    arrays = layout.arrays() | {HASH: ((), "int64")}
    return arrays | ({SEED: ((2,), "int32")} if augmentation else {})
