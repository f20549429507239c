"""Validates the arguments of `export_student`."""

import importlib.util

import keras

from keras_kd import distiller
from keras_kd._core.arguments import check_count
from keras_kd._core.kinds import check_list
from keras_kd.export import _inference

# Each format with the packages, as they are imported, that make and run it.
PACKAGES = {
    "saved_model": {},
    "litert": {"ai_edge_litert": "ai-edge-litert"},
    "onnx": {
        "onnx": "onnx",
        "onnxruntime": "onnxruntime",
        "tf2onnx": "tf2onnx",
    },
}
FORMATS = tuple(PACKAGES)
PRECISIONS = ("float32", "float16", "int8_dynamic", "int8")


def check_formats(formats):
    """Validates the formats, and that their packages are there.

    Returns:
        The formats as a list.
    """
    formats = _check_names("formats", formats, FORMATS)
    packages = {"tensorflow": "tensorflow"}
    for kind in formats:
        packages |= PACKAGES[kind]
    missing = [
        package
        for module, package in packages.items()
        if importlib.util.find_spec(module) is None
    ]
    if missing:
        raise ModuleNotFoundError(
            "`formats` must be those whose packages are installed, since each "
            f"file is made and run by them. Received: formats={formats}, and "
            f"no {', '.join(missing)}. Run `pip install {' '.join(missing)}`, "
            "or leave a format out."
        )
    return formats


def check_precisions(precisions, calibration):
    """Validates the precisions, and that `"int8"` has its examples.

    Returns:
        The precisions as a list.
    """
    precisions = _check_names("precisions", precisions, PRECISIONS)
    if "int8" in precisions and calibration is None:
        raise ValueError(
            "`calibration` must be given for int8, since the ranges of the "
            "activations are measured on it. Received: calibration=None with "
            f"precisions={precisions}. Give some hundred examples, or take "
            "'int8_dynamic'."
        )
    return precisions


def _check_names(argument, names, known):
    if isinstance(names, str):
        names = [names]
    names = check_list(argument, names, f"some of {', '.join(known)}")
    if not names or any(n not in known for n in names):
        raise ValueError(
            f"`{argument}` must be some of {', '.join(known)}. Received: "
            f"{argument}={names!r}. Choose one at least."
        )
    return list(dict.fromkeys(names))


def check_student(student, final_activation, batch_size):
    """Validates that a model is a student, and what shall be done to it.

    Args:
        student: A built `keras.Model`.
        final_activation: The caller's argument.
        batch_size: Likewise.
    """
    if isinstance(student, distiller.Distiller):
        raise TypeError(
            "`student` must be the student alone, since nobody needs the "
            f'teacher any more. Received: student="{student.name}", a '
            "Distiller. Give its `student`."
        )
    if keras.backend.backend() != "tensorflow":
        _check_importable(student)
    check_count("batch_size", batch_size, "examples", is_optional=True)
    if final_activation is None:
        return
    names = ("softmax", "sigmoid", "log_softmax")
    if final_activation not in names:
        raise ValueError(
            f"`final_activation` must be {', '.join(names)} or None, since it "
            "turns logits into probabilities. Received: final_activation="
            f"{final_activation!r}."
        )
    if _inference.ends_in_probabilities(student):
        raise ValueError(
            "`final_activation` must be None for a student that gives "
            "probabilities already. Received: final_activation="
            f'{final_activation!r} for student="{student.name}". Leave it out.'
        )


def _check_importable(student):
    """Validates that another process finds the classes of a student."""
    if "__main__" in _inference.modules_of(student):
        raise ValueError(
            "`student` must be of classes in a module that can be imported, "
            "since TensorFlow exports it in another process where the backend "
            f"is {keras.backend.backend()}. Received: "
            f'student="{student.name}" with a class of the script itself. '
            "Move the class into a module of its own, and register it there "
            "with `keras.saving`."
        )
