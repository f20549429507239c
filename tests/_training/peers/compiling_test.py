"""Metrics and keys of the logs of a MutualDistiller."""

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd.metrics import TeacherAgreement
from tests import compiled_metrics_reference as reference
from tests import support
from tests.peers import communities
from tests.support import cross_entropy


@keras.saving.register_keras_serializable("tests")
class Bare(keras.metrics.Mean):
    def __init__(self, sides):
        super().__init__(name="bare")
        self.sides = sides


def one_unit(width, name):
    return support.dense(width, classes=1, name=name)


@support.eager_tests
class PeerCompilingTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.x, self.y = communities.data(communities.vectors, 20)
        self.distiller = communities.made(3)

    def evaluate(self, *data, **kwargs):
        return self.distiller.evaluate(
            *data, verbose=0, return_dict=True, batch_size=8, **kwargs
        )

    def choices(self):
        return [np.argmax(p(self.x), axis=-1) for p in self.distiller.peers]

    @pytest.mark.slow
    def test_logs_have_peers_mean_and_ensemble(self):
        self.distiller.compile("sgd", cross_entropy(), metrics=["accuracy"])
        logs = self.evaluate(self.x, self.y)
        accuracies = [np.mean(choice == self.y) for choice in self.choices()]
        for index, accuracy in enumerate(accuracies):
            self.assertAlmostEqual(logs[f"peer_{index}_accuracy"], accuracy, 6)
        self.assertAlmostEqual(logs["accuracy"], np.mean(accuracies), 6)
        logits = sum(np.asarray(peer(self.x)) for peer in self.distiller.peers)
        together = np.mean(np.argmax(logits, axis=-1) == self.y)
        self.assertAlmostEqual(logs["ensemble_accuracy"], together, 6)
        predicted = self.distiller.predict(self.x, verbose=0)
        np.testing.assert_allclose(predicted, logits / 3, rtol=1e-5, atol=1e-6)

    @pytest.mark.slow
    def test_keys_are_those_promised(self):
        self.distiller.compile(
            "sgd",
            cross_entropy(),
            metrics=["accuracy", TeacherAgreement()],
        )
        history = self.distiller.fit(
            self.x, self.y, validation_data=(self.x, self.y), verbose=0
        ).history
        each = ["accuracy", "student_loss", "soft_targets", "teacher_agreement"]
        keys = ["loss", "ensemble_accuracy", *each]
        keys += [f"peer_{i}_{key}" for i in range(3) for key in each]
        self.assertCountEqual(history, keys + [f"val_{key}" for key in keys])

    def test_two_peers_have_no_fewer_keys(self):
        distiller = communities.made(2)
        distiller.compile("sgd", cross_entropy(), metrics=["accuracy"])
        logs = distiller.test_on_batch(self.x, self.y, return_dict=True)
        self.assertContainsSubset(
            ["accuracy", "ensemble_accuracy", "peer_1_accuracy"], logs
        )

    def test_teacher_metrics_compare_a_peer_with_the_average(self):
        self.distiller.compile("sgd", metrics=[TeacherAgreement()])
        logs = self.evaluate(self.x)
        probabilities = [
            keras.ops.convert_to_numpy(keras.ops.softmax(peer(self.x)))
            for peer in self.distiller.peers
        ]
        for index, choice in enumerate(self.choices()):
            others = sum(probabilities) - probabilities[index]
            agreement = np.mean(choice == np.argmax(others, axis=-1))
            self.assertAlmostEqual(
                logs[f"peer_{index}_teacher_agreement"], agreement, 6
            )

    def test_metrics_of_probabilities_are_right_for_each_head(self):
        distiller = communities.made(
            2, make=one_unit, losses=keras_kd.losses.BinarySoftTargets()
        )
        y = (self.y > 0).astype("float32")[:, None]
        distiller.compile(
            "sgd",
            keras.losses.BinaryCrossentropy(from_logits=True),
            metrics=["accuracy", keras.metrics.Recall(name="recall")],
            weighted_metrics=[keras.metrics.AUC(name="auc")],
        )
        logs = distiller.evaluate(
            self.x, y, batch_size=8, verbose=0, return_dict=True
        )
        logits = [p.predict(self.x, verbose=0) for p in distiller.peers]
        heads = ("peer_0", "peer_1", "ensemble")
        for head, one in zip(heads, [*logits, sum(logits) / 2], strict=True):
            p = reference.probabilities(one, is_softmax=False)
            for key in ("accuracy", "recall", "auc"):
                expected = getattr(reference, key)(y, p)
                self.assertAlmostEqual(logs[f"{head}_{key}"], expected, 5)

    @pytest.mark.slow
    def test_teacher_metrics_of_labels_compare_each(self):
        distiller = communities.made(
            3, losses=keras_kd.losses.BinarySoftTargets()
        )
        distiller.compile("sgd", metrics=[TeacherAgreement()])
        logs = distiller.evaluate(self.x, verbose=0, return_dict=True)
        logits = [p.predict(self.x, verbose=0) for p in distiller.peers]
        p = [reference.probabilities(one, is_softmax=False) for one in logits]
        for index, own in enumerate(p):
            others = (sum(p) - own) / 2
            agreement = np.mean((own > 0.5) == (others > 0.5))
            self.assertAlmostEqual(
                logs[f"peer_{index}_teacher_agreement"], agreement, 6
            )

    def test_weighted_metrics_and_given_objects_are_per_peer(self):
        weights = np.linspace(0, 1, 20)
        given = keras.metrics.SparseTopKCategoricalAccuracy(2, name="top")
        self.distiller.compile(
            "sgd", cross_entropy(), metrics=[given], weighted_metrics=["acc"]
        )
        logs = self.evaluate(self.x, self.y, sample_weight=weights)
        for index, peer in enumerate(self.distiller.peers):
            top = np.argsort(-np.asarray(peer(self.x)), axis=-1)[:, :2]
            expected = np.mean(np.any(top == self.y[:, None], axis=-1))
            self.assertAlmostEqual(logs[f"peer_{index}_top"], expected, 6)
            right = self.choices()[index] == self.y
            expected = np.average(right, weights=weights)
            self.assertAlmostEqual(logs[f"peer_{index}_acc"], expected, 6)

    def test_recompiling_replaces_the_metrics(self):
        self.distiller.compile("sgd", metrics=[TeacherAgreement()])
        self.distiller.compile("sgd", cross_entropy(), metrics=["accuracy"])
        logs = self.evaluate(self.x, self.y)
        self.assertIn("accuracy", logs)
        self.assertNotIn("teacher_agreement", logs)

    @pytest.mark.slow
    def test_validation_can_stop_the_training(self):
        self.distiller.compile("sgd", cross_entropy(), metrics=["accuracy"])
        stop = keras.callbacks.EarlyStopping("val_accuracy", patience=0)
        history = self.distiller.fit(
            self.x,
            self.y,
            epochs=9,
            validation_data=(self.x, self.y),
            callbacks=[stop],
            verbose=0,
        ).history
        self.assertLess(len(history["loss"]), 9)

    @parameterized.named_parameters(
        ("dict", {"head": ["accuracy"]}),
        ("nested", [["accuracy"], ["accuracy"]]),
        ("name", "accuracy"),
    )
    def test_metrics_are_a_list(self, metrics):
        with self.assertRaisesRegex(ValueError, "must be a list.*Received: "):
            self.distiller.compile("sgd", metrics=metrics)

    def test_a_metric_without_its_config_is_refused(self):
        with self.assertRaisesRegex(
            ValueError, "what their config says.*Received: 'bare' of type Bare"
        ):
            self.distiller.compile("sgd", metrics=[Bare(2)])

    @parameterized.named_parameters(
        ("several", {"loss": {"head": "mse"}}, "must be one loss"),
        ("weights", {"loss": "mse", "loss_weights": [2.0]}, "must be one loss"),
        (
            "probabilities",
            {"loss": "sparse_categorical_crossentropy"},
            "must take logits.*from_logits=True",
        ),
    )
    def test_losses_that_cannot_be_meant_are_refused(self, arguments, rule):
        with self.assertRaisesRegex(ValueError, rule):
            self.distiller.compile("sgd", **arguments)

    def test_names_that_collide_are_refused(self):
        distiller = communities.made(
            losses=keras_kd.losses.SoftTargets(name="accuracy")
        )
        distiller.compile("sgd", cross_entropy(), metrics=["accuracy"])
        with self.assertRaisesRegex(
            ValueError, "must be unique.*Received: 'peer_0_accuracy' twice"
        ):
            distiller.evaluate(self.x, self.y, verbose=0)


support.mark_slow(PeerCompilingTest, "test_weighted_metrics")
support.mark_slow(PeerCompilingTest, "test_metrics_of_probabilities")
support.mark_slow(PeerCompilingTest, "test_recompiling")


if __name__ == "__main__":
    absltest.main()
