import keras
import numpy as np
from absl.testing import absltest

import keras_kd
from keras_kd import teachers
from tests import support
from tests.mechanisms import normalized_net

X, _ = support.data(8)


def made(decay=0.99, rate=0.1, dropout=0.0, student=None, loss=True):
    """A Distiller of a student with batch statistics and its average."""
    keras.utils.set_random_seed(0)
    student = student or normalized_net("student", dropout)
    distiller = support.distiller(
        keras_kd.losses.ProbabilityRegression(loss_weight=5.0),
        teacher=teachers.MovingAverageTeacher(student, decay),
        student=student,
    )
    distiller.compile(
        keras.optimizers.SGD(rate),
        support.cross_entropy(ignore_class=-1) if loss else None,
    )
    return distiller


def labels(seed=0):
    """Every second example has one."""
    random = np.random.default_rng(seed)
    return np.where(np.arange(8) % 2, -1, random.integers(0, 3, 8))


def apart(first, second):
    return support.largest_difference(
        support.values(first), support.values(second)
    )


def step(distiller, y=None):
    return distiller.train_on_batch(
        X, labels() if y is None else y, return_dict=True
    )


@support.eager_tests
class UpdateTest(absltest.TestCase):
    def followed(self, decay, parts):
        """Compares with a float64 average of the student's weights.

        Args:
            decay: Of the teacher.
            parts: What stays of the average in each update.
        """
        distiller = made(decay)
        students = distiller.student.trainable_weights
        expected = [
            value.astype("float64") for value in support.values(students)
        ]
        for part in parts:
            step(distiller)
            expected = [
                part * mine + (1 - part) * theirs
                for mine, theirs in zip(
                    expected, support.values(students), strict=True
                )
            ]
        mine = distiller.teacher.model.trainable_weights
        found = support.values(mine)
        self.assertLess(support.largest_difference(found, expected), 1e-6)
        self.assertGreater(apart(mine, students), 1e-4)

    def test_is_the_plain_average_at_first(self):
        # 1/2 of two, 2/3 of three, 3/4 of four.
        self.followed(0.99, [1 / 2, 2 / 3, 3 / 4])

    def test_then_decays(self):
        self.followed(0.6, [1 / 2, 0.6, 0.6])

    def test_a_decay_of_0_is_the_student(self):
        distiller = made(0.0)
        step(distiller)
        students = distiller.student.trainable_weights
        mine = distiller.teacher.model.trainable_weights
        self.assertEqual(apart(mine, students), 0)

    def test_moves_frozen_weights_that_train_later(self):
        student = support.dense(4, name="student")
        student.get_layer("hidden").trainable = False
        distiller = made(0.5, student=student)
        student.get_layer("hidden").trainable = True
        distiller.compile(keras.optimizers.SGD(0.1), support.cross_entropy())
        first = support.values(student.weights)
        step(distiller, np.zeros(8))
        expected = [
            (mine + new) / 2
            for mine, new in zip(
                first, support.values(student.weights), strict=True
            )
        ]
        found = support.values(distiller.teacher.model.weights)
        self.assertLess(support.largest_difference(found, expected), 1e-6)

    def test_the_given_model_and_its_copy_share_nothing(self):
        student = normalized_net("student")
        teacher = teachers.MovingAverageTeacher(student)
        before = support.values(student.weights)
        teacher.model.set_weights([w + 1 for w in teacher.model.get_weights()])
        after = support.values(student.weights)
        self.assertEqual(support.largest_difference(before, after), 0)


@support.eager_tests
class ModeTest(absltest.TestCase):
    def test_its_own_passes_move_its_statistics(self):
        distiller = made()
        step(distiller)
        layer = distiller.teacher.model.get_layer("normalization")
        # From 0 and 1, by Keras's momentum. An average of the student's, which
        # are these, would be half as far.
        expected = [0.01 * X.mean(axis=0), 0.99 + 0.01 * X.var(axis=0)]
        found = [layer.moving_mean, layer.moving_variance]
        for one, value in zip(support.values(found), expected, strict=True):
            np.testing.assert_allclose(one, value, rtol=1e-5, atol=1e-7)

    def test_a_training_step_takes_the_statistics_of_the_batch(self):
        # Equal weights, which stay: both models give the same in one mode.
        self.assertLess(step(made(rate=0.0))["probability_regression"], 1e-12)

    def test_its_dropout_draws_other_numbers_than_the_students(self):
        term = step(made(rate=0.0, dropout=0.5))["probability_regression"]
        self.assertGreater(term, 1e-3)

    def test_evaluation_is_in_inference_mode_and_changes_nothing(self):
        distiller = made(dropout=0.5)
        step(distiller)
        before = support.values(distiller.teacher.variables)
        logs = support.evaluated(distiller, X, labels())
        after = support.values(distiller.teacher.variables)
        self.assertEqual(support.largest_difference(before, after), 0)
        first, second = (
            keras.ops.convert_to_numpy(keras.ops.softmax(model(X)))
            for model in (distiller.teacher.model, distiller.student)
        )
        expected = 0.5 * np.sum((first - second) ** 2, axis=-1).mean()
        self.assertAlmostEqual(
            logs["probability_regression"], expected, delta=1e-6
        )

    def test_unlabelled_examples_are_compared_and_not_supervised(self):
        distiller = made(rate=0.0, dropout=0.5)
        logs = step(distiller, np.full(8, -1))
        self.assertEqual(logs["student_loss"], 0)
        self.assertGreater(logs["probability_regression"], 1e-3)


@support.eager_tests
class SavingTest(absltest.TestCase):
    def assert_goes_on(self, whole, resumed):
        for one in (whole, resumed):
            for _ in range(2):
                step(one)
        for model in ("teacher", "student"):
            first, second = (
                getattr(one, model).variables for one in (whole, resumed)
            )
            self.assertEqual(apart(first, second), 0)

    def test_a_resumed_run_ends_in_the_same_bits(self):
        whole = made(dropout=0.5)
        step(whole)
        path = str(support.folder(self) / "d.weights.h5")
        whole.save_weights(path)
        resumed = made(dropout=0.5)
        resumed.optimizer.build(resumed.trainable_variables)
        resumed.load_weights(path)
        self.assert_goes_on(whole, resumed)

    def test_a_loaded_distiller_ends_in_the_same_bits(self):
        whole = made(dropout=0.5)
        step(whole)
        self.assert_goes_on(whole, support.through_a_file(whole))

    def test_its_config_makes_it_again(self):
        teacher = teachers.MovingAverageTeacher(
            normalized_net("student"), 0.9, name="slow"
        )
        again = support.through_a_file(teacher)
        self.assertEqual((again.name, again.decay), ("slow", 0.9))
        self.assertEqual(apart(again.variables, teacher.variables), 0)

    def test_the_average_is_a_model_of_its_own(self):
        distiller = made()
        step(distiller)
        average = support.through_a_file(distiller.teacher.model)
        first, second = (
            one.predict(X, verbose=0) for one in (average, distiller.teacher)
        )
        np.testing.assert_array_equal(first, second)


if __name__ == "__main__":
    absltest.main()
