"""Copies of models share nothing with them."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd._core import model_copies
from tests import support


@keras.saving.register_keras_serializable("keras_kd_tests")
class Subclassed(keras.Model):
    """A model that knows its shapes from the first call."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.head = keras.layers.Dense(3)

    def call(self, x):
        return self.head(x)


def subclassed():
    model = Subclassed()
    model(np.zeros((1, 4)))
    return model


@parameterized.named_parameters(
    ("sequential", lambda: support.dense(5)), ("subclassed", subclassed)
)
class ModelCopiesTest(parameterized.TestCase):
    def test_a_fresh_copy_has_other_weights(self, make):
        model = make()
        copy = model_copies.fresh_copy(model)
        shapes = [[w.shape for w in one.weights] for one in (model, copy)]
        self.assertEqual(*shapes)
        self.assertGreater(
            support.largest_difference(
                support.values(model.weights), support.values(copy.weights)
            ),
            0,
        )

    def test_an_equal_copy_has_weights_of_its_own(self, make):
        model = make()
        copy = model_copies.equal_copy(model)
        x, _ = support.data()
        before = model.predict(x, verbose=0)
        np.testing.assert_array_equal(copy.predict(x, verbose=0), before)
        for variable in copy.weights:
            variable.assign(variable + 1)
        np.testing.assert_array_equal(model.predict(x, verbose=0), before)

    def test_a_copy_has_no_optimizer(self, make):
        model = make()
        model.compile("adam", support.cross_entropy())
        model.fit(*support.data(), verbose=0)
        copy = model_copies.equal_copy(model)
        self.assertIsNone(getattr(copy, "optimizer", None))


if __name__ == "__main__":
    absltest.main()
