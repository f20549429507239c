import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import ops

from keras_kd import losses
from tests import reference
from tests.losses import precision


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def huber(teacher, student):
    """Half the square up to 1, then a line; mean over the last axis."""
    size = np.abs(student - teacher)
    return np.where(size < 1, size**2 / 2, size - 1 / 2).mean(axis=-1)


@keras.saving.register_keras_serializable("match_test")
def largest_difference(y_true, y_pred):
    return ops.max(ops.abs(y_true - y_pred), axis=-1)


@keras.saving.register_keras_serializable("match_test")
class Elementwise(keras.losses.Loss):
    """A loss that leaves every axis to its reduction."""

    def call(self, y_true, y_pred):
        return ops.square(y_true - y_pred)


def unregistered(y_true, y_pred):
    return ops.sum(y_pred - y_true, axis=-1)


class MatchTest(parameterized.TestCase):
    def test_by_hand(self):
        # Huber: 1 - 1/2 and 3 - 1/2, in the mean 3/2.
        loss = losses.Match(keras.losses.Huber())
        actual = loss(np.array([[0.0, 0.0]]), np.array([[1.0, 3.0]]))
        np.testing.assert_array_equal(actual, [1.5])

    @parameterized.named_parameters(*precision.POLICIES)
    def test_equals_the_reference_under_every_policy(self, policy, dtype):
        for scale in (1.0, 1e4):
            result = precision.run(
                lambda: losses.Match(keras.losses.Huber()),
                scale * np.tanh(normal(3, 5)),
                scale * np.tanh(normal(3, 5, seed=1)),
                dtype,
                policy,
            )
            expected = huber(result.teacher, result.student)
            precision.assert_precise(result, expected)

    @parameterized.parameters((3, 5), (3, 4, 5), (3, 4, 2, 5))
    def test_squares_are_a_hint_without_projector(self, *shape):
        teacher, student = normal(*shape), normal(*shape, seed=1)
        expected = reference.hint(teacher, student)
        for loss in ("mse", keras.losses.MeanSquaredError(), Elementwise()):
            actual = losses.Match(loss)(teacher, student)
            self.assertEqual(actual.shape, expected.shape)
            np.testing.assert_allclose(actual, expected, rtol=1e-5)

    def test_the_teacher_is_what_is_true(self):
        loss = losses.Match(unregistered)
        np.testing.assert_array_equal(
            loss(np.array([[1.0, 1.0]]), np.array([[3.0, 3.0]])), [4]
        )

    @parameterized.parameters("sum", "mean", "sum_over_batch_size", None)
    def test_does_not_use_the_reduction(self, reduction):
        teacher, student = normal(3, 5), normal(3, 5, seed=1)
        loss = losses.Match(keras.losses.Huber(reduction=reduction))
        np.testing.assert_allclose(
            loss(teacher, student), huber(teacher, student), rtol=1e-5
        )

    @parameterized.parameters("huber", "Huber")
    def test_finds_a_loss_by_its_name(self, name):
        teacher, student = normal(3, 5), normal(3, 5, seed=1)
        np.testing.assert_allclose(
            losses.Match(name)(teacher, student),
            huber(teacher, student),
            rtol=1e-5,
        )

    @parameterized.named_parameters(
        ("mse", "mse"),
        ("huber", keras.losses.Huber()),
        ("logcosh", "log_cosh"),
    )
    def test_is_zero_when_the_student_equals_the_teacher(self, loss):
        x = normal(3, 5)
        np.testing.assert_allclose(losses.Match(loss)(x, x), 0, atol=1e-7)

    @parameterized.named_parameters(
        ("name", "huber"),
        ("loss", keras.losses.CategoricalCrossentropy(from_logits=True)),
        ("default_loss", keras.losses.Huber()),
        ("function", largest_difference),
        ("own_loss", Elementwise()),
    )
    def test_survives_its_config(self, loss):
        match = losses.Match(loss, student_tap="pool")
        copy = losses.Match.from_config(match.get_config())
        self.assertEqual(copy.get_config(), match.get_config())
        pair = normal(3, 5), 3 * normal(3, 5, seed=1)
        np.testing.assert_array_equal(copy(*pair), match(*pair))

    def test_can_infer_a_projector(self):
        loss = losses.Match("mse", projector="infer")
        self.assertEqual(loss(normal(2, 3), normal(2, 4)).shape, (2,))
        self.assertLen(loss.trainable_variables, 2)

    def test_rejects_different_shapes(self):
        loss = losses.Match("mse", teacher_tap="wide")
        with self.assertRaisesRegex(
            ValueError,
            r'`Match` compares \(None, 3\) from teacher layer "wide" with '
            r"\(None, 1\) from the student's output.*one shape",
        ):
            loss(keras.KerasTensor((None, 3)), keras.KerasTensor((None, 1)))

    def test_rejects_a_loss_that_averages_over_the_batch(self):
        loss = losses.Match(lambda y_true, y_pred: ops.mean(y_true - y_pred))
        for make in (keras.KerasTensor, ops.ones):
            with self.assertRaisesRegex(
                ValueError, r"`loss` must return one.*shape \(\) of \(4, 3\)"
            ):
                loss(make((4, 3)), make((4, 3)))

    @parameterized.parameters(
        (keras.losses.Huber(delta=2.0), "delta"),
        (keras.losses.CosineSimilarity(axis=1), "axis"),
    )
    def test_rejects_a_loss_that_would_change_when_it_is_saved(
        self, loss, name
    ):
        with self.assertRaisesRegex(
            ValueError, rf"`loss` must keep its arguments.*leaves out {name}\."
        ):
            losses.Match(loss).build((None, 4, 5), (None, 4, 5))

    def test_rejects_an_unknown_name(self):
        with self.assertRaisesRegex(
            ValueError, r"`loss` must be a name.*Received: loss='hubber'"
        ):
            losses.Match("hubber")

    @parameterized.parameters(None, 3, keras.losses.Huber)
    def test_rejects_what_is_no_loss(self, loss):
        with self.assertRaisesRegex(
            TypeError, r"`loss` must be a Keras loss.*Received: loss="
        ):
            losses.Match(loss)


if __name__ == "__main__":
    absltest.main()
