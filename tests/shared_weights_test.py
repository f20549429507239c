"""Weights that teacher and student have in common."""

import keras
import numpy as np
from absl.testing import absltest
from keras import layers

from tests.refusals import RefusalTest
from tests.refusals import make


def single(*given):
    return keras.Sequential([keras.Input((4,)), *given])


class SharedWeightsTest(RefusalTest):
    def test_shared_statistics_that_training_moves(self):
        norm = layers.BatchNormalization(center=False, scale=False, name="norm")
        norm.build((None, 4))
        self.refuse(
            "must share no weights that training changes",
            "2 shared, such as .*norm/moving_mean",
            teacher=single(norm, layers.Dense(3)),
            student=single(norm, layers.Dense(3)),
        )

    def test_frozen_statistics_may_be_shared(self):
        norm = layers.BatchNormalization(name="norm")
        norm.build((None, 4))
        norm.trainable = False
        teacher = single(norm, layers.Dense(3))
        student = single(norm, layers.Dense(3))
        before = [w.numpy() for w in norm.weights]
        distiller = make(teacher=teacher, student=student)
        distiller.compile("sgd")
        distiller.fit(np.full((8, 4), 9.0, "float32"), verbose=0)
        for was, weight in zip(before, norm.weights, strict=True):
            np.testing.assert_array_equal(was, weight.numpy())

    def test_statistics_that_no_pass_moves_may_be_shared(self):
        scale = layers.Normalization(mean=[1.0] * 4, variance=[2.0] * 4)
        adapted = layers.Normalization()
        adapted.adapt(np.random.default_rng(0).normal(size=(8, 4)))
        make(
            teacher=single(scale, adapted, layers.Dense(3)),
            student=single(scale, adapted, layers.Dense(3)),
        )

    def test_a_shared_layer_that_thaws_after_the_constructor(self):
        norm = layers.BatchNormalization(center=False, scale=False, name="norm")
        norm.build((None, 4))
        norm.trainable = False
        distiller = make(
            teacher=single(norm, layers.Dense(3)),
            student=single(norm, layers.Dense(3)),
        )
        norm.trainable = True
        distiller.compile("sgd")
        with self.assertRaisesRegex(ValueError, "2 shared, such as .*norm/"):
            distiller.fit(np.ones((8, 4), "float32"), verbose=0)


if __name__ == "__main__":
    absltest.main()
