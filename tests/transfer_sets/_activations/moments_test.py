import hypothesis
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies

from keras_kd.transfer_sets._activations import moments


def gather(batches, size, is_full):
    gathered = moments.Moments(size, is_full)
    for batch in batches:
        gathered.add(batch)
    return gathered


class MomentsTest(parameterized.TestCase):
    @hypothesis.given(
        strategies.lists(strategies.integers(1, 9), min_size=2, max_size=5),
        strategies.integers(0, 99),
    )
    @hypothesis.settings(deadline=None, max_examples=20)
    def test_batches_give_what_all_vectors_give(self, counts, seed):
        random = np.random.default_rng(seed)
        vectors = random.normal(size=(sum(counts), 3))
        batches = np.split(vectors, np.cumsum(counts)[:-1])

        full = gather(batches, 3, is_full=True)
        variances = gather(batches, 3, is_full=False).covariance()

        expected = np.cov(vectors, rowvar=False)
        np.testing.assert_allclose(full.mean, vectors.mean(0), atol=1e-12)
        np.testing.assert_allclose(full.covariance(), expected, atol=1e-12)
        np.testing.assert_allclose(variances, np.diag(expected), atol=1e-12)

    def test_a_small_variance_far_from_zero_keeps_its_digits(self):
        # Three values 1e6 - 1, 1e6 and 1e6 + 1 have the variance 1. As mean
        # square less squared mean, in float32, nothing of it would be left.
        vectors = np.array([[-1.0], [0.0], [1.0]]) + 1e6
        for is_full in (True, False):
            gathered = gather(vectors[:, None], 1, is_full)
            np.testing.assert_allclose(
                gathered.covariance().ravel(), [1.0], rtol=1e-9
            )


class CholeskyFactorTest(parameterized.TestCase):
    @parameterized.parameters((5, 5), (5, 2), (5, 1), (40, 7))
    def test_product_is_the_covariance_also_if_singular(self, size, rank):
        random = np.random.default_rng(0)
        root = random.normal(size=(size, rank))
        covariance = root @ root.T

        factor = moments.cholesky_factor(covariance)

        self.assertEqual(factor.shape, (size, rank))
        np.testing.assert_allclose(factor @ factor.T, covariance, atol=1e-10)

    def test_by_hand(self):
        # The largest variance comes first: column (2, 9, 0) / 3, then what is
        # left of the first unit, 4 - 4/9 = 32/9. The third never varies.
        covariance = np.array([[4.0, 2.0, 0.0], [2.0, 9.0, 0.0], [0.0] * 3])
        expected = [[2 / 3, np.sqrt(32) / 3], [3, 0], [0, 0]]
        np.testing.assert_allclose(
            moments.cholesky_factor(covariance), expected, atol=1e-12
        )

    def test_nothing_varies(self):
        factor = moments.cholesky_factor(np.zeros((3, 3)))
        self.assertEqual(factor.shape, (3, 0))


if __name__ == "__main__":
    absltest.main()
