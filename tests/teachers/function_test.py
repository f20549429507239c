"""Functions and scikit-learn classifiers as teachers."""

import pickle

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized
from sklearn import ensemble
from sklearn import linear_model
from sklearn import naive_bayes
from sklearn import neighbors
from sklearn import pipeline
from sklearn import preprocessing
from sklearn import tree

from keras_kd import losses
from keras_kd.teachers import FunctionTeacher
from tests import reference
from tests import support

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 4))
Y = np.argmax(X[:, :3] + 0.3 * RANDOM.normal(size=(60, 3)), axis=1)


def boosting(y=Y, seed=0, **kwargs):
    model = ensemble.GradientBoostingClassifier(
        n_estimators=5, subsample=0.5, random_state=seed, **kwargs
    )
    return model.fit(X, y)


def even(x):
    """Probabilities (1/4, 3/4) for all."""
    return np.tile([0.25, 0.75], (len(x), 1))


class ClassifierTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("boosting", boosting),
        ("bayes", lambda: naive_bayes.GaussianNB().fit(X, Y)),
        (
            "pipeline",
            lambda: pipeline.make_pipeline(
                preprocessing.StandardScaler(),
                linear_model.LogisticRegression(),
            ).fit(X, Y),
        ),
    )
    def test_the_softmax_of_the_logits_is_the_probability(self, make):
        model = make()
        teacher = FunctionTeacher(model)
        logits = teacher.predict(X)
        self.assertEqual(logits.dtype, "float32")
        self.assertEqual(teacher.num_classes, 3)
        # The floor adds at most 1e-7 for each of three classes.
        np.testing.assert_allclose(
            reference.softmax(logits), model.predict_proba(X), atol=1e-6
        )

    def test_two_classes_have_two_columns(self):
        logits = FunctionTeacher(boosting(Y == 2)).predict(X)
        self.assertEqual(logits.shape, (60, 2))
        choice = logits.argmax(axis=1)
        self.assertGreater(np.mean(choice == (Y == 2)), 0.8)

    def test_zero_becomes_the_logarithm_of_the_floor(self):
        # A tree without limits is sure of each example that it has seen.
        model = tree.DecisionTreeClassifier().fit(X, Y)
        for floor in (1e-7, 0.01):
            logits = FunctionTeacher(model, floor=floor).predict(X)
            sure = np.log(floor) * (1 - np.eye(3)[Y])
            np.testing.assert_allclose(logits, sure, rtol=1e-6, atol=1e-7)

    def test_a_class_it_never_saw_has_its_place(self):
        known = Y != 1
        model = linear_model.LogisticRegression().fit(X[known], Y[known])
        logits = FunctionTeacher(model, num_classes=3).predict(X)
        expected = model.predict_proba(X)
        np.testing.assert_allclose(
            np.exp(logits[:, [0, 2]]), expected, rtol=1e-5
        )
        np.testing.assert_allclose(logits[:, 1], np.log(1e-7), rtol=1e-6)

    def test_named_classes_come_in_their_order(self):
        names = np.array(["low", "middle", "high"])
        model = linear_model.LogisticRegression().fit(X, names[Y])
        logits = FunctionTeacher(model).predict(X)
        np.testing.assert_array_equal(
            model.classes_[logits.argmax(axis=1)], model.predict(X)
        )

    def test_images_are_flattened(self):
        model = boosting()
        np.testing.assert_array_equal(
            FunctionTeacher(model).predict(X.reshape(60, 2, 2)),
            FunctionTeacher(model).predict(X),
        )

    def test_a_decision_function_gives_logits(self):
        model = boosting()
        teacher = FunctionTeacher(
            model.decision_function, num_classes=3, from_logits=True
        )
        np.testing.assert_allclose(
            reference.softmax(teacher.predict(X)),
            model.predict_proba(X),
            atol=1e-6,
        )


class ListTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.models = [boosting(), naive_bayes.GaussianNB().fit(X, Y)]
        self.members = np.stack(
            [model.predict_proba(X) for model in self.models], axis=1
        )

    def test_its_probabilities_are_averaged(self):
        logits = FunctionTeacher(self.models).predict(X)
        np.testing.assert_allclose(
            reference.softmax(logits), self.members.mean(axis=1), atol=1e-6
        )

    def test_members_are_averaged_by_the_loss_at_its_temperature(self):
        teacher = FunctionTeacher(self.models, keep_members=True, floor=1e-3)
        output = teacher.predict(X)
        self.assertEqual(output["member_logits"].shape, (60, 2, 3))
        student = RANDOM.normal(size=(60, 3)).astype("float32")
        members = np.log(np.maximum(self.members, 1e-3))
        expected = reference.ensemble_divergence(
            members, [0.5, 0.5], student, 4.0, "arithmetic"
        )
        actual = losses.SoftTargets(4.0)(output, student) / 16
        np.testing.assert_allclose(actual, expected, atol=1e-6)

    def test_functions_and_classifiers_may_mix(self):
        def sure(x):
            return np.tile([30.0, 0.0, 0.0], (len(x), 1))

        teacher = FunctionTeacher(
            [self.models[0], sure], num_classes=3, from_logits=True
        )
        expected = (self.members[:, 0] + [1.0, 0.0, 0.0]) / 2
        np.testing.assert_allclose(
            reference.softmax(teacher.predict(X)), expected, atol=1e-6
        )


class FunctionTest(parameterized.TestCase):
    def test_probabilities_become_their_logarithms(self):
        logits = FunctionTeacher(even, num_classes=2).predict(X)
        np.testing.assert_allclose(
            logits, np.tile(np.log([0.25, 0.75]), (60, 1)), rtol=1e-6
        )

    def test_logits_stay_as_they_are(self):
        def linear(x):
            return x[:, :2] - 5

        teacher = FunctionTeacher(linear, num_classes=2, from_logits=True)
        np.testing.assert_array_equal(
            teacher.predict(X), (X[:, :2] - 5).astype("float32")
        )

    @parameterized.parameters(0.25, 0.0, 1.0)
    def test_one_unit_gives_the_logit(self, probability):
        teacher = FunctionTeacher(
            lambda x: np.full((len(x), 1), probability), num_classes=1
        )
        p = np.clip(probability, 1e-7, 1 - 1e-7)
        np.testing.assert_allclose(
            teacher.predict(X), np.full((60, 1), np.log(p / (1 - p))), rtol=1e-6
        )

    def test_sees_a_structure_of_arrays(self):
        teacher = FunctionTeacher(
            lambda x: even(x["a"] + x["b"]), num_classes=2
        )
        tensors = {"a": keras.ops.ones((3, 1)), "b": [[1], [1], [1]]}
        tensors["b"] = np.array(tensors["b"])
        self.assertEqual(teacher.predict(tensors).shape, (3, 2))

    def test_sequences_have_scores_at_each_step(self):
        teacher = FunctionTeacher(
            lambda x: np.full((*x.shape, 2), 0.5), num_classes=2
        )
        self.assertEqual(teacher.predict(X).shape, (60, 4, 2))


class FingerprintTest(absltest.TestCase):
    def test_is_equal_for_a_classifier_that_was_saved_and_loaded(self):
        for model in (
            boosting(),
            ensemble.HistGradientBoostingClassifier(max_iter=2).fit(X, Y),
            neighbors.KNeighborsClassifier().fit(X, Y),
        ):
            copy = pickle.loads(pickle.dumps(model))
            self.assertEqual(
                FunctionTeacher(model).fingerprint(),
                FunctionTeacher(copy).fingerprint(),
            )

    def test_changes_with_what_the_teacher_says(self):
        model = boosting()
        teachers = [
            FunctionTeacher(model),
            FunctionTeacher(boosting(seed=1)),
            FunctionTeacher([model, model]),
            FunctionTeacher([model, model], keep_members=True),
            FunctionTeacher(model, floor=1e-3),
            FunctionTeacher(model, num_classes=4),
            FunctionTeacher(model, identity="first"),
            FunctionTeacher(even, num_classes=3, identity="second"),
        ]
        prints = {teacher.fingerprint() for teacher in teachers}
        self.assertLen(prints, len(teachers))
        self.assertEqual({len(one) for one in prints}, {16})

    def test_predicting_does_not_change_it(self):
        teacher = FunctionTeacher(boosting())
        before = teacher.fingerprint()
        teacher.predict(X)
        self.assertEqual(teacher.fingerprint(), before)

    def test_a_function_needs_an_identity(self):
        with self.assertRaisesRegex(
            ValueError, "`identity` must be given.*identity=None for.*even"
        ):
            FunctionTeacher(even, num_classes=2).fingerprint()


class TeachTest(absltest.TestCase):
    @pytest.mark.slow
    def test_boosting_teaches_a_network_without_labels(self):
        x, y = support.data(600, classes=4)
        y = np.where(x[:, 0] > 0, 0, np.where(x[:, 1] > 0, 1, 2))
        model = ensemble.GradientBoostingClassifier(random_state=0)
        model.fit(x[:200], y[:200])
        transfer, test = x[200:400], x[400:]
        logits = FunctionTeacher(model, floor=1e-3).predict(transfer)
        shuffled = RANDOM.permutation(logits)
        agreement = []
        loss = losses.SoftTargets(2.0)
        loss.build(logits.shape, logits.shape)
        for targets in (logits, shuffled):
            keras.utils.set_random_seed(0)
            student = support.dense(16)
            student.compile(keras.optimizers.Adam(0.02), loss=loss.call)
            student.fit(transfer, targets, epochs=25, verbose=0)
            choice = student.predict(test, verbose=0).argmax(axis=1)
            agreement.append(np.mean(choice == model.predict(test)))
        self.assertGreater(agreement[0], 0.85)
        self.assertLess(agreement[1], agreement[0] - 0.2)

    def test_a_distiller_refuses_it_and_names_the_cache(self):
        teacher = FunctionTeacher(boosting(), name="trees")
        with self.assertRaisesRegex(
            TypeError,
            'training step. Received: teacher=<FunctionTeacher "trees">.*'
            "cache_teacher",
        ):
            support.distiller(teacher=teacher)


if __name__ == "__main__":
    absltest.main()
