"""Numbers by hand and identities of the references of channels."""

import math

import numpy as np
from absl.testing import absltest

from tests.references import channels

ROOT = math.sqrt(2)


def maps():
    return np.random.default_rng(1).normal(size=(2, 6, 2, 3, 2))


class ChannelCorrelationsTest(absltest.TestCase):
    def test_is_1_less_the_correlation(self):
        teacher, student = maps()
        samples = zip(
            teacher.reshape(-1, 2).T, student.reshape(-1, 2).T, strict=True
        )
        correlation = np.mean([np.corrcoef(*pair)[0, 1] for pair in samples])
        actual = channels.channel_correlations(teacher, student).mean()
        np.testing.assert_allclose(
            actual, (1 - correlation) * 35 / 36, rtol=1e-5
        )

    def test_by_hand(self):
        # 0 1 1 2 has the deviation sqrt(2/3), 0 2 0 2 twice 1/sqrt(3): in
        # units of sqrt(3) they are (-1 0 0 1) / sqrt(2) and (-1 1 -1 1) / 2.
        actual = channels.channel_correlations(
            np.reshape([0.0, 1.0, 1.0, 2.0], (2, 1, 2, 1)),
            np.reshape([0.0, 2.0, 0.0, 2.0], (2, 1, 2, 1)),
        )
        square = 3 * ((1 / ROOT - 1 / 2) ** 2 + 1 / 4) / 2
        np.testing.assert_allclose(actual, [square / 2] * 2, rtol=1e-5)

    def test_weights_count_copies(self):
        teacher, student = maps()
        weights = np.array([2, 1, 1, 3, 0, 1])
        copies = np.repeat(np.arange(6), weights)
        teacher[4] = np.nan

        actual = channels.channel_correlations(teacher, student, weights)

        np.testing.assert_allclose(
            actual[copies],
            channels.channel_correlations(teacher[copies], student[copies]),
        )


class WhitenedTest(absltest.TestCase):
    def test_covariance_is_1(self):
        generator = np.random.default_rng(1)
        features = (
            generator.normal(size=(40, 4)) @ np.diag([1.0, 2.0, 3.0, 4.0]) + 5
        )
        actual = channels.whitened(features, epsilon=0)
        np.testing.assert_allclose(actual.mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(
            actual.T @ actual / 40, np.eye(4), atol=1e-12
        )
        # A symmetric root of the covariance leads back to the features.
        product = actual.T @ features
        np.testing.assert_allclose(product, product.T, atol=1e-9)

    def test_of_one_channel_is_by_the_weights(self):
        # Mean (0 3 + 4) / 4 = 1 and variance (3 1 + 9) / 4 = 3.
        actual = channels.whitened([[0.0], [4.0], [np.nan]], [3, 1, 0], 1.0)
        np.testing.assert_allclose(actual, [[-1 / 2], [3 / 2], [0]])


if __name__ == "__main__":
    absltest.main()
