"""Pairs of layers to compare, by position and shape."""

import dataclasses
import re

import keras

from keras_kd import backend
from keras_kd import taps
from keras_kd import teachers
from keras_kd._core import model_specs
from keras_kd._core import tapped_model
from keras_kd._core.call_hooks import recording
from keras_kd._core.kinds import check_model

# Of layers that all have the same positions, such as those of a transformer,
# as many are proposed, evenly over the depth.
_SPREAD = 3

# What these return is no stage of its own: only the rim differs.
_RIMS = (
    keras.layers.Cropping1D,
    keras.layers.Cropping2D,
    keras.layers.Cropping3D,
    keras.layers.ZeroPadding1D,
    keras.layers.ZeroPadding2D,
    keras.layers.ZeroPadding3D,
)


@dataclasses.dataclass(frozen=True)
class TapPair:
    """A layer of the teacher and one of the student.

    Attributes:
        teacher_tap: Path of the teacher's layer.
        student_tap: Path of the student's layer.
        is_aligned: Whether the two have the same positions, so that only the
            number of channels differs.
        has_positions: Whether they have positions at all, such as the height
            and width of a map, and are no single vectors. Defaults to `True`.
    """

    teacher_tap: str
    student_tap: str
    is_aligned: bool
    has_positions: bool = True

    def __str__(self) -> str:
        return f"{self.teacher_tap} > {self.student_tap}"


def tap_pairs(
    teacher: keras.Model | teachers.CachedTeacher, student: keras.Model
) -> list[TapPair]:
    """Proposes layers to compare, by position and shape.

    Each model is cut into stages: the last layer before its feature changes its
    positions, such as the height and width of a map; if some layers there have
    names that were given and not made up by Keras, the last of those. Where
    positions never change, as in a transformer, three layers are taken, evenly
    over the depth. Each stage of the student is paired with the teacher's of
    the same positions, or else with the one that is as deep. If one of the
    models has single vectors only, the last hidden vectors are paired.

    `keras-kd distill`, `keras-kd search` and `DistillationHyperModel` compare
    these layers.

    Args:
        teacher: A built `keras.Model`, or a `CachedTeacher`, whose stored taps
            are then its layers, in the order in which they were named.
        student: A built `keras.Model`.

    Returns:
        List of `TapPair`, from the input to the output; empty if one of the
        models has no hidden layer.

    Example:

    >>> from keras_kd import models
    >>> teacher = models.wide_resnet((8, 8, 1), 10, 10, 2)
    >>> student = models.small_convnet((8, 8, 1), 10, widths=(8, 16))
    >>> [str(pair) for pair in keras_kd.search.tap_pairs(teacher, student)]
    ['group1 > stage1', 'group2 > stage2']
    """
    check_model("student", student)
    if isinstance(teacher, teachers.CachedTeacher):
        shapes = teacher.tap_shapes
        theirs = [(tap, s[:-1]) for tap, s in shapes.items() if _is_map(s)]
        their_vectors = [tap for tap, s in shapes.items() if len(s) == 1]
    else:
        check_model("teacher", teacher)
        theirs, their_vectors = stages(teacher), hidden_vectors(teacher)
    ours = stages(student)
    if theirs and ours:
        return [
            _pair(theirs, tap, positions, (place + 1) / len(ours))
            for place, (tap, positions) in enumerate(ours)
        ]
    our_vectors = hidden_vectors(student)
    if not (their_vectors and our_vectors):
        return []
    return [TapPair(their_vectors[-1], our_vectors[-1], False, False)]


def at_depth(pairs, depth):
    """The pair at a depth between 0, the first, and 1, the last."""
    return pairs[int(depth * (len(pairs) - 1) + 0.5)]


def aligned(pairs):
    """The pairs of maps of equal size, or the last of maps if none are."""
    maps = [pair for pair in pairs if pair.has_positions]
    return [pair for pair in maps if pair.is_aligned] or maps[-1:]


def _pair(theirs, tap, positions, depth):
    """The pair of one stage of the student, at a depth between 0 and 1."""
    depths = {
        name: (place + 1) / len(theirs)
        for place, (name, _) in enumerate(theirs)
    }
    same = [name for name, other in theirs if other == positions]
    nearest = min(same or depths, key=lambda name: abs(depths[name] - depth))
    return TapPair(nearest, tap, bool(same))


def stages(model):
    """The last layer of each stage, with its positions.

    Args:
        model: A built `keras.Model`.

    Returns:
        List of `(path, positions)`.
    """
    layers = taps.layers(model)
    features = [
        (tap, shape[:-1])
        for tap, shape in _shapes(model, layers).items()
        if _is_map(shape)
    ]
    last = {}
    for tap, positions in features:
        # An outer layer comes before those in it, and is the better name.
        if any(tap.startswith(f"{stage}/") for stage in last.values()):
            continue
        known = last.get(positions)
        if (
            known is None
            or _is_named(tap, layers)
            or not _is_named(known, layers)
        ):
            last[positions] = tap
    if len(last) == 1 and len(features) > 1:
        return _spread(features)
    return [(tap, positions) for positions, tap in last.items()]


def hidden_vectors(model):
    """Lists the layers that return a single vector, in the order of the calls.

    Args:
        model: A built `keras.Model`.

    Returns:
        List of paths, without the output and what it is an activation of.
    """
    layers = taps.layers(model)
    return [
        tap
        for tap, shape in _shapes(model, layers, with_output=False).items()
        if len(shape) == 1
    ]


def _is_map(shape):
    """Whether a feature has more than one position."""
    return (
        len(shape) > 1
        and shape[-1] is not None
        and any(length != 1 for length in shape[:-1])
    )


def _is_named(tap, layers):
    """Whether a layer has a name of its own, not `re_lu_2`."""
    made_up = re.sub(r"_\d+$", "", layers[tap].name).replace("_", "")
    return made_up != type(layers[tap]).__name__.lower()


def _spread(features):
    outer = [f for f in features if not _is_inside(f[0], features)]
    count = min(_SPREAD, len(outer))
    places = [(n + 1) * len(outer) // count - 1 for n in range(count)]
    return [outer[place] for place in places]


def _is_inside(tap, features):
    return any(tap.startswith(f"{other}/") for other, _ in features)


def _shapes(model, layers, with_output=True):
    """Shapes of what the layers return, without the batch.

    Args:
        model: A built `keras.Model`.
        layers: Its layers, by their paths.
        with_output: Whether to list layers that return the output, or what it
            is an activation of, too. Defaults to `True`.

    Returns:
        Dict from the path of each layer that returns one tensor, in the order
        of the calls; outer layers come before the layers in them.
    """
    found = {}

    def look(x):
        with recording(layers.values()) as (recorded, _):
            output = tapped_model.run(model, x, training=False)
        places = {key: place for place, key in enumerate(recorded)}
        called = [tap for tap in layers if id(layers[tap]) in places]
        called.sort(key=lambda tap: places[id(layers[tap])])
        tensors = {
            tap: recorded[id(layers[tap])]
            for tap in called
            if not isinstance(layers[tap], _RIMS)
        }
        tensors = {
            tap: tensor
            for tap, tensor in tensors.items()
            if not (tensor is None or keras.tree.is_nested(tensor))
        }
        ends = () if with_output else _ends(output, tensors, layers)
        for tap, tensor in tensors.items():
            if tap not in ends:
                found[tap] = tuple(tensor.shape[1:])
        return output

    model_specs.symbolic(look, model_specs.input_spec(model))
    return found


def _ends(output, tensors, layers):
    """Layers that return an output, or what one is an activation of.

    The latter have the shape of an output, and no layer with weights takes
    part in what is made of them.

    Args:
        output: What the model returned.
        tensors: What each layer returned, by path.
        layers: The layers, by path.
    """
    outputs = [t for t in keras.tree.flatten(output) if t is not None]
    shapes = [tuple(t.shape[1:]) for t in outputs]
    origins = set().union(*map(backend.origins, outputs))
    sources = {
        tap: backend.ancestors([tensor])
        for tap, tensor in tensors.items()
        if layers[tap].weights
    }
    ends = set()
    for tap, tensor in tensors.items():
        own = backend.origins(tensor)
        is_used = any(
            own & found
            for other, found in sources.items()
            # A layer around this one has its weights too.
            if not tap.startswith(f"{other}/")
        )
        is_last = tuple(tensor.shape[1:]) in shapes and not is_used
        if is_last or own & origins:
            ends.add(tap)
    return ends
