"""Takes a batch apart: entries of the input, labels, weights, reserved data."""

import difflib
from collections.abc import Sequence
from typing import Any

import keras

from keras_kd._types import Data
from keras_kd._types import Entries
from keras_kd._types import PerOutput
from keras_kd._types import Tensor

__all__ = ["attach", "attach_example_ids", "split"]

# A batch may carry data for the Distiller beside the input: `x` is then
# `{"x": the input, RESERVED: {...}}`, and no model sees the second entry.
RESERVED = "keras_kd"


def split(x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Separates the input from the entries reserved for the Distiller.

    Args:
        x: The input of a batch, with or without a reserved entry.

    Returns:
        `(x, reserved)`: the input proper and a dict, empty if nothing is
        reserved.
    """
    if isinstance(x, dict) and RESERVED in x:
        return x["x"], x[RESERVED]
    return x, {}


def attach(x: Tensor, **reserved: Tensor) -> dict[str, Tensor]:
    """Puts data for the Distiller beside the input.

    Args:
        x: The input of one batch or one example, without a reserved entry.
        **reserved: Tensors by name.

    Returns:
        A dict that `split` takes apart.
    """
    x, before = split(x)
    return {"x": x, RESERVED: before | reserved}


def attach_example_ids(dataset: Data) -> Data:
    """Numbers the examples of a data set, for losses that need their ids.

    Args:
        dataset: `tf.data.Dataset` of single examples (not batched) in a fixed
            order: `x`, `(x, y)` or `(x, y, sample_weight)`. Shuffle and batch
            it afterwards.

    Returns:
        A data set of the same elements, with ids from 0 as int64 beside `x`.
    """
    if not hasattr(dataset, "enumerate"):
        raise TypeError(
            "`dataset` must be a `tf.data.Dataset` of single examples, since "
            f"each gets a number. Received: {type(dataset).__name__}. Use "
            "`tf.data.Dataset.from_tensor_slices`."
        )

    def number(index, element):
        if not isinstance(element, tuple):
            return attach(element, example_ids=index)
        return (attach(element[0], example_ids=index), *element[1:])

    return dataset.enumerate().map(
        lambda index, *element: number(
            index, element[0] if len(element) == 1 else element
        )
    )


def entries(
    x: Tensor, chosen: Entries, argument: str, as_list: bool = False
) -> Tensor:
    """The entries of a dict input that one model sees.

    Args:
        x: The input, without reserved entries.
        chosen: Name of one entry, list of names, or `None` for all of `x`.
        argument: The argument that gave the names, for the error.
        as_list: Whether the model takes a list of inputs, not a dict.

    Returns:
        One entry, or a dict or list of those named.

    Raises:
        ValueError: If there is no such entry.
    """
    if chosen is None:
        return x
    if isinstance(chosen, str):
        return entry(x, chosen, argument)
    found = [entry(x, name, argument) for name in chosen]
    return found if as_list else dict(zip(chosen, found, strict=True))


def entry(x: Tensor, name: str, argument: str) -> Tensor:
    """One entry of a dict input.

    Args:
        x: The input, without reserved entries.
        name: Name of the entry.
        argument: The argument that gave the name, for the error.

    Raises:
        ValueError: If there is no such entry.
    """
    if isinstance(x, dict) and name in x:
        return x[name]
    remedy = f"Give `x` as a dict, {{{name!r}: ...}}."
    if isinstance(x, dict):
        by_lower = {str(known).lower(): known for known in x}
        near = difflib.get_close_matches(name.lower(), by_lower, n=1)
        remedy = "Name one of these."
        if near:
            remedy = f"The nearest is {by_lower[near[0]]!r}."
    raise ValueError(
        f"`{argument}` must name an entry of `x`, which is looked up by name. "
        f"Received: {name!r}, and `x` is {described(x)}. {remedy}"
    )


def described(x: Tensor) -> str:
    """Words for the structure and the shapes of an input.

    Args:
        x: A tensor, or a dict, list or tuple of tensors.
    """
    if isinstance(x, dict):
        parts = [f"{name!r} {_shape(part)}" for name, part in x.items()]
        return f"a dict with the entries {', '.join(parts)}"
    if isinstance(x, list | tuple):
        parts = [_shape(part) for part in x]
        return f"a {type(x).__name__} of {', '.join(parts)}"
    return f"one array {_shape(x)}"


def _shape(part):
    shape = getattr(part, "shape", None)
    if shape is None or getattr(shape, "rank", 0) is None:
        return type(part).__name__
    return str(tuple(shape))


def of_output(
    structure: PerOutput, names: Sequence[str], name: str | None
) -> PerOutput:
    """The part of labels, weights or losses that belongs to one output.

    Args:
        structure: One value for all outputs, or a dict or list with a value
            for each, or `None`.
        names: Names of the student's outputs, `()` for one without name.
        name: Name of an output, or `None` for a place inside the model.

    Returns:
        That value; a structure with several values where the output is not
        known, so that the caller can combine them.
    """
    if not isinstance(structure, dict | list | tuple):
        return structure
    if len(names) < 2 and len(structure) == 1:
        return members(structure)[0]
    if name is None:
        return structure
    if isinstance(structure, dict):
        return structure.get(name)
    return structure[names.index(name)]


def members(structure: PerOutput) -> list[Any]:
    """The values of a dict or list; a list of the value itself if neither."""
    if isinstance(structure, dict):
        return list(structure.values())
    return (
        list(structure) if isinstance(structure, list | tuple) else [structure]
    )


def size(x: Tensor) -> Tensor:
    """Number of examples in a batch, as a scalar tensor or an integer."""
    return keras.ops.shape(keras.tree.flatten(x)[0])[0]
