"""Shards: each peer learns from its own examples, and from no other."""

from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd._training.peers import peer_batch
from keras_kd.losses import SoftTargets
from tests import support
from tests.peers import communities
from tests.support import cross_entropy


def attached(x, ids):
    return keras_kd.batch.attach(x, example_ids=ids)


def normalised(width, name):
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(width),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(3, name="head"),
        ],
        name=name,
    )


class SharesTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.x, self.y = communities.data(communities.vectors, 12)
        self.ids = np.random.default_rng(0).permutation(12) + 5

    @parameterized.named_parameters(
        ("together", communities.vectors, 2, "together"),
        ("in_turn", communities.vectors, 3, "in_turn"),
        ("sequences", communities.tagger, 2, "together"),
    )
    def test_a_peer_moves_as_on_its_shard_alone(self, make, count, exchange):
        def optimizer():
            return keras.optimizers.Adam(0.05)

        x, y = communities.data(make, 12)
        loss = cross_entropy(ignore_class=2)
        weights = np.linspace(0, 2, 12)
        if make is communities.tagger:
            weights = np.tile(weights[:, None], (1, communities.STEPS))
        distiller = communities.made(
            count, make, exchange=exchange, shards=True
        )
        others = communities.ByDistillers(
            distiller.peers, lambda: SoftTargets(2.0), optimizer, loss=loss
        )
        distiller.compile(optimizer(), loss, run_eagerly=True)
        for _ in range(2):
            distiller.train_on_batch(
                attached(x, self.ids), y, sample_weight=weights
            )
            if exchange == "together":
                for index in range(count):
                    others.listen(index)
            for index, one in enumerate(others.distillers):
                if exchange == "in_turn":
                    others.listen(index)
                mine = self.ids % count == index
                one.train_on_batch(
                    x[mine], y[mine], sample_weight=weights[mine]
                )
        self.assertLess(
            communities.difference(others.students, distiller.peers), 1e-6
        )

    @parameterized.parameters(
        {"exchange": "together"},
        {"exchange_every": 2},
        {"target": "community", "exchange": "in_turn"},
    )
    def test_examples_of_another_shard_change_nothing(self, **kwargs):
        # With batch normalisation, one example moves all others in its batch.
        other = self.x.copy()
        other[self.ids % 2 == 1] += 3.0
        trained = []
        for x in (self.x, other):
            distiller = communities.made(make=normalised, shards=True, **kwargs)
            distiller.compile("adam", loss=cross_entropy(), run_eagerly=True)
            distiller.train_on_batch(attached(x, self.ids), self.y)
            trained.append([p.get_weights() for p in distiller.peers])
        changes = [
            support.largest_difference(one, two)
            for one, two in zip(*trained, strict=True)
        ]
        self.assertEqual(changes[0], 0)
        self.assertGreater(changes[1], 0)

    def test_shards_stay_the_same_when_shuffled(self):
        data = keras_kd.batch.attach_example_ids(
            tf.data.Dataset.from_tensor_slices((self.x, self.y))
        )
        distiller = communities.made(shards=True, exchange="together")
        seen = {0: set(), 1: set()}
        shards = peer_batch.shards

        def watch(whole, count):
            found = shards(whole, count)
            for index, share in enumerate(found):
                ids = share.reserved["example_ids"]
                seen[index] |= set(keras.ops.convert_to_numpy(ids).tolist())
            return found

        distiller.compile("sgd", loss=cross_entropy(), run_eagerly=True)
        with mock.patch.object(peer_batch, "shards", watch):
            distiller.fit(data.shuffle(12).batch(5), epochs=3, verbose=0)
        self.assertEqual(
            seen, {0: set(range(0, 12, 2)), 1: set(range(1, 12, 2))}
        )

    @pytest.mark.slow
    def test_an_empty_shard_moves_nothing(self):
        distiller = communities.made(make=normalised, shards=True)
        distiller.compile(
            keras.optimizers.SGD(0.1),
            loss=cross_entropy(),
            weighted_metrics=["accuracy"],
        )
        peer = distiller.peers[1]
        before = support.values(peer.trainable_weights)
        logs = distiller.train_on_batch(
            attached(self.x, self.ids * 2), self.y, return_dict=True
        )
        after = support.values(peer.trainable_weights)
        self.assertEqual(support.largest_difference(before, after), 0)
        self.assertTrue(
            np.all(
                np.isfinite(
                    np.concatenate([np.ravel(w) for w in peer.get_weights()])
                )
            )
        )
        self.assertEqual(logs["peer_1_student_loss"], 0)
        self.assertGreater(logs["peer_0_student_loss"], 0)

    @pytest.mark.slow
    def test_terms_are_means_over_the_shard(self):
        distiller = communities.made(shards=True, exchange="together")
        distiller.compile(
            keras.optimizers.SGD(0.0),
            loss=cross_entropy(),
            metrics=["accuracy"],
        )
        logs = distiller.fit(
            attached(self.x, self.ids), self.y, batch_size=5, verbose=0
        ).history
        logits = [np.asarray(peer(self.x)) for peer in distiller.peers]
        for index, own in enumerate(logits):
            mine = self.ids % 2 == index
            expected = cross_entropy()(self.y[mine], own[mine])
            np.testing.assert_allclose(
                logs[f"peer_{index}_student_loss"][0], expected, rtol=1e-5
            )
        choice = np.argmax(logits[0] + logits[1], axis=-1)
        np.testing.assert_allclose(
            logs["ensemble_accuracy"][0], np.mean(choice == self.y), rtol=1e-6
        )

    def test_data_without_ids_is_refused(self):
        distiller = communities.made(shards=True)
        distiller.compile("sgd", loss=cross_entropy())
        with self.assertRaisesRegex(
            ValueError, "must have example ids.*Received: example_ids=None"
        ):
            distiller.fit(self.x, self.y, verbose=0)

    def test_xla_is_not_used(self):
        distiller = communities.made(shards=True)
        with self.assertWarnsRegex(UserWarning, "doesn't support `jit_compile"):
            distiller.compile("sgd", jit_compile=True)
        self.assertFalse(distiller.jit_compile)


support.mark_slow(SharesTest, "test_a_peer_moves_as_on")
support.mark_slow(SharesTest, "test_examples_of_another_shard", but=["2"])


if __name__ == "__main__":
    absltest.main()
