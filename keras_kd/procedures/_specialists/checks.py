"""Reads and validates the data of `specialists`."""

import math

import keras
import numpy as np

from keras_kd._core.arguments import as_float
from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_not_empty
from keras_kd._core.arguments import check_temperature
from keras_kd._runs.fit_arguments import check_fit_data


def read(data, argument):
    """Brings data into memory.

    Args:
        data: Arrays `(x, y)`, or a data set of such batches.
        argument: Name for error messages.

    Returns:
        `(x, y)`: an array or a dict of arrays, and labels `(examples,)`.
    """
    check_fit_data(argument, data)
    check_not_empty(argument, data)
    if not isinstance(data, tuple):
        data = _joined(data, argument)
    if len(data) != 2 or data[1] is None:
        raise ValueError(
            f"`{argument}` must be `(x, y)`, or batches of these, since "
            "specialists are trained on examples chosen by label. Received: "
            f"{len(data)} parts. Leave sample weights out."
        )
    x, y = data
    if isinstance(x, list | tuple):
        raise ValueError(
            f"`{argument}` must have an array or a dict of arrays as `x`, "
            "since what the generalist says is put beside them by name. "
            f"Received: a {type(x).__name__} of {len(x)}. Use the names of the "
            "inputs as keys."
        )
    x = keras.tree.map_structure(np.asarray, x)
    y = np.asarray(y)
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if any(len(array) != len(y) for array in keras.tree.flatten(x)):
        raise ValueError(
            f"`{argument}` must have one label for each example. Received: "
            f"{[len(array) for array in keras.tree.flatten(x)]} examples and "
            f"{len(y)} labels."
        )
    return x, y


def _joined(batches, argument):
    """All batches of a data set as arrays, `(x, y)` or what they have."""
    cardinality = getattr(batches, "cardinality", None)
    if cardinality is not None and int(cardinality()) == -1:
        raise ValueError(
            f"`{argument}` must end, since it is read into memory. Received: "
            "an infinite data set. Take `repeat` away."
        )
    parts = [
        keras.tree.map_structure(keras.ops.convert_to_numpy, batch)
        for batch in batches
    ]
    return keras.tree.map_structure(lambda *a: np.concatenate(a), *parts)


def check_numbers(
    temperature, loss_weight, student_loss_weight, epochs, seed, patience
):
    """Validates the weights of losses, and all counts."""
    weights = {
        "loss_weight": loss_weight,
        "student_loss_weight": student_loss_weight,
    }
    for name, value in weights.items():
        if not 0 <= as_float(value) < math.inf:
            raise ValueError(
                f"`{name}` must be a number of at least 0, since it is a "
                f"factor on a loss. Received: {name}={value!r}."
            )
    if not any(weights.values()):
        raise ValueError(
            "`loss_weight` and `student_loss_weight` must not both be 0, "
            "since a specialist would learn nothing. Received: both 0."
        )
    check_temperature(temperature)
    check_count("epochs", epochs, "epochs of a specialist")
    check_count("seed", seed, "one sequence of numbers", 0)
    check_count("patience", patience, "epochs to wait", is_optional=True)


def check_batch_size(batch_size):
    """Validates that a batch has two equal halves."""
    check_count("batch_size", batch_size, "examples in a batch", 2)
    if batch_size % 2:
        raise ValueError(
            "`batch_size` must be an even number, since one half of a batch "
            "is of the specialist's classes. Received: "
            f"batch_size={batch_size!r}."
        )


def check_logits(generalist, logits):
    """Validates that the generalist has one logit per class."""
    if logits.ndim != 2:
        raise ValueError(
            "`generalist` must give logits of shape (examples, classes), since "
            f"classes are grouped. Received: {logits.shape} from "
            f'generalist="{generalist.name}".'
        )


def check_labels(y, num_classes, argument):
    """Validates that labels are class numbers."""
    is_integer = y.dtype.kind in "iu" and y.ndim == 1
    if not is_integer or (len(y) and not 0 <= y.min() <= y.max() < num_classes):
        received = f"dtype {y.dtype}, shape {y.shape}"
        if is_integer:
            received = f"labels from {y.min()} to {y.max()}"
        raise ValueError(
            f"`{argument}` must have class numbers from 0 to "
            f"{num_classes - 1} as labels, since the generalist has so many "
            f"outputs. Received: {received}. Of one-hot labels, take the "
            "argmax."
        )


def check_counts(num_specialists, classes_per_specialist, num_classes):
    """Validates the number and size of groups of classes."""
    check_count("num_specialists", num_specialists, "groups of classes")
    if num_specialists > num_classes:
        raise ValueError(
            "`num_specialists` must be from 1 to the number of classes, since "
            f"classes are grouped. Received: num_specialists={num_specialists} "
            f"for {num_classes} classes."
        )
    count = classes_per_specialist
    name = "classes_per_specialist"
    check_count(name, count, "classes of a specialist", is_optional=True)
    if count is not None and count >= num_classes:
        raise ValueError(
            "`classes_per_specialist` must be from 1 to one less than the "
            "number of classes, since the dustbin is for the others. Received: "
            f"classes_per_specialist={count} for {num_classes} classes."
        )


def check_examples(class_sets, y, argument):
    """Validates that a set has examples of each group, and others."""
    for classes in class_sets:
        num_special = int(np.isin(y, classes).sum())
        if not 0 < num_special < len(y):
            raise ValueError(
                f"`{argument}` must have examples of each specialist's classes "
                "and others, since its batches are half special. Received: "
                f"{num_special} special examples of {len(y)} for the classes "
                f"{list(classes)}. Choose another `num_specialists` or "
                "`classes_per_specialist`."
            )


def check_specialist(specialist, generalist, classes):
    """Validates a model that `build_specialist` returned."""
    if not isinstance(specialist, keras.Model) or not specialist.built:
        raise ValueError(
            "`build_specialist` must return a built `keras.Model`. Received: "
            f"{specialist!r}."
        )
    if specialist.output_shape[-1] != len(classes) + 1:
        raise ValueError(
            "`build_specialist` must return a model with one logit for each "
            "class and one for the dustbin. Received: output shape "
            f"{specialist.output_shape} for {len(classes)} classes."
        )
    taken = {id(variable) for variable in generalist.weights}
    if any(id(v) in taken for v in specialist.trainable_weights):
        raise ValueError(
            "`build_specialist` must share no trainable weights with the "
            "generalist, since that stays as it is. Received: "
            f'specialist="{specialist.name}", which does. Copy or freeze them.'
        )
