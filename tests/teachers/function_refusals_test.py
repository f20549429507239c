"""What a teacher of functions and classifiers refuses."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from sklearn import ensemble
from sklearn import multioutput
from sklearn import naive_bayes
from sklearn import svm

from keras_kd.teachers import FunctionTeacher

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 4))
Y = np.argmax(X[:, :3], axis=1)


def boosting(y=Y, seed=0, **kwargs):
    model = ensemble.GradientBoostingClassifier(
        n_estimators=5, subsample=0.5, random_state=seed, **kwargs
    )
    return model.fit(X, y)


def even(x):
    """Probabilities (1/4, 3/4) for all."""
    return np.tile([0.25, 0.75], (len(x), 1))


class RefuseTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("number", 3, TypeError, "must be a function.*Received: 3 at place 0"),
        ("empty", [], ValueError, r"empty list.*function=\[\]"),
        (
            "no_probabilities",
            svm.LinearSVC(),
            TypeError,
            r"`predict_proba`.*LinearSVC\(\).*CalibratedClassifierCV",
        ),
        (
            "not_fitted",
            naive_bayes.GaussianNB(),
            TypeError,
            r"must be a fitted classifier.*GaussianNB\(\)",
        ),
        (
            "several_outputs",
            multioutput.MultiOutputClassifier(naive_bayes.GaussianNB()).fit(
                X, np.stack([Y, Y], axis=1)
            ),
            ValueError,
            "classify once.*with 2 outputs",
        ),
        ("function_alone", even, ValueError, "`num_classes` must be given"),
        (
            "numbers_with_gaps",
            naive_bayes.GaussianNB().fit(X[Y != 1], Y[Y != 1]),
            ValueError,
            r"`num_classes` must be given.*classes \[\(0, 2\)\]",
        ),
        (
            "different_classes",
            [boosting(), naive_bayes.GaussianNB().fit(X, Y == 1)],
            ValueError,
            "`num_classes` must be given",
        ),
    )
    def test_function(self, function, error, message):
        with self.assertRaisesRegex(error, message):
            FunctionTeacher(function)

    @parameterized.named_parameters(
        ("classes", {"num_classes": 0}, ValueError, "num_classes=0"),
        (
            "few",
            {"num_classes": 2},
            ValueError,
            r"num_classes=2 for.*\[0 1 2\]",
        ),
        ("floor", {"floor": 0.0}, ValueError, "`floor` must be.*floor=0.0"),
        ("high", {"floor": 1.0}, ValueError, "below 1.*floor=1.0"),
        ("identity", {"identity": 3}, TypeError, "identity=3 of type int"),
    )
    def test_arguments(self, arguments, error, message):
        with self.assertRaisesRegex(error, message):
            FunctionTeacher(boosting(), **arguments)

    @parameterized.named_parameters(
        ("shape", lambda x: even(x)[:, 0], {}, r"\(60,\) for 60 examples"),
        ("classes", lambda x: np.eye(3)[Y], {}, r"\(60, 3\).*num_classes=2"),
        ("short", lambda x: even(x)[1:], {}, r"\(59, 2\) for 60 examples"),
        (
            "logits",
            lambda x: x[:, :2],
            {},
            "return probabilities.*from_logits=False.*Pass `from_logits=True`",
        ),
        (
            "probabilities",
            even,
            {"from_logits": True},
            "return logits for from_logits=True.*Pass `from_logits=False`",
        ),
        ("nan", lambda x: np.nan * even(x), {}, "finite.*Received: nan"),
        (
            "huge",
            lambda x: 1e300 * x[:, :2],
            {"from_logits": True},
            "finite.*Received: -?inf",
        ),
    )
    def test_answers(self, function, arguments, message):
        teacher = FunctionTeacher(function, num_classes=2, **arguments)
        with self.assertRaisesRegex(ValueError, message):
            teacher.predict(X)

    def test_a_structure_for_a_classifier(self):
        with self.assertRaisesRegex(
            ValueError, "one array for a classifier.*structure of 2 arrays"
        ):
            FunctionTeacher(boosting()).predict({"a": X, "b": X})


if __name__ == "__main__":
    absltest.main()
