import numpy as np
from absl.testing import absltest

from keras_kd import losses
from tests.losses import precision

LINE = np.array([[0.0], [1.0], [3.0]])
OTHER_LINE = np.array([[0.0], [2.0], [3.0]])
CORNER = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])


class RelationalDistanceTest(absltest.TestCase):
    def test_of_two_lines_by_hand(self):
        # Distances 1 2 3 (of 0-1, 1-2, 0-2) and 2 1 3, both of mean 2: the
        # differences are .5, .5 and 0, the Huber losses 1/8, 1/8 and 0. Means
        # over three examples, the one itself among them.
        actual = losses.RelationalDistance()(LINE, OTHER_LINE)
        np.testing.assert_allclose(actual, [1 / 24, 1 / 12, 1 / 24], rtol=1e-6)

    def test_is_linear_from_a_difference_of_one(self):
        # Corners of a simplex have one distance, so 1 by their mean. Of the
        # student's 15 pairs, 10 have the distance 0 and 5 100, whose mean is
        # 100 / 3: they differ by 1 and by 2, with Huber losses 1/2 and 3/2.
        far = np.zeros((6, 1))
        far[5] = 100
        actual = losses.RelationalDistance()(np.eye(6), far)
        near_value, far_value = (4 * 0.5 + 1.5) / 6, 5 * 1.5 / 6
        np.testing.assert_allclose(
            actual, [near_value] * 5 + [far_value], rtol=1e-5
        )

    def test_no_scale_and_no_place_counts(self):
        teacher, student = np.random.default_rng(0).normal(size=(2, 5, 4))
        value = losses.RelationalDistance()(teacher, student)
        np.testing.assert_allclose(
            losses.RelationalDistance()(1e3 * teacher + 5, 1e-3 * student),
            value,
            rtol=1e-4,
        )

    def test_the_length_of_a_feature_counts(self):
        # Public code brings all features to length 1 first, where these two
        # are 1 away from each other in both models.
        teacher = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
        student = teacher * [[1.0], [1.0], [5.0]]
        value = losses.RelationalDistance()(teacher, student)
        self.assertGreater(np.min(value), 0.01)

    def test_near_examples_keep_their_digits(self):
        # The squares of 1 + 2^-13 and of 1 differ by few digits of float32.
        shifts = np.array([[0.0], [1.0], [3.0], [7.0]]) * 2.0**-13
        exact = losses.RelationalDistance()(shifts, shifts[::-1])
        moved = losses.RelationalDistance()(shifts, 1 + shifts[::-1])
        np.testing.assert_allclose(moved, exact, rtol=1e-5)


class RelationalAngleTest(absltest.TestCase):
    def test_of_a_corner_and_a_line_by_hand(self):
        # At the corner the angle is right, and 0 on the line at its end: the
        # cosines of two of nine pairs differ by 1, whose Huber loss is 1/2.
        # At the next point the cosine is cos 45 and -1, at the last cos 45
        # and 1.
        root = np.sqrt(0.5)
        expected = [
            2 * 0.5 / 9,
            2 * (1 + root - 0.5) / 9,
            2 * (1 - root) ** 2 / 2 / 9,
        ]
        actual = losses.RelationalAngle()(CORNER, LINE)
        np.testing.assert_allclose(actual, expected, rtol=1e-6)

    def test_no_scale_no_place_and_no_turn_counts(self):
        teacher, student = np.random.default_rng(0).normal(size=(2, 5, 3))
        turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
        np.testing.assert_allclose(
            losses.RelationalAngle()(teacher @ turn * 1e3, 4 + student / 9),
            losses.RelationalAngle()(teacher, student),
            rtol=1e-4,
        )

    def test_an_example_at_the_same_place_has_no_angle(self):
        # The first two are one: at them, all cosines with each other are 0.
        student = np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
        result = precision.run(losses.RelationalAngle, CORNER, student)
        # At the first, the teacher has cosines 1 1 (with themselves) and the
        # student only the third's: one of nine differs by 1.
        np.testing.assert_allclose(result.value[0], 0.5 / 9, rtol=1e-6)
        self.assertLess(np.abs(result.gradient).max(), 1)


if __name__ == "__main__":
    absltest.main()
