"""One device and two replicas give the same weights and logs, by any loss.

See `every_loss_model`. `workers_test` has the same for two workers.
"""

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from tests import support
from tests.conformance import every_loss_model
from tests.conformance.every_loss_model import EXAMPLES
from tests.conformance.every_loss_model import STEPS
from tests.conformance.every_loss_model import distiller
from tests.conformance.loss_rows import FIRST
from tests.conformance.loss_rows import ROWS
from tests.replicas import assert_trained_alike
from tests.replicas import two_replicas


class EveryLossReplicasTest(parameterized.TestCase):
    @pytest.mark.slow
    def test_two_replicas_without_a_graph_equal_one_device(self):
        self.assert_equal(ROWS, 5, True, epochs=1, run_eagerly=True)

    # By 5, 13 examples give the replicas 3 + 2, 3 + 2 and 2 + 1.
    @parameterized.named_parameters(
        ("plain", EXAMPLES, False), ("weighted", 10, True)
    )
    @pytest.mark.slow
    def test_two_replicas_equal_one_device(self, count, is_weighted):
        # A graph of all rows takes minutes to make.
        first = [row for row in ROWS if row.name in FIRST]
        self.assert_equal(first, count, is_weighted, epochs=2)

    def assert_equal(self, rows, count, is_weighted, epochs, **options):
        x, y, weights = every_loss_model.data(count)
        single = distiller(rows, **options)
        with two_replicas().scope():
            double = distiller(rows, **options)
        before = support.values(single.weights)

        histories = [
            made.fit(
                x,
                y,
                batch_size=5,
                sample_weight=weights if is_weighted else None,
                # Without weights, of which it has none: once is enough.
                validation_data=None if is_weighted else (x, y),
                epochs=epochs,
                shuffle=False,
                verbose=0,
            ).history
            for made in (single, double)
        ]

        assert_trained_alike(single, double, before, histories)

    @pytest.mark.slow
    def test_replicas_of_a_sequence_model_ignore_labels_alike(self):
        def tagger(width):
            return keras.Sequential(
                [
                    keras.Input((STEPS,), dtype="int32"),
                    keras.layers.Embedding(10, width, mask_zero=True),
                    keras.layers.Dense(3),
                ]
            )

        def made():
            keras.utils.set_random_seed(0)
            result = support.distiller(teacher=tagger(4), student=tagger(3))
            result.compile(
                keras.optimizers.SGD(0.1),
                loss=support.cross_entropy(ignore_class=2),
            )
            return result

        rng = np.random.default_rng(0)
        x = rng.integers(0, 10, (EXAMPLES, STEPS))
        y = rng.integers(0, 3, (EXAMPLES, STEPS))
        single = made()
        with two_replicas().scope():
            double = made()
        histories = [
            one.fit(
                x, y, batch_size=5, epochs=2, shuffle=False, verbose=0
            ).history
            for one in (single, double)
        ]
        weights = [support.values(one.weights) for one in (single, double)]
        self.assertLess(support.largest_difference(*weights), 1e-6)
        for key, one in histories[0].items():
            np.testing.assert_allclose(histories[1][key], one, 1e-6, 1e-6)


if __name__ == "__main__":
    absltest.main()
