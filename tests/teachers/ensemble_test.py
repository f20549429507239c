"""Several models as one teacher."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd import losses
from keras_kd import taps
from keras_kd import teachers
from keras_kd._core.tapped_model import TappedModel
from tests import reference
from tests import support

X, Y = support.data()
WEIGHTS = (0.5, 0.2, 0.3)


def members():
    return [
        support.dense(width, name=name)
        for width, name in ((8, "first"), (6, "second"), (5, "third"))
    ]


def stacked(models, x=X):
    return np.stack([model(x) for model in models], axis=1)


class Recorder(keras.callbacks.Callback):
    """Keeps the student's logits as each epoch begins."""

    def __init__(self):
        super().__init__()
        self.logits = []

    def on_epoch_begin(self, epoch, logs=None):
        self.logits.append(np.asarray(self.model.student(X)))


@support.eager_tests
class CombineTest(parameterized.TestCase):
    @parameterized.product(
        temperature=(0.5, 1.0, 4.0, 20.0), weights=(None, WEIGHTS)
    )
    def test_geometric_is_the_softmax_of_the_mean_logits(
        self, temperature, weights
    ):
        models = members()
        teacher = teachers.EnsembleTeacher(models, "geometric", weights)
        log_p = reference.ensemble_log_probabilities(
            stacked(models), weights or [1 / 3] * 3, temperature, "geometric"
        )
        np.testing.assert_allclose(
            keras.ops.softmax(teacher(X) / temperature),
            np.exp(log_p),
            rtol=0,
            atol=1e-6,
        )

    def test_arithmetic_hands_over_the_members(self):
        models = members()
        output = teachers.EnsembleTeacher(models, weights=(5, 2, 3))(X)
        np.testing.assert_allclose(
            output["member_logits"], stacked(models), atol=1e-6
        )
        np.testing.assert_allclose(
            output["member_log_weights"],
            np.log([WEIGHTS] * len(X)),
            rtol=1e-6,
        )

    @parameterized.product(
        combine=("arithmetic", "geometric"), jit_compile=(False, True)
    )
    def test_teaches_its_average_at_an_annealed_temperature(
        self, combine, jit_compile
    ):
        keras.utils.set_random_seed(0)
        models = members()
        distiller = support.distiller(
            losses.SoftTargets(1.0),
            teacher=teachers.EnsembleTeacher(models, combine, WEIGHTS),
        )
        distiller.compile(keras.optimizers.SGD(0.1), jit_compile=jit_compile)
        recorder = Recorder()
        schedule = keras.optimizers.schedules.PolynomialDecay(20.0, 4, 0.5)
        history = distiller.fit(
            X,
            batch_size=len(X),
            epochs=5,
            verbose=0,
            callbacks=[
                keras_kd.callbacks.Anneal("soft_targets.temperature", schedule),
                recorder,
            ],
        ).history
        temperatures = [20.0, 15.125, 10.25, 5.375, 0.5]
        for step, temperature in enumerate(temperatures):
            expected = reference.ensemble_divergence(
                stacked(models),
                WEIGHTS,
                recorder.logits[step],
                temperature,
                combine,
            ).mean()
            actual = history["soft_targets"][step] / temperature**2
            self.assertAlmostEqual(actual, expected, delta=1e-6)
        moved = np.abs(recorder.logits[0] - recorder.logits[-1]).max()
        self.assertGreater(moved, 0.1)

    def test_the_two_averages_differ(self):
        keras.utils.set_random_seed(0)
        models = members()
        distillers = [
            support.distiller(teacher=teachers.EnsembleTeacher(models, combine))
            for combine in ("arithmetic", "geometric")
        ]
        distillers[1].student.set_weights(distillers[0].student.get_weights())
        results = []
        for distiller in distillers:
            distiller.compile("sgd")
            results.append(
                distiller.evaluate(X, verbose=0, return_dict=True)["loss"]
            )
        self.assertGreater(abs(results[0] - results[1]), 1e-4)

    def test_sequences_have_an_average_at_each_step(self):
        models = [
            keras.Sequential([keras.Input((5, 4)), keras.layers.Dense(3)])
            for _ in range(2)
        ]
        x = np.random.default_rng(0).normal(size=(2, 5, 4))
        teacher = teachers.EnsembleTeacher(models, "geometric", (1, 3))
        expected = 0.25 * models[0](x) + 0.75 * models[1](x)
        np.testing.assert_allclose(teacher(x), expected, rtol=1e-5, atol=1e-6)
        output = teachers.EnsembleTeacher(models)(x)
        self.assertEqual(output["member_logits"].shape, (2, 2, 5, 3))

    def test_half_precision_members_are_averaged_in_float32(self):
        model = support.dense(4, dtype="float16")
        output = teachers.EnsembleTeacher([model, support.dense(4)])(X)
        for tensor in output.values():
            self.assertEqual(tensor.dtype, "float32")


class InputGradientTest(absltest.TestCase):
    def test_is_that_of_the_averaged_probability(self):
        class Steepness(losses.DistillationLoss):
            needs = ("teacher_input_gradient",)
            accepts_members = True

            def call(self, teacher, student, teacher_input_gradient):
                slope = keras.ops.sum(teacher_input_gradient**2, axis=1)
                return slope + 0 * keras.ops.sum(student, axis=1)

        models = members()
        teacher = teachers.EnsembleTeacher(models, weights=WEIGHTS)
        distiller = support.distiller(Steepness(), teacher=teacher)
        distiller.compile("sgd")
        actual = distiller.evaluate(X, Y, batch_size=len(X), verbose=0)[0]

        x = tf.constant(X)
        with tf.GradientTape() as tape:
            tape.watch(x)
            p = sum(
                weight * tf.nn.softmax(model(x))
                for weight, model in zip(WEIGHTS, models, strict=True)
            )
            total = -tf.reduce_sum(tf.math.log(tf.gather(p, Y, batch_dims=1)))
        expected = np.square(tape.gradient(total, x)).sum(axis=1).mean()
        np.testing.assert_allclose(actual, expected, rtol=1e-4)


class PreprocessTest(absltest.TestCase):
    def test_each_member_sees_its_own_input(self):
        first, second = members()[:2]
        teacher = teachers.EnsembleTeacher(
            [first, second],
            "geometric",
            preprocess=[None, keras.layers.Rescaling(2.0, offset=1.0)],
        )
        expected = (first(X) + second(2 * X + 1)) / 2
        np.testing.assert_allclose(teacher(X), expected, rtol=1e-5, atol=1e-6)

    def test_one_model_may_stand_twice(self):
        model = members()[0]
        teacher = teachers.EnsembleTeacher(
            [model, model],
            preprocess=[None, keras.layers.Rescaling(-1.0)],
        )
        np.testing.assert_allclose(
            teacher(X)["member_logits"],
            np.stack([model(X), model(-X)], axis=1),
            atol=1e-6,
        )

    def test_members_of_other_input_shapes_fit_in(self):
        resize = keras.Sequential(
            [keras.Input((8, 8, 3)), keras.layers.Resizing(4, 4)]
        )
        model = keras.Sequential(
            [
                keras.Input((4, 4, 3)),
                keras.layers.Flatten(),
                keras.layers.Dense(3),
            ]
        )
        teacher = teachers.EnsembleTeacher(
            [model], "geometric", preprocess=[resize]
        )
        student = keras.Sequential(
            [
                keras.Input((8, 8, 3)),
                keras.layers.Flatten(),
                keras.layers.Dense(3),
            ]
        )
        x = np.random.default_rng(0).random((4, 8, 8, 3)).astype("float32")
        np.testing.assert_allclose(teacher(x), model(resize(x)), atol=1e-6)
        distiller = support.distiller(teacher=teacher, student=student)
        distiller.compile("sgd")
        distiller.fit(x, verbose=0)

    def test_augmentation_is_off(self):
        noise = keras.layers.GaussianNoise(1.0)
        model = members()[0]
        teacher = teachers.EnsembleTeacher(
            [model], "geometric", preprocess=[noise]
        )
        np.testing.assert_array_equal(teacher(X, training=False), model(X))


@support.eager_tests
class TapTest(absltest.TestCase):
    def test_layers_of_members_are_taps(self):
        teacher = teachers.EnsembleTeacher(members()[:2])
        self.assertEqual(
            taps.names(teacher),
            [
                "models/0",
                "models/0/hidden",
                "models/0/head",
                "models/1",
                "models/1/hidden",
                "models/1/head",
            ],
        )
        for tap in ("second/hidden", "models/1/hidden"):
            hint = losses.Hint(teacher_tap=tap, student_tap="hidden")
            distiller = support.distiller(
                [losses.SoftTargets(), hint], teacher=teacher
            )
            self.assertEqual(
                hint.get_build_config()["shapes_dict"]["teacher_shape"],
                (None, 6),
            )
            distiller.compile("sgd")
            distiller.fit(X, verbose=0)

    def test_a_tap_gives_the_members_feature(self):
        models = members()
        teacher = teachers.EnsembleTeacher(models)
        tapped = TappedModel(teacher, ["second/hidden"])
        _, tensors = tapped(X, training=False)
        np.testing.assert_array_equal(
            tensors["second/hidden"], models[1].get_layer("hidden")(X)
        )


support.mark_slow(CombineTest, "test_teaches_its_average", but=["0", "3"])


if __name__ == "__main__":
    absltest.main()
