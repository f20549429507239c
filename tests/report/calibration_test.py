import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import report
from tests import reference


class ReliabilityTest(parameterized.TestCase):
    @parameterized.parameters(1, 10, 15)
    def test_gives_the_expected_calibration_error(self, num_bins):
        random = np.random.default_rng(0)
        labels = random.integers(0, 4, size=200)
        probabilities = reference.softmax(random.normal(size=(200, 4)), 0.5)

        bins = report.reliability(labels, probabilities, num_bins)

        self.assertAlmostEqual(
            np.sum(bins.fraction * np.abs(bins.accuracy - bins.confidence)),
            reference.expected_calibration_error(
                labels, probabilities, num_bins
            ),
        )

    def test_upper_edge_belongs_to_its_bin(self):
        # .6 = 9 / 15 closes the ninth bin and .61 falls into the tenth.
        bins = report.reliability([0, 0], [[0.6, 0.4], [0.61, 0.39]])
        np.testing.assert_allclose(bins.confidence, [0.6, 0.61])

    def test_fractions_sum_to_one_without_empty_bins(self):
        bins = report.reliability([0, 1, 0], [[0.9, 0.1]] * 2 + [[0.5, 0.5]])
        np.testing.assert_allclose(bins.fraction, [1 / 3, 2 / 3])
        np.testing.assert_allclose(bins.accuracy, [1.0, 0.5])

    def test_rejects_logits(self):
        with self.assertRaisesRegex(
            ValueError, "sum to 1.*Received: rows that sum to 1 to 3.*softmax"
        ):
            report.reliability([0], [[2.0, 1.0]])

    def test_rejects_shapes_that_do_not_fit(self):
        with self.assertRaisesRegex(
            ValueError, r"\(examples, classes\).*Received: .*labels of shape"
        ):
            report.reliability([0, 1], [[0.5, 0.5]])


if __name__ == "__main__":
    absltest.main()
