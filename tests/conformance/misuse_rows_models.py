"""Wrong uses of the model builders."""

import functools

import keras

from keras_kd import models
from tests.conformance.misuse_rows import Row
from tests.conformance.misuse_rows import flags
from tests.conformance.misuse_rows import parts
from tests.conformance.misuse_rows import unbuilt
from tests.conformance.misuse_rows import wrong

SHAPE = (8, 8, 1)


def _partial(make, **kwargs):
    return functools.partial(make, num_classes=3, **kwargs)


def _with_image(of, call, remedy, *more):
    """Rows of the shape of an image."""
    shapes = (8, None, "8x8", (8, 8), (8, 8, 1, 1), (8.0, 8, 1), (0, 8, 1))
    rows = wrong(of, call, "image_shape", *shapes[:3], remedy=remedy)
    rows += wrong(of, call, "image_shape", *shapes[3:5], *more)
    rows += wrong(of, call, "image_shape", shapes[5], shown="8.0")
    return rows + wrong(of, call, "image_shape", shapes[6], shown="=0")


def _of_convnets():
    lenet = _partial(models.lenet5, image_shape=(12, 12, 1))
    small = _partial(models.small_convnet, image_shape=SHAPE)
    budget = _partial(
        models.budgeted_convnet,
        image_shape=SHAPE,
        depth=1,
        num_parameters=900,
        bottleneck=2,
    )
    residual = _partial(
        models.wide_resnet, image_shape=SHAPE, depth=10, width=1
    )
    of = "models.lenet5"
    rows = _with_image(of, lenet, (12, 12, 1), (8, 8, 1))
    rows += wrong(of, lenet, "channels", 6, "66", (6,), remedy=(2, 2))
    rows += wrong(of, lenet, "units", None, (4, 4, 4), remedy=(4, 4))
    of = "models.small_convnet"
    rows += _with_image(of, small, SHAPE)
    rows += wrong(of, small, "image_shape", (None, None, 1), shown="None")
    rows += wrong(of, small, "widths", 8, (), "8", remedy=(8,))
    rows += wrong(of, small, "widths", (8, 1.5), shown="1.5")
    of = "models.budgeted_convnet"
    rows += _with_image(of, budget, SHAPE)
    rows += parts(of, budget, "conv_share", 0, 1)
    rows += wrong(of, budget, "num_parameters", 5, shown="5", remedy=900)
    of = "models.wide_resnet"
    rows += _with_image(of, residual, SHAPE)
    rows += wrong(of, residual, "depth", 11, 4, shown="depth=", remedy=10)
    return rows


def _of_maxout():
    block = models.MaxoutBlock
    blocks = [block(2)]
    convnet = _partial(models.maxout_convnet, image_shape=SHAPE, blocks=blocks)
    fitnet = functools.partial(models.maxout_fitnet, "mnist")
    teacher = functools.partial(models.maxout_teacher, "mnist")
    of = "models.maxout_convnet"
    rows = _with_image(of, convnet, SHAPE)
    rows += wrong(of, convnet, "blocks", [], 2, block(2), remedy=blocks)
    rows += wrong(of, convnet, "blocks", [2], [block], shown="of type ")
    rows += parts(of, convnet, "dropout", 1)
    rows += flags(of, convnet, "batch_normalization")
    rows += wrong(of, convnet, "dense_max_norm", -1, "1", remedy=1.0)
    of = "models.MaxoutBlock"
    made = functools.partial(block, 2)
    rows += wrong(of, made, "max_norm", 0, "1", remedy=0.9)
    for name, call in (("maxout_fitnet", fitnet), ("maxout_teacher", teacher)):
        of = f"models.{name}"
        rows += wrong(of, call, "image_shape", (), 0, (8, 8))
        rows += flags(of, call, "max_norm")
        make = getattr(models, name)
        rows += wrong(of, make, "architecture", "MNIST", None, 3)
    return rows


def _of_dense():
    mimic = _partial(models.shallow_mimic, input_shape=(4,), hidden=2)
    highway = _partial(models.highway, input_shape=(4,), hidden=2, depth=1)
    of = "models.shallow_mimic"
    rows = wrong(of, mimic, "input_shape", 4, None, "4", (), remedy=(4,))
    rows += wrong(of, mimic, "input_shape", (None, 4), (4.0,))
    rows += parts(of, mimic, "dropout", 1, remedy=0.0)
    rows += wrong(of, mimic, "conv_channels", 2, remedy=None)
    of = "models.highway"
    rows += wrong(of, highway, "input_shape", 4, None, "4", remedy=(4,))
    rows += wrong(of, highway, "input_shape", (), (None,), remedy=(None, 4))
    rows += wrong(of, highway, "input_shape", (4.5,), shown="4.5")
    fold = models.fold_bottleneck
    of = "models.fold_bottleneck"
    plain = models.shallow_mimic((4,), 2, 3)
    graph = models.highway((4,), 2, hidden=2, depth=1)
    folded = models.shallow_mimic((4,), 2, 3, bottleneck=2)
    rows += wrong(of, fold, "model", None, "model.keras", remedy=folded)
    rows += [
        Row(of, wrong_one, functools.partial(fold, model), "model", shown)
        for wrong_one, model, shown in (
            ("a Functional model", graph, "of type Functional"),
            ("no bottleneck", plain, "with the layers hidden, logits"),
            ("not built", unbuilt(), "built=False"),
        )
    ]
    return rows + _of_blocks()


class _Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(2)
        self(keras.ops.ones((1, 4)))

    def call(self, x):
        return self.dense(x)


def _of_blocks():
    blocks = [keras.layers.Dense(4, name=f"block_{n}") for n in range(4)]
    whole = keras.Sequential([keras.Input((4,)), *blocks])
    plain = models.shallow_mimic((4,), 2, 3)
    of = "models.drop_layers"
    drop = functools.partial(models.drop_layers, keep=[0])
    rows = wrong(of, drop, "model", None, "model.keras", remedy=whole)
    rows += [
        Row(of, what, functools.partial(drop, model), "model", shown)
        for what, model, shown in (
            ("no blocks", plain, "with 0 of them"),
            ("a class of one's own", _Subclassed(), "of type"),
            ("not built", unbuilt(), "built=False"),
        )
    ]
    drop = functools.partial(models.drop_layers, whole)
    values = ("0", [4], [-1], [], [1, 0], [0, 0], None, 2, [1.5], [True])
    return rows + wrong(of, drop, "keep", *values, remedy=range(0, 4, 2))


def _of_layers():
    rows = []
    for argument in ("pool_size", "strides"):
        call = functools.partial(
            models.CeilMaxPooling2D, **{"pool_size": 2, "strides": 2}
        )
        of = "models.CeilMaxPooling2D"
        rows += wrong(of, call, argument, (2, 2), "2", None, remedy=2)
    rows += wrong("models.Maxout", models.Maxout, "pieces", "2", None, 0)
    rows.append(
        Row(
            "models.Maxout",
            "features that its pieces do not divide",
            lambda: models.Maxout(2)(keras.ops.ones((1, 3))),
            "pieces",
            "3",
            lambda: models.Maxout(3)(keras.ops.ones((1, 3))),
        )
    )
    return rows


def rows():
    """All of them."""
    return [*_of_convnets(), *_of_maxout(), *_of_dense(), *_of_layers()]
