"""What the writer of the goldens and their test share: data and numbers."""

import json
import pathlib

import keras
import numpy as np

FOLDER = pathlib.Path(__file__).parent
STEPS = 3
# Stands in a golden for the folder of goldens, which each checkout has
# elsewhere.
PLACE = "GOLDENS"

# Shape of the input, and number and width of the labels; 0 is class numbers.
_ARRAYS = {
    "vectors": ((12, 4), 0),
    "one_label": ((12, 4), 1),
    "labels": ((12, 4), 3),
    "images": ((6, 8, 8, 1), 0),
    "images12": ((4, 12, 12, 1), 0),
    "images28": ((2, 28, 28, 1), 0),
}


def batch(kind):
    """A batch `(x, y)` that is the same for ever.

    The stream of `RandomState` is frozen, unlike that of `default_rng`, and
    multiples of 1/16 are exact.
    """
    random = np.random.RandomState(0)
    if kind == "tokens":
        x = random.randint(1, 10, (12, 6)) * (random.randint(0, 4, (12, 6)) > 0)
        return x.astype("int32"), random.randint(0, 3, (12, 6))
    shape, width = _ARRAYS[kind]
    x = (random.randint(-16, 17, shape) / 16).astype("float32")
    if width:
        return x, random.randint(0, 2, (len(x), width)).astype("float32")
    return x, random.randint(0, 3, len(x))


def outputs(model, kind):
    """All tensors that a model returns, as nested lists."""
    found = keras.tree.flatten(model(batch(kind)[0]))
    return [keras.ops.convert_to_numpy(x).tolist() for x in found]


def train(distiller, kind, attach=None):
    """The history of some steps with the whole batch.

    Args:
        distiller: A compiled `Distiller` or `MutualDistiller`.
        kind: See `batch`.
        attach: Method of the cache that teaches. Defaults to `None`.
    """
    if keras.backend.backend() == "jax":
        # The goldens are compiled without XLA, by which JAX compiles each
        # operation by itself.
        distiller.jit_compile = True
    x, y = batch(kind)
    options = {"epochs": STEPS, "shuffle": False, "verbose": 0}
    if attach is None:
        return distiller.fit(x, y, batch_size=len(x), **options).history
    data = attach((x, y)).batch(len(x))
    del options["shuffle"]
    return distiller.fit(data, **options).history


def augmented(augmentation):
    """Images that an augmentation makes of the same one, as nested lists."""
    image = batch("images")[0][0]
    images = [augmentation(image, (seed, 5)) for seed in range(3)]
    return [keras.ops.convert_to_numpy(x).tolist() for x in images]


def facts(cached):
    """What a `CachedTeacher` tells of itself."""
    return {
        "num_examples": cached.num_examples,
        "views": cached.views,
        "tap_shapes": {k: list(v) for k, v in cached.tap_shapes.items()},
        "bytes_per_example": cached.bytes_per_example,
    }


def summaries(weights):
    """Path, shape, sum and sum of the magnitudes of each weight."""
    rows = []
    for weight in weights:
        value = keras.ops.convert_to_numpy(weight).astype("float64")
        total, size = float(value.sum()), float(np.abs(value).sum())
        rows.append([weight.path, list(value.shape), total, size])
    return rows


def read(name):
    """The numbers that were recorded of a golden."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def names(key):
    """Names of the goldens of which a number was recorded."""
    found = sorted(path.stem for path in FOLDER.glob("*.json"))
    return [name for name in found if key in read(name)]
