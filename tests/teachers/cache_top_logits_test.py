"""The highest logits as a cache stores them, on their way to a loss."""

import keras
import numpy as np
from absl.testing import absltest
from keras import ops

from keras_kd._core import ensemble_logits
from keras_kd._core import reduction
from keras_kd._core import top_logits
from keras_kd.teachers._cache import layout


def spec(*shape):
    return keras.KerasTensor((None, *shape), "float32")


class TopTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        random = np.random.default_rng(0)
        self.logits = ops.convert_to_tensor(
            random.normal(size=(2, 4, 9)).astype("float32")
        )
        self.expected = top_logits.encode(self.logits, 2)

    def assert_expected(self, top):
        for key, value in self.expected.items():
            np.testing.assert_allclose(top[key], value, rtol=1e-6)

    def test_the_only_output(self):
        plan = layout.plan(spec(4, 9), (), {}, (), "float32", 2)
        self.assert_expected(plan.top(plan.encode(self.logits, {})))

    def test_has_the_mask_of_the_logits(self):
        counts = np.array([[1, 1, 0, 0], [1, 1, 1, 0]], bool)
        plan = layout.plan(spec(4, 9), (), {}, (), "float32", 2, ([(4,)], {}))
        masked = reduction.with_mask(self.logits, ops.convert_to_tensor(counts))
        top = plan.top(plan.encode(masked, {}))
        np.testing.assert_array_equal(ensemble_logits.read_mask(top), counts)

    def test_outputs_whose_logits_are_all_stored_have_none(self):
        output = {"token": spec(4, 9), "number": keras.KerasTensor((None, 3))}
        plan = layout.plan(output, tuple(output), {}, (), "float32", 2)
        plan.fields["output.number"] = layout.Field((3,), "float32")
        number = ops.ones((2, 3))
        arrays = plan.encode({"token": self.logits, "number": number}, {})
        found = plan.top(arrays)
        self.assert_expected(found["token"])
        self.assertIsNone(found["number"])


if __name__ == "__main__":
    absltest.main()
