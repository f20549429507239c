"""Makes LiteRT and ONNX files of a SavedModel, in a process of its own."""

import pathlib

import numpy as np

SIGNATURE = "serving_default"
# What tf2onnx 1.17 and onnxruntime know well.
OPSET = 18


class UnfitError(ValueError):
    """A file that is not what it was to be, in sentences for the user."""


def convert(kind, precision, source, path, calibration=None, rows=1):
    """Writes a file.

    Args:
        kind: `"litert"` or `"onnx"`.
        precision: `"float32"`, `"float16"`, `"int8_dynamic"` or `"int8"`.
        source: Folder of a SavedModel.
        path: Where the file shall be.
        calibration: Dict of arrays by input, for `"int8"`. Defaults to `None`.
        rows: Examples at a time to calibrate with. Defaults to `1`.

    Raises:
        UnfitError: If it is not of that precision.
    """
    batches = _batches(calibration, rows)
    make = {"litert": _litert, "onnx": _onnx}[kind]
    make(precision, source, pathlib.Path(path), batches)


def _batches(calibration, rows):
    if calibration is None:
        return []
    count = len(next(iter(calibration.values())))
    return [
        {name: array[i : i + rows] for name, array in calibration.items()}
        for i in range(0, count - rows + 1, rows)
    ]


def _litert(precision, source, path, batches):
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(source), signature_keys=[SIGNATURE]
    )
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if precision == "int8":
        converter.representative_dataset = lambda: iter(batches)
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.TFLITE_BUILTINS_INT8
        ]
        if all(a.dtype == np.float32 for a in batches[0].values()):
            converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
    path.write_bytes(converter.convert())
    _check_litert(precision, path)


def _check_litert(precision, path):
    if precision not in ("int8", "int8_dynamic"):
        return
    from ai_edge_litert.interpreter import Interpreter

    details = Interpreter(model_path=str(path)).get_tensor_details()
    _check_int8(any(detail["dtype"] == np.int8 for detail in details))
    left = [d["name"] for d in details if d["dtype"] == np.float32]
    if precision == "int8" and left:
        raise UnfitError(
            "The file is not int8 throughout, since LiteRT computes some "
            f"operations in float32 only: {left[0]}. Take 'int8_dynamic', or "
            "int8 of ONNX."
        )


def _check_int8(is_int8):
    if not is_int8:
        raise UnfitError(
            "Nothing in the file is int8, since its layers are too small, or "
            "of kinds that the converter leaves as they are. Take 'float16'."
        )


def _onnx(precision, source, path, batches):
    plain = path if precision == "float32" else path.with_name("plain.onnx")
    _float32_onnx(source, plain)
    if precision == "float32":
        return
    import onnx

    if precision == "float16":
        from onnxruntime.transformers import float16

        onnx.save(
            float16.convert_float_to_float16(
                onnx.load(plain), keep_io_types=True
            ),
            path,
        )
        return
    from onnxruntime import quantization

    int8 = quantization.QuantType.QInt8
    if precision == "int8_dynamic":
        quantization.quantize_dynamic(plain, path, weight_type=int8)
    else:
        quantization.quantize_static(
            plain,
            path,
            _Reader(batches),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            activation_type=int8,
            weight_type=int8,
        )
    weights = onnx.load(path).graph.initializer
    _check_int8(any(w.data_type == onnx.TensorProto.INT8 for w in weights))


class _Reader:
    """Gives onnxruntime one batch after the other, and then `None`."""

    def __init__(self, batches):
        self._batches = iter(batches)

    def get_next(self):
        return next(self._batches, None)

    def set_range(self, start_index, end_index):
        raise NotImplementedError

    def __len__(self):
        raise NotImplementedError


def _float32_onnx(source, path):
    import tensorflow as tf
    import tf2onnx

    # Held as a whole: its function alone loses the variables.
    loaded = tf.saved_model.load(str(source))
    serve = loaded.signatures[SIGNATURE]
    specs = [
        tf.TensorSpec(spec.shape, spec.dtype, name=name)
        for name, spec in serve.structured_input_signature[1].items()
    ]
    names = [spec.name for spec in specs]

    @tf.function(input_signature=specs)
    def function(*tensors):
        return serve(**dict(zip(names, tensors, strict=True)))

    tf2onnx.convert.from_function(
        function, input_signature=specs, opset=OPSET, output_path=str(path)
    )
