import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd.transfer_sets._activations import spectrum
from tests.transfer_sets import spectral_reference

SIZES = ((4, 6, 3), (9, 2), (3, 8, 2, 7))


def matrices(sizes, seed=0):
    random = np.random.default_rng(seed)
    pairs = zip(sizes[:-1], sizes[1:], strict=True)
    return [random.normal(size=pair) for pair in pairs]


class AdjacencyTest(parameterized.TestCase):
    @parameterized.parameters(*SIZES)
    def test_has_each_weight_in_both_directions(self, *sizes):
        kernels = matrices(sizes)
        np.testing.assert_array_equal(
            spectrum.adjacency(kernels), spectral_reference.graph(kernels)
        )


class EigenbasisTest(parameterized.TestCase):
    @parameterized.parameters(*SIZES)
    def test_is_orthonormal_and_of_eigenvectors(self, *sizes):
        weights = spectral_reference.graph(matrices(sizes))
        basis = spectrum.eigenbasis(weights)
        transformed = basis.T @ weights @ basis
        np.testing.assert_allclose(
            basis.T @ basis, np.eye(sum(sizes)), atol=1e-9
        )
        np.testing.assert_allclose(
            transformed, np.diag(np.diag(transformed)), atol=1e-9
        )

    @parameterized.parameters(*SIZES)
    def test_is_the_same_where_numbers_are_rounded_otherwise(self, *sizes):
        weights = spectral_reference.graph(matrices(sizes))
        # Orthogonal similarity, exact but for rounding: another machine's
        # `eigh` is free to return any basis of the null space.
        order = np.random.default_rng(1).permutation(len(weights))
        shuffled = spectrum.eigenbasis(weights[np.ix_(order, order)])
        back = np.empty_like(shuffled)
        back[order] = shuffled
        np.testing.assert_allclose(
            back, spectrum.eigenbasis(weights), atol=1e-8
        )

    def test_kept_coefficients_mean_the_same_where_weights_are_rounded(self):
        # Weights that come out of float32 differ by about 1e-7.
        kernels = matrices((30, 12, 5))
        random = np.random.default_rng(1)
        rounded = [
            kernel * (1 + 1e-7 * random.normal(size=kernel.shape))
            for kernel in kernels
        ]
        here, there = (
            spectrum.eigenbasis(spectrum.adjacency(one))
            for one in (kernels, rounded)
        )
        signals = random.normal(size=(3, 47))
        kept = spectrum.compress(signals, here, 0.3)
        np.testing.assert_allclose(
            spectrum.expand(*kept, there),
            spectrum.expand(*kept, here),
            atol=1e-4,
        )

    def test_of_no_weights_at_all(self):
        basis = spectrum.eigenbasis(np.zeros((3, 3)))
        np.testing.assert_allclose(basis.T @ basis, np.eye(3), atol=1e-12)


class CompressTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        weights = spectral_reference.graph(matrices((9, 2)))
        self.basis = spectrum.eigenbasis(weights)
        self.signals = np.random.default_rng(2).normal(size=(5, 11))

    def kept(self, part):
        coefficients, frequencies = spectrum.compress(
            self.signals, self.basis, part
        )
        return coefficients, spectrum.expand(
            coefficients, frequencies, self.basis
        )

    def test_all_coefficients_give_the_signal(self):
        _, expanded = self.kept(1.0)
        np.testing.assert_allclose(expanded, self.signals, atol=1e-5)

    @parameterized.parameters((0.1, 2), (0.5, 6), (0.01, 1))
    def test_the_number_is_rounded_up(self, part, number):
        coefficients, _ = self.kept(part)
        self.assertEqual(coefficients.shape, (5, number))

    def test_what_is_lost_is_the_smallest_part_that_it_can_be(self):
        # Parseval: the squared error is that of the coefficients left out.
        energies = np.sort((self.signals @ self.basis) ** 2, axis=1)
        _, expanded = self.kept(0.5)
        np.testing.assert_allclose(
            np.sum((expanded - self.signals) ** 2, axis=1),
            energies[:, :5].sum(axis=1),
            rtol=1e-4,
        )


if __name__ == "__main__":
    absltest.main()
