"""Students of a teacher that labels made-up examples."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from sklearn.linear_model import LogisticRegression

import keras_kd
from keras_kd import procedures
from keras_kd.procedures.compression import answers
from tests import reference
from tests import support


def teacher(classes=2):
    """Says which of the first numbers is largest."""
    return keras_kd.teachers.FunctionTeacher(
        lambda x: 4.0 * x[:, :classes],
        num_classes=classes,
        from_logits=True,
        identity="1",
    )


def rows(count=40, seed=0):
    return np.random.default_rng(seed).normal(size=(count, 4))


def student(classes=2):
    keras.utils.set_random_seed(0)
    return support.dense(16, classes, name="student")


def judged(count=500, classes=2):
    x = rows(count, seed=1)
    return x, x[:, :classes].argmax(-1)


def compress(**kwargs):
    return procedures.compress(
        **{
            "teacher": teacher(),
            "student": student(),
            "x": rows(),
            "num_synthetic": 400,
            "updates": 300,
            "epochs": 3,
            "batch_size": 32,
            "optimizer": keras.optimizers.Adam(0.01),
            "validation_data": judged(),
            "verbose": 0,
        }
        | kwargs
    )


class CompressTest(parameterized.TestCase):
    @parameterized.parameters("probabilities", "logits")
    def test_made_up_examples_help(self, targets):
        made = compress(num_synthetic=[0, 2000], targets=targets)
        few, many = made.scores[0], made.scores[2000]
        self.assertLess(many.rmse_to_teacher, 0.8 * few.rmse_to_teacher)
        self.assertGreater(many.accuracy, few.accuracy)
        self.assertEqual(made.scores["teacher"].rmse_to_teacher, 0.0)
        self.assertEqual(made.scores["teacher"].accuracy, 1.0)

    def test_the_loss_is_that_of_the_targets(self):
        x, labels = judged(64)
        logits = {
            "teacher": teacher().predict(x),
            "student": student().predict(x, verbose=0),
        }
        for targets, formula in (
            ("probabilities", reference.probability_regression),
            ("logits", reference.logit_regression),
        ):
            made = compress(
                x=x,
                num_synthetic=0,
                targets=targets,
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

    def test_every_student_gets_the_same_first_weights_and_updates(self):
        given = student()
        before = support.values(given.weights)
        made = compress(
            student=given,
            num_synthetic=[0, 60],
            optimizer=keras.optimizers.SGD(0.0),
        )
        for one in (given, *made.students.values()):
            after = support.values(one.weights)
            self.assertEqual(support.largest_difference(before, after), 0)
        batches = []

        class Count(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                batches.append(batch)

        compress(num_synthetic=[0, 60], callbacks=[Count()])
        self.assertLen(batches, 2 * 300)

    def test_labels_are_not_looked_at_in_training(self):
        x, labels = judged()
        one, other = (
            compress(validation_data=(x, y)) for y in (labels, 1 - labels)
        )
        first, second = (
            support.values(made.students[400].weights) for made in (one, other)
        )
        self.assertEqual(support.largest_difference(first, second), 0)
        self.assertLess(
            other.scores[400].accuracy, 1 - 0.9 * one.scores[400].accuracy + 0.1
        )

    def test_scikit_learn_teaches_with_rows_as_they_are(self):
        x, labels = judged(300, classes=3)
        members = [
            LogisticRegression(C=c).fit(10 * x, labels) for c in (0.1, 10.0)
        ]
        made = compress(
            teacher=keras_kd.teachers.FunctionTeacher(members),
            student=student(3),
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

    def test_an_ensemble_of_networks_teaches(self):
        ensemble = keras_kd.teachers.EnsembleTeacher(
            [support.dense(8, 2, name=f"member_{i}") for i in range(2)]
        )
        x = rows().astype("float32")
        logits = answers.ask(ensemble, x)
        members = [
            reference.softmax(member.predict(x, verbose=0))
            for member in ensemble.models
        ]
        np.testing.assert_allclose(
            reference.softmax(logits), np.mean(members, axis=0), rtol=1e-5
        )
        made = compress(teacher=ensemble, validation_data=None)
        self.assertEmpty(made.scores)
        loss = made.histories["synthetic_400"]["loss"]
        self.assertLess(loss[-1], loss[0])

    @parameterized.named_parameters(
        ("targets", {"targets": "labels"}, "'probabilities'.*'labels'"),
        ("numbers", {"num_synthetic": [1, -1]}, "num_synthetic.*-1"),
        ("twice", {"num_synthetic": [5, 5]}, "different"),
        ("updates", {"updates": 0}, "updates.*0"),
        ("patience", {"validation_data": None, "patience": 1}, "patience"),
        (
            "labels",
            {"validation_data": (rows(3), np.array([0, 1, 2]))},
            "from 0 to 1",
        ),
    )
    def test_refuses(self, kwargs, message):
        with self.assertRaisesRegex(ValueError, message):
            compress(**kwargs)

    def test_refuses_models(self):
        with self.assertRaisesRegex(ValueError, "same classes.*2.*5"):
            compress(student=support.dense(4, 5))
        with self.assertRaisesRegex(TypeError, "teacher"):
            compress(teacher=lambda x: x)


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
