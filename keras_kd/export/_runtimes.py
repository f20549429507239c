"""Runs exported files by their own runtimes."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_kd.export._convert import SIGNATURE

# Examples at a time, of files that take any number.
ROWS = 32
_ONNX_TYPES = {"float": "float32", "double": "float64"}


@dataclasses.dataclass(frozen=True)
class Loaded:
    """A file in its runtime.

    Attributes:
        inputs: Dict of a `keras.KerasTensor` by input, as the student takes it:
            float32 where the file has int8 in its place.
        run: Function from a dict of arrays by input to one by output.
    """

    inputs: dict[str, Any]
    run: Callable[[dict[str, Any]], dict[str, Any]]

    @property
    def batch_size(self):
        """The only number of examples that it takes; `None` for any."""
        return next(iter(self.inputs.values())).shape[0]

    def answers(self, arrays):
        """Runs the file on any number of examples.

        Args:
            arrays: Dict of arrays by input.

        Returns:
            Dict of arrays by output.
        """
        rows = self.batch_size or ROWS
        count = len(next(iter(arrays.values())))
        parts = []
        for start in range(0, count, rows):
            part = {
                name: filled(array[start : start + rows], self.batch_size)
                for name, array in arrays.items()
            }
            used = min(rows, count - start)
            found = self.run(part)
            parts.append({name: array[:used] for name, array in found.items()})
        return {
            name: np.concatenate([part[name] for part in parts])
            for name in parts[0]
        }


def filled(array, rows):
    """A batch with its last row repeated, if it must have so many."""
    if rows is None or len(array) == rows:
        return array
    return np.concatenate([array, *[array[-1:]] * (rows - len(array))])


def load(kind, path):
    """Loads a file.

    Args:
        kind: `"saved_model"`, `"litert"` or `"onnx"`.
        path: The file, or the folder.

    Returns:
        `Loaded`.
    """
    return _LOADERS[kind](str(path))


def timed_call(kind, path, arrays):
    """Makes a function that runs a file once, on what is in its place already.

    Args:
        kind: As for `load`.
        path: Likewise.
        arrays: Dict of arrays by input.

    Returns:
        A function without arguments: the runtime's call alone.
    """
    return _TIMED[kind](str(path), arrays)


class _SavedModel:
    """A SavedModel, held as a whole: its function alone loses the variables."""

    def __init__(self, path):
        import tensorflow as tf

        self._tensor = tf.constant
        self._loaded = tf.saved_model.load(path)
        self._serve = self._loaded.signatures[SIGNATURE]

    def inputs(self):
        specs = self._serve.structured_input_signature[1]
        return {n: _tensor(s.shape, s.dtype.name) for n, s in specs.items()}

    def tensors(self, arrays):
        return {name: self._tensor(array) for name, array in arrays.items()}

    def __call__(self, tensors):
        found = self._serve(**tensors)
        return {name: tensor.numpy() for name, tensor in found.items()}


def _saved_model(path):
    model = _SavedModel(path)
    return Loaded(model.inputs(), lambda arrays: model(model.tensors(arrays)))


def _time_saved_model(path, arrays):
    model = _SavedModel(path)
    tensors = model.tensors(arrays)
    return lambda: model(tensors)


def _litert(path):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=path, num_threads=1)
    runner = interpreter.get_signature_runner(SIGNATURE)
    inputs, outputs = runner.get_input_details(), runner.get_output_details()

    def run(arrays):
        given = {n: _quantized(a, inputs[n]) for n, a in arrays.items()}
        found = runner(**given)
        return {n: _dequantized(a, outputs[n]) for n, a in found.items()}

    return Loaded({n: _litert_tensor(d) for n, d in inputs.items()}, run)


def _litert_tensor(detail):
    shape = [None if size < 0 else size for size in detail["shape_signature"]]
    scale, _ = detail["quantization"]
    dtype = np.dtype(detail["dtype"])
    name = "string" if dtype.kind in "OS" else dtype.name
    return _tensor(shape, "float32" if scale else name)


def _quantized(array, detail):
    """The integers of an int8 file for numbers, by its scale."""
    if array.dtype == detail["dtype"]:
        return array
    scale, zero = detail["quantization"]
    bounds = np.iinfo(detail["dtype"])
    rounded = np.round(array / scale) + zero
    return rounded.clip(bounds.min, bounds.max).astype(detail["dtype"])


def _dequantized(array, detail):
    scale, zero = detail["quantization"]
    if array.dtype != np.int8 or not scale:
        return array
    return ((array.astype("float32") - zero) * scale).astype("float32")


def _time_litert(path, arrays):
    from ai_edge_litert.interpreter import Interpreter

    # Another one: while a signature runner is there, nothing can be resized.
    runner = Interpreter(model_path=path).get_signature_runner(SIGNATURE)
    details = runner.get_input_details()
    interpreter = Interpreter(model_path=path, num_threads=1)
    for name, detail in details.items():
        array = _quantized(arrays[name], detail)
        interpreter.resize_tensor_input(detail["index"], array.shape)
    interpreter.allocate_tensors()
    for name, detail in details.items():
        interpreter.set_tensor(
            detail["index"], _quantized(arrays[name], detail)
        )
    return interpreter.invoke


def _session(path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        path, options, providers=["CPUExecutionProvider"]
    )


def _onnx(path):
    session = _session(path)
    names = [output.name for output in session.get_outputs()]

    def run(arrays):
        return dict(zip(names, session.run(None, arrays), strict=True))

    return Loaded({i.name: _onnx_tensor(i) for i in session.get_inputs()}, run)


def _onnx_tensor(given):
    # Unknown sizes have names.
    shape = [size if isinstance(size, int) else None for size in given.shape]
    kind = given.type.removeprefix("tensor(").removesuffix(")")
    return _tensor(shape, _ONNX_TYPES.get(kind, kind))


def _tensor(shape, dtype):
    return keras.KerasTensor(tuple(shape), dtype)


def _time_onnx(path, arrays):
    session = _session(path)
    return lambda: session.run(None, arrays)


_LOADERS = {"saved_model": _saved_model, "litert": _litert, "onnx": _onnx}
_TIMED = {
    "saved_model": _time_saved_model,
    "litert": _time_litert,
    "onnx": _time_onnx,
}
