"""A mixture of independent attributes: densities, fit and draws."""

import tracemalloc

import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized
from scipy import stats

from keras_kd.transfer_sets._tables.mixed_table import MixedTable
from keras_kd.transfer_sets._tables.product_mixture import ComponentSums
from keras_kd.transfer_sets._tables.product_mixture import ProductMixture


def clusters(count=600, seed=0):
    """Three clusters far apart, each wider than the one before.

    Each has a nominal value of its own.
    """
    random = np.random.default_rng(seed)
    kind = np.arange(count) % 3
    spread = (1 + kind[:, None]) * [0.5, 1.5]
    x = 20.0 * kind[:, None] + random.normal(size=(count, 2)) * spread
    return MixedTable(np.column_stack([x, 7 * kind]), [2])


def normals(count, width=2):
    random = np.random.default_rng(0)
    return MixedTable(random.normal(size=(count, width)), [])


class DensityTest(absltest.TestCase):
    def test_one_component_is_the_normal_distribution_of_the_rows(self):
        table = clusters()
        mixture = ProductMixture(table, 1, np.random.default_rng(0))
        x = table.x[:, :2]
        expected = sum(
            stats.norm(x[:, a].mean(), x[:, a].std()).logpdf(x[:, a])
            for a in range(2)
        ) + np.log(1 / 3)  # Each value as often as the others.
        np.testing.assert_allclose(
            mixture.log_density(np.arange(600)), expected, rtol=1e-6
        )

    def test_is_the_sum_over_components(self):
        table = clusters()
        mixture = ProductMixture(table, 4, np.random.default_rng(1))
        chances = np.exp(mixture.log_tables[2])
        total = 0.0
        for k, weight in enumerate(mixture.weights):
            density = weight
            for a in range(2):
                normal = stats.norm(
                    mixture.offset[a] + mixture.means[k, a],
                    mixture.spreads[k, a],
                )
                density = density * normal.pdf(table.x[:, a])
            total = total + density * chances[table.codes[2], k]
        np.testing.assert_allclose(
            mixture.log_density(np.arange(600)), np.log(total), rtol=1e-6
        )


class FitTest(parameterized.TestCase):
    def test_is_the_same_in_parts(self):
        whole = ProductMixture(clusters(), 4, np.random.default_rng(0))
        with absltest.mock.patch.object(
            ProductMixture,
            "_parts",
            lambda self, rows: np.array_split(rows, 7),
        ):
            parts = ProductMixture(clusters(), 4, np.random.default_rng(0))
        np.testing.assert_allclose(parts.means, whole.means, atol=1e-9)
        np.testing.assert_allclose(parts.log_tables[2], whole.log_tables[2])

    @pytest.mark.slow
    def test_memory_does_not_grow_with_rows_times_components(self):
        table = normals(20_000, 1)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        ProductMixture(table, 128, np.random.default_rng(0))
        _, peak = tracemalloc.get_traced_memory()
        # A number for each row and component would be 20 MB.
        self.assertLess(peak, 20e6 / 2)

    def test_adds_one_row_to_each_component(self):
        # 30 rows with one value and 10 with another, of one component each, to
        # which one row is added that has them in 3/4 and 1/4.
        kind = np.repeat([0.0, 1.0], [30, 10])
        table = MixedTable(np.column_stack([100 * kind, kind]), [1])
        # With this seed, each begins with a row of its own kind.
        mixture = ProductMixture(table, 2, np.random.default_rng(0))
        order = np.argsort(mixture.means[:, 0])
        np.testing.assert_allclose(mixture.weights[order], [3 / 4, 1 / 4])
        np.testing.assert_allclose(
            np.exp(mixture.log_tables[1])[:, order],
            [
                [(30 + 3 / 4) / 31, (3 / 4) / 11],
                [(1 / 4) / 31, (10 + 1 / 4) / 11],
            ],
            rtol=1e-6,
        )

    def test_a_constant_attribute_stays_constant(self):
        x = np.column_stack([np.full(50, 3.0), np.arange(50.0)])
        draw = np.random.default_rng(0)
        mixture = ProductMixture(MixedTable(x, []), 2, draw)
        self.assertTrue(np.all(np.isfinite(mixture.log_density(np.arange(50)))))
        constant = mixture.sample(20, draw)[:, 0]
        np.testing.assert_allclose(constant, 3.0, rtol=1e-12)

    def test_refuses_more_components_than_rows(self):
        with self.assertRaisesRegex(ValueError, "components=9.*8 rows"):
            ProductMixture(normals(8), 9, np.random.default_rng(0))

    @parameterized.parameters(0, -1, 2.0, True)
    def test_refuses_what_counts_no_components(self, components):
        with self.assertRaisesRegex(ValueError, f"components={components}"):
            ProductMixture(normals(8), components, np.random.default_rng(0))


class ChosenTest(absltest.TestCase):
    def test_has_more_components_where_there_are_clusters(self):
        draw = np.random.default_rng(0)
        mixture = ProductMixture.chosen(clusters(), draw)
        self.assertGreaterEqual(mixture.components, 3)
        mixture = ProductMixture.chosen(normals(600), draw)
        self.assertLessEqual(mixture.components, 2)

    def test_fits_all_rows(self):
        # Each round leaves sum_k w_k mean_k at the mean of the rows that are
        # fitted, and numbers are taken less the mean of all rows.
        for table in (normals(30), clusters(60)):
            draw = np.random.default_rng(0)
            mixture = ProductMixture.chosen(table, draw)
            np.testing.assert_allclose(
                mixture.weights @ mixture.means, 0.0, atol=1e-6
            )

    def test_takes_two_rows_and_refuses_one(self):
        draw = np.random.default_rng(0)
        mixture = ProductMixture.chosen(normals(2), draw)
        self.assertEqual(mixture.components, 1)
        with self.assertRaisesRegex(ValueError, "two rows.*1 row"):
            ProductMixture.chosen(normals(1), draw)


class SampleTest(absltest.TestCase):
    def test_has_the_moments_of_the_mixture(self):
        draw = np.random.default_rng(0)
        mixture = ProductMixture(clusters(), 4, draw)
        count = 20_000
        made = mixture.sample(count, draw)
        numbers = made[:, :2] - mixture.offset
        # With y, z independent within a component,
        # E y = sum_k w_k m_k and E y z = sum_k w_k m_k n_k.
        weights, means = mixture.weights, mixture.means
        for drawn, expected in (
            (numbers[:, 0], weights @ means[:, 0]),
            (numbers[:, 1], weights @ means[:, 1]),
            (numbers.prod(axis=1), weights @ means.prod(axis=1)),
            (
                numbers[:, 1] ** 2,
                weights @ (means[:, 1] ** 2 + mixture.spreads[:, 1] ** 2),
            ),
        ):
            error = drawn.std() / np.sqrt(count)
            self.assertLess(abs(drawn.mean() - expected), 5 * error)

    def test_nominal_values_go_with_their_component(self):
        draw = np.random.default_rng(0)
        mixture = ProductMixture(clusters(), 4, draw)
        count = 20_000
        made = mixture.sample(count, draw)
        joint = np.exp(mixture.log_tables[2]) * mixture.weights
        for code, value in enumerate((0, 7, 14)):
            rows = made[:, 2] == value
            share = joint[code].sum()
            error = np.sqrt(share * (1 - share) / count)
            self.assertLess(abs(rows.mean() - share), 5 * error)
            first = made[rows, 0] - mixture.offset[0]
            squares = mixture.means**2 + mixture.spreads**2
            for numbers, expected in (
                (first, joint[code] @ mixture.means[:, 0] / share),
                (first**2, joint[code] @ squares[:, 0] / share),
            ):
                error = numbers.std() / np.sqrt(rows.sum())
                self.assertLess(abs(numbers.mean() - expected), 5 * error)

    def test_rows_stay_in_their_cluster(self):
        draw = np.random.default_rng(0)
        mixture = ProductMixture.chosen(clusters(), draw)
        made = mixture.sample(3000, draw)
        kind = (made[:, 0] / 20).round()
        # The row that each component is given has two of three values that
        # its cluster does not have.
        wrong = mixture.components * (2 / 3) / 600
        error = np.sqrt(wrong / 3000)
        self.assertLess(np.mean(made[:, 2] != 7 * kind), wrong + 5 * error)


class ComponentSumsTest(absltest.TestCase):
    def test_adds_up_what_belongs_to_each_component(self):
        x = np.array([[1.0, 7], [2.0, 9], [3.0, 7]])
        near = np.array([[1.0, 0.0], [0.5, 0.5], [0.25, 0.75]])
        sums = ComponentSums(MixedTable(x, [1]), 2)
        for part in ([0, 2], [1]):
            sums.add(near[part], x[part, :1], part)
        np.testing.assert_allclose(sums.total, [1.75, 1.25])
        np.testing.assert_allclose(sums.numbers, [[2.75], [3.25]])
        np.testing.assert_allclose(sums.squares, [[5.25], [8.75]])
        # The value 7, of the first and last row, and the value 9.
        np.testing.assert_allclose(sums.counts[1], [[1.25, 0.75], [0.5, 0.5]])
        np.testing.assert_allclose(sums.shares()[1], [2 / 3, 1 / 3])


if __name__ == "__main__":
    absltest.main()
