"""Identifies the models and data of a run."""

import hashlib
import json

import keras
import numpy as np
from scipy import sparse

# Their configs give a name a meaning: it is the type of numbers.
_POLICIES = "DTypePolicy"
_PLAIN = (bool, int, float, str, type(None))


def of_model(model):
    """Describes the architecture of a model.

    Names of layers do not count, since Keras counts unnamed ones in each
    process, nor do the values of weights: a student is another after training.
    A model without `get_config` is known by its class and its weights' shapes.

    Args:
        model: A built `keras.Model`.

    Returns:
        List that JSON can hold, equal for models of equal layers.
    """
    shapes = [[list(v.shape), str(v.dtype)] for v in model.weights]
    return [*of_layer(model), _digest(shapes)]


def of_layer(layer):
    """Describes a layer, built or not; see `of_model`.

    Args:
        layer: A `keras.Layer`.

    Returns:
        List that JSON can hold.
    """
    try:
        config = _digest(_nameless(layer.get_config(), {}))
    except NotImplementedError:
        config = None
    return [type(layer).__name__, config]


def of_arrays(structure):
    """Digest of the bytes of arrays.

    Args:
        structure: An array, a number, a sparse matrix, `None`, or dicts, lists
            and tuples of these.

    Returns:
        64 hexadecimal digits, or `None` if something else is in it, such as a
        data set, whose content is known only after a pass over it.
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
    """Converts a leaf of data to arrays; `None` for a data set."""
    if sparse.issparse(leaf):
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


def _nameless(value, places):
    """A config in which layers are known by their places, not by names.

    Args:
        value: A config or a part of one.
        places: From the name of each layer of this model to its place.
    """
    if isinstance(value, dict):
        return _nameless_dict(value, places)
    if isinstance(value, list | tuple):
        return [_nameless(part, places) for part in value]
    if isinstance(value, _PLAIN):
        return value
    if hasattr(value, "__array__"):
        return of_arrays(value)
    # Its `repr` has an address, another in each process.
    return getattr(value, "__qualname__", type(value).__name__)


def _nameless_dict(config, places):
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
        elif key != "name":
            kept[str(key)] = _nameless(part, places)
    return kept


def _placed(value, places):
    """References to layers, by their places."""
    return keras.tree.map_structure(
        lambda part: places.get(part, part) if isinstance(part, str) else part,
        value,
    )
