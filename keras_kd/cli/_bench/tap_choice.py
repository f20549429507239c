"""Chooses layers to compare in two unknown models."""

from keras_kd import taps
from keras_kd._core import model_specs
from keras_kd._core import tapped_model
from keras_kd.cli._shell.errors import UnusableError


def map_taps(teacher, student):
    """Pairs the feature maps at the ends of stages.

    A stage is all layers with maps of one size. Its last layer is the one to
    look at, as in the paper on attention transfer.

    Args:
        teacher: A built model.
        student: A built model.

    Returns:
        List of `(teacher_tap, student_tap)`: stages of equal size, or the last
        of each if none are.

    Raises:
        UnusableError: If one of them has no feature maps.
    """
    teacher_ends, student_ends = map(_stage_ends, (teacher, student))
    for model, ends in ((teacher, teacher_ends), (student, student_ends)):
        if not ends:
            raise UnusableError(
                "`--method` must be one that compares outputs, since the "
                f'model "{model.name}" has no feature maps. Received: a '
                "method that looks at them. Try --method=soft_targets."
            )
    pairs = [
        (teacher_ends[size], student_ends[size])
        for size in teacher_ends
        if size in student_ends
    ]
    if pairs:
        return pairs
    return [(list(teacher_ends.values())[-1], list(student_ends.values())[-1])]


def hint_taps(teacher, student):
    """Chooses a layer half-way through each model.

    Args:
        teacher: A built model.
        student: A built model.

    Returns:
        `(teacher_tap, student_tap)`: feature maps in the middle stage that
        both have, or the last hidden vectors of models without maps.

    Raises:
        UnusableError: If there is no hidden layer to compare.
    """
    if _stage_ends(teacher) and _stage_ends(student):
        pairs = map_taps(teacher, student)
        return pairs[len(pairs) // 2]
    return _last_hidden(teacher), _last_hidden(student)


def _shapes(model):
    """Output shapes of the layers that one pass calls, by path, in order."""
    layers = taps.layers(model)
    found = {}

    def look(x):
        with tapped_model.recording(layers.values()) as recorded:
            output = tapped_model.run(model, x, training=False)
        found.update(recorded)
        return output

    model_specs.symbolic(look, model_specs.input_spec(model))
    paths = {id(layer): path for path, layer in layers.items()}
    return {
        paths[key]: tuple(tensor.shape)
        for key, tensor in found.items()
        if hasattr(tensor, "shape")
    }


def _stage_ends(model):
    """The last layer with a map of each size, `(height, width)`."""
    return {
        shape[1:3]: path
        for path, shape in _shapes(model).items()
        if len(shape) == 4 and shape[1:3] != (1, 1)
    }


def _last_hidden(model):
    shapes = {p: s for p, s in _shapes(model).items() if len(s) == 2}
    # What has the length of the output is the output, or an activation of it.
    output = list(shapes.values())[-1:]
    hidden = [path for path, shape in shapes.items() if shape not in output]
    if not hidden:
        raise UnusableError(
            "`--method` must be one that compares outputs, since the model "
            f'"{model.name}" has no hidden layer. Received: a method that '
            "looks at one. Try --method=soft_targets."
        )
    return hidden[-1]
