import importlib.util
from unittest import mock

from absl.testing import absltest

from keras_kd.export import _arguments


class CheckFormatsTest(absltest.TestCase):
    def check(self, formats, *missing):
        find = importlib.util.find_spec
        with mock.patch.object(
            importlib.util,
            "find_spec",
            lambda name: None if name in missing else find(name),
        ):
            return _arguments.check_formats(formats)

    def test_names_the_packages_that_a_format_lacks(self):
        with self.assertRaisesRegex(
            ModuleNotFoundError, "Run `pip install onnxruntime tf2onnx`"
        ):
            self.check(["litert", "onnx"], "onnxruntime", "tf2onnx")

    def test_asks_for_no_package_of_another_format(self):
        found = self.check("saved_model", "onnx", "ai_edge_litert")
        self.assertEqual(found, ["saved_model"])

    def test_makes_each_format_once(self):
        found = self.check(["onnx", "saved_model", "onnx"])
        self.assertEqual(found, ["onnx", "saved_model"])


if __name__ == "__main__":
    absltest.main()
