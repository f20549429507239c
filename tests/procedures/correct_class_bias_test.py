"""The student's biases move as they should, and nothing else does."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from keras_kd import procedures
from keras_kd import teachers
from tests import support

X, _ = support.data(count=40)
CLASSES = 5


def net(seed, *end):
    """A net that nearly never predicts class 2."""
    keras.utils.set_random_seed(seed)
    made = support.dense(8, CLASSES, name=f"net{seed}")
    made.layers[-1].bias.assign([0.5, 0.0, -6.0, 0.2, -0.3])
    return keras.Sequential([made, *end]) if end else made


def teacher():
    keras.utils.set_random_seed(9)
    return support.dense(16, CLASSES, name="teacher")


def logits_of(model):
    return model.predict(X, verbose=0).astype("float64")


def masses(model):
    e = np.exp(logits_of(model))
    return (e / e.sum(axis=-1, keepdims=True)).mean(axis=0)


def correct(student=None, **kwargs):
    if "teacher_mass" not in kwargs:
        kwargs = {"teacher": teacher()} | kwargs
    return procedures.correct_class_bias(
        student=student or net(0), **{"x": X, "classes": 2} | kwargs
    )


@support.eager_tests
class CorrectClassBiasTest(parameterized.TestCase):
    @parameterized.parameters(2, [2], ([0, 2, 4],))
    def test_the_masses_are_those_of_the_teacher(self, classes):
        student = net(0)
        result = correct(student, classes=classes)
        wanted = masses(teacher())[np.atleast_1d(classes)]
        actual = masses(result.student)[np.atleast_1d(classes)]
        self.assertGreater(
            np.abs(masses(student)[np.atleast_1d(classes)] - wanted).max(), 0.1
        )
        np.testing.assert_allclose(actual, wanted, atol=1e-5)
        np.testing.assert_allclose(result.mass_after, wanted, atol=1e-5)
        np.testing.assert_allclose(result.mass_wanted, wanted, atol=1e-5)
        np.testing.assert_allclose(
            result.mass_before,
            masses(student)[np.atleast_1d(classes)],
            atol=1e-5,
        )

    def test_only_the_logits_of_the_classes_move_and_by_the_shifts(self):
        student = net(0)
        result = correct(student, classes=[4, 2])
        moved = logits_of(result.student) - logits_of(student)
        expected = np.zeros(CLASSES)
        expected[[4, 2]] = result.shifts
        self.assertEqual(result.classes, (4, 2))
        np.testing.assert_allclose(
            moved, np.tile(expected, (len(X), 1)), atol=1e-5
        )

    def test_the_order_of_the_other_classes_stays(self):
        student = net(0)
        result = correct(student, teacher_mass=0.4)
        others = [0, 1, 3, 4]
        np.testing.assert_array_equal(
            logits_of(result.student)[:, others].argsort(axis=-1),
            logits_of(student)[:, others].argsort(axis=-1),
        )
        before = (logits_of(student).argmax(axis=-1) == 2).sum()
        after = (logits_of(result.student).argmax(axis=-1) == 2).sum()
        self.assertGreater(after, before)

    def test_the_given_student_stays_as_it_is(self):
        student, old = net(0), support.values(net(0).variables)
        result = correct(student)
        self.assertIsNot(result.student, student)
        self.assertEqual(result.student.name, student.name)
        self.assertEqual(
            support.largest_difference(old, support.values(student.variables)),
            0,
        )
        new = support.values(result.student.weights)
        # All but the last, which is the bias of the head.
        self.assertEqual(support.largest_difference(old[:-1], new[:-1]), 0)
        self.assertGreater(np.abs(old[-1] - new[-1])[2], 1)

    def test_the_result_is_frozen(self):
        with self.assertRaises(dataclasses.FrozenInstanceError):
            correct().shifts = ()

    def test_a_student_that_agrees_is_not_moved(self):
        result = correct(teacher=net(0))
        np.testing.assert_allclose(result.shifts, 0, atol=1e-5)

    def test_a_prior_stands_for_a_teacher(self):
        result = correct(classes=[2, 0], teacher_mass=[0.25, 0.1])
        np.testing.assert_allclose(
            masses(result.student)[[2, 0]], [0.25, 0.1], atol=1e-5
        )

    def test_an_ensemble_counts_as_its_mean_probability(self):
        members = [teacher(), net(3)]
        result = correct(teacher=teachers.EnsembleTeacher(members))
        wanted = np.mean([masses(m)[2] for m in members])
        self.assertAlmostEqual(masses(result.student)[2], wanted, places=5)

    def test_reads_batches_of_a_data_set_without_its_labels(self):
        data = tf.data.Dataset.from_tensor_slices((X, np.zeros(len(X))))
        result = correct(x=data.batch(7))
        np.testing.assert_allclose(result.shifts, correct().shifts, atol=1e-5)

    def test_moves_the_last_layer_of_nested_and_functional_models(self):
        inputs = keras.Input((4,))
        nested = keras.Model(inputs, net(0)(inputs), name="outer")
        result = correct(nested)
        np.testing.assert_allclose(result.shifts, correct().shifts, atol=1e-5)
        self.assertAlmostEqual(
            masses(result.student)[2], masses(teacher())[2], places=5
        )

    def test_takes_a_compiled_student(self):
        student = net(0)
        student.compile("adam", support.cross_entropy())
        self.assertGreater(correct(student).shifts[0], 1)


class RefusalsTest(parameterized.TestCase):
    @parameterized.parameters(
        5, -1, ([],), ([1, 1],), (list(range(CLASSES)),), 1.0, True
    )
    def test_classes(self, classes):
        with self.assertRaisesRegex(
            ValueError, "`classes` must be.*from 0 to 4.*Received: classes="
        ):
            correct(classes=classes)

    @parameterized.parameters(0.0, 1.0, -0.1, float("nan"), ([0.2, 0.2],))
    def test_teacher_mass(self, mass):
        with self.assertRaisesRegex(
            ValueError, "`teacher_mass` must give each.*Received"
        ):
            correct(teacher_mass=mass)

    @parameterized.parameters(None, 0.2)
    def test_one_of_teacher_and_mass(self, mass):
        with self.assertRaisesRegex(ValueError, "not both.*teacher_mass="):
            correct(
                teacher=None if mass is None else teacher(), teacher_mass=mass
            )

    @parameterized.named_parameters(
        (
            "no_bias",
            lambda: support.dense(3, CLASSES, use_bias=False),
            "units, use_bias=False",
        ),
        (
            "another_layer",
            lambda: net(0, layers.BatchNormalization(name="end")),
            'last layer with weights is "end" .BatchNormalization',
        ),
        (
            "an_activation_of_the_dense",
            lambda: support.dense(3, CLASSES, activation="tanh"),
            "added to its logits",
        ),
        (
            "an_activation_behind_it",
            lambda: net(0, layers.Rescaling(3.0)),
            "added to its logits",
        ),
        (
            "probabilities",
            lambda: support.dense(3, CLASSES, activation="softmax"),
            "must give logits",
        ),
        ("one_class", lambda: support.dense(3, 1), "at least two classes"),
    )
    def test_student(self, make, message):
        with self.assertRaisesRegex(ValueError, f"`student` .*{message}"):
            correct(make(), classes=0, teacher_mass=0.3)

    def test_student_that_is_no_model(self):
        with self.assertRaisesRegex(TypeError, "student.*Received.*3"):
            correct(3)

    def test_logits_that_are_not_finite(self):
        student = net(0)
        student.layers[-1].bias.assign(np.full(CLASSES, np.nan))
        with self.assertRaisesRegex(ValueError, "`student` .*finite.*net0"):
            correct(student)

    def test_teacher_of_other_classes(self):
        with self.assertRaisesRegex(ValueError, "with 3 classes.*with 5"):
            correct(teacher=support.dense(3, name="few"))


if __name__ == "__main__":
    absltest.main()
