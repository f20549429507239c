import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd import callbacks
from keras_kd import losses
from keras_kd.callbacks import diagnoses
from tests import support
from tests.diagnosed import about
from tests.diagnosed import data
from tests.diagnosed import knowing
from tests.diagnosed import said
from tests.replicas import two_replicas


class GradientTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(0)

    def silent(self, *args, **kwargs):
        return about("no gradient", said(*args, **kwargs))

    def hint(self, **kwargs):
        return losses.Hint(teacher_tap="hidden", student_tap="hidden", **kwargs)

    def distiller(self, loss, student=None):
        return support.distiller(
            [loss, losses.SoftTargets(2.0)],
            teacher=support.dense(8, name="teacher"),
            student=student,
        )

    def test_all_that_learn_are_not_mentioned(self):
        self.assertEmpty(self.silent(self.distiller(self.hint())))

    def test_a_weight_of_0_is(self):
        (found,) = self.silent(self.distiller(self.hint(loss_weight=0.0)))
        self.assertStartsWith(found, "The loss `hint` gives the student no gra")
        self.assertIn("Raise its `loss_weight`", found)

    def test_frozen_layers_before_a_tap_are(self):
        student = support.dense(4, name="student")
        student.get_layer("hidden").trainable = False
        (found,) = self.silent(self.distiller(self.hint(), student))
        self.assertIn("`hint`", found)
        self.assertIn("no trainable weight before student_tap='hidden'", found)

    def test_a_dead_layer_is(self):
        student = support.dense(4, name="student")
        hidden = student.get_layer("hidden")
        hidden.set_weights([hidden.get_weights()[0], np.full(4, -100.0)])
        found = self.silent(self.distiller(self.hint(), student))
        (found,) = about("`hint`", found)
        self.assertIn("its norm is 0 at student_tap='hidden'", found)
        self.assertIn("another `student_tap`", found)

    def test_saturated_probabilities_are_and_the_remedy_works(self):
        # Both are sure of the same classes, by logits of 500 against 0.
        def sure(name):
            model = knowing(name=name)
            model.set_weights([50 * w for w in model.get_weights()])
            return model

        for temperature, is_said in ((1.0, True), (100.0, False)):
            distiller = support.distiller(
                losses.SoftTargets(temperature),
                teacher=sure("teacher"),
                student=sure("student"),
            )
            distiller.student.layers[-1].set_weights(
                [0.9 * w for w in distiller.student.get_weights()]
            )
            found = self.silent(distiller, loss=None)
            self.assertLen(found, is_said)

    def test_each_peer_is_looked_at(self):
        peers = [support.dense(4, name=f"net_{i}") for i in range(2)]
        peers[1].get_layer("hidden").trainable = False
        distiller = keras_kd.MutualDistiller(
            peers=peers,
            distillation_losses=[
                losses.SoftTargets(1.0),
                losses.Match(
                    keras.losses.MeanSquaredError(),
                    teacher_tap="hidden",
                    student_tap="hidden",
                ),
            ],
        )
        (found,) = self.silent(distiller)
        self.assertStartsWith(found, "The loss `match` gives peer 1 no grad")


class TermsTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(0)

    def outweighed(self, *args, **kwargs):
        return about("outweighs", said(*args, **kwargs))

    @parameterized.named_parameters(
        ("loss", 1e3, 1.0, "Lower its `loss_weight` from 1000 to about"),
        ("labels", 1.0, 1e3, "Lower `student_loss_weight` from 1000 to ab"),
    )
    def test_the_largest_is_named_with_its_ratio(self, kd, labels, remedy):
        distiller = support.distiller(
            losses.LogitRegression(loss_weight=kd),
            student_loss_weight=labels,
        )
        x, y = data()
        logits = distiller.student.predict(x, verbose=0).astype("float64")
        squares = 0.5 * np.sum(
            (distiller.teacher.predict(x, verbose=0) - logits) ** 2, axis=1
        )
        log_sum = np.log(np.exp(logits).sum(axis=1))
        entropy = np.mean(log_sum - logits[np.arange(48), y])
        sizes = {
            "logit_regression": kd * np.mean(squares),
            "student_loss": labels * entropy,
        }
        largest = max(sizes, key=sizes.get)
        ratio = sizes[largest] / min(sizes.values())
        self.assertGreater(ratio, 30)
        (found,) = self.outweighed(distiller)
        words = f"The term `{largest}` outweighs the others "
        self.assertStartsWith(found, words)
        said_ratio = found.removeprefix(words).split(" to 1")[0]
        # Three digits are said.
        self.assertAlmostEqual(
            float(said_ratio.replace(",", "")) / ratio, 1, delta=0.006
        )
        self.assertIn(remedy, found)

    def test_the_ratio_is_to_all_others_together(self):
        terms = {"a": 100.0, "b": 4.0, "c": 6.0}
        weights = {"a": 2.0, "b": 1.0, "c": 1.0}
        (found,) = diagnoses.of_terms(terms, 0.0, weights, 10.0)
        self.assertIn("`a` outweighs the others 10 to 1", found)
        self.assertIn("from 2 to about 0.2,", found)
        self.assertEmpty(diagnoses.of_terms(terms, 1.0, weights, 10.0))

    def test_regularisation_is_a_term(self):
        student = support.dense(
            4, name="student", kernel_regularizer=keras.regularizers.L2(1e4)
        )
        (found,) = self.outweighed(support.distiller(student=student))
        self.assertStartsWith(found, "The student's regularisation outweighs")
        self.assertIn("Divide the factors of its regularizers", found)

    def test_the_ratio_is_chosen(self):
        distiller = support.distiller(losses.SoftTargets(loss_weight=3.0))
        for ratio, is_said in ((1.01, True), (1e6, False)):
            self.assertLen(self.outweighed(distiller, ratio=ratio), is_said)


class TrainingTest(absltest.TestCase):
    def trained(self, with_it, steps=1, **options):
        """Weights, logs, sentences and the number of graphs of a training."""
        keras.utils.set_random_seed(0)
        distiller = support.distiller(losses.SoftTargets(loss_weight=1e4))
        distiller.compile(
            "adam",
            support.cross_entropy(),
            metrics=["accuracy"],
            steps_per_execution=steps,
            **options,
        )
        graphs, heard = [], []
        step = distiller.train_step
        distiller.train_step = lambda *data: graphs.append(1) or step(*data)
        some = [callbacks.Diagnostics(say=heard.append)] if with_it else []
        x, y = data(45)
        train = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(45, seed=3)
        history = distiller.fit(
            train.batch(16), epochs=2, verbose=0, callbacks=some
        )
        weights = support.values(distiller.variables)
        return weights, history.history, heard, len(graphs)

    def assert_changes_nothing(self, **options):
        weights, logs, heard, graphs = self.trained(True, **options)
        self.assertLen(about("outweighs", heard), 1)
        before, logs_before, _, graphs_before = self.trained(False, **options)
        for one, other in zip(weights, before, strict=True):
            np.testing.assert_array_equal(one, other)
        self.assertEqual(logs, logs_before)
        self.assertEqual(graphs, graphs_before)

    @pytest.mark.slow
    def test_the_training_keeps_its_bits_and_its_graphs(self):
        self.assert_changes_nothing()

    @pytest.mark.slow
    def test_so_it_does_with_several_steps_at_once(self):
        if keras.backend.backend() == "torch":
            self.skipTest("Keras takes one step at a time there.")
        self.assert_changes_nothing(steps=2)

    def test_so_it_does_without_a_graph(self):
        self.assert_changes_nothing(run_eagerly=True)

    @pytest.mark.slow
    @support.on_tensorflow
    def test_two_replicas_keep_their_bits_and_speak(self):
        with two_replicas().scope():
            weights, logs, heard, _ = self.trained(True)
            before, logs_before, _, _ = self.trained(False)
        for one, other in zip(weights, before, strict=True):
            np.testing.assert_array_equal(one, other)
        self.assertEqual(logs, logs_before)
        self.assertLen(about("outweighs", heard), 1)

    def test_speaks_once_for_each_model(self):
        heard = []
        diagnostics = callbacks.Diagnostics(say=heard.append)
        x, y = data()
        for fits in (2, 1):
            distiller = support.distiller(losses.SoftTargets(loss_weight=0.0))
            distiller.compile("adam", run_eagerly=True)
            for _ in range(fits):
                distiller.fit(x, y, verbose=0, callbacks=[diagnostics])
        self.assertLen(about("weight is 0", heard), 2)


class RefusalTest(parameterized.TestCase):
    @parameterized.parameters(1.0, 0, float("nan"), float("inf"), "10", True)
    def test_a_ratio_must_be_above_1(self, ratio):
        with self.assertRaisesRegex(ValueError, "`ratio`.*above 1.*Received"):
            callbacks.Diagnostics(ratio=ratio)

    def test_say_must_be_a_function(self):
        with self.assertRaisesRegex(TypeError, "`say`.*Received: say='x'"):
            callbacks.Diagnostics(say="x")

    def test_another_model_is_refused(self):
        with self.assertRaisesRegex(TypeError, "`Diagnostics`.*`measure_batc"):
            callbacks.Diagnostics().set_model(support.dense(4))


if __name__ == "__main__":
    absltest.main()
