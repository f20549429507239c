"""Modules of PyTorch as teachers, in a process that has that backend."""

import functools
import json
import tempfile

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import teachers
from tests import support
from tests.backend import processes

pytestmark = pytest.mark.slow


@functools.cache
def found():
    with tempfile.TemporaryDirectory() as folder:
        command = ("-m", "tests.teachers.torch_teachers", folder)
        return json.loads(processes.run_well("torch", *command))


@pytest.mark.skipif(
    "torch" not in processes.installed(), reason="torch is not installed."
)
class TorchTeacherTest(parameterized.TestCase):
    @parameterized.parameters(
        "tensor", "object", "dict", "gradients", "in_keras"
    )
    def test_teaches_as_a_keras_model_of_the_same_numbers(self, form):
        self.assertLess(found()[form], 1e-6)

    def test_leaves_the_module_as_it_was(self):
        self.assertTrue(found()["unchanged"])

    def test_runs_in_inference_mode(self):
        # Not in training; its weights keep what the caller chose for them.
        self.assertEqual(found()["modes"], [[False, True]])

    @parameterized.parameters("renewed", "renewed_in_keras")
    def test_moving_statistics_count_in_the_fingerprint(self, name):
        self.assertTrue(found()[name])

    @parameterized.parameters("seen", "cached")
    def test_gives_the_logits_of_the_module_as_it_is(self, name):
        self.assertLess(found()[name], 1e-5)

    def test_weights_files_belong_to_the_module(self):
        self.assertEqual(found()["load"], "nothing")
        self.assertRegex(found()["other"], r"come from training with this tea")

    @parameterized.parameters(
        ("save", r"must be a Keras model to be saved, .* with a Module\. Save"),
        ("refused_raw", r"Wrap a module in `keras_kd\.teachers\.TorchTeacher`"),
        (
            "refused_tap",
            r"an output .* teacher_tap='head'\. Let it ret",
        ),
        ("refused_softmax", r"which gives probabilities\. Use `keras_kd"),
        ("refused_shape", r"`inputs` must be what .* inputs=.*\(None, 5\)"),
        ("refused_inputs", r"`inputs` must be made by .* inputs=\(4,\)\. Wri"),
        ("refused_keras", r"must be a `torch\.nn\.Module`.* type Sequential"),
        ("refused_none", r"must be a `torch\.nn\.Module`.* of type NoneType"),
        ("refused_lazy", r"must have its weights.* Received: weight without"),
        ("refused_elsewhere", r"must be on the device .* on meta.*\.to\("),
        ("refused_text", r"must return a tensor, an object .* Received: str"),
    )
    def test_refuses_by_name(self, use, message):
        self.assertRegex(found()[use], message)


class OtherBackendTest(absltest.TestCase):
    def test_is_refused_with_another_way(self):
        # These tests run on TensorFlow.
        with self.assertRaisesRegex(
            RuntimeError,
            r"must be torch for a `TorchTeacher`.* backend=tensorflow\. Keep .*"
            r"`keras_kd\.teachers\.FunctionTeacher\(lambda x: module\(",
        ):
            teachers.TorchTeacher(None, inputs=keras.Input((4,)))

    def test_the_other_way_gives_the_same_logits(self):
        torch = pytest.importorskip("torch")
        module = torch.nn.Linear(4, 3)
        teacher = teachers.FunctionTeacher(
            lambda x: module(torch.from_numpy(x)).detach().numpy(),
            num_classes=3,
            from_logits=True,
            identity="linear",
        )
        x, _ = support.data()
        kernel, bias = (w.detach().numpy() for w in module.parameters())
        np.testing.assert_allclose(
            teacher.predict(x), x @ kernel.T + bias, atol=1e-6
        )


if __name__ == "__main__":
    absltest.main()
