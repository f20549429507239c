import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import losses
from keras_kd._core import kinds
from tests import support


class FlagTest(parameterized.TestCase):
    @parameterized.parameters(True, False, np.True_)
    def test_takes(self, value):
        kinds.check_flag("on", value, "what is done")

    @parameterized.parameters("no", 1, None, ([True],))
    def test_refuses_what_has_a_truth_value_only(self, value):
        with self.assertRaisesRegex(TypeError, "`on` must be True or False"):
            kinds.check_flag("on", value, "what is done")


class ListTest(parameterized.TestCase):
    @parameterized.parameters(
        ([1, 2],), ((1, 2),), (np.array([1, 2]),), (range(1, 3),)
    )
    def test_returns_the_entries(self, value):
        self.assertEqual(kinds.check_list("a", value, "numbers"), [1, 2])

    @parameterized.parameters(
        ("ab",), (b"ab",), ({"a": 1},), ({1, 2},), (3,), (np.array(3),)
    )
    def test_refuses(self, value):
        with self.assertRaisesRegex(TypeError, "`a` must be a list.*numbers"):
            kinds.check_list("a", value, "numbers")

    @parameterized.parameters(([1],), ([1, 2, 3],))
    def test_a_pair_has_two(self, value):
        with self.assertRaisesRegex(ValueError, "`a` must be a pair"):
            kinds.check_pair("a", value, "numbers")


class ArrayTest(parameterized.TestCase):
    def test_keeps_the_dtype_that_is_asked_for(self):
        array = kinds.as_array("a", [1, 2], "numbers", "float32")
        self.assertEqual(array.dtype, "float32")

    # NumPy reads 0.5 in the text.
    @parameterized.parameters(
        ("0.5",), (["0.5"],), ({"a": 1},), ([[1], [1, 2]],)
    )
    def test_refuses(self, value):
        with self.assertRaisesRegex(TypeError, "`a` must be an array"):
            kinds.as_array("a", value, "numbers")


class CompiledTest(parameterized.TestCase):
    @parameterized.parameters(
        (None,),
        ("mse",),
        ("crossentropy",),
        (keras.losses.Huber(),),
        (keras.losses.mean_squared_error,),
        ({"a": "mse", "b": None},),
    )
    def test_takes_a_loss(self, loss):
        kinds.check_loss("loss", loss)

    @parameterized.parameters(
        (None,),
        (["accuracy"],),
        (["acc", keras.metrics.AUC()],),
        ({"a": ["mse"]},),
    )
    def test_takes_metrics(self, metrics):
        kinds.check_metrics("metrics", metrics)

    def test_refuses_a_distillation_loss(self):
        with self.assertRaisesRegex(ValueError, "`distillation_losses`"):
            kinds.check_loss("loss", losses.SoftTargets())


class OthersTest(absltest.TestCase):
    def test_json_names_the_entry(self):
        with self.assertRaisesRegex(TypeError, r"given\['b'\] of type ndarray"):
            kinds.check_json("given", {"a": 1, "b": np.zeros(2)})

    def test_json_takes_lists_in_dicts(self):
        kinds.check_json("given", {"a": [1, {"b": None}]})

    def test_a_model_is_built(self):
        kinds.check_model("model", support.dense(2))
        unbuilt = keras.Sequential([keras.layers.Dense(2)])
        with self.assertRaisesRegex(ValueError, "built=False"):
            kinds.check_model("model", unbuilt)


if __name__ == "__main__":
    absltest.main()
