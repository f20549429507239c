"""Losses of peers: averaged answers, or each other peer in turn."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd import losses
from tests import reference
from tests import support
from tests.peers import communities
from tests.support import cross_entropy


def hint(**kwargs):
    return losses.Hint(teacher_tap="hidden", student_tap="hidden", **kwargs)


class LessonsTest(parameterized.TestCase):
    def test_other_losses_are_means_over_the_teachers(self):
        x, _ = communities.data(communities.vectors)
        distiller = communities.made(3, losses=losses.LogitRegression())
        distiller.compile("sgd")
        logits = [peer(x) for peer in distiller.peers]
        logs = distiller.evaluate(x, verbose=0, return_dict=True)
        for index, own in enumerate(logits):
            values = [
                reference.logit_regression(teacher, own)
                for teacher in logits
                if teacher is not own
            ]
            np.testing.assert_allclose(
                logs[f"peer_{index}_logit_regression"], np.mean(values), 1e-5
            )

    def test_each_pair_has_a_projector_that_is_trained(self):
        # Widths 8, 7 and 6 differ, so each of 3 * 2 pairs needs one.
        x, y = communities.data(communities.vectors)
        distiller = communities.made(3, losses=[losses.SoftTargets(), hint()])
        distiller.compile("sgd", cross_entropy(), run_eagerly=True)
        hints = [
            loss
            for loss in distiller.peer_losses
            if isinstance(loss, losses.Hint)
        ]
        self.assertLen(hints, 6)
        kernels = {id(loss.projector.kernel): loss for loss in hints}
        self.assertLen(kernels, 6)
        variables = [
            v for loss in hints for v in loss.projector.trainable_weights
        ]
        before = support.values(variables)
        distiller.fit(x, y, verbose=0)
        for old, new in zip(before, support.values(variables), strict=True):
            self.assertGreater(np.abs(new - old).max(), 0)

    def test_hints_of_one_teacher_are_those_of_a_distiller(self):
        x, _ = communities.data(communities.vectors)
        first, second = (support.dense(4, name=name) for name in "ab")
        distiller = keras_kd.MutualDistiller(
            peers=[first, second], distillation_losses=hint()
        )
        distiller.compile("sgd")
        logs = distiller.evaluate(x, verbose=0, return_dict=True)
        features = [
            np.asarray(peer.get_layer("hidden")(x)) for peer in (first, second)
        ]
        expected = reference.hint(*features).mean()
        for key in ("peer_0_hint", "peer_1_hint", "hint"):
            np.testing.assert_allclose(logs[key], expected, rtol=1e-5)

    def test_a_hyperparameter_drives_every_peer(self):
        x, _ = communities.data(communities.vectors)
        distiller = communities.made(3)
        distiller.compile("sgd")
        soft = [loss.temperature for loss in distiller.peer_losses]
        self.assertLen({id(variable) for variable in soft}, 1)
        distiller.hyperparameter("soft_targets.temperature").assign(5.0)
        logits = [np.asarray(peer(x)) for peer in distiller.peers]
        logs = distiller.evaluate(x, verbose=0, return_dict=True)
        for index in range(3):
            others = np.stack(logits[:index] + logits[index + 1 :], axis=1)
            expected = 25 * reference.ensemble_divergence(
                others, [0.5, 0.5], logits[index], 5.0, "arithmetic"
            )
            np.testing.assert_allclose(
                logs[f"peer_{index}_soft_targets"], expected.mean(), rtol=1e-5
            )

    def test_a_schedule_drives_the_temperature(self):
        x, y = communities.data(communities.vectors)
        distiller = communities.made(3)
        distiller.compile("sgd", cross_entropy())
        anneal = keras_kd.callbacks.Anneal(
            "soft_targets.temperature", lambda step: 4.0 / (1 + step)
        )
        history = distiller.fit(
            x, y, batch_size=6, epochs=2, verbose=0, callbacks=[anneal]
        ).history
        # Two batches in an epoch: the last steps are 1 and 3.
        self.assertEqual(history["soft_targets.temperature"], [2.0, 1.0])

    def test_a_weight_of_zero_leaves_the_peers_apart(self):
        x, y = communities.data(communities.vectors)
        distiller = communities.made()
        alone = [communities.clone(peer) for peer in distiller.peers]
        distiller.hyperparameter("soft_targets.loss_weight").assign(0.0)
        distiller.compile("sgd", cross_entropy(), run_eagerly=True)
        distiller.train_on_batch(x, y)
        for model in alone:
            model.compile("sgd", cross_entropy(), run_eagerly=True)
            model.train_on_batch(x, y)
        self.assertLess(communities.difference(alone, distiller.peers), 1e-7)

    def test_regularisation_of_a_projector_is_its_peers(self):
        x, _ = communities.data(communities.vectors)
        projector = keras.layers.Dense(
            7, use_bias=False, kernel_regularizer=keras.regularizers.L2(5.0)
        )
        first, second = (support.dense(7, name=name) for name in "ab")
        distiller = keras_kd.MutualDistiller(
            peers=[first, second],
            distillation_losses=hint(projector=projector),
        )
        distiller.compile("sgd")
        logs = distiller.evaluate(x, verbose=0, return_dict=True)
        kernels = [
            keras.ops.convert_to_numpy(loss.projector.kernel)
            for loss in distiller.peer_losses
        ]
        self.assertLen(kernels, 2)
        self.assertGreater(np.abs(kernels[0] - kernels[1]).max(), 0.01)
        np.testing.assert_allclose(
            logs["loss"] - logs["hint"],
            np.mean([5 * np.sum(np.square(kernel)) for kernel in kernels]),
            rtol=1e-5,
        )

    def test_labels_are_served_to_a_loss_by_shard(self):
        @keras.saving.register_keras_serializable("tests", "OfLabels")
        class OfLabels(losses.DistillationLoss):
            needs = ("labels", "example_ids")

            def call(self, teacher, student, labels, example_ids):
                values = keras.ops.cast(labels + 10 * example_ids, "float32")
                return values + 0 * keras.ops.sum(student, axis=-1)

        x, y = communities.data(communities.vectors, 10)
        ids = np.arange(10)
        distiller = communities.made(losses=OfLabels(), shards=True)
        distiller.compile("sgd", run_eagerly=True)
        logs = distiller.train_on_batch(
            keras_kd.batch.attach(x, example_ids=ids), y, return_dict=True
        )
        for index in range(2):
            mine = ids % 2 == index
            np.testing.assert_allclose(
                logs[f"peer_{index}_of_labels"],
                np.mean((y + 10 * ids)[mine]),
                rtol=1e-6,
            )


if __name__ == "__main__":
    absltest.main()
