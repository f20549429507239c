"""Students of a teacher that labels made-up examples."""

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized
from sklearn.linear_model import LogisticRegression

import keras_kd
from keras_kd import losses
from keras_kd.procedures._compress import answers
from tests import reference
from tests import support
from tests.procedures import small_compressions as small


class CompressTest(parameterized.TestCase):
    @parameterized.parameters("ProbabilityRegression", "LogitRegression")
    @pytest.mark.slow
    def test_made_up_examples_help(self, loss):
        made = small.compress(
            num_synthetic=[0, 2000], loss=getattr(losses, loss)()
        )
        few, many = made.scores[0], made.scores[2000]
        self.assertLess(many.rmse_to_teacher, 0.8 * few.rmse_to_teacher)
        self.assertGreater(many.accuracy, few.accuracy)
        self.assertEqual(made.scores["teacher"].rmse_to_teacher, 0.0)
        self.assertEqual(made.scores["teacher"].accuracy, 1.0)

    def test_the_loss_is_that_of_the_targets(self):
        x, labels = small.judged(64)
        logits = {
            "teacher": small.teacher().predict(x),
            "student": small.student().predict(x, verbose=0),
        }
        for loss, formula in (
            (None, reference.probability_regression),
            (losses.LogitRegression(), reference.logit_regression),
        ):
            made = small.compress(
                x=x,
                num_synthetic=0,
                loss=loss,
                updates=1,
                epochs=1,
                batch_size=64,
                validation_data=(x, labels),
                optimizer=keras.optimizers.SGD(0.0),
            )
            expected = formula(logits["teacher"], logits["student"]).mean()
            history = made.histories["synthetic_0"]
            for key in ("loss", "val_loss"):
                np.testing.assert_allclose(history[key], expected, rtol=1e-5)

    @pytest.mark.slow
    def test_every_student_gets_the_same_first_weights_and_updates(self):
        given = small.student()
        before = support.values(given.weights)
        made = small.compress(
            student=given,
            num_synthetic=[0, 60],
            updates=30,
            optimizer=keras.optimizers.SGD(0.0),
        )
        for one in (given, *made.students.values()):
            after = support.values(one.weights)
            self.assertEqual(support.largest_difference(before, after), 0)
        batches = []

        class Count(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                batches.append(batch)

        small.compress(num_synthetic=[0, 60], updates=30, callbacks=[Count()])
        self.assertLen(batches, 2 * 30)

    @pytest.mark.slow
    def test_labels_are_not_looked_at_in_training(self):
        x, labels = small.judged()
        one, other = (
            small.compress(updates=30, validation_data=(x, y))
            for y in (labels, 1 - labels)
        )
        first, second = (
            support.values(made.students[400].weights) for made in (one, other)
        )
        self.assertEqual(support.largest_difference(first, second), 0)
        self.assertAlmostEqual(
            other.scores[400].accuracy, 1 - one.scores[400].accuracy
        )

    def test_scikit_learn_teaches_with_rows_as_they_are(self):
        x, labels = small.judged(300, classes=3)
        members = [
            LogisticRegression(C=c).fit(10 * x, labels) for c in (0.1, 10.0)
        ]
        made = small.compress(
            teacher=keras_kd.teachers.FunctionTeacher(members),
            student=small.student(3),
            x=10 * x,
            encode=lambda rows: rows / 10,
            validation_data=(10 * x, labels),
        )
        average = np.mean([m.predict_proba(10 * x) for m in members], axis=0)
        truth = np.eye(3)[labels]
        expected = np.sqrt(0.5 * np.square(average - truth).sum(-1).mean())
        self.assertAlmostEqual(
            made.scores["teacher"].rmse_to_labels, expected, places=5
        )
        self.assertGreater(made.scores[400].accuracy, 0.85)

    @pytest.mark.slow
    def test_an_ensemble_of_networks_teaches(self):
        ensemble = keras_kd.teachers.EnsembleTeacher(
            [support.dense(8, 2, name=f"member_{i}") for i in range(2)]
        )
        x = small.rows().astype("float32")
        logits = answers.ask(ensemble, x)
        members = [
            reference.softmax(member.predict(x, verbose=0))
            for member in ensemble.models
        ]
        np.testing.assert_allclose(
            reference.softmax(logits), np.mean(members, axis=0), rtol=1e-5
        )
        made = small.compress(teacher=ensemble, validation_data=None)
        self.assertEmpty(made.scores)
        taught, alone = (
            support.largest_difference([logits], [net.predict(x, verbose=0)])
            for net in (made.students[400], small.student())
        )
        self.assertLess(taught, alone)

    @parameterized.named_parameters(
        ("parts", {"updates": 21, "epochs": 20}, "multiple.*21.*20"),
        ("no_patience", {"patience": 0}, "patience.*0"),
        ("none", {"num_synthetic": []}, "num_synthetic"),
        (
            "rows",
            {"generator": lambda x, count, seed: np.zeros((count + 1, 4))},
            r"generator.*\(401, 4\)",
        ),
        ("encode", {"encode": lambda x: x[1:]}, "encode.*row for each"),
        (
            "few_labels",
            {"validation_data": (small.rows(3), np.array([0]))},
            r"one label.*\(3, 4\), \(1,\)",
        ),
        ("three", {"validation_data": (1, 2, 3)}, "int, int, int"),
        ("numbers", {"num_synthetic": [1, -1]}, "num_synthetic.*-1"),
        ("twice", {"num_synthetic": [5, 5]}, "different"),
        ("updates", {"updates": 0}, "updates.*0"),
        ("patience", {"validation_data": None, "patience": 1}, "patience"),
        (
            "labels",
            {"validation_data": (small.rows(3), np.array([0, 1, 2]))},
            "from 0 to 1",
        ),
    )
    def test_refuses(self, kwargs, message):
        with self.assertRaisesRegex(ValueError, message):
            small.compress(**kwargs)

    def test_refuses_models(self):
        certain = support.dense(4, 2, activation="softmax")
        with self.assertRaisesRegex(ValueError, "teachers.logits"):
            small.compress(teacher=certain)
        broken = support.dense(4, 2)
        broken.layers[-1].bias.assign([np.nan, 0.0])
        with self.assertRaisesRegex(ValueError, "finite weights"):
            small.compress(teacher=broken)
        with self.assertRaisesRegex(ValueError, "two classes"):
            small.compress(student=support.dense(4, 1))
        with self.assertRaisesRegex(ValueError, "same classes.*2.*5"):
            small.compress(student=support.dense(4, 5))
        with self.assertRaisesRegex(TypeError, "teacher"):
            small.compress(teacher=lambda x: x)


class ScoreTest(absltest.TestCase):
    def test_of_two_classes_it_is_the_error_of_one_probability(self):
        logits = np.log([[0.9, 0.1], [0.4, 0.6]])
        taught = np.log([[0.8, 0.2], [0.5, 0.5]])
        found = answers.score(logits, taught, np.array([0, 0]))
        self.assertAlmostEqual(
            found.rmse_to_labels, np.sqrt((0.1**2 + 0.6**2) / 2)
        )
        self.assertAlmostEqual(found.rmse_to_teacher, 0.1)
        self.assertEqual(found.accuracy, 0.5)


if __name__ == "__main__":
    absltest.main()
