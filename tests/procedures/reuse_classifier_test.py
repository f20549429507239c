"""A student that ends in its teacher's classifier."""

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import procedures
from keras_kd import teachers
from tests import support


def with_statistics(width, name):
    """A net whose classifier differs between training and inference."""
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(width, "relu", name="hidden"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(3, name="head"),
        ],
        name=name,
    )
    model.get_layer("norm").moving_mean.assign(np.arange(width) / 10)
    return model


def reuse(**kwargs):
    keras.utils.set_random_seed(0)
    return procedures.reuse_classifier(
        **{
            "teacher": support.dense(8, name="teacher"),
            "student": support.dense(4, name="student"),
            "data": support.data(),
            "teacher_tap": "hidden",
            "student_tap": "hidden",
            "epochs": 1,
            "batch_size": 8,
            "verbose": 0,
        }
        | kwargs
    )


STILL = {"optimizer": keras.optimizers.SGD(0.0), "batch_size": 24}


@support.eager_tests
class ReuseClassifierTest(parameterized.TestCase):
    def test_counts_the_parameters_of_the_parts(self):
        result = reuse()
        # Of 4 inputs, 4 hidden units of the student and 8 of the teacher:
        # dense layers without biases, and four numbers a unit that is
        # normalised.
        projector = 4 * 4 + 4 * 4 + 4 * 8 + 4 * (4 + 4 + 8)
        self.assertEqual(
            result.parameters,
            {"body": 4 * 4 + 4, "projector": projector, "head": 8 * 3 + 3},
        )
        self.assertEqual(
            result.student.count_params(), sum(result.parameters.values())
        )

    def test_loss_is_the_mean_squared_distance_of_the_features(self):
        x, y = support.data()
        teacher = support.dense(8, name="teacher")
        projector = keras.layers.Dense(8, name="map")
        result = reuse(
            teacher=teacher,
            projector=projector,
            validation_data=(x[:5], y[:5]),
            **STILL,
        )
        parts = result.student
        mine = parts.get_layer("projector")(parts.get_layer("body")(x))
        theirs = teacher.get_layer("hidden")(x)
        distances = np.square(np.float64(mine) - np.float64(theirs)).mean(-1)
        (history,) = result.histories.values()
        np.testing.assert_allclose(history["loss"], distances.mean(), 1e-5)
        np.testing.assert_allclose(
            history["val_loss"], distances[:5].mean(), 1e-5
        )

    def test_logs_the_accuracy_with_the_classifier_of_the_teacher(self):
        x, y = support.data()
        result = reuse(validation_data=(x, y), **STILL)
        guesses = result.student.predict(x, verbose=0).argmax(-1)
        self.assertAlmostEqual(
            result.histories["student"]["val_accuracy"][0],
            np.mean(guesses == y),
            places=6,
        )

    def test_classifies_as_the_teacher_where_the_features_are_equal(self):
        teacher = with_statistics(8, "teacher")
        given = keras.models.clone_model(teacher)
        given.set_weights(teacher.get_weights())
        result = reuse(
            teacher=teacher,
            student=given,
            projector=keras.layers.Identity(),
            **STILL,
        )
        x, _ = support.data(seed=3)
        np.testing.assert_allclose(
            result.student.predict(x, verbose=0),
            teacher.predict(x, verbose=0),
            rtol=1e-5,
        )

    def test_trains_body_and_projector_and_no_classifier(self):
        teacher, given = with_statistics(8, "t"), support.dense(4)
        first = support.values(given.weights)
        result = reuse(teacher=teacher, student=given, epochs=2)
        head = result.student.get_layer("head")
        self.assertEmpty(head.trainable_weights)
        theirs = [
            value
            for layer in ("norm", "head")
            for value in support.values(teacher.get_layer(layer).weights)
        ]
        for ours, expected in zip(head.get_weights(), theirs, strict=True):
            np.testing.assert_array_equal(ours, expected)
        # The student's own layers, but for those behind the tap.
        body = result.student.get_layer("body")
        self.assertIs(body.weights[0], given.get_layer("hidden").kernel)
        moved = [
            np.abs(ours - before).max()
            for ours, before in zip(given.get_weights(), first, strict=True)
        ]
        self.assertGreater(min(moved[:2]), 0)
        self.assertEqual(max(moved[2:]), 0)

    def test_needs_no_label(self):
        x, y = support.data()
        labelled, not_labelled = (
            reuse(data=(x, labels))
            for labels in (y.astype("float32"), np.full(len(y), np.nan))
        )
        for ours, theirs in zip(
            labelled.student.get_weights(),
            not_labelled.student.get_weights(),
            strict=True,
        ):
            np.testing.assert_array_equal(ours, theirs)

    def test_the_student_comes_back_from_a_file(self):
        result = reuse(teacher=with_statistics(8, "teacher"))
        path = str(support.folder(self) / "student.keras")
        result.student.save(path)
        again = keras.saving.load_model(path)
        x, _ = support.data(seed=3)
        np.testing.assert_array_equal(
            again.predict(x, verbose=0), result.student.predict(x, verbose=0)
        )
        self.assertLen(
            again.trainable_weights, len(result.student.trainable_weights)
        )

    def test_takes_layers_of_nested_models(self):
        inputs = keras.Input((4,))
        inner = support.dense(8, name="inner")
        outputs = keras.layers.Dense(3)(inner(inputs))
        teacher = keras.Model(inputs, outputs, name="teacher")
        result = reuse(teacher=teacher, teacher_tap="inner/hidden")
        # The rest of the inner model, and the layer behind it.
        self.assertEqual(result.parameters["head"], 8 * 3 + 3 + 3 * 3 + 3)

    def test_takes_models_that_end_in_softmax(self):
        teacher, student = (
            support.dense(width, name=f"soft_{width}", activation="softmax")
            for width in (8, 4)
        )
        result = reuse(
            teacher=teachers.logits(teacher), student=student, **STILL
        )
        logits = result.student.predict(support.data()[0], verbose=0)
        self.assertGreater(np.abs(logits.sum(-1) - 1).max(), 0.01)

    def test_takes_two_inputs(self):
        def net(width, name):
            inputs = {n: keras.Input((2,), name=n) for n in ("left", "right")}
            both = keras.layers.Concatenate()(list(inputs.values()))
            hidden = keras.layers.Dense(width, "relu", name="hidden")(both)
            return keras.Model(inputs, keras.layers.Dense(3)(hidden), name=name)

        x, y = support.data()
        pair = {"left": x[:, :2], "right": x[:, 2:]}
        result = reuse(
            teacher=net(8, "teacher"), student=net(4, "student"), data=(pair, y)
        )
        self.assertEqual(
            result.student.predict(pair, verbose=0).shape, (len(y), 3)
        )


class TrainingTest(absltest.TestCase):
    @pytest.mark.slow
    def test_learns_the_classes_without_labels(self):
        x, new_x = (support.data(600, seed=seed)[0] for seed in (0, 1))
        y, new_y = (each[:, :3].argmax(-1) for each in (x, new_x))
        keras.utils.set_random_seed(1)
        teacher = support.dense(16, name="teacher")
        teacher.compile(keras.optimizers.Adam(0.02), support.cross_entropy())
        teacher.fit(x, y, epochs=20, verbose=0)
        common = {
            "epochs": 30,
            "batch_size": 50,
            "optimizer": keras.optimizers.Adam(0.01),
        }
        made = reuse(teacher=teacher, data=(x, y * np.nan), **common)
        # The features of a teacher that has learned nothing.
        control = reuse(data=(x, y * np.nan), **common)
        found, without = (
            np.mean(one.student.predict(new_x, verbose=0).argmax(-1) == new_y)
            for one in (made, control)
        )
        self.assertGreater(found, without + 0.2)


if __name__ == "__main__":
    absltest.main()
