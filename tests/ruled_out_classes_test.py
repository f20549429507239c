"""Teachers that rule a class out with a logit of -inf."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from tests import support

losses = keras_kd.losses


class Ruling(keras.layers.Layer):
    """Gives the first class a fixed logit."""

    def __init__(self, value, **kwargs):
        super().__init__(**kwargs)
        self.value = value

    def call(self, x):
        is_first = keras.ops.arange(3) == 0
        return keras.ops.where(is_first, self.value, x)


def teacher(value=-np.inf):
    return keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3), Ruling(value)],
        name="judge",
    )


def fit(loss, model):
    distiller = support.distiller(loss, teacher=model)
    distiller.compile(
        "sgd", metrics=[keras_kd.metrics.TeacherDivergence()], jit_compile=False
    )
    return distiller.fit(support.data()[0], verbose=0).history


class RuledOutClassesTest(parameterized.TestCase):
    @parameterized.parameters(
        losses.SoftTargets,
        losses.BinarySoftTargets,
        losses.ProbabilityRegression,
    )
    def test_teach_where_a_softmax_follows(self, kind):
        history = fit(kind(), teacher())
        for values in history.values():
            self.assertTrue(np.isfinite(values).all(), history)

    def test_a_bias_of_minus_infinity_teaches(self):
        model = support.dense(8)
        model.get_layer("head").bias.assign([-np.inf, 0.0, 0.0])
        self.assertTrue(np.isfinite(fit(None, model)["loss"]).all())

    @parameterized.parameters(
        (losses.LogitRegression, -np.inf),
        (losses.SoftTargets, np.nan),
        (losses.SoftTargets, np.inf),
    )
    def test_other_numbers_stop_the_run(self, kind, value):
        with self.assertRaisesRegex(
            tf.errors.InvalidArgumentError,
            'The teacher "judge" must give finite numbers at its output',
        ):
            fit(kind(), teacher(value))

    def test_examples_that_the_teacher_cannot_judge_are_taken_out(self):
        x, _ = support.data()
        x[3] = np.nan
        teacher = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        distiller = support.distiller(teacher=teacher)
        distiller.compile("sgd", jit_compile=False)
        for run in (distiller.evaluate, distiller.train_on_batch):
            with self.assertRaisesRegex(
                tf.errors.InvalidArgumentError, r"^The teacher .*Received: NaN"
            ):
                run(x)
        # As the message says.
        answers = distiller.teacher.predict(x, verbose=0)
        x = x[np.all(np.isfinite(answers), axis=-1)]
        history = distiller.fit(x, verbose=0).history
        self.assertTrue(np.isfinite(history["loss"][0]))

    def test_beside_a_loss_of_the_logits_themselves_they_stop_it(self):
        with self.assertRaisesRegex(
            tf.errors.InvalidArgumentError, 'The teacher "judge"'
        ):
            fit([losses.SoftTargets(), losses.LogitRegression()], teacher())

    @parameterized.parameters("float16", "float32")
    def test_are_cached(self, dtype):
        x, _ = support.data()
        cached = keras_kd.teachers.cache_teacher(
            teacher(), x, support.folder(self), dtype=dtype, verbose=0
        )
        distiller = support.distiller(teacher=cached)
        distiller.compile("sgd", jit_compile=False)
        history = distiller.fit(cached.attach(x).batch(8), verbose=0).history
        self.assertTrue(np.isfinite(history["loss"]).all())

    def test_from_a_cache_stop_a_loss_of_the_logits_themselves(self):
        x, _ = support.data()
        cached = keras_kd.teachers.cache_teacher(
            teacher(), x, support.folder(self), verbose=0
        )
        distiller = support.distiller(losses.LogitRegression(), teacher=cached)
        distiller.compile("sgd", jit_compile=False)
        with self.assertRaisesRegex(
            tf.errors.InvalidArgumentError, "must give finite numbers"
        ):
            distiller.fit(cached.attach(x).batch(8), verbose=0)


if __name__ == "__main__":
    absltest.main()
