"""Validates the arguments of `supervision_transfer`."""

import keras

from keras_kd import taps
from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_not_empty
from keras_kd._training.checks import check_model


def check_net(model, argument):
    """Validates that a model has known layers and one input.

    Args:
        model: Should be a built Functional or Sequential model of one input.
        argument: The caller's argument.
    """
    check_model(model, argument)
    if not (isinstance(model, keras.Sequential) or taps.is_functional(model)):
        raise TypeError(
            f"`{argument}` must be a Functional or Sequential model, since "
            "only of these it is known which layers come after another. "
            f'Received: {argument}="{model.name}" of type '
            f"{type(model).__name__}."
        )
    if len(model.inputs) != 1:
        raise ValueError(
            f"`{argument}` must have one input, since it looks at one "
            f'modality. Received: {argument}="{model.name}" with '
            f"{len(model.inputs)}. Concatenate them in `pairs`."
        )


def check_pairs(pairs, names):
    """Validates that pairs have both modalities and no labels.

    Args:
        pairs: A dict of arrays or a data set of such.
        names: The keys that it must have, the teacher's and the student's.
    """
    if names[0] == names[1] or not all(isinstance(n, str) for n in names):
        raise ValueError(
            "`teacher_inputs` and `student_inputs` must be two keys of "
            "`pairs`, since each names a modality. Received: teacher_inputs="
            f"{names[0]!r}, student_inputs={names[1]!r}."
        )
    spec = getattr(pairs, "element_spec", pairs)
    if isinstance(spec, tuple) and len(spec) == 1:
        (spec,) = spec
    if not isinstance(spec, dict) or not set(names) <= set(spec):
        given = (
            f"the keys {sorted(spec)}"
            if isinstance(spec, dict)
            else type(spec).__name__
        )
        raise ValueError(
            "`pairs` must be dicts of both modalities, without labels, since "
            "the transfer uses none. Received: "
            f"{given}, for the keys {list(names)}. Name them in "
            "`teacher_inputs` and `student_inputs`."
        )
    if isinstance(pairs, dict):
        _check_arrays(pairs.values(), "pairs")
    check_not_empty("pairs", pairs)


def _check_arrays(arrays, argument):
    """Validates that values are arrays of equal length."""
    given = [
        tuple(a.shape) if hasattr(a, "shape") else type(a).__name__
        for a in arrays
    ]
    if str in map(type, given) or len({shape[:1] for shape in given}) > 1:
        raise ValueError(
            f"`{argument}` must hold arrays of equal length, since their rows "
            f"belong together. Received: {', '.join(map(str, given))}."
        )


def check_epochs(
    epochs, fine_tuning_epochs, batch_size, labelled, validation_data
):
    """Validates the numbers of epochs, with or without labels."""
    check_count("epochs", epochs, "epochs of a stage")
    check_count("batch_size", batch_size, "examples", is_optional=True)
    if labelled is not None:
        check_not_empty("labelled", labelled)
    check_count(
        "fine_tuning_epochs", fine_tuning_epochs, "epochs of a stage", 0
    )
    if (labelled is None) != (fine_tuning_epochs == 0):
        raise ValueError(
            "`labelled` and `fine_tuning_epochs` must be given together, since "
            "fine-tuning is what labels are for. Received: fine_tuning_epochs="
            f"{fine_tuning_epochs}, labelled="
            f"{'None' if labelled is None else type(labelled).__name__}."
        )
    if labelled is None and validation_data is not None:
        raise ValueError(
            "`validation_data` must come with `labelled`, since it is that of "
            "the fine-tuning. Received: labelled=None, validation_data of "
            f"type {type(validation_data).__name__}."
        )


def known_shape(upper, tap):
    """Shape of the features that are matched, without the batch."""
    shape = tuple(upper.inputs[0].shape)[1:]
    if None in shape:
        raise ValueError(
            "`teacher_tap` must give tensors of known size, since the loss is "
            f"a sum over them. Received: teacher_tap={tap!r}, of shape "
            f"{shape}. Give the teacher an `Input` that fixes it."
        )
    return shape
