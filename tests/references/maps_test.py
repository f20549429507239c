"""Numbers by hand and identities of the references of feature maps."""

import math

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from tests.references import maps


def row(*channels):
    """One example of height 1 with the given channels."""
    return np.array(channels, "float64").T[np.newaxis, np.newaxis]


def example(*shape):
    return np.random.default_rng(2).normal(size=(2, *shape))


class PoolTest(absltest.TestCase):
    def test_cells_share_what_does_not_divide(self):
        # As PyTorch documents: floor(i 5 / 2) to ceil((i + 1) 5 / 2).
        self.assertEqual(maps.cells(5, 2), [(0, 3), (2, 5)])
        self.assertEqual(maps.cells(6, 3), [(0, 2), (2, 4), (4, 6)])

    def test_means_of_quarters(self):
        features = np.arange(16.0).reshape(1, 4, 4, 1)
        # The first quarter is 0 1 4 5.
        expected = np.array([[2.5, 4.5], [10.5, 12.5]])
        actual = maps.pool(features, 2, 2)
        np.testing.assert_allclose(actual[0, ..., 0], expected)

    def test_the_larger_is_pooled(self):
        large, small = np.ones((1, 4, 6, 2)), np.ones((1, 2, 3, 5))
        for pair in [(large, small), (small, large)]:
            teacher, student = maps.meet(*pair)
            self.assertEqual(teacher.shape[1:3], (2, 3))
            self.assertEqual(student.shape[1:3], (2, 3))


class SelectivityTest(absltest.TestCase):
    # Channels 1 0 and 0 1 against one of 1 1, and of any length.
    teacher = row([3, 0], [0, 5])
    student = row([2, 2])

    def test_by_hand(self):
        # Pairs of the teacher: 1 0 0 1; the student's: 1; mixed: 1/2.
        actual = maps.selectivity(self.teacher, self.student)
        np.testing.assert_allclose(actual, [1 / 2 + 1 - 1])

    def test_gaussian_by_hand(self):
        # Squared distances 2 and 2 - sqrt(2), by 2 x 0.5.
        actual = maps.gaussian_selectivity(self.teacher, self.student, 0.5)
        mixed = math.exp(math.sqrt(2) - 2)
        expected = (1 + math.exp(-2)) / 2 + 1 - 2 * mixed
        np.testing.assert_allclose(actual, [expected])

    def test_order_and_lengths_of_channels_do_not_matter(self):
        teacher, student = example(3, 2, 2, 4)
        np.testing.assert_allclose(
            maps.selectivity(teacher, 3 * student[..., ::-1]),
            maps.selectivity(teacher, student),
        )

    def test_equals_the_distance_of_second_moments(self):
        # The mean of (a . b)^2 is the inner product of the means of a a^T.
        teacher, student = example(1, 2, 2, 5)
        moments = [
            np.mean([np.outer(a, a) for a in vectors[0]], axis=0)
            for vectors in map(maps.channel_vectors, (teacher, student))
        ]
        np.testing.assert_allclose(
            maps.selectivity(teacher, student),
            [np.square(moments[0] - moments[1]).sum()],
        )


class VariationalInformationTest(absltest.TestCase):
    def test_by_hand(self):
        # Errors 2 and 0 with the variance 4, and 3 with 9.
        raw = maps.raw_variance(np.array([4.0, 9.0]))
        actual = maps.variational_information(
            row([2, 0], [0, 0]), row([0, 0], [3, 3]), raw
        )
        logs = math.log(4) + math.log(9)
        np.testing.assert_allclose(actual, [(1 / 2 + 1 + logs) / 2 / 2])

    def test_begins_at_a_variance_of_5(self):
        actual = maps.variational_information(
            row([1]), row([1]), [maps.raw_variance()]
        )
        np.testing.assert_allclose(actual, [math.log(5) / 2])

    def test_mean_square_is_the_best_variance(self):
        # There it is (1 + log(variance)) / 2, elsewhere more.
        teacher, mean = example(1, 3, 3, 1)
        best = np.square(teacher - mean).mean()
        values = [
            maps.variational_information(
                teacher, mean, [maps.raw_variance(variance)]
            )
            for variance in (best / 1.1, best, best * 1.1)
        ]
        np.testing.assert_allclose(values[1], (1 + math.log(best)) / 2)
        self.assertEqual(np.argmin(values), 1)

    def test_relu_is_between_convolutions_alone(self):
        # 1 and -1 by 1 and -1: one of both is cut, -2 at the end is not.
        kernels = [[[1.0, -1.0]], [[-2.0], [-3.0]]]
        actual = maps.variational_mean(row([1, -1]), np.array(kernels, "O"))
        np.testing.assert_array_equal(actual, row([-2, -3]))


class TransportTest(absltest.TestCase):
    def test_by_hand(self):
        # 0 2 has the mean 1 and the variance 2, 1 5 has 3 and 8; 4 2^2 and
        # (sqrt(8) - sqrt(2))^2. A second channel that is equal adds nothing.
        actual = maps.gaussian_transport(
            row([0, 2], [1, 4]), row([1, 5], [1, 4])
        )
        np.testing.assert_allclose(actual, [18], rtol=1e-5)

    def test_cells_are_averaged(self):
        # Four cells of 2 x 2; in one of them the student has 1 more.
        teacher, _ = example(1, 4, 4, 1)
        student = teacher.copy()
        student[:, :2, 2:] += 1
        actual = maps.gaussian_transport(teacher, student, 3.0, grid=2)
        np.testing.assert_allclose(actual, [3 / 4])

    def test_epsilon_is_added_to_the_variance(self):
        # sqrt(.1) against sqrt(2 + .1).
        actual = maps.gaussian_transport(row([1, 1]), row([0, 2]), epsilon=0.1)
        expected = (math.sqrt(2.1) - math.sqrt(0.1)) ** 2
        np.testing.assert_allclose(actual, [expected])


class OrthogonalProjectionTest(absltest.TestCase):
    def test_by_hand(self):
        # Pooled 0 4, standardised -1 1 with the deviation 2. The student's
        # mean 1 1 differs by 2 and 0: 2 - 1/2, over two channels.
        teacher, student = row([-1, 1], [4, 4]), row([0, 2], [1, 1])
        actual = maps.orthogonal_projection(teacher, student, np.eye(2))
        np.testing.assert_allclose(actual, [3 / 4], rtol=1e-5)

    def test_epsilon_is_added_to_the_variance(self):
        # Variance 4 and 12: -2 / 4 and 2 / 4, whose squares are halved.
        actual = maps.orthogonal_projection(
            [[0.0, 4.0]], [[0.0]], np.ones((1, 2)), epsilon=12.0
        )
        np.testing.assert_allclose(actual, [1 / 8])


class ChannelDistributionsTest(parameterized.TestCase):
    @parameterized.parameters(1.0, 4.0)
    def test_by_hand(self, temperature):
        # 3/4 1/4 against 1/2 1/2 in one channel of two; the other is equal
        # but for a constant.
        actual = maps.channel_distributions(
            temperature * row([math.log(3), 0], [1, 2]),
            row([0, 0], [temperature + 5, 2 * temperature + 5]),
            temperature,
        )
        divergence = 3 / 4 * math.log(3 / 2) + 1 / 4 * math.log(1 / 2)
        np.testing.assert_allclose(actual, [temperature**2 * divergence / 2])

    def test_a_masked_position_is_in_no_distribution(self):
        teacher, student = example(2, 1, 3, 2)
        teacher[:, :, 1] = np.nan
        mask = np.array([[[True, False, True]], [[False] * 3]])
        actual = maps.channel_distributions(teacher, student, mask=mask)
        expected = maps.channel_distributions(
            teacher[:1, :, ::2], student[:1, :, ::2]
        )
        np.testing.assert_allclose(actual, [expected[0], 0])


if __name__ == "__main__":
    absltest.main()
