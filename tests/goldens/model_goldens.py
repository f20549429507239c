"""Makes the goldens of models and of teachers alone."""

import keras
import numpy as np

from keras_kd import models
from keras_kd import teachers
from tests import support


def functional(activation):
    """A Functional classifier with an activation at its end."""
    x = keras.Input((4,))
    hidden = keras.layers.Dense(5, "relu", name="hidden")(x)
    scores = keras.layers.Dense(3, activation, name="head")(hidden)
    return keras.Model(x, scores, name=f"functional_{activation}")


def members():
    """Two nets, one of which ends in a batch normalisation that has moved."""
    normalized = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(3),
            keras.layers.BatchNormalization(),
        ],
        name="normalized",
    )
    mean, variance = normalized.layers[-1].non_trainable_variables
    mean.assign([0.5, -0.25, 0.125])
    variance.assign([2.0, 0.5, 1.5])
    return [support.dense(5, name="plain"), normalized]


def ensemble(combine):
    return teachers.EnsembleTeacher(
        members(),
        combine,
        weights=(1, 3),
        preprocess=[keras.layers.Rescaling(0.5, 0.25), None],
    )


TEACHERS = {
    "logits_functional_softmax": lambda: teachers.logits(functional("softmax")),
    "logits_functional_sigmoid": lambda: teachers.logits(functional("sigmoid")),
    "logits_sequential_softmax": lambda: teachers.logits(
        support.dense(5, activation="softmax")
    ),
    "logits_sequential_sigmoid": lambda: teachers.logits(
        support.dense(5, activation="sigmoid")
    ),
    "ensemble_arithmetic": lambda: ensemble("arithmetic"),
    "ensemble_geometric": lambda: ensemble("geometric"),
    "noisy": lambda: teachers.NoisyTeacher(support.dense(5), 0.5, seed=1),
    "noisy_ensemble": lambda: teachers.NoisyTeacher(
        ensemble("arithmetic"), 0.5, 0.75, shared_axes=(-1,), seed=2
    ),
    "moving_average": lambda: teachers.MovingAverageTeacher(
        support.dense(4, name="average"), 0.9
    ),
}


def maxout_blocks():
    """A net with all that a `MaxoutBlock` can say."""
    blocks = [
        models.MaxoutBlock(2, pieces=3, pool_size=3, pool_strides=2),
        models.MaxoutBlock(3, kernel_size=2, max_norm=0.9, pool_size=0),
    ]
    return models.maxout_convnet(
        (8, 8, 1),
        3,
        blocks,
        dense_units=2,
        dense_max_norm=1.5,
        kernel_initializer="he_normal",
        batch_normalization=True,
        dropout=0.1,
    )


def maxout_layers():
    """The layers of maxout networks in a model of the user's own."""
    images = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3)(images)
    x = models.Maxout(2, name="maxout")(x)
    x = models.CeilMaxPooling2D(3, 2, name="pooling")(x)
    return keras.Model(images, keras.layers.Flatten()(x))


def patterned(model):
    """Gives a large model weights that compression makes small."""
    for weight in model.weights:
        cycle = np.arange(weight.shape.num_elements()) * 37 % 101
        scale = 2.0 / np.sqrt(max(1, np.prod(weight.shape[:-1])))
        weight.assign(np.reshape((cycle / 50 - 1) * scale, weight.shape))
    return model


def folded():
    model = models.shallow_mimic((4,), 3, 6, bottleneck=2)
    return models.fold_bottleneck(model)


# Name: how it is made, and the data that it takes.
MODELS = {
    "budgeted_convnet": (
        lambda: models.budgeted_convnet((8, 8, 1), 3, 2, 500, bottleneck=3),
        "images",
    ),
    "fold_bottleneck": (folded, "vectors"),
    "highway": (lambda: models.highway((4,), 3, hidden=3, depth=3), "vectors"),
    "logits_layer": (
        lambda: teachers.logits(functional("softmax")),
        "vectors",
    ),
    "logits_of_softmax": (
        lambda: teachers.logits_of_probabilities(functional("softmax")),
        "vectors",
    ),
    "logits_of_sigmoid": (
        lambda: teachers.logits_of_probabilities(functional("sigmoid")),
        "vectors",
    ),
    "mapped_classes": (
        lambda: teachers.map_classes(
            support.dense(5, classes=4), [3, [0, 2], 1]
        ),
        "vectors",
    ),
    "lenet5": (
        lambda: models.lenet5((12, 12, 1), 3, (1, 2), (4, 3)),
        "images12",
    ),
    "maxout_convnet": (maxout_blocks, "images"),
    "maxout_layers": (maxout_layers, "images"),
    "shallow_mimic": (
        lambda: models.shallow_mimic(
            (8, 8, 1), 3, 5, bottleneck=2, conv_channels=2, dropout=0.1
        ),
        "images",
    ),
    "small_convnet": (
        lambda: models.small_convnet((8, 8, 1), 3, (2, 3)),
        "images",
    ),
    "wide_resnet": (
        lambda: models.wide_resnet((8, 8, 1), 3, 10, 1, first_channels=1),
        "images",
    ),
    "maxout_fitnet": (
        lambda: patterned(models.maxout_fitnet("mnist")),
        "images28",
    ),
    "maxout_teacher": (
        lambda: patterned(models.maxout_teacher("mnist")),
        "images28",
    ),
}
