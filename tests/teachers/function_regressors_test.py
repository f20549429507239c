"""Regressors as teachers."""

import pickle

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized
from sklearn import cluster
from sklearn import cross_decomposition
from sklearn import ensemble
from sklearn import linear_model
from sklearn import multioutput
from sklearn import neighbors
from sklearn import pipeline
from sklearn import preprocessing
from sklearn import svm

import keras_kd
from keras_kd import losses
from keras_kd.teachers import FunctionTeacher
from tests import support

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 4)).astype("float32")
ONE = X @ [1.0, -2.0, 0.5, 3.0] + 10
TWO = np.stack([ONE, -X[:, 0]], axis=1)


class LikeXgboost:
    """The interface of `xgboost.XGBRegressor`, as far as it is needed.

    It is no class of scikit-learn's, tells whether it is fitted in its own
    way, returns float32, and takes further arguments of `predict`.
    """

    def __init__(self, n_estimators=100):
        self.n_estimators = n_estimators
        self.booster = None

    def get_params(self, deep=True):
        return {"n_estimators": self.n_estimators}

    def __sklearn_is_fitted__(self):
        return self.booster is not None

    def fit(self, X, y):
        self.booster = np.linalg.lstsq(X, y, rcond=None)[0]
        return self

    def predict(self, X, *, output_margin=False, iteration_range=None):
        return (X @ self.booster).astype("float32")


class OnlyPredict:
    def predict(self, x):
        return x.sum(axis=1)


class PredictTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("linear", linear_model.Ridge(), ONE),
        ("forest", ensemble.RandomForestRegressor(3, random_state=0), ONE),
        ("vectors", svm.SVR(), ONE),
        ("column", linear_model.Ridge(), ONE[:, None]),
        (
            "pipeline",
            pipeline.make_pipeline(
                preprocessing.StandardScaler(), linear_model.Ridge()
            ),
            ONE,
        ),
        ("several", neighbors.KNeighborsRegressor(), TWO),
        ("latent", cross_decomposition.PLSRegression(2), TWO),
        (
            "one_each",
            multioutput.MultiOutputRegressor(
                ensemble.GradientBoostingRegressor(n_estimators=3)
            ),
            TWO,
        ),
        ("like_xgboost", LikeXgboost(), ONE),
        ("like_xgboost_several", LikeXgboost(), TWO),
    )
    def test_its_predictions_are_what_it_teaches(self, model, y):
        model.fit(X, y)
        teacher = FunctionTeacher(model)
        answer = teacher.predict(X)
        self.assertEqual(answer.dtype, "float32")
        self.assertEqual(answer.shape, (60, y.size // 60))
        expected = model.predict(X).reshape(60, -1)
        np.testing.assert_array_equal(answer, expected.astype("float32"))

    def test_a_list_is_averaged(self):
        models = [linear_model.Ridge(1e3).fit(X, ONE), OnlyPredict()]
        expected = (models[0].predict(X) + X.sum(axis=1)) / 2
        np.testing.assert_allclose(
            FunctionTeacher(models).predict(X)[:, 0], expected, rtol=1e-6
        )

    def test_images_are_flattened(self):
        teacher = FunctionTeacher(linear_model.Ridge().fit(X, TWO))
        np.testing.assert_array_equal(
            teacher.predict(X.reshape(60, 2, 2)), teacher.predict(X)
        )

    def test_its_fingerprint_is_that_of_its_contents(self):
        def printed(model):
            return FunctionTeacher(model).fingerprint()

        model = LikeXgboost().fit(X, ONE)
        copy = pickle.loads(pickle.dumps(model))
        self.assertEqual(printed(model), printed(copy))
        self.assertNotEqual(printed(model), printed(LikeXgboost().fit(X, -ONE)))


class CacheTest(absltest.TestCase):
    def cached(self, model):
        return keras_kd.teachers.cache_teacher(
            FunctionTeacher(model),
            X,
            support.folder(self),
            dtype="float32",
            batch_size=16,
            verbose=0,
        )

    def test_it_holds_the_predictions(self):
        model = linear_model.Ridge().fit(X, TWO)
        cached = self.cached(model)
        (batch,) = cached.attach(X).batch(60)
        output, _ = cached.read(keras_kd.batch.split(batch)[1]["teacher"])
        # Rows come in other blocks than those predicted here.
        np.testing.assert_allclose(output, model.predict(X), rtol=1e-5)

    @pytest.mark.slow
    def test_a_student_learns_them(self):
        model = linear_model.Ridge(1e-3).fit(X, ONE)
        cached = self.cached(model)
        for loss in (losses.LogitRegression(), losses.Match("mse")):
            keras.utils.set_random_seed(0)
            student = keras.Sequential(
                [keras.Input((4,)), keras.layers.Dense(1)]
            )
            distiller = support.distiller(loss, teacher=cached, student=student)
            distiller.compile(keras.optimizers.Adam(0.3))
            data = cached.attach(X).shuffle(60, seed=0).batch(16)
            distiller.fit(data, epochs=60, verbose=0)
            error = student.predict(X, verbose=0)[:, 0] - model.predict(X)
            # The predictions vary by some 3.7.
            self.assertLess(np.sqrt(np.mean(error**2)), 0.2)


class RefusalTest(parameterized.TestCase):
    @parameterized.named_parameters(
        (
            "not_fitted",
            linear_model.Ridge(),
            TypeError,
            r"fitted regressor.*Ri",
        ),
        ("not_fitted_elsewhere", LikeXgboost(), TypeError, "fitted regressor"),
        (
            "pipeline_not_fitted",
            pipeline.make_pipeline(linear_model.Ridge()),
            TypeError,
            "fitted regressor",
        ),
        ("clusters", cluster.KMeans(2), TypeError, "a regressor.*KMeans"),
        (
            "mixed",
            [OnlyPredict(), lambda x: x],
            ValueError,
            "regressors alone.*OnlyPredict.*a teacher of each",
        ),
    )
    def test_function(self, function, error, message):
        with self.assertRaisesRegex(error, message):
            FunctionTeacher(function)

    @parameterized.named_parameters(
        ("members", {"keep_members": True}, "`keep_members` must be False"),
        ("logits", {"from_logits": True}, "`from_logits` must be False"),
        ("outputs", {"num_classes": 0}, "counts outputs.*num_classes=0"),
    )
    def test_arguments(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            FunctionTeacher(OnlyPredict(), **arguments)

    def test_another_number_of_outputs(self):
        teacher = FunctionTeacher(OnlyPredict(), num_classes=2)
        with self.assertRaisesRegex(
            ValueError, r"Received: shape \(60, 1\) for 60 exam.*outputs=2"
        ):
            teacher.predict(X)

    def test_regressors_that_differ_in_outputs(self):
        models = [linear_model.Ridge().fit(X, y) for y in (ONE, TWO)]
        with self.assertRaisesRegex(ValueError, r"same outputs.*\(60, 2\)"):
            FunctionTeacher(models).predict(X)

    def test_numbers_that_are_not_finite(self):
        model = LikeXgboost().fit(X, ONE)
        model.booster = np.full(4, np.nan)
        with self.assertRaisesRegex(ValueError, "finite numbers.*nan"):
            FunctionTeacher(model).predict(X)


if __name__ == "__main__":
    absltest.main()
