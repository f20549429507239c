"""Two stages, against NumPy and against students that were left alone."""

import functools

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

import keras_kd
from tests import reference
from tests import replicas
from tests import support
from tests.procedures.small_fitnets import LOWER
from tests.procedures.small_fitnets import TEMPERATURE
from tests.procedures.small_fitnets import UPPER
from tests.procedures.small_fitnets import Snapshots
from tests.procedures.small_fitnets import X
from tests.procedures.small_fitnets import Y
from tests.procedures.small_fitnets import hidden
from tests.procedures.small_fitnets import logits
from tests.procedures.small_fitnets import regressor
from tests.procedures.small_fitnets import run
from tests.procedures.small_fitnets import student_net
from tests.procedures.small_fitnets import teacher_net


class StagesOfFitNetsTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.enterClassContext(support.eagerly())
        keras.utils.set_random_seed(1)
        cls.student = student_net()
        cls.weights = list(cls.student.weights)
        cls.snapshots = Snapshots(cls.student)
        cls.teacher = teacher_net()
        cls.initial = cls.student.get_weights()
        cls.result = run(
            teacher=cls.teacher,
            student=cls.student,
            regressor=regressor(),
            callbacks=[cls.snapshots],
        )

    def run_again(self, **kwargs):
        """The same run, of another student with the same weights."""
        student = student_net()
        student.set_weights(self.initial)
        return run(
            **{"teacher": self.teacher, "student": student}
            | {"regressor": regressor()}
            | kwargs
        ).histories

    def test_hint_changes_all_layers_up_to_the_guided_one(self):
        self.assertGreater(min(self.snapshots.differences(0, 1, LOWER)), 0)

    def test_hint_leaves_all_other_layers_bit_identical(self):
        self.assertEqual(max(self.snapshots.differences(0, 1, UPPER)), 0)

    def test_distillation_starts_with_the_bits_that_the_hint_ended_with(self):
        self.assertEqual(
            max(self.snapshots.differences(1, 2, LOWER + UPPER)), 0
        )

    def test_distillation_trains_all_layers(self):
        differences = self.snapshots.differences(2, 3, LOWER + UPPER)
        self.assertGreater(min(differences), 0)

    def test_the_student_is_the_one_given_without_a_regressor(self):
        self.assertIs(self.result.student, self.student)
        self.assertEqual(
            [id(w) for w in self.student.weights], [id(w) for w in self.weights]
        )

    def test_there_is_a_history_of_each_stage(self):
        self.assertEqual(set(self.result.histories["hint"]), {"loss", "hint"})
        self.assertContainsSubset(
            {"loss", "student_loss", "soft_targets", "accuracy"},
            self.result.histories["distillation"],
        )

    def test_labels_do_not_matter_to_the_hint(self):
        expected = self.result.histories
        actual = self.run_again(data=(X, (Y + 1) % 3))
        self.assertEqual(actual["hint"], expected["hint"])
        self.assertNotEqual(actual["distillation"], expected["distillation"])

    def test_without_a_hint_it_is_distillation(self):
        student = student_net()
        student.set_weights(self.initial)
        distiller = keras_kd.Distiller(
            teacher=self.teacher,
            student=student,
            distillation_losses=keras_kd.losses.SoftTargets(
                TEMPERATURE, loss_weight=4 / TEMPERATURE**2
            ),
        )
        distiller.compile(keras.optimizers.SGD(0.05), support.cross_entropy())
        expected = distiller.fit(X, Y, batch_size=24, verbose=0).history
        actual = self.run_again(hint_epochs=0)
        self.assertEqual(actual["hint"], {})
        np.testing.assert_allclose(
            actual["distillation"]["loss"], expected["loss"], rtol=1e-6
        )

    @pytest.mark.slow
    def test_a_cache_teaches_too(self):
        cached = keras_kd.teachers.cache_teacher(
            self.teacher,
            (X, Y),
            support.folder(self),
            taps=["hidden"],
            dtype="float32",
            verbose=0,
        )
        actual = self.run_again(
            teacher=cached,
            data=cached.attach((X, Y)).batch(24),
            batch_size=None,
        )
        for stage, history in self.result.histories.items():
            np.testing.assert_allclose(
                actual[stage]["loss"], history["loss"], rtol=1e-4
            )


@support.eager_tests
class LossTest(absltest.TestCase):
    """With a rate of zero, or in a single step, all numbers are known."""

    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(1)
        self.teacher = teacher_net()
        self.student = support.dense(5, name="student")

    def histories(self, **kwargs):
        return run(
            teacher=self.teacher,
            student=self.student,
            guided_tap="hidden",
            **kwargs,
        ).histories

    def test_losses_are_those_of_the_paper(self):
        prediction = regressor()
        histories = self.histories(
            regressor=prediction,
            epochs=4,
            optimizer=keras.optimizers.SGD(0.0),
        )
        kernel, bias = support.values(prediction.weights)
        guided = hidden(self.student)
        errors = np.maximum(guided @ kernel + bias, 0) - hidden(self.teacher)
        np.testing.assert_allclose(
            histories["hint"]["loss"],
            [0.5 * np.sum(errors**2, axis=1).mean()],
            rtol=1e-5,
        )
        z, v = (logits(model) for model in (self.student, self.teacher))
        p, q = (reference.softmax(x, TEMPERATURE) for x in (v, z))
        divergence = np.sum(p * np.log(p / q), axis=1).mean()
        labels = -np.log(reference.softmax(z)[np.arange(24), Y]).mean()
        # Linear from 4 to 1, and no squared temperature.
        np.testing.assert_allclose(
            histories["distillation"]["loss"],
            labels + np.array([4, 3, 2, 1]) * divergence,
            rtol=1e-4,
        )

    def test_gradient_of_distillation_is_that_of_the_papers_loss(self):
        head = self.student.get_layer("head")
        seen = []

        class Look(keras.callbacks.Callback):
            def on_epoch_begin(look, epoch, logs=None):
                seen.append((logits(self.student), support.values([head.bias])))

        self.histories(
            epochs=2, optimizer=keras.optimizers.SGD(0.5), callbacks=[Look()]
        )
        # One step an epoch; the first is that of the hint.
        ends = [seen[2][1], support.values([head.bias])]
        for (z, begin), end, weight in zip(seen[1:], ends, (4, 1), strict=True):
            # d H(p, q) / d logits = (q - p) / temperature.
            soft = reference.softmax(z, TEMPERATURE)
            soft -= reference.softmax(logits(self.teacher), TEMPERATURE)
            hard = reference.softmax(z) - np.eye(3)[Y]
            gradient = (hard + weight * soft / TEMPERATURE).mean(axis=0)
            np.testing.assert_allclose(
                end[0], begin[0] - 0.5 * gradient, rtol=1e-4, atol=1e-6
            )


@support.eager_tests
class TrainingTest(absltest.TestCase):
    @pytest.mark.slow
    def test_predicts_the_hint_better_than_its_mean_does(self):
        teacher = teacher_net()
        blind = keras.Sequential(
            [
                keras.Input((4,)),
                layers.Rescaling(0.0),
                layers.Dense(5, activation="relu", name="guided"),
                layers.Dense(3),
            ]
        )
        variance = 0.5 * hidden(teacher).var(axis=0).sum()
        taught, control = (
            run(
                teacher=teacher,
                student=student,
                # Epochs of one pass over the data would cost more than it.
                data=(np.tile(X, (30, 1)), np.tile(Y, 30)),
                hint_epochs=2,
                batch_size=8,
                optimizer=keras.optimizers.RMSprop(0.03),
            ).histories["hint"]["loss"][-1]
            for student in (student_net(), blind)
        )
        self.assertLess(taught, 0.5 * variance)
        # One that sees nothing can learn no more than the mean.
        self.assertGreater(control, 0.9 * variance)

    @pytest.mark.slow
    def test_the_best_weights_are_kept(self):
        student = student_net()
        snapshots = Snapshots(student)
        # Such steps make it worse at once.
        history = run(
            student=student,
            hint_epochs=30,
            validation_data=(X, Y),
            patience=2,
            optimizer=keras.optimizers.SGD(0.5),
            callbacks=[snapshots],
        ).histories["hint"]
        best = int(np.argmin(history["val_loss"]))
        self.assertLen(history["val_loss"], best + 3)
        # What the second stage starts with is not what the first ended with.
        self.assertGreater(max(snapshots.differences(1, 2, LOWER)), 0)


@support.eager_tests
class ReplicasTest(absltest.TestCase):
    @pytest.mark.slow
    def test_two_replicas_give_the_numbers_of_one(self):
        def run_dense():
            keras.utils.set_random_seed(2)
            # No batch normalisation, which sees the batch of one replica.
            return run(student=support.dense(5), guided_tap="hidden")

        one = run_dense()
        with replicas.two_replicas().scope():
            two = run_dense()
        for stage in ("hint", "distillation"):
            np.testing.assert_allclose(
                one.histories[stage]["loss"],
                two.histories[stage]["loss"],
                rtol=1e-5,
            )


@support.eager_tests
class MaxoutTest(absltest.TestCase):
    def test_a_maxout_student_is_guided_by_a_larger_map(self):
        maxout = functools.partial(keras_kd.models.maxout_convnet, (8, 8, 1), 3)
        block = keras_kd.models.MaxoutBlock
        keras.utils.set_random_seed(0)
        teacher = maxout([block(4, 3, 0, pool_size=2)])
        student = maxout([block(2), block(2, pool_size=2), block(2)])
        x = np.random.default_rng(0).normal(size=(8, 8, 8, 1))
        seen = []

        class Look(keras.callbacks.Callback):
            def on_train_begin(self, logs=None):
                (loss,) = self.model.distillation_losses
                seen.append(loss)

        run(
            teacher=teacher,
            student=student,
            data=(x, Y[:8]),
            hint_tap="block1",
            guided_tap="block2",
            callbacks=[Look()],
        )
        convolution, maxout = seen[0].projector.layers
        # From 4x4 to 3x3, 4 channels of 2 pieces.
        self.assertEqual(convolution.kernel.shape, (2, 2, 2, 8))
        self.assertEqual(maxout.pieces, 2)


if __name__ == "__main__":
    absltest.main()
