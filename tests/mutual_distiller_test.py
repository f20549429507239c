"""What a step of a MutualDistiller does to each peer.

The reference is a Distiller for each peer, whose teachers are frozen copies of
the others.
"""

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd.losses import SoftTargets
from tests import reference
from tests import support
from tests.peers import communities
from tests.support import cross_entropy


@keras.saving.register_keras_serializable("tests")
class OpenToGradients(keras_kd.losses.DistillationLoss):
    """Squared distance of probabilities that stops no gradient itself."""

    accepts_members = True

    def call(self, teacher, student):
        teacher, student = map(keras.ops.softmax, (teacher, student))
        return keras.ops.sum(keras.ops.square(teacher - student), axis=-1)


def optimizer():
    return keras.optimizers.Adam(0.05)


def losses():
    return SoftTargets(3.0, loss_weight=0.7)


class StepTest(parameterized.TestCase):
    def compare(self, batches, distiller, others, exchange, **compiled):
        """Trains both on the batches and asserts equal weights."""
        # Eagerly, to save the time of tracing; answers_test compares the two.
        distiller.compile(optimizer(), run_eagerly=True, **compiled)
        before = [communities.clone(peer) for peer in distiller.peers]
        for batch, kwargs in batches:
            distiller.train_on_batch(*batch, **kwargs)
            others.step(*batch, exchange=exchange, **kwargs)
        moved = communities.difference(before, distiller.peers)
        self.assertGreater(moved, 1e-2)
        self.assertLess(
            communities.difference(others.students, distiller.peers), 1e-6
        )

    @parameterized.product(
        count=[2, 3],
        exchange=["together", "in_turn"],
        target=["others", "community"],
    )
    def test_a_peer_moves_as_with_frozen_copies(self, count, exchange, target):
        distiller = communities.made(
            count, losses=losses(), exchange=exchange, target=target
        )
        others = communities.ByDistillers(
            distiller.peers, losses, optimizer, target, loss=cross_entropy()
        )
        batch = communities.data(communities.vectors)
        self.compare(
            [(batch, {})] * 3,
            distiller,
            others,
            exchange,
            loss=cross_entropy(),
        )

    def test_the_order_of_updates_matters(self):
        # Otherwise the test above would not tell the two from each other.
        x, y = communities.data(communities.vectors)
        trained = []
        for exchange in ("together", "in_turn"):
            distiller = communities.made(exchange=exchange)
            distiller.compile(optimizer(), cross_entropy(), run_eagerly=True)
            distiller.train_on_batch(x, y)
            trained.append(distiller.peers)
        first, second = zip(*trained, strict=True)
        self.assertLess(communities.difference(first[:1], first[1:]), 1e-6)
        self.assertGreater(communities.difference(second[:1], second[1:]), 1e-4)

    @parameterized.named_parameters(
        ("weights", communities.vectors, {}),
        ("classes", communities.vectors, {"class_weight": {0: 1, 1: 3, 2: 0}}),
        ("sequences", communities.tagger, {}),
        ("two_inputs", communities.two_inputs, {}),
    )
    def test_weights_masks_and_inputs_count(self, make, kwargs):
        x, y = communities.data(make)
        loss = cross_entropy(ignore_class=2)
        if make is communities.vectors and not kwargs:
            kwargs = {"sample_weight": np.linspace(0, 2, len(y))}
        distiller = communities.made(3, make, losses(), exchange="in_turn")
        others = communities.ByDistillers(
            distiller.peers, losses, optimizer, loss=loss
        )
        self.compare(
            [((x, y), kwargs)] * 2, distiller, others, "in_turn", loss=loss
        )

    @parameterized.parameters(1, 2, 3)
    def test_copies_are_exchanged_every_some_updates(self, every):
        distiller = communities.made(
            losses=losses(), exchange="together", exchange_every=every
        )
        others = communities.ByDistillers(
            distiller.peers, losses, optimizer, loss=cross_entropy()
        )
        distiller.compile(optimizer(), cross_entropy())  # In a graph.
        for step in range(5):
            batch = communities.data(communities.vectors, seed=step)
            distiller.train_on_batch(*batch)
            exchange = None if step % every else "together"
            others.step(*batch, exchange=exchange)
            self.assertLess(
                communities.difference(others.students, distiller.peers), 1e-6
            )

    def test_the_first_exchange_takes_weights_loaded_later(self):
        x, y = communities.data(communities.vectors)
        distiller = communities.made(losses=losses(), exchange_every=10)
        for new, peer in zip(
            communities.peers(2, seed=7), distiller.peers, strict=True
        ):
            peer.set_weights(new.get_weights())
        others = communities.ByDistillers(
            distiller.peers, losses, optimizer, loss=cross_entropy()
        )
        self.compare(
            [((x, y), {})], distiller, others, None, loss=cross_entropy()
        )

    def test_the_gradient_is_that_of_the_mean_divergence(self):
        # Deep mutual learning: T^2 times the mean over the others of KL, whose
        # gradient by the logits is T times the mean of q - p.
        x, _ = communities.data(communities.vectors)
        distiller = communities.made(3, exchange="together")
        distiller.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
        logits = [peer(x) for peer in distiller.peers]
        biases = [peer.get_layer("head").bias for peer in distiller.peers]
        before = support.values(biases)

        distiller.train_on_batch(x)

        for index, after in enumerate(support.values(biases)):
            gradients = [
                reference.soft_targets_gradient(teacher, logits[index], 2.0)
                for j, teacher in enumerate(logits)
                if j != index
            ]
            np.testing.assert_allclose(
                after - before[index],
                -0.1 * np.mean(gradients, axis=(0, 1)),
                rtol=1e-4,
                atol=1e-7,
            )

    @parameterized.parameters(("others", 1.0), ("community", 0.5))
    def test_no_gradient_reaches_a_teacher(self, target, factor):
        # By hand: the gradient of |p_i - teacher|^2 by the logits of peer i is
        # 2 J(p_i) (p_i - teacher), J(p) = diag(p) - p p', where p_i - teacher
        # is p_i - p_j, or half of it.
        x, _ = communities.data(communities.vectors)
        distiller = communities.made(
            losses=OpenToGradients(), exchange="together", target=target
        )
        distiller.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
        p = [reference.softmax(peer(x)) for peer in distiller.peers]
        biases = [peer.get_layer("head").bias for peer in distiller.peers]
        before = support.values(biases)

        distiller.train_on_batch(x)

        moves = [
            after - old
            for after, old in zip(support.values(biases), before, strict=True)
        ]
        for move, own, other in zip(moves, p, p[::-1], strict=True):
            gap = 2 * factor * (own - other)
            gradient = own * (gap - np.sum(own * gap, axis=-1, keepdims=True))
            np.testing.assert_allclose(
                move, -0.1 * gradient.mean(axis=0), rtol=1e-4, atol=1e-7
            )


class LossTest(parameterized.TestCase):
    def test_terms_are_the_formulas(self):
        x, y = communities.data(communities.vectors)
        distiller = communities.made(
            3, losses=losses(), student_loss_weight=0.5
        )
        distiller.compile("sgd", loss=cross_entropy())
        logits = [reference.float64(peer(x)) for peer in distiller.peers]
        totals = []

        logs = distiller.evaluate(x, y, 4, verbose=0, return_dict=True)

        for index, own in enumerate(logits):
            others = np.stack([z for z in logits if z is not own], axis=1)
            soft = 9.0 * np.mean(
                reference.ensemble_divergence(
                    others, [0.5, 0.5], own, 3.0, "arithmetic"
                )
            )
            hard = -reference.log_softmax(own)[np.arange(len(y)), y].mean()
            key = f"peer_{index}_"
            np.testing.assert_allclose(logs[f"{key}soft_targets"], soft, 1e-5)
            np.testing.assert_allclose(logs[f"{key}student_loss"], hard, 1e-5)
            totals.append(0.7 * soft + 0.5 * hard)
        np.testing.assert_allclose(logs["loss"], np.mean(totals), 1e-5)

    @parameterized.parameters(1, 2)
    def test_what_a_peer_adds_to_its_loss_is_its_own(self, exchange_every):
        class Penalty(keras.layers.Layer):
            def call(self, x):
                self.add_loss(3.0 * keras.ops.mean(keras.ops.square(x)))
                return x

        def net(penalty, regularizer):
            return keras.Sequential(
                [
                    keras.Input((4,)),
                    keras.layers.Dense(
                        3, name="head", kernel_regularizer=regularizer
                    ),
                    *penalty,
                ]
            )

        x, _ = communities.data(communities.vectors)
        distiller = keras_kd.MutualDistiller(
            peers=[net([], None), net([Penalty()], keras.regularizers.L2(2.0))],
            distillation_losses=SoftTargets(loss_weight=1e-6),
            exchange_every=exchange_every,
        )
        distiller.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
        first, second = (p.get_layer("head").kernel for p in distiller.peers)
        before = support.values([first, second])
        z = np.asarray(distiller.peers[1](x))

        distiller.train_on_batch(x)

        after = support.values([first, second])
        np.testing.assert_allclose(after[0], before[0], atol=1e-5)
        # d/dW of 3 mean(z^2) + 2 sum(W^2), with z = x W.
        gradient = 6 * x.T @ z / z.size + 4 * before[1]
        np.testing.assert_allclose(
            after[1], before[1] - 0.1 * gradient, rtol=1e-3, atol=1e-5
        )

    def test_labels_are_not_needed(self):
        x, _ = communities.data(communities.vectors)
        distiller = communities.made()
        distiller.compile("sgd")
        history = distiller.fit(x, verbose=0).history
        self.assertCountEqual(
            history,
            [
                "loss",
                "soft_targets",
                "peer_0_soft_targets",
                "peer_1_soft_targets",
            ],
        )

    @pytest.mark.slow
    def test_peers_that_learn_from_each_other_come_to_agree(self):
        # The control takes as many steps with a weight of zero.
        x, _ = support.data(400)
        unseen, _ = support.data(400, seed=1)
        agreement = []
        for weight in (1.0, 0.0):
            distiller = communities.made()
            distiller.hyperparameter("soft_targets.loss_weight").assign(weight)
            distiller.compile(keras.optimizers.Adam(0.02))
            distiller.fit(x, batch_size=20, epochs=5, verbose=0)
            choices = [np.argmax(p(unseen), -1) for p in distiller.peers]
            agreement.append(np.mean(choices[0] == choices[1]))
        self.assertGreater(agreement[0], 0.9)
        self.assertGreater(agreement[0], agreement[1] + 0.2)


support.mark_slow(StepTest, "test_a_peer_moves", but=["0"])
support.mark_slow(StepTest, "test_copies_are_exchanged")
support.mark_slow(StepTest, "test_weights_masks")


if __name__ == "__main__":
    absltest.main()
