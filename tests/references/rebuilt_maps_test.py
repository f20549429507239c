"""Numbers by hand of the references that rebuild the teacher's maps."""

import math

import numpy as np
from absl.testing import absltest
from scipy import signal

from tests.references import rebuilt_maps


def row(*channels):
    """One example of height 1 with the given channels."""
    return np.array(channels, "float64").T[np.newaxis, np.newaxis]


class ConvolveTest(absltest.TestCase):
    def test_equals_scipys(self):
        generator = np.random.default_rng(3)
        kernel = generator.normal(size=(3, 5, 2, 1))
        features = generator.normal(size=(1, 4, 6, 2))
        expected = sum(
            signal.correlate2d(features[0, ..., c], kernel[..., c, 0], "same")
            for c in range(2)
        )
        actual = rebuilt_maps.convolve(features, kernel, [0.5])
        np.testing.assert_allclose(actual[0, ..., 0], expected + 0.5)


class ReviewTest(absltest.TestCase):
    def test_gates_by_hand(self):
        # Gates 3/4 and 1/4 of 4 and of the deeper 8, at all positions.
        kernel, bias = np.zeros((2, 2)), [math.log(3), -math.log(3)]
        fused = rebuilt_maps.fused_stages(
            [np.full((1, 1, 1, 1), 8.0), np.full((1, 2, 2, 1), 4.0)],
            [kernel],
            [bias],
        )
        np.testing.assert_allclose(fused[1], np.full((1, 2, 2, 1), 5.0))

    def test_current_comes_first_in_the_kernel(self):
        # Odds exp(current) of the first gate, exp(2 deeper) of the second.
        kernel = [[1.0, 0.0], [0.0, 2.0]]
        current, deeper = math.log(3), math.log(2)
        actual = rebuilt_maps.attention_fusion(
            row([deeper]), row([current]), kernel
        )
        expected = 3 / 4 * current + 4 / 5 * deeper
        np.testing.assert_allclose(actual, row([expected]))

    def test_what_is_passed_on_is_fused(self):
        # Gates of 1/2: 8, then (4 + 8) / 2 = 6, then (2 + 6) / 2 = 4.
        stages = [row([x]) for x in (8, 4, 2)]
        fused = rebuilt_maps.fused_stages(stages, [np.zeros((2, 2))] * 2)
        np.testing.assert_allclose(np.ravel(fused), [8, 6, 4])

    def test_nearest_neighbour(self):
        features = np.array([[5, 7], [1, 3]]).reshape(1, 2, 2, 1)
        actual = rebuilt_maps.enlarge(features, 4, 6)[0, ..., 0]
        expected = [[5, 5, 5, 7, 7, 7]] * 2 + [[1, 1, 1, 3, 3, 3]] * 2
        np.testing.assert_array_equal(actual, expected)

    def test_contexts_by_hand(self):
        # Checks of 1 and -1 vanish in every cell of what is pooled, so that of
        # the weights 1, 1/2, 1/4, 1/8 the first is left. Heights of 4 and 2
        # leave out one and two of them.
        for height, expected in (8, 8 / 15), (4, 4 / 7), (2, 2 / 3):
            checks = (-1.0) ** np.add.outer(
                np.arange(height), np.arange(height)
            )
            checks = checks[np.newaxis, ..., np.newaxis]
            actual = rebuilt_maps.hierarchical_context(0 * checks, checks)
            np.testing.assert_allclose(actual, [expected])

    def test_a_constant_difference_is_the_same_at_all_sizes(self):
        teacher = np.random.default_rng(2).normal(size=(2, 4, 4, 3))
        actual = rebuilt_maps.hierarchical_context(teacher, teacher + 3)
        np.testing.assert_allclose(actual, [9, 9])


class ReusedClassifierTest(absltest.TestCase):
    def test_by_hand(self):
        # Pooled 1 3 against 0 0 and 5 5 against 5 7, over four entries.
        actual = rebuilt_maps.reused_classifier(
            row([0, 0], [5, 7]), row([0, 2, 3, 3], [4, 6, 5, 5])
        )
        np.testing.assert_allclose(actual, [(1 + 9 + 0 + 4) / 4])

    def test_logits_are_of_pooled_maps(self):
        # Mean 2 and 3, by 1 10 and 0.5.
        actual = rebuilt_maps.reused_classifier_logits(
            row([1, 3], [3, 3]), np.array([[1.0], [10.0]]), 0.5
        )
        np.testing.assert_allclose(actual, [[32.5]])


class MaskedGenerationTest(absltest.TestCase):
    def test_by_hand(self):
        # Kernels that copy the position: 2 (x - 1) above 0, then less 3. Of
        # 4 9 0.5 the second is masked: 6 - 3, 0 - 3 and 0 - 3. Summed squares.
        copy = np.zeros((3, 3, 1, 1))
        copy[1, 1] = 1
        actual = rebuilt_maps.masked_generation(
            row([1, 1, 1]),
            row([4, 9, 0.5]),
            np.array([1, 0, 1]).reshape(1, 1, 3, 1),
            [2 * copy, copy],
            [-2.0, -3.0],
        )
        np.testing.assert_allclose(actual, [4 + 16 + 16])


if __name__ == "__main__":
    absltest.main()
