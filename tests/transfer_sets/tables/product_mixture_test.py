"""A mixture of independent attributes: densities, fit and draws."""

import numpy as np
from absl.testing import absltest
from scipy import stats

from keras_kd.transfer_sets.tables.mixed_table import MixedTable
from keras_kd.transfer_sets.tables.product_mixture import ProductMixture


def clusters(count=600, seed=0):
    """Three clusters far apart, each with a nominal value of its own."""
    random = np.random.default_rng(seed)
    kind = np.arange(count) % 3
    x = 20.0 * kind[:, None] + random.normal(size=(count, 2)) * [1.0, 3.0]
    return MixedTable(np.column_stack([x, 7 * kind]), [2])


class ProductMixtureTest(absltest.TestCase):
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

    def test_density_is_the_sum_over_components(self):
        table = clusters()
        mixture = ProductMixture(table, 4, np.random.default_rng(1))
        total = 0.0
        for k, weight in enumerate(mixture.weights):
            density = weight
            for a in range(2):
                normal = stats.norm(
                    mixture.offset[a] + mixture.means[k, a],
                    mixture.spreads[k, a],
                )
                density = density * normal.pdf(table.x[:, a])
            total = total + density * mixture.tables[2][table.codes(2), k]
        np.testing.assert_allclose(
            mixture.log_density(np.arange(600)), np.log(total), rtol=1e-6
        )

    def test_more_components_are_chosen_where_there_are_clusters(self):
        draw = np.random.default_rng(0)
        self.assertGreaterEqual(
            len(ProductMixture.chosen(clusters(), draw).weights), 3
        )
        single = np.random.default_rng(0).normal(size=(600, 2))
        self.assertLessEqual(
            len(ProductMixture.chosen(MixedTable(single, []), draw).weights), 2
        )

    def test_draws_keep_a_row_in_its_cluster(self):
        draw = np.random.default_rng(0)
        made = ProductMixture.chosen(clusters(), draw).sample(3000, draw)
        kind = (made[:, 0] / 20).round()
        self.assertGreater(np.mean(made[:, 2] == 7 * kind), 0.95)
        # 4 standard deviations of a share of a third.
        for value in range(3):
            share = np.mean(made[:, 2] == 7 * value)
            self.assertLess(
                abs(share - 1 / 3), 4 * np.sqrt(2 / 9 / 3000) + 0.01
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
            ProductMixture(
                MixedTable(np.zeros((8, 1)), []), 9, np.random.default_rng(0)
            )


if __name__ == "__main__":
    absltest.main()
