"""Losses between models of different resolutions or lengths."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

import keras_kd
from tests import reference
from tests import support
from tests.references import resizing

SIDES = (("student",), ("teacher",))
TEMPERATURE = 2.0
LONG, SHORT = 6, 3
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(5, LONG, 4)).astype("float32")
LABELS = RANDOM.integers(0, 3, (5, SHORT))


def sequences(length=LONG, classes=3):
    """A teacher of all steps, and a student of every second."""
    return [
        keras.Sequential(
            [
                keras.Input((length, 4)),
                *pooling,
                layers.Dense(
                    classes,
                    kernel_initializer=keras.initializers.RandomNormal(
                        stddev=1.0, seed=seed
                    ),
                ),
            ]
        )
        for seed, pooling in ((1, []), (2, [layers.AveragePooling1D(2)]))
    ]


def distiller(side, loss=None, models=None, supervised=None, **options):
    teacher, student = models or sequences()
    soft = keras_kd.losses.SoftTargets(TEMPERATURE, resize=side)
    made = support.distiller(
        loss or soft, teacher=teacher, student=student, **options
    )
    made.compile(
        keras.optimizers.SGD(0.5),
        supervised,
        metrics=[keras_kd.metrics.TeacherAgreement(resize=side)],
    )
    return made


def logits(made, x, side):
    """Those of teacher and student in one size, in float64."""
    both = [
        reference.float64(model.predict(x, verbose=0))
        for model in (made.teacher, made.student)
    ]
    resized = ("teacher", "student").index(side)
    size = both[1 - resized].shape[1:-1]
    both[resized] = resizing.linear(both[resized], *size)
    return both


def soft(both):
    return reference.soft_targets(*both, TEMPERATURE)


def agreed(both):
    teacher, student = (one.argmax(-1) for one in both)
    return teacher == student


@support.eager_tests
class ResizedLossesTest(parameterized.TestCase):
    def check(self, made, side, *data, mask=None, weights=1.0, **options):
        logs = support.evaluated(made, *data, **options)
        both = logits(made, data[0], side)
        mask = np.ones(soft(both).shape, bool) if mask is None else mask
        self.assertTrue(mask.any())
        expected = (soft(both) * weights)[mask].mean()
        np.testing.assert_allclose(logs["soft_targets"], expected, rtol=1e-5)
        np.testing.assert_allclose(
            logs["teacher_agreement"], agreed(both)[mask].mean(), rtol=1e-5
        )

    @parameterized.product(side=("student", "teacher"), length=(LONG, None))
    def test_of_sequences(self, side, length):
        made = distiller(side, models=sequences(length))
        self.check(made, side, X)

    @parameterized.parameters(*SIDES)
    def test_of_maps(self, side):
        models = [
            keras.Sequential(
                [keras.Input((6, 4, 1)), layers.Conv2D(3, 3, strides, "same")]
            )
            for strides in (1, 2)
        ]
        x = RANDOM.normal(size=(2, 6, 4, 1)).astype("float32")
        self.check(distiller(side, models=models), side, x)

    @parameterized.parameters(*SIDES)
    def test_a_step_goes_by_the_gradient_through_it(self, side):
        made = distiller(side)
        kernel = support.values(made.student.weights)[0]
        teacher, student = logits(made, X, side)
        # Of the mean over the positions, by the logits that are compared.
        slope = reference.softmax(student, TEMPERATURE)
        slope = TEMPERATURE * (slope - reference.softmax(teacher, TEMPERATURE))
        slope /= slope[..., 0].size
        if side == "student":
            matrix = resizing.linear(np.eye(SHORT)[None], LONG)[0]
            slope = np.einsum("ls,blc->bsc", matrix, slope)
        pooled = X.reshape(5, SHORT, 2, 4).mean(2)
        made.fit(X, batch_size=5, verbose=0)
        np.testing.assert_allclose(
            support.values(made.student.weights)[0],
            kernel - 0.5 * np.einsum("bsf,bsc->fc", pooled, slope),
            atol=1e-5,
        )

    @parameterized.parameters(*SIDES)
    def test_void_positions_leave(self, side):
        labels = np.where(RANDOM.random(LABELS.shape) < 0.3, 9, LABELS)
        cross_entropy = support.cross_entropy(ignore_class=9)
        mask = labels != 9
        if side == "student":
            mask = np.repeat(mask, 2, axis=1)
        made = distiller(side, supervised=cross_entropy)
        self.check(made, side, X, labels, mask=mask)

    @parameterized.parameters(*SIDES)
    def test_weights_of_positions_are_interpolated(self, side):
        weights = RANDOM.random((5, SHORT))
        fitted = weights
        if side == "student":
            fitted = resizing.linear(weights, LONG)
        made = distiller(side, supervised=support.cross_entropy())
        self.check(made, side, X, LABELS, sample_weight=weights, weights=fitted)

    @parameterized.parameters(*SIDES)
    def test_masks_of_both_models_count(self, side):
        models = []
        for name, length in (("long", LONG), ("short", SHORT)):
            tokens = keras.Input((length,), name=name)
            embedded = layers.Embedding(7, 4, mask_zero=True)(tokens)
            models.append(keras.Model(tokens, layers.Dense(3)(embedded)))
        x = {
            "long": np.array([[1, 2, 3, 0, 0, 0], [1, 2, 3, 4, 5, 6]]),
            "short": np.array([[1, 2, 0], [3, 4, 0]]),
        }
        made = distiller(
            side, models=models, teacher_inputs="long", student_inputs="short"
        )
        long, short = x["long"] != 0, x["short"] != 0
        if side == "student":
            short = resizing.covered(short, LONG)
        else:
            long = resizing.covered(long, SHORT)
        both = [
            reference.float64(model.predict(x[name], verbose=0))
            for model, name in zip(models, x, strict=True)
        ]
        index, size = (1, LONG) if side == "student" else (0, SHORT)
        both[index] = resizing.linear(both[index], size)
        logs = support.evaluated(made, x)
        expected = soft(both)[long & short].mean()
        np.testing.assert_allclose(logs["soft_targets"], expected, rtol=1e-5)

    def test_labels_are_taken_from_the_nearest_position(self):
        loss = keras_kd.losses.DecoupledSoftTargets
        made = distiller(
            None, loss(resize="student"), supervised=support.cross_entropy()
        )
        made.compile("sgd", support.cross_entropy())
        logs = support.evaluated(made, X, LABELS)
        both = logits(made, X, "student")
        expected = loss()(*both, labels=np.repeat(LABELS, 2, axis=1))
        name = "decoupled_soft_targets"
        np.testing.assert_allclose(
            logs[name], float(keras.ops.mean(expected)), rtol=1e-5
        )

    def test_the_average_of_members_is_interpolated(self):
        first, student = sequences()
        second = keras.models.clone_model(first)
        ensemble = keras_kd.teachers.EnsembleTeacher([first, second])
        made = distiller(None, keras_kd.losses.SoftTargets(
            TEMPERATURE, resize="teacher"
        ), [ensemble, student])  # fmt: skip
        made.compile("sgd")
        average = np.log(
            np.mean(
                [
                    reference.softmax(m.predict(X, verbose=0), TEMPERATURE)
                    for m in (first, second)
                ],
                axis=0,
            )
        )
        teacher = resizing.linear(TEMPERATURE * average, SHORT)
        both = teacher, student.predict(X, verbose=0)
        logs = support.evaluated(made, X)
        np.testing.assert_allclose(
            logs["soft_targets"], soft(both).mean(), rtol=1e-5
        )

    @parameterized.parameters(*SIDES)
    def test_through_a_cache(self, side):
        teacher, student = sequences()
        # With one class left out, the rest is that class.
        cached = keras_kd.teachers.cache_teacher(
            teacher,
            X,
            support.folder(self),
            dtype="float32",
            top_k=2,
            verbose=0,
        )
        made = distiller(side, models=[cached, student])
        logs = support.evaluated(made, cached.attach(X).batch(5))
        both = logits(distiller(side, models=[teacher, student]), X, side)
        np.testing.assert_allclose(
            logs["soft_targets"], soft(both).mean(), rtol=1e-5
        )

    def test_is_saved(self):
        loaded = support.through_a_file(distiller("student"))
        self.check(loaded, "student", X)

    @parameterized.parameters((None,), (9,))
    def test_labels_of_another_length_are_refused(self, ignored):
        made = distiller(
            "student", supervised=support.cross_entropy(ignore_class=ignored)
        )
        labels = RANDOM.integers(0, 3, (5, LONG))
        message = r"each position of.*Received: y of shape \(5, 6\).*\[:, ::2"
        with self.assertRaisesRegex(ValueError, message):
            made.fit(X, labels, verbose=0)
        with self.assertRaisesRegex(ValueError, message):
            support.evaluated(made, X, labels)
        support.evaluated(made, X, labels[:, ::2])

    def test_a_feature_of_another_length_is_projected_behind_it(self):
        models = sequences()
        hint = keras_kd.losses.Hint(resize="student", projector=None)
        made = distiller(None, hint, models)
        made.compile("sgd")
        both = logits(made, X, "student")
        np.testing.assert_allclose(
            support.evaluated(made, X)["hint"],
            np.square(both[0] - both[1]).mean(),
            rtol=1e-5,
        )

    def test_half_precision_is_interpolated_in_float32(self):
        loss = keras_kd.losses.LogitRegression(resize="teacher")
        teacher = np.array([[[60000.0], [60004.0]]], "float16")
        value = loss(teacher, np.zeros((1, 1, 1), "float32"))
        exact = reference.float64(teacher).mean() ** 2 / 2
        np.testing.assert_allclose(reference.float64(value), [[exact]])


if __name__ == "__main__":
    absltest.main()
