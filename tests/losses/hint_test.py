import hypothesis
import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies
from hypothesis.extra import numpy as arrays
from keras import ops

from keras_kd import losses
from tests import reference
from tests.losses import precision

SHAPES = strategies.sampled_from([(2, 3, 4), (2, 3, 4, 5), (2, 2, 3, 2, 2)])
PAIRS = SHAPES.flatmap(
    lambda shape: arrays.arrays(
        np.float64, shape, elements=strategies.floats(-1e4, 1e4, width=32)
    )
)
DTYPES = strategies.sampled_from(["float32", "float16", "bfloat16"])


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


class HintTest(parameterized.TestCase):
    def test_by_hand(self):
        # 144 over 2 * 3 * 4 = 24 places, in the second example only.
        student = np.zeros((2, 2, 3, 4))
        student[1, 0, 0, 0] = 12
        actual = losses.Hint()(np.zeros_like(student), student)
        np.testing.assert_array_equal(actual, [0, 6])

    @hypothesis.given(PAIRS, DTYPES)
    @precision.reproducible
    def test_equals_the_reference(self, pair, dtype):
        result = precision.run(losses.Hint, *pair, dtype)
        expected = reference.hint(result.teacher, result.student)
        precision.assert_precise(result, expected)

    @parameterized.named_parameters(*precision.POLICIES)
    def test_equals_the_reference_under_every_policy(self, policy, dtype):
        for scale in (1, 1e4):
            teacher = scale * np.tanh(normal(2, 3, 4, 5))
            student = scale * np.tanh(normal(2, 3, 4, 5, seed=1))
            result = precision.run(losses.Hint, teacher, student, dtype, policy)
            expected = reference.hint(result.teacher, result.student)
            precision.assert_precise(result, expected)

    def test_is_zero_when_the_student_equals_the_teacher(self):
        feature = normal(2, 3, 4, 5)
        np.testing.assert_array_equal(losses.Hint()(feature, feature), [0, 0])

    def test_gives_one_value_per_step_of_a_sequence(self):
        teacher, student = normal(2, 3, 4), normal(2, 3, 4, seed=1)
        actual = losses.Hint()(teacher, student)
        self.assertEqual(actual.shape, (2, 3))
        expected = reference.hint(teacher, student)
        np.testing.assert_allclose(actual, expected, rtol=1e-5)

    def test_equal_shapes_need_no_projector(self):
        hint = losses.Hint()
        hint(normal(2, 3), normal(2, 3))
        self.assertIsNone(hint.projector)
        self.assertEmpty(hint.trainable_variables)

    @parameterized.named_parameters(*precision.POLICIES)
    def test_compares_with_the_projected_student(self, policy, dtype):
        with precision.global_policy(policy):
            hint = losses.Hint()
            teacher = ops.cast(100 * normal(4, 3), dtype)
            student = ops.cast(100 * normal(4, 5), dtype)
            actual = hint(teacher, student)
        kernel, bias = map(precision.to_float64, hint.projector.weights)
        projected = precision.to_float64(student) @ kernel + bias
        expected = reference.hint(precision.to_float64(teacher), projected)
        self.assertEqual(actual.dtype, "float32")
        np.testing.assert_allclose(actual, expected, rtol=1e-5)

    @parameterized.named_parameters(
        ("vectors", (2, 6), (2, 3), (2,)),
        ("sequences", (2, 5, 6), (2, 5, 3), (2, 5)),
        ("channels", (2, 4, 4, 6), (2, 4, 4, 3), (2,)),
        ("valid_convolution", (2, 4, 4, 6), (2, 6, 7, 3), (2,)),
        ("pooling", (2, 8, 8, 6), (2, 16, 16, 3), (2,)),
        ("resizing", (2, 8, 8, 6), (2, 4, 4, 3), (2,)),
    )
    def test_trains_its_projector_with_the_student(self, theirs, ours, values):
        hint = losses.Hint()
        teacher, student = tf.constant(normal(*theirs)), normal(*ours, seed=1)
        student = tf.Variable(student, dtype="float32")
        optimizer = keras.optimizers.Adam(0.05)
        self.assertEqual(hint(teacher, student).shape, values)
        variables = [*hint.trainable_variables, student]
        self.assertLen(variables, 3)

        def step():
            with tf.GradientTape() as tape:
                total = tf.reduce_mean(hint(teacher, student))
            gradients = tape.gradient(total, variables)
            return total, gradients

        first, gradients = step()
        for gradient in gradients:
            self.assertGreater(np.abs(gradient).max(), 0)
        for _ in range(20):
            optimizer.apply(step()[1][:2], hint.projector.trainable_variables)
        self.assertLess(step()[0], 0.95 * first)

    def test_a_projector_takes_batches_of_any_size(self):
        own = keras.Sequential([keras.layers.Dense(2)])
        for projector, size in (("infer", 16), (own, 8)):
            hint = losses.Hint(projector=projector)
            for batch in (1, 4):
                student = normal(batch, size, size, 3)
                value = hint(normal(batch, 8, 8, 2), student)
                self.assertEqual(value.shape, (batch,))
            self.assertIsNone(hint.projector.input_shape[0])

    def test_takes_a_projector_of_the_user(self):
        twice = keras.layers.Dense(3, kernel_initializer="ones")
        hint = losses.Hint(projector=twice)
        # Each projected number is 1 + 2, and 3 - 1 = 2.
        actual = hint(np.ones((1, 3)), np.array([[1.0, 2.0]]))
        np.testing.assert_array_equal(actual, [4])
        self.assertLen(hint.trainable_variables, 2)

    def test_a_projector_in_half_precision_is_compared_in_float32(self):
        hint = losses.Hint(
            projector=keras.layers.Dense(
                1, kernel_initializer="ones", dtype="mixed_float16"
            )
        )
        actual = hint(np.zeros((1, 1)), np.full((1, 1), 300.0))
        np.testing.assert_array_equal(actual, [90000])

    def test_a_projector_learns_that_it_trains(self):
        norm = keras.layers.BatchNormalization()
        hint = losses.Hint(projector=norm)
        feature = 5 + normal(8, 3)
        hint(feature, feature)
        np.testing.assert_array_equal(norm.moving_mean, 3 * [0])
        hint(feature, feature, training=True)
        self.assertGreater(np.min(norm.moving_mean), 0)

    def test_a_projector_of_the_user_survives_its_config(self):
        hint = losses.Hint(projector=keras.layers.Dense(3, activation="relu"))
        copy = losses.Hint.from_config(hint.get_config())
        self.assertIsNot(copy.projector, hint.projector)
        self.assertEqual(
            copy.projector.get_config(), hint.projector.get_config()
        )

    def test_an_inferred_projector_is_inferred_again(self):
        hint = losses.Hint()
        hint(normal(1, 3), normal(1, 2))
        self.assertEqual(hint.get_config()["projector"], "infer")

    def test_masked_sequences_give_no_warning(self):
        # pytest turns a warning into an error.
        student = keras.layers.Masking()(ops.array(normal(2, 3, 4)))
        self.assertEqual(losses.Hint()(normal(2, 3, 5), student).shape, (2, 3))

    def test_names_the_taps_that_no_projector_meets(self):
        hint = losses.Hint(teacher_tap="conv4", student_tap="pool")
        with self.assertRaisesRegex(
            ValueError,
            r'`Hint` compares \(None, 8, 8, 256\) from teacher layer "conv4" '
            r'with \(None, 64\) from student layer "pool"\. A projector meets '
            r"channels and space, not rank: tap a student layer with 4 axes\.",
        ):
            hint.build((None, 8, 8, 256), (None, 64))

    def test_names_the_output_where_there_is_no_tap(self):
        with self.assertRaisesRegex(
            ValueError, r"\(None, 7, 4\) from the teacher's output.*positions"
        ):
            losses.Hint().build((None, 7, 4), (None, 9, 4))

    def test_rejects_a_projector_that_makes_another_shape(self):
        hint = losses.Hint(projector=keras.layers.Dense(5))
        with self.assertRaisesRegex(
            ValueError, r"\(None, 3\).*\(None, 5\).*one shape.*correct it"
        ):
            hint.build((None, 3), (None, 2))

    def test_rejects_different_shapes_without_a_projector(self):
        with self.assertRaisesRegex(
            ValueError, r"\(None, 3\).*\(None, 1\).*one shape.*\"infer\""
        ):
            losses.Hint(projector=None).build((None, 3), (None, 1))

    def test_does_not_broadcast_what_was_unknown_when_it_was_built(self):
        hint = losses.Hint()
        hint.build((None, None, None, 3), (None, None, None, 3))
        with self.assertRaisesRegex(
            ValueError, r"\(2, 4, 4, 3\).*\(2, 1, 1, 3\).*one shape"
        ):
            hint(normal(2, 4, 4, 3), normal(2, 1, 1, 3))

    @parameterized.parameters("dense", 3, keras.layers.Dense)
    def test_rejects_what_is_no_projector(self, projector):
        with self.assertRaisesRegex(
            TypeError, r'`projector` must be "infer".*Received: projector='
        ):
            losses.Hint(projector=projector)


if __name__ == "__main__":
    absltest.main()
