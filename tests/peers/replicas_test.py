"""One device and two replicas give the same weights and logs."""

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from tests import support
from tests.peers import communities
from tests.replicas import assert_trained_alike
from tests.replicas import two_replicas

EXAMPLES = 13


def made(make, optimizer, is_eager, count=2, **kwargs):
    losses = [keras_kd.losses.SoftTargets(2.0)]
    if count > 2:
        losses.append(keras_kd.losses.LogitRegression(loss_weight=0.1))
    distiller = communities.made(count, make, losses=losses, **kwargs)
    distiller.compile(
        optimizer(),
        loss=support.cross_entropy(ignore_class=2),
        metrics=["accuracy", keras_kd.metrics.TeacherAgreement()],
        run_eagerly=is_eager,
    )
    return distiller


def sgd():
    return keras.optimizers.SGD(0.1)


def scheduled_adam():
    # With the usual epsilon, rounding of a gradient near 0 becomes a step.
    return keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(0.02, 6), epsilon=1e-3
    )


WAYS = (
    ("together", communities.vectors, scheduled_adam, {"count": 3}),
    ("in_turn", communities.tagger, sgd, {"exchange": "in_turn"}),
    ("stale", communities.two_inputs, sgd, {"exchange_every": 2}),
    ("shards", communities.vectors, sgd, {"shards": True}),
)


class ReplicasTest(parameterized.TestCase):
    @parameterized.named_parameters(*WAYS)
    def test_two_replicas_without_a_graph_equal_one_device(self, *way):
        self.assert_equal(*way, is_eager=True)

    @parameterized.named_parameters(*WAYS)
    @pytest.mark.slow
    def test_two_replicas_equal_one_device(self, *way):
        self.assert_equal(*way, is_eager=False)

    # By 5, 13 examples give the replicas 3 + 2, 3 + 2 and 2 + 1.
    def assert_equal(self, make, optimizer, kwargs, is_eager):
        kwargs = {"exchange": "together"} | kwargs
        x, y = communities.data(make, EXAMPLES)
        ids = np.arange(EXAMPLES)
        # Keras itself cannot put weights of examples on a masked sequence.
        weights = np.linspace(0.5, 2, EXAMPLES)
        if make is communities.tagger:
            weights = np.tile(weights[:, None], (1, communities.STEPS))
        single = made(make, optimizer, is_eager, **kwargs)
        with two_replicas().scope():
            double = made(make, optimizer, is_eager, **kwargs)
        before = support.values(single.weights)

        # To save time, in one case: validation is the same in all.
        is_validated = kwargs["exchange"] == "in_turn"
        histories = [
            one.fit(
                keras_kd.batch.attach(x, example_ids=ids),
                y,
                batch_size=5,
                sample_weight=weights,
                validation_data=(x, y) if is_validated else None,
                epochs=1 if is_eager else 2,
                shuffle=False,
                verbose=0,
            ).history
            for one in (single, double)
        ]

        assert_trained_alike(single, double, before, histories)
        for one, two in zip(single.optimizers, double.optimizers, strict=True):
            self.assertLess(
                support.largest_difference(
                    support.values(one.variables), support.values(two.variables)
                ),
                1e-6,
            )


support.mark_slow(ReplicasTest, "test_two_replicas_without")


if __name__ == "__main__":
    absltest.main()
