"""One modality teaches another by unlabelled pairs."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import models
from keras_kd import procedures
from tests import reference
from tests import support

CLASSES = 3
# The second modality sees the first through a fixed map, and one number less.
MIX = np.random.default_rng(9).normal(size=(4, 3)).astype("float32")


def vectors(count=240, seed=0):
    """Vectors of the first modality, and labels that they tell."""
    x = np.random.default_rng(seed).normal(size=(count, 4)).astype("float32")
    return x, x[:, :CLASSES].argmax(-1)


def paired(x):
    return {"rgb": x, "depth": x @ MIX}


def trained_teacher():
    keras.utils.set_random_seed(0)
    model = support.dense(12, CLASSES, name="teacher")
    model.compile(keras.optimizers.Adam(0.02), support.cross_entropy())
    model.fit(*vectors(1000), epochs=15, verbose=0)
    return model


def untrained():
    keras.utils.set_random_seed(0)
    return support.dense(12, CLASSES, name="teacher")


def student(width=24, features=3):
    keras.utils.set_random_seed(1)
    return support.dense(width, CLASSES, name="student", features=features)


def transfer(**kwargs):
    return procedures.supervision_transfer(
        **{
            "teacher": untrained(),
            "student": student(),
            "pairs": paired(vectors()[0]),
            "teacher_tap": "hidden",
            "student_tap": "hidden",
            "teacher_inputs": "rgb",
            "student_inputs": "depth",
            "epochs": 1,
            "batch_size": 32,
            "optimizer": keras.optimizers.Adam(0.01),
            "verbose": 0,
        }
        | kwargs
    )


def accuracy(model, x, y):
    return np.mean(model.predict(x, verbose=0).argmax(-1) == y)


class SupervisionTransferTest(parameterized.TestCase):
    def test_a_modality_without_labels_learns_the_classes(self):
        teacher = trained_teacher()
        x, y = vectors(2000, seed=1)
        made = transfer(
            teacher=teacher, epochs=60, pairs=paired(vectors(1000)[0])
        )
        control = transfer(
            teacher=teacher,
            pairs=paired(vectors(1000)[0]),
            optimizer=keras.optimizers.SGD(0.0),
        )
        shown = x @ MIX
        self.assertGreater(accuracy(made.student, shown, y), 0.6)
        self.assertLess(accuracy(control.student, shown, y), 0.5)
        fused = accuracy(made.fusion, paired(x), y)
        self.assertGreater(fused, accuracy(made.student, shown, y))

    def test_labels_help_on_top(self):
        teacher = trained_teacher()
        x, y = vectors(60, seed=3)
        common = {
            "teacher": teacher,
            "epochs": 20,
            "pairs": paired(vectors(600)[0]),
        }
        few = {"labelled": (x @ MIX, y), "fine_tuning_epochs": 30}
        zero, some = transfer(**common), transfer(**common, **few)
        self.assertEmpty(zero.histories["fine_tuning"])
        self.assertGreater(
            accuracy(some.student, x @ MIX, y),
            accuracy(zero.student, x @ MIX, y),
        )

    def test_loss_is_the_squared_distance_of_the_features(self):
        pairs = paired(vectors(32)[0])
        teacher, given = untrained(), student(width=12)
        features = [
            keras.Model(m.inputs[0], m.get_layer("hidden").output).predict(
                x, verbose=0
            )
            for m, x in ((teacher, pairs["rgb"]), (given, pairs["depth"]))
        ]
        expected = np.square(features[0] - features[1]).sum(-1).mean()
        made = transfer(
            teacher=teacher,
            student=given,
            pairs=pairs,
            optimizer=keras.optimizers.SGD(0.0),
        )
        np.testing.assert_allclose(
            made.histories["transfer"]["loss"], expected, rtol=1e-5
        )

    def test_upper_layers_are_copies_of_the_teachers(self):
        teacher = untrained()
        before = support.values(teacher.weights)
        x, y = vectors(32)
        made = transfer(
            teacher=teacher,
            labelled=(x @ MIX, y),
            fine_tuning_epochs=1,
        )
        after = support.values(teacher.weights)
        self.assertEqual(support.largest_difference(before, after), 0)
        zero = transfer(teacher=teacher).student
        np.testing.assert_array_equal(
            zero.layers[-1].get_weights()[0], before[2]
        )
        self.assertGreater(
            np.abs(made.student.layers[-1].get_weights()[0] - before[2]).max(),
            0,
        )

    def test_matches_maps_of_images_through_a_learnt_map_of_channels(self):
        teacher = models.small_convnet((8, 8, 3), 5, (4, 6))
        given = models.small_convnet((8, 8, 1), 5, (4, 4))
        random = np.random.default_rng(0)
        pairs = {
            "rgb": random.random((8, 8, 8, 3)),
            "depth": random.random((8, 8, 8, 1)),
        }
        made = transfer(
            teacher=teacher,
            student=given,
            pairs=pairs,
            teacher_tap="stage2",
            student_tap="stage2",
        )
        weights = [w for w in made.student.weights if w.shape == (1, 1, 4, 6)]
        self.assertLen(weights, 1)
        self.assertEqual(made.student.output.shape, (None, 5))

    def test_fusion_averages_probabilities(self):
        teacher = untrained()
        made = transfer(teacher=teacher)
        x, _ = vectors(20)
        parts = [
            reference.softmax(m.predict(a, verbose=0))
            for m, a in ((teacher, x), (made.student, x @ MIX))
        ]
        fused = made.fusion.predict(paired(x), verbose=0)
        np.testing.assert_allclose(
            np.exp(fused), np.mean(parts, axis=0), rtol=1e-5
        )

    def test_pairs_never_see_a_label(self):
        x, y = vectors(32)
        labelled = tf.data.Dataset.from_tensor_slices((paired(x), y)).batch(8)
        with self.assertRaisesRegex(ValueError, "without labels"):
            transfer(pairs=labelled, batch_size=None)
        with self.assertRaisesRegex(ValueError, "without labels"):
            transfer(pairs=(paired(x), y))
        bare = tf.data.Dataset.from_tensor_slices(paired(x)).batch(8)
        made = transfer(pairs=bare, batch_size=None)
        self.assertNotIn("student_loss", made.histories["transfer"])

    @parameterized.named_parameters(
        ("keys", {"teacher_inputs": "red"}, r"'depth'.*'red'"),
        ("epochs", {"epochs": 0}, "epochs.*0"),
        ("no_labels", {"fine_tuning_epochs": 2}, "labelled.*None"),
        ("no_epochs", {"labelled": (1, 2)}, "fine_tuning_epochs=0"),
        ("tap", {"teacher_tap": "middle"}, "'middle'.*hidden, head"),
        ("student_tap", {"student_tap": "middle"}, "middle"),
    )
    def test_refuses(self, kwargs, message):
        with self.assertRaisesRegex(ValueError, message):
            transfer(**kwargs)

    def test_refuses_a_layer_that_is_passed_by(self):
        inputs = keras.Input((4,))
        one = keras.layers.Dense(4, name="one")(inputs)
        two = keras.layers.add([one, inputs])
        teacher = keras.Model(inputs, keras.layers.Dense(CLASSES)(two))
        with self.assertRaisesRegex(ValueError, "'one'.*passed by"):
            transfer(teacher=teacher, teacher_tap="one")


if __name__ == "__main__":
    absltest.main()
