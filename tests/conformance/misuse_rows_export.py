"""Wrong uses of the export."""

import functools
import os
import pathlib

import keras
import numpy as np
import tensorflow as tf

from keras_kd import export
from tests import support
from tests.conformance.misuse_rows import Row
from tests.conformance.misuse_rows import folder
from tests.conformance.misuse_rows import soft
from tests.conformance.misuse_rows import student
from tests.conformance.misuse_rows import unbuilt
from tests.conformance.misuse_rows import wrong

X = np.zeros((5, 4), "float32")


def _damaged():
    made = support.dense(4, name="damaged")
    made.layers[0].kernel.assign(np.full((4, 4), np.nan))
    return made


def _of_two_inputs():
    inputs = [keras.Input((4,), name="a"), keras.Input((2,), name="b")]
    output = keras.layers.Dense(3)(keras.layers.Concatenate()(inputs))
    return keras.Model(inputs, output, name="two")


def rows():
    of = "export.export_student"
    place = os.path.join(folder(), "export")
    call = functools.partial(
        export.export_student, student=student(), directory=place
    )
    found = wrong(of, call, "formats", "tflite", [], 3, ["onnx", "keras"])
    found += wrong(of, call, "precisions", "int4", [], None)
    found += wrong(of, call, "batch_size", 0, 1.5, "1")
    found += wrong(of, call, "final_activation", "relu", 1)
    found += wrong(of, call, "student", "student.keras", None)
    found += wrong(of, call, "student", unbuilt(), shown="built=False")
    found += wrong(of, call, "student", _damaged(), shown="nan or infinity")
    found += wrong(
        of, call, "student", support.distiller(), shown="a Distiller"
    )
    activated = functools.partial(call, student=soft())
    found += wrong(of, activated, "final_activation", "softmax")
    strange = np.zeros((5, 3), "float32"), X[:0], [X, X], {"x": X}, "x"
    shown = "(5, 3)", "[0] examples", "list", "dict", "str"
    for argument in ("calibration", "test"):
        for value, text in zip(strange, shown, strict=True):
            found += wrong(of, call, argument, value, shown=text)
    two = functools.partial(call, student=_of_two_inputs())
    swapped = [X[:, :2], X]
    found += wrong(of, two, "calibration", swapped, shown="(5, 2), (5, 4)")
    endless = tf.data.Dataset.from_tensors(X).repeat()
    for argument in ("calibration", "test"):
        shown = "Dataset without an end"
        found += wrong(of, call, argument, endless, shown=shown)
    labels = np.zeros(4, int), np.zeros((5, 3)), np.zeros(5, "float32")
    for value in labels:
        found += wrong(of, call, "test", (X, value), shown="labels of shape")
    found += wrong(of, call, "test", (X, X, X), shown="a tuple of 3")
    found.append(
        Row(
            of,
            "int8 without calibration",
            functools.partial(call, precisions="int8"),
            "calibration",
            "calibration=None",
        )
    )
    file = pathlib.Path(folder(), "a_file")
    file.touch()
    inside = str(file / "deploy")
    found += wrong(of, call, "directory", inside, shown="Not a directory")
    return found + [_of_no_file()]


def _of_no_file():
    file = export.ExportedFile("litert", "int8", reason="It is too small.")
    return Row(
        "export.ExportedFile.predict",
        "there is no file",
        functools.partial(file.predict, X),
        "path",
        "path=None for litert int8",
    )
