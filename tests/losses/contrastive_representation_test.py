import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import ops

from keras_kd import losses
from tests.losses import precision
from tests.references import contrasts

CRD = losses.ContrastiveRepresentation
WEIGHTS = np.array([1.0, 3.0, 0.0, 0.5, 1.0])
COUNTED = WEIGHTS > 0


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


TEACHER, STUDENT = normal(5, 2, 3), normal(5, 4, seed=1)


def built(**kwargs):
    """A loss whose weights are no longer the first."""
    loss = CRD(width=3, **kwargs)
    loss.build((None, 2, 3), (None, 4))
    for seed, weight in enumerate(loss.trainable_variables):
        weight.assign(normal(*weight.shape, seed=seed))
    return loss


def projected(loss, **kwargs):
    """The reference's value, from the projections of the loss."""
    pairs = (
        (loss.teacher_projection, TEACHER.reshape(5, 6)),
        (loss.student_projection, STUDENT),
    )
    vectors = [
        features @ ops.convert_to_numpy(layer.kernel).astype("float64")
        + ops.convert_to_numpy(layer.bias)
        for layer, features in pairs
    ]
    scale = np.exp(ops.convert_to_numpy(loss.log_scale))
    return contrasts.in_batch(*vectors, scale=scale, **kwargs)


class ContrastiveRepresentationTest(parameterized.TestCase):
    def test_by_hand(self):
        # Unit vectors at right angles and their own teachers: cosines 1 and 0
        # with the scale e give a softmax (e^e, 1) / (e^e + 1), both ways.
        loss = CRD(width=2)
        loss.build((None, 2), (None, 2))
        loss.teacher_projection.kernel.assign(np.eye(2))
        loss.student_projection.kernel.assign(np.eye(2))
        actual = loss(np.diag([2.0, 3.0]), np.diag([5.0, 1.0]))
        np.testing.assert_allclose(
            actual, [np.log1p(np.exp(-np.e))] * 2, rtol=1e-5
        )

    @parameterized.parameters(0.0, 0.5, 2.0)
    def test_equals_the_reference(self, consistency):
        loss = built(consistency=consistency)
        np.testing.assert_allclose(
            loss(TEACHER, STUDENT),
            projected(loss, consistency=consistency),
            rtol=1e-5,
        )

    def test_the_scale_is_at_most_ten(self):
        loss = built()
        loss.log_scale.assign(5.0)
        np.testing.assert_allclose(
            loss(TEACHER, STUDENT), projected(loss), rtol=1e-5
        )

    def test_weights_count_in_pairs_by_their_ratios(self):
        loss = built()
        mean = WEIGHTS.sum() / COUNTED.sum()
        expected = projected(loss, weights=WEIGHTS / mean)
        for scale in (1.0, 1e-3):
            np.testing.assert_allclose(
                loss(TEACHER, STUDENT, example_weights=scale * WEIGHTS),
                expected,
                rtol=1e-5,
            )

    def test_what_does_not_count_is_in_no_pair(self):
        loss = built()
        teacher, student = TEACHER.copy(), STUDENT.copy()
        teacher[~COUNTED], student[~COUNTED] = np.inf, np.nan
        result = precision.run(
            lambda: lambda t, s: loss(t, s, example_weights=COUNTED),
            teacher,
            student,
        )
        alone = precision.run(lambda: loss, TEACHER[COUNTED], STUDENT[COUNTED])
        for actual, expected in (
            (result.value, alone.value),
            (result.gradient, alone.gradient),
        ):
            np.testing.assert_allclose(
                actual[COUNTED], expected, rtol=1e-5, atol=1e-6
            )
            np.testing.assert_array_equal(actual[~COUNTED], 0)

    def test_an_example_by_itself_is_zero(self):
        np.testing.assert_allclose(
            built()(TEACHER[:1], STUDENT[:1]), [0], atol=1e-6
        )

    def test_both_projections_and_the_scale_are_trained(self):
        names = [weight.path for weight in built().trainable_variables]
        self.assertLen(names, 5)

    def test_rejects_unknown_sizes(self):
        with self.assertRaisesRegex(ValueError, "known sizes.*Pool"):
            CRD().build((None, None, 3), (None, 4))


if __name__ == "__main__":
    absltest.main()
