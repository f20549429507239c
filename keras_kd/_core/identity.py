"""Identifies models, data and arguments, also across processes."""

import hashlib
import json
import math
import os

import keras
import numpy as np

from keras_kd._core import teacher_protocol

# Their configs give a name a meaning: it is the type of numbers.
_POLICIES = "DTypePolicy"
# Counted in each process, an address, or no part of the model itself.
_PASSING = ("name", "shared_object_id", "compile_config")
_PLAIN = (bool, int, float, str, type(None))
# Longer lists of numbers are known by a digest.
_MOST_SHOWN = 32
# Objects that hold one another have no end.
_DEEPEST = 12


def fingerprint(model):
    """Digest of a model's weights, in their order.

    Args:
        model: A built `keras.Model`, or a teacher.

    Returns:
        16 bytes, equal for models with bit-equal weights.
    """
    return teacher_protocol.of(model).fingerprint()


def of_arguments(arguments):
    """Identifies a run by all that it was called with.

    Models count with layers and weights, arrays with every byte, functions
    with name and code, and other objects with class and config or attributes.
    A `tf.data.Dataset` is known by its graph, with the arrays in it: seeds,
    the content of files, and what Python functions in it do, do not count. A
    `keras.utils.PyDataset` is known by its length and its first batch, if that
    is the same each time.

    Args:
        arguments: Dict of arguments by name. A teacher, under `"teacher"` or
            `"generalist"`, may be frozen or not. What ends in `"optimizer"` may
            be an optimizer's name.

    Returns:
        Dict that JSON can hold, equal for equal runs in all processes.
    """
    return {name: _of(name, value) for name, value in arguments.items()}


def _of(name, value):
    if name in ("teacher", "generalist"):
        return _of_teacher(value)
    if name.endswith("optimizer") and isinstance(value, str):
        value = keras.optimizers.get(value)
    return of_value(value)


def of_value(value, depth=0):
    """Identifies an argument by its type; see `of_arguments`.

    Args:
        value: Anything.
        depth: How many objects it is inside of.

    Returns:
        What JSON can hold.
    """
    if isinstance(value, keras.Model):
        weights = fingerprint(value).hex()
        return {"layers": of_model(value), "weights": weights}
    if isinstance(value, keras.Layer):
        return of_layer(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, np.generic):
        return of_value(value.item())
    if isinstance(value, bytes | os.PathLike):
        return os.fsdecode(value)
    if isinstance(value, dict | list | tuple | set | frozenset):
        return _of_structure(value, depth)
    if _arrays(value) is not None:
        return of_arrays(value)
    return _of_object(value, depth)


def _of_structure(value, depth):
    if isinstance(value, set | frozenset):
        return sorted((of_value(v, depth) for v in value), key=repr)
    leaves = keras.tree.flatten(value)
    is_data = any(hasattr(leaf, "__array__") for leaf in leaves)
    if is_data or len(leaves) > _MOST_SHOWN:
        found = of_arrays(value)
        if found is not None:
            return found
    if isinstance(value, dict):
        return {str(k): of_value(v, depth) for k, v in value.items()}
    return [of_value(part, depth) for part in value]


def _of_object(value, depth):
    # Only runs with a folder need it.
    from keras_kd._core import named

    kind = named.of_type(value)
    if depth > _DEEPEST:
        return kind
    if isinstance(value, keras.optimizers.Optimizer):
        return describe_optimizer(value)
    if hasattr(value, "element_spec") and hasattr(value, "cardinality"):
        # A number of its graph, the same in each process.
        return [str(value.element_spec), int(value.fingerprint())]
    if isinstance(value, teacher_protocol.TeacherProtocol):
        return [kind, value.fingerprint().hex()]
    if callable(getattr(value, "digest", None)):
        return [kind, value.digest()]
    if isinstance(value, keras.utils.PyDataset):
        first, again = of_arrays(value[0]), of_arrays(value[0])
        return [kind, value.num_batches, first if first == again else None]
    if hasattr(value, "get_params"):
        return named.of_estimator(value)
    if named.is_function(value):
        return named.of_function(value)
    held = getattr(value, "__dict__", {})
    config = _config_of(value)
    if config is not None:
        # A loss may say in its config less than it has.
        public = (k for k in held if k[0] != "_" and k not in _PASSING)
        said = {k: held[k] for k in public if isinstance(held[k], _PLAIN)}
        return [kind, config, said]
    return [kind, {k: of_value(v, depth + 1) for k, v in held.items()}]


def _of_teacher(teacher):
    if not isinstance(teacher, keras.Model):
        return of_value(teacher)
    # It is not trained: it does not matter whether its layers are frozen.
    layers = of_model(teacher, (*_PASSING, "trainable"))
    return {"layers": layers, "weights": fingerprint(teacher).hex()}


def describe_optimizer(optimizer):
    """Identifies an optimizer by its class and config.

    Args:
        optimizer: A Keras optimizer or its name.

    Returns:
        List that JSON can hold.
    """
    optimizer = keras.optimizers.get(optimizer)
    config = keras.optimizers.serialize(optimizer)["config"]
    return [type(optimizer).__name__, _nameless(config, {}, _PASSING)]


def of_model(model, passing=_PASSING):
    """Identifies the architecture of a model.

    Names of layers do not count, since Keras counts unnamed ones in each
    process, nor do the values of weights: a student is another after training.
    A model without `get_config` is known by its class and its weights' shapes.

    Args:
        model: A built `keras.Model`.
        passing: Keys of configs that do not count. Defaults to names, and what
            does not belong to the architecture.

    Returns:
        List that JSON can hold, equal for models of equal layers.
    """
    shapes = [[list(v.shape), str(v.dtype)] for v in model.weights]
    return [*of_layer(model, passing), _digest(shapes)]


def of_layer(layer, passing=_PASSING):
    """Identifies a layer, built or not; see `of_model`.

    Args:
        layer: A `keras.Layer`.
        passing: See `of_model`.

    Returns:
        List that JSON can hold.
    """
    return [type(layer).__name__, _config_of(layer, passing)]


def _config_of(value, passing=_PASSING):
    """Digest of what `get_config` says, or `None` if it says nothing."""
    try:
        config = value.get_config()
    except (AttributeError, NotImplementedError, TypeError, ValueError):
        return None
    return _digest(_nameless(config, {}, passing))


def of_arrays(structure):
    """Digest of the bytes of arrays.

    Args:
        structure: An array, a number, a sparse matrix, `None`, or dicts, lists
            and tuples of these.

    Returns:
        64 hexadecimal digits, or `None` if something else is in it, such as a
        data set, which tells what it holds only by being gone through.
    """
    digest = hashlib.sha256()
    for path, leaf in keras.tree.flatten_with_path(structure):
        arrays = _arrays(leaf)
        if arrays is None:
            return None
        digest.update(repr(path).encode())
        for array in arrays:
            digest.update(f"{array.shape}{array.dtype}".encode())
            digest.update(_bytes(array))
    return digest.hexdigest()


def _arrays(leaf):
    """The arrays that hold a leaf of data, or `None` for a data set."""
    if hasattr(leaf, "tocsr"):
        leaf = leaf.tocsr()
        parts = (leaf.data, leaf.indices, leaf.indptr)
        return [np.asarray(leaf.shape), *parts]
    # Not all that NumPy accepts: a `PyDataset` would be read as a list.
    if isinstance(leaf, _PLAIN) or hasattr(leaf, "__array__"):
        return [np.asarray(leaf)]
    return None


def _bytes(array):
    # The bytes of an array of objects are addresses.
    if array.dtype.hasobject:
        return repr(array.tolist()).encode()
    return np.ascontiguousarray(array).reshape(-1).view("uint8")


def _digest(value):
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _nameless(value, places, passing):
    """A config in which layers are known by their places, not by names.

    Args:
        value: A config or a part of one.
        places: From the name of each layer of this model to its place.
        passing: Keys that do not count.
    """
    if isinstance(value, dict):
        return _nameless_dict(value, places, passing)
    if isinstance(value, list | tuple):
        return [_nameless(part, places, passing) for part in value]
    if isinstance(value, _PLAIN):
        return value
    if hasattr(value, "__array__"):
        return of_arrays(value)
    # What its `repr` says is an address, another in each process.
    return getattr(value, "__qualname__", type(value).__name__)


def _nameless_dict(config, places, passing):
    layers = config.get("layers")
    if isinstance(layers, list) and all(isinstance(e, dict) for e in layers):
        places = {e.get("name"): i for i, e in enumerate(layers)}
    keeps_name = _POLICIES in str(config.get("class_name"))
    kept = {}
    for key, part in config.items():
        if key in ("keras_history", "input_layers", "output_layers"):
            kept[key] = _placed(part, places)
        elif keeps_name and key == "config":
            kept[key] = str(part)
        elif key not in passing:
            kept[str(key)] = _nameless(part, places, passing)
    return kept


def _placed(value, places):
    """References to layers, by their places."""
    return keras.tree.map_structure(
        lambda part: places.get(part, part) if isinstance(part, str) else part,
        value,
    )
