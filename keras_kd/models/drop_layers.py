"""Students with some of the blocks of a teacher."""

import re
from collections.abc import Sequence

import keras
import numpy as np

from keras_kd import taps
from keras_kd._core import kinds


def drop_layers(model: keras.Model, keep: Sequence[int]) -> keras.Model:
    """Makes a student of a model with some of its repeated blocks.

    It begins with the weights of the model, as DistilBERT does with every
    other layer of BERT: `keep=range(0, 12, 2)`. All else is kept whole:
    embeddings, heads, and, of a model of KerasHub, the preprocessor, so that a
    language model writes as before.

    Blocks are layers of one class, whose names have numbers that count up from
    the first: `"transformer_layer_0"`, `"transformer_layer_1"`. The model is
    one of these:

    * A backbone of KerasHub, or a task on it: the student is of the same class,
      with blocks that are numbered from 0 again, and loads without this
      library.
    * A Functional or `keras.Sequential` model, in which each block takes one
      tensor and returns one of its shape: the student is of the same kind, with
      the blocks under their names.

    Reference: [Sanh et al., 2019](https://arxiv.org/abs/1910.01108), section 3.

    Args:
        model: A built model; it stays as it is.
        keep: Integers, the numbers of the blocks to keep, from 0, in order.

    Returns:
        A new model with weights of its own, all of which can be trained. It is
        not compiled.

    Raises:
        TypeError: If `model` is no model, or `keep` no list of integers.
        ValueError: If the model has no blocks, or several kinds of them;
            if `keep` names others, none, or not in order; if a block cannot
            be left out, or be in the place of another.

    Example:

    >>> blocks = [keras.layers.Dense(4, name=f"block_{i}") for i in range(6)]
    >>> teacher = keras.Sequential([keras.Input((4,)), *blocks])
    >>> student = keras_kd.models.drop_layers(teacher, keep=range(0, 6, 2))
    >>> [layer.name for layer in student.layers]
    ['block_0', 'block_2', 'block_4']
    """
    kinds.check_model("model", model)
    student = _rebuilt(model, keep)
    # Of a frozen model, the layers are frozen, and Keras sets what differs.
    student.trainable = False
    student.trainable = True
    return student


def _rebuilt(model, keep):
    is_sequential = isinstance(model, keras.Sequential)
    if not is_sequential and not taps.is_functional(model):
        raise ValueError(
            "`model` must be Functional or Sequential, since its graph tells "
            f'where a block is. Received: model="{model.name}" of type '
            f"{type(model).__name__}. Make the student by its class, and copy "
            "weights with `set_weights`, layer by layer."
        )
    config = model.get_config()
    if "backbone" in config:
        student = _rebuilt_task(model, config, keep)
        _copy([v for v in model.layers if v is not model.backbone], student)
        return student
    blocks = _blocks(model)
    numbers = _numbers(len(blocks), keep)
    stay = [blocks[number].name for number in numbers]
    dropped = {layer.name for layer in blocks} - set(stay)
    kept = [layer for layer in model.layers if layer.name not in dropped]
    if config.get("num_layers") == len(blocks):
        config["num_layers"] = len(stay)
        student = type(model).from_config(config)
        # Its own are numbered from 0 again.
        names = [layer.name for layer in blocks[: len(stay)]]
        _copy(kept, student, dict(zip(stay, names, strict=True)))
        return student
    for layer in blocks:
        if layer.name in dropped:
            _check_alike(layer)
    student = _without(model, kept, dropped)
    _copy(kept, student)
    return student


def _rebuilt_task(model, config, keep):
    """A task of KerasHub on a smaller backbone."""
    config = config | {"backbone": _rebuilt(model.backbone, keep)}
    if "preprocessor" in config:
        # Its vocabulary is no part of a config.
        config["preprocessor"] = model.preprocessor
    return type(model).from_config(config)


def _without(model, kept, dropped):
    """A model without some layers, with new weights."""
    if isinstance(model, keras.Sequential):
        source = model.inputs[0]
        entrance = keras.Input(batch_shape=source.shape, dtype=source.dtype)
        return keras.Sequential([entrance, *map(_clone, kept)], name=model.name)
    return keras.models.clone_model(
        model,
        call_function=lambda layer, *args, **kwargs: (
            args[0] if layer.name in dropped else layer(*args, **kwargs)
        ),
    )


def _clone(layer):
    return type(layer).from_config(layer.get_config())


def _blocks(model):
    """The blocks of a model, in their order."""
    found = {}
    for layer in model.layers:
        name = re.fullmatch(r"(.*?)(\d+)", layer.name)
        if name:
            found.setdefault((name[1], type(layer)), []).append(layer)
    several = [
        layers
        for layers in found.values()
        if len(layers) > 1 and layers[0].weights
    ]
    if len(several) == 1:
        return several[0]
    names = ", ".join(layer.name for layer in model.layers[:8])
    raise ValueError(
        "`model` must have one kind of blocks, layers of one class whose names "
        f'count up. Received: model="{model.name}" with {len(several)} of '
        f"them, and the layers {names} ... Name one block in one layer, such "
        'as `keras.Sequential([...], name="block_0")`.'
    )


def _numbers(count, keep):
    """The numbers of the blocks to keep, a list, after validation."""
    remedy = f"Write keep=range(0, {count}, 2)."
    if (
        not isinstance(keep, Sequence | np.ndarray)
        or isinstance(keep, str)
        or any(isinstance(n, bool) for n in keep)
        or not all(isinstance(n, int | np.integer) for n in keep)
    ):
        raise TypeError(
            "`keep` must be a list of integers, since blocks have numbers. "
            f"Received: keep={keep!r}. {remedy}"
        )
    numbers = list(keep)
    if not numbers or numbers != sorted(set(numbers) & set(range(count))):
        raise ValueError(
            f"`keep` must name some of the {count} blocks by numbers from 0 to "
            f"{count - 1}, each once and in order, since the others are left "
            f"out. Received: keep={keep!r}. {remedy}"
        )
    return numbers


def _check_alike(block):
    """Validates that what a block returns can be what it was given."""
    try:
        given, returned = block.input, block.output
    except (AttributeError, ValueError):
        given = returned = None
    is_one = all(isinstance(x, keras.KerasTensor) for x in (given, returned))
    if not is_one or given.shape != returned.shape:
        raise ValueError(
            "`keep` must leave out blocks that take one tensor and return one "
            "of its shape, since the next one gets what they got. Received: "
            f'a model in which "{block.name}" does not. Keep that one.'
        )


def _copy(sources, student, moved=None):
    """Copies weights from layer to layer.

    Args:
        sources: Layers of the model.
        student: Has layers of the same names.
        moved: Dict from the names of blocks to those of the places that they
            come to, where the class of the model may make another kind.
    """
    moved = moved or {}
    for source in sources:
        if not source.weights:
            continue
        target = student.get_layer(moved.get(source.name, source.name))
        shapes = [
            [tuple(weight.shape) for weight in layer.weights]
            for layer in (source, target)
        ]
        is_alike = source.name not in moved or _options(source) == _options(
            target
        )
        if shapes[0] != shapes[1] or not is_alike:
            raise ValueError(
                "`keep` must put blocks in places of their kind. Received: "
                f'"{source.name}" for the place of "{target.name}", of other '
                "weights or options. Keep the first block, or a period of "
                "those that alternate."
            )
        target.set_weights(source.get_weights())


def _options(layer):
    """The options of a layer, but for its name and whether it is trained."""
    config = layer.get_config()
    return str(config | {"name": None, "trainable": None})
