"""Students of a teacher that labels made-up examples."""

import functools

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from sklearn.linear_model import LogisticRegression

import keras_kd
from keras_kd import losses
from keras_kd import procedures
from keras_kd.procedures.compression import answers
from keras_kd.transfer_sets import synthetic
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
    @parameterized.parameters("ProbabilityRegression", "LogitRegression")
    def test_made_up_examples_help(self, loss):
        made = compress(num_synthetic=[0, 2000], loss=getattr(losses, loss)())
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
        for loss, formula in (
            (None, reference.probability_regression),
            (losses.LogitRegression(), reference.logit_regression),
        ):
            made = compress(
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
        self.assertAlmostEqual(
            other.scores[400].accuracy, 1 - one.scores[400].accuracy
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
        taught, alone = (
            support.largest_difference([logits], [net.predict(x, verbose=0)])
            for net in (made.students[400], student())
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
            {"validation_data": (rows(3), np.array([0]))},
            "each of its 3 rows",
        ),
        ("three", {"validation_data": (1, 2, 3)}, "3 parts"),
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
        certain = support.dense(4, 2, activation="softmax")
        with self.assertRaisesRegex(ValueError, "teachers.logits"):
            compress(teacher=certain)
        broken = support.dense(4, 2)
        broken.layers[-1].bias.assign([np.nan, 0.0])
        with self.assertRaisesRegex(ValueError, "finite weights"):
            compress(teacher=broken)
        with self.assertRaisesRegex(ValueError, "two classes"):
            compress(student=support.dense(4, 1))
        with self.assertRaisesRegex(ValueError, "same classes.*2.*5"):
            compress(student=support.dense(4, 5))
        with self.assertRaisesRegex(TypeError, "teacher"):
            compress(teacher=lambda x: x)


class RowsTest(absltest.TestCase):
    def test_what_is_between_integers_is_not_rounded(self):
        seen = []

        def encode(rows):
            seen.append(rows)
            return rows.astype("float32")

        x = np.random.default_rng(0).integers(0, 6, (40, 4)).astype("uint8")
        compress(x=x, encode=encode, validation_data=None, updates=3)
        (made,) = seen
        self.assertEqual(made.dtype, np.float64)
        np.testing.assert_array_equal(made[:40], x)
        self.assertTrue(np.any(made != np.round(made)))
        self.assertLess(np.abs(made).max(), 12)

    def test_a_resumed_run_asks_the_teacher_nothing_again(self):
        asked = []

        def answer(x):
            asked.append(len(x))
            return 4.0 * x[:, :2]

        def run(**kwargs):
            counting = keras_kd.teachers.FunctionTeacher(
                answer, num_classes=2, from_logits=True, identity="1"
            )
            return compress(
                teacher=counting,
                directory=folder,
                num_synthetic=[0, 60],
                validation_data=None,
                updates=6,
                **kwargs,
            )

        folder = support.folder(self)
        with self.assertRaises(KeyboardInterrupt):
            run(callbacks=[support.Interrupt(epoch=5)])
        self.assertEqual(sum(asked), 40 + 100)
        run()
        self.assertEqual(sum(asked), 40 + 100)

    def test_a_directory_knows_teacher_student_and_functions(self):
        folder = support.folder(self)
        common = {"directory": folder, "updates": 3, "validation_data": None}
        compress(**common)
        other = keras_kd.teachers.FunctionTeacher(
            lambda x: x[:, 1:3], num_classes=2, from_logits=True, identity="2"
        )
        keras.utils.set_random_seed(0)
        for kwargs in (
            {"teacher": other},
            {"student": support.dense(8, 2)},
            {"generator": synthetic.random},
            {"generator": functools.partial(synthetic.munge, probability=0.1)},
            {"encode": np.negative},
            {"loss": losses.LogitRegression()},
            {"x": rows(seed=5)},
        ):
            with self.assertRaisesRegex(ValueError, "directory"):
                compress(**common | kwargs)

    def test_a_teacher_is_asked_in_parts(self):
        asked = []

        def answer(x):
            asked.append(len(x))
            return x[:, :2]

        many = keras_kd.teachers.FunctionTeacher(
            answer, num_classes=2, from_logits=True
        )
        x = rows(10_000)
        np.testing.assert_allclose(answers.ask(many, x), x[:, :2], rtol=1e-6)
        self.assertEqual(asked, [4096, 4096, 1808])


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
