import pathlib
import tempfile

import numpy as np
import onnx
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized
from onnx import helper

from keras_kd.export import ExportedFile
from tests import support

FLOAT, INT = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
X, NUMBERS = support.data(5)
WEIGHTS = np.arange(12, dtype="float32").reshape(4, 3)


def tensor(name, kind, *shape):
    return helper.make_tensor_value_info(name, kind, shape)


class PredictTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.enterContext(tempfile.TemporaryDirectory())

    def file(self, rows="any", has_numbers=False):
        """A file that gives a product, and twice the numbers if it has them."""
        inputs = [tensor("x", FLOAT, rows, 4)]
        outputs = [tensor("product", FLOAT, rows, 3)]
        nodes = [helper.make_node("MatMul", ["x", "weights"], ["product"])]
        if has_numbers:
            inputs.insert(0, tensor("numbers", INT, rows))
            outputs.append(tensor("twice", INT, rows))
            nodes.append(helper.make_node("Add", ["numbers"] * 2, ["twice"]))
        weights = onnx.numpy_helper.from_array(WEIGHTS, "weights")
        graph = helper.make_graph(nodes, "graph", inputs, outputs, [weights])
        opsets = [helper.make_opsetid("", 18)]
        path = pathlib.Path(self.folder, "student_float32.onnx")
        onnx.save(
            helper.make_model(graph, opset_imports=opsets, ir_version=9), path
        )
        return ExportedFile("onnx", "float32", path)

    @parameterized.parameters("any", 1, 2, 5, 7)
    def test_answers_for_any_number_of_examples(self, rows):
        found = self.file(rows).predict(X)
        np.testing.assert_allclose(found, X @ WEIGHTS, rtol=1e-5)

    def test_takes_what_the_student_takes(self):
        file = self.file()
        batches = tf.data.Dataset.from_tensor_slices((X, NUMBERS)).batch(2)
        for x in ({"x": X}, [X], X.astype("float64"), batches):
            found = file.predict(x)
            np.testing.assert_allclose(found, X @ WEIGHTS, rtol=1e-5)

    def test_names_several_inputs_and_outputs(self):
        found = self.file(has_numbers=True).predict(
            {"x": X, "numbers": NUMBERS}
        )
        self.assertEqual(found.keys(), {"product", "twice"})
        np.testing.assert_allclose(found["product"], X @ WEIGHTS, rtol=1e-5)
        np.testing.assert_array_equal(found["twice"], 2 * NUMBERS)

    def test_says_what_a_file_takes(self):
        says = r"one array \(5, 3\) in x for student_float32.onnx, which takes "
        with self.assertRaisesRegex(ValueError, says):
            self.file().predict(X[:, :3])
        with self.assertRaisesRegex(ValueError, "entries 'numbers' .*, 'x'"):
            self.file(has_numbers=True).predict([NUMBERS, X])

    def test_without_a_file_the_reason_is_told(self):
        file = ExportedFile("litert", "int8", reason="Too small.")
        with self.assertRaisesRegex(ValueError, "path=None.*int8. Too small"):
            file.predict(X)


if __name__ == "__main__":
    absltest.main()
