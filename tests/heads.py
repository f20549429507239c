"""A model with a head of every kind, and the loss of each in float64 NumPy.

An image has a mask of classes, a box at each place, numbers, an embedding and
tags; a text has a next word at each. Some labels are void or unknown, texts
have padding, and all that has labels has weights.
"""

import keras
import numpy as np

import keras_kd
from keras_kd import losses
from tests import reference
from tests.references import boxes
from tests.references import relations

EXAMPLES, SIZE, STEPS, WORDS = 10, 4, 5, 9
DETECTOR = ("classes", "boxes")
VOID = 255


def net(width, name):
    """A model of an image and a text, with seven outputs.

    Args:
        width: Of its hidden layers and its embedding.
        name: Of the model.
    """
    image = keras.Input((SIZE, SIZE, 1), name="image")
    words = keras.Input((STEPS,), dtype="int32", name="words")
    feature = keras.layers.Conv2D(
        width, 3, padding="same", activation="tanh", name="feature"
    )(image)
    places = keras.layers.Reshape((SIZE**2, width))(feature)
    vector = keras.layers.Flatten()(feature)
    text = keras.layers.Embedding(
        WORDS,
        width,
        keras.initializers.RandomNormal(stddev=1.0),
        mask_zero=True,
        name="text",
    )(words)
    heads = {
        "mask": (3, feature),
        "classes": (3, places),
        "boxes": (4, places),
        "numbers": (2, vector),
        "embedding": (width, vector),
        "tags": (4, vector),
        "next": (WORDS, text),
    }
    outputs = {
        head: keras.layers.Dense(units, name=head)(x)
        for head, (units, x) in heads.items()
    }
    return keras.Model({"image": image, "words": words}, outputs, name=name)


def data():
    """Inputs, labels and weights by output, three dicts of arrays."""
    random = np.random.default_rng(0)

    def some(part, *shape):
        return random.random((EXAMPLES, *shape)) < part

    words = random.integers(1, WORDS, (EXAMPLES, STEPS))
    # The others have up to two words of padding.
    words[np.arange(STEPS) >= STEPS - random.integers(0, 3, (EXAMPLES, 1))] = 0
    x = {
        "image": random.normal(size=(EXAMPLES, SIZE, SIZE, 1)),
        "words": words.astype("int32"),
    }
    mask = random.integers(0, 3, (EXAMPLES, SIZE, SIZE))
    corners = random.random((EXAMPLES, SIZE**2, 4))
    numbers = random.normal(size=(EXAMPLES, 2))
    y = {
        "mask": np.where(some(0.3, SIZE, SIZE), VOID, mask),
        "classes": some(0.3, SIZE**2, 3),
        # Most places have no box, and one image has none at all.
        "boxes": np.where(some(0.3, SIZE**2)[..., None], corners, np.nan),
        "numbers": np.where(some(0.3)[:, None], np.nan, numbers),
        "tags": some(0.5, 4),
        "next": np.roll(words, -1, axis=1) * (np.arange(STEPS) < STEPS - 1),
    }
    y["boxes"][3] = np.nan
    shapes = {"mask": (SIZE, SIZE), "next": (STEPS,)}
    weights = {
        name: random.random((EXAMPLES, *shapes.get(name, ()))) for name in y
    }
    weights["tags"][2] = 0
    whole = {"mask", "next"}
    y = {
        name: labels.astype("int32" if name in whole else "float32")
        for name, labels in y.items()
    }
    x["image"], weights = keras.tree.map_structure(
        lambda array: array.astype("float32"), (x["image"], weights)
    )
    return x, y, weights


def distiller(teacher):
    """A compiled Distiller with a loss for each head.

    Args:
        teacher: Made by `net`, or a cache of it.
    """
    keras.utils.set_random_seed(2)

    def at(tap):
        name = tap if isinstance(tap, str) else "detector"
        return {"teacher_tap": tap, "student_tap": tap, "name": name}

    made = keras_kd.Distiller(
        teacher=teacher,
        student=net(3, "student"),
        distillation_losses=[
            losses.SoftTargets(2.0, **at("mask")),
            losses.BoxSoftTargets(2.0, box_weight=0.5, **at(DETECTOR)),
            losses.BoundedRegression(**at("numbers")),
            losses.PairwiseSimilarity(**at("embedding")),
            losses.BinarySoftTargets(3.0, **at("tags")),
            losses.SoftTargets(1.0, **at("next")),
        ],
    )
    per_class = keras.losses.SparseCategoricalCrossentropy
    per_label = keras.losses.BinaryCrossentropy(from_logits=True)
    made.compile(
        keras.optimizers.SGD(0.1),
        loss={
            "mask": per_class(from_logits=True, ignore_class=VOID),
            "classes": per_label,
            "boxes": "mse",
            "numbers": "mse",
            "tags": per_label,
            "next": per_class(from_logits=True, ignore_class=0),
        },
    )
    return made


def expected(teacher, student, x, y, weights):
    """Logs of each loss, by name.

    Args:
        teacher: Outputs of the teacher by name, arrays.
        student: Outputs of the student.
        x: See `data`.
        y: See `data`.
        weights: See `data`.
    """
    pairs = {
        name: (reference.float64(teacher[name]), reference.float64(output))
        for name, output in student.items()
    }
    no_box = np.isnan(y["boxes"]).any(axis=-1)
    with_numbers = ~np.isnan(y["numbers"]).any(axis=-1)
    known = np.where(with_numbers[:, None], y["numbers"], 0)
    anchors = weights["classes"] + weights["boxes"]
    everywhere = np.ones(EXAMPLES)
    # What has no labels has no weight of its own.
    cases = {
        "mask": (
            reference.soft_targets(*pairs["mask"], 2.0),
            y["mask"] != VOID,
            weights["mask"],
        ),
        "detector": (
            boxes.soft_targets(
                *zip(*(pairs[name] for name in DETECTOR), strict=True),
                temperature=2.0,
                box_weight=0.5,
                counts=(None, ~no_box),
            ),
            everywhere,
            anchors / 2,
        ),
        "numbers": (
            reference.bounded_regression(*pairs["numbers"], known),
            with_numbers,
            weights["numbers"],
        ),
        "embedding": (
            relations.similarities(*pairs["embedding"], everywhere),
            everywhere,
            everywhere,
        ),
        "tags": (
            reference.binary_soft_targets(*pairs["tags"], 3.0),
            everywhere,
            weights["tags"],
        ),
        "next": (
            reference.soft_targets(*pairs["next"], 1.0),
            (x["words"] != 0) & (y["next"] != 0),
            weights["next"],
        ),
    }
    return {
        name: np.sum(values * counts * weight) / np.sum(counts)
        for name, (values, counts, weight) in cases.items()
    }
