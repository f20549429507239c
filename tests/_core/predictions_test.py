"""Logits of arrays, from anything that gives some."""

import keras
import numpy as np
from absl.testing import absltest

import keras_kd
from keras_kd._core.predictions import predict_logits
from tests import reference
from tests import support

X, _ = support.data(10)


def members():
    keras.utils.set_random_seed(0)
    return [support.dense(8), support.dense(8)]


def sigmoid(x):
    return 1 / (1 + np.exp(-np.float64(x)))


class PredictLogitsTest(absltest.TestCase):
    def test_of_a_model(self):
        model = support.dense(8)
        for batch_size in (None, 3):
            np.testing.assert_allclose(
                predict_logits(model, X, "teacher", batch_size),
                model.predict(X, verbose=0),
                rtol=1e-5,
                atol=1e-6,
            )

    def test_of_members_the_probabilities_are_averaged(self):
        models = members()
        ensemble = keras_kd.teachers.EnsembleTeacher(models)
        for is_multi_label, function in (
            (False, reference.softmax),
            (True, sigmoid),
        ):
            found = predict_logits(
                ensemble, X, "teacher", 4, is_multi_label=is_multi_label
            )
            expected = sum(function(m.predict(X, verbose=0)) for m in models)
            np.testing.assert_allclose(function(found), expected / 2, rtol=1e-5)

    def test_of_a_function_in_parts(self):
        asked = []

        def function(x):
            asked.append(len(x))
            return x

        teacher = keras_kd.teachers.FunctionTeacher(
            function, num_classes=2, from_logits=True
        )
        x = np.zeros((5000, 2))
        found = predict_logits(teacher, x, "teacher", dtype="float64")
        self.assertEqual(found.shape, (5000, 2))
        self.assertEqual(found.dtype, np.float64)
        self.assertEqual(asked, [4096, 904])

    def test_what_is_not_finite_is_refused(self):
        model = support.dense(8, name="broken")
        model.layers[-1].bias.assign([0.0, np.nan, 0.0])
        with self.assertRaisesRegex(
            ValueError, '`teacher` must give finite.*teacher="broken"'
        ):
            predict_logits(model, X, "teacher")
        # What is to be judged may be so.
        self.assertTrue(np.isnan(predict_logits(model, X)[:, 1]).all())


if __name__ == "__main__":
    absltest.main()
