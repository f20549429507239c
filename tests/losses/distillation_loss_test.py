import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import ops

from keras_kd import losses
from keras_kd.losses.shapes import mean_over_features
from tests.losses import precision


class Overflowing(losses.DistillationLoss):
    """Squares its inputs: 70000 for 265 of half precision is infinite."""

    def __init__(self, sharpness=1.0, **kwargs):
        super().__init__(**kwargs)
        self.sharpness = self.add_hyperparameter(
            "sharpness", sharpness, "a factor of the example"
        )

    def call(self, teacher, student):
        difference = student * student - teacher * teacher
        return self.sharpness * ops.mean(difference, axis=-1)


class Masked(losses.DistillationLoss):
    def call(self, teacher, student, student_mask=None):
        return ops.sum(ops.cast(student_mask, "float32"), axis=-1)


class Outer(keras.layers.Layer):
    """A layer of half precision with a loss inside."""

    def __init__(self, loss):
        super().__init__(dtype="mixed_float16")
        self.loss = loss

    def call(self, x):
        return self.loss(x, 2 * x)


class DistillationLossTest(parameterized.TestCase):
    @parameterized.named_parameters(*precision.POLICIES)
    def test_casts_up_before_any_arithmetic(self, policy, dtype):
        # 304^2 - 256^2 = 26880, in numbers that half precision has exactly.
        result = precision.run(Overflowing, [[256.0]], [[304.0]], dtype, policy)
        self.assertEqual(result.dtype, "float32")
        np.testing.assert_array_equal(result.value, [26880])

    def test_casts_the_numbers_of_numpy(self):
        value = Overflowing()(np.ones((2, 3)), np.ones((2, 3)))
        self.assertEqual(value.dtype, "float32")

    def test_has_float32_variables_inside_a_layer_of_half_precision(self):
        # Half precision would read 0.1 as 0.09998 and overflow at 300^2.
        outer = Outer(Overflowing(sharpness=0.1))
        actual = outer(np.full((1, 1), 300.0, "float16"))
        np.testing.assert_allclose(actual, [0.1 * 3 * 300**2], rtol=1e-6)

    def test_can_compute_in_float64(self):
        value = Overflowing(dtype="float64")(np.ones((2, 3)), np.ones((2, 3)))
        self.assertEqual(value.dtype, "float64")

    @parameterized.parameters("float16", "bfloat16", "mixed_float16")
    def test_rejects_a_dtype_of_half_precision(self, dtype):
        with self.assertRaisesRegex(
            ValueError, rf"`dtype` must be.*Received: dtype='{dtype}'"
        ):
            Overflowing(dtype=dtype)

    def test_config_has_all_arguments_of_the_constructor(self):
        arguments = {
            "loss_weight": 0.5,
            "sharpness": 2.0,
            "teacher_tap": "stage2",
            "student_tap": "backbone/block3",
            "name": "mine",
        }
        config = Overflowing(**arguments).get_config()
        self.assertContainsSubset(arguments, config)
        self.assertEqual(Overflowing.from_config(config).get_config(), config)

    def test_config_keeps_no_automatic_name(self):
        # They count per process, and would differ from run to run.
        self.assertNotIn("name", Overflowing().get_config())

    def test_config_keeps_the_first_value_and_weights_the_current_one(self):
        loss = Overflowing(sharpness=2.0)
        loss.sharpness.assign(3.0)
        copy = Overflowing.from_config(loss.get_config())
        self.assertEqual(ops.convert_to_numpy(copy.sharpness), 2.0)
        copy.set_weights(loss.get_weights())
        self.assertEqual(ops.convert_to_numpy(copy.sharpness), 3.0)

    def test_hyperparameters_are_not_trained(self):
        loss = Overflowing()
        self.assertEmpty(loss.trainable_variables)
        self.assertLen(loss.non_trainable_variables, 2)

    def test_is_given_the_mask_of_the_student(self):
        student = ops.array([[[1.0], [2.0], [0.0]]])
        student = keras.layers.Masking()(student)
        actual = Masked()(np.ones((1, 3, 1)), student)
        np.testing.assert_array_equal(actual, [2])

    @parameterized.parameters(
        -1.0, float("nan"), float("inf"), "1", None, True, 1e39, 1e300, 10**400
    )
    def test_rejects_loss_weight(self, weight):
        with self.assertRaises(ValueError) as caught:
            Overflowing(loss_weight=weight)
        self.assertStartsWith(
            str(caught.exception), "`loss_weight` must be a number from 0 to "
        )
        self.assertEndsWith(
            str(caught.exception), f"Received: loss_weight={weight!r}."
        )

    def test_a_weight_of_zero_is_off(self):
        loss = Overflowing(loss_weight=0)
        self.assertEqual(float(loss.loss_weight.numpy()), 0)

    @parameterized.parameters(
        "soft targets", "", "_hidden", "a/b", "a.b", "a:b", "loß", 3
    )
    def test_rejects_a_name_that_no_scope_can_have(self, name):
        with self.assertRaisesRegex(
            ValueError, "`name` must consist of letters.*Received: name="
        ):
            Overflowing(name=name)

    def test_a_refused_name_leaves_no_scope_open(self):
        with self.assertRaises(ValueError):
            Overflowing(name="soft targets")
        loss = Overflowing()
        self.assertNotIn("soft targets", loss.loss_weight.path)

    @parameterized.parameters("teacher_tap", "student_tap")
    def test_rejects_a_tap_that_is_no_name(self, argument):
        with self.assertRaisesRegex(
            TypeError, rf"`{argument}` must be a string.*{argument}=3"
        ):
            Overflowing(**{argument: 3})

    @parameterized.parameters("labels", ("labels", "weather"))
    def test_rejects_needs_that_nobody_serves(self, *needs):
        class Needy(losses.DistillationLoss):
            pass

        Needy.needs = needs[0] if len(needs) == 1 else needs
        with self.assertRaisesRegex(
            ValueError, r"`needs` must be.*Received: needs=.*labels.*Needy"
        ):
            Needy()

    def test_asks_for_a_formula(self):
        class Empty(losses.DistillationLoss):
            pass

        with self.assertRaisesRegex(NotImplementedError, "Empty must impl"):
            Empty()(np.ones((1, 2)), np.ones((1, 2)))


class MeanOverFeaturesTest(parameterized.TestCase):
    @parameterized.parameters(
        ((2, 5), (2,)), ((2, 4, 5), (2, 4)), ((2, 3, 4, 5), (2,))
    )
    def test_keeps_the_steps_of_sequences(self, shape, expected):
        values = np.random.default_rng(0).normal(size=shape)
        actual = ops.convert_to_numpy(mean_over_features(values, shape))
        axes = tuple(range(len(expected), len(shape)))
        np.testing.assert_allclose(actual, values.mean(axis=axes), rtol=1e-5)

    def test_leaves_one_value_per_example_alone(self):
        np.testing.assert_array_equal(
            mean_over_features(np.arange(2), (2, 4, 5)), [0, 1]
        )


if __name__ == "__main__":
    absltest.main()
