import functools

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import losses
from keras_kd.losses.decoupled_soft_targets import decoupled_divergences
from tests import reference
from tests import support
from tests.losses import logit_cases
from tests.losses import precision
from tests.losses.logit_cases import LABELS
from tests.losses.logit_cases import STUDENT
from tests.losses.logit_cases import TEACHER
from tests.references import logits


def made(labels=LABELS, **kwargs):
    loss = losses.DecoupledSoftTargets(**kwargs)
    return functools.partial(loss, labels=labels)


class DecoupledSoftTargetsTest(parameterized.TestCase):
    @parameterized.parameters((1.0, 1.0, 8.0), (4.0, 0.5, 2.0), (4.0, 0.0, 1.0))
    def test_equals_the_formula(self, temperature, target, others):
        def formula(teacher, student):
            return logits.decoupled(
                teacher, student, LABELS, temperature, target, others
            )

        logit_cases.assert_equal(
            lambda: made(
                temperature=temperature,
                target_weight=target,
                non_target_weight=others,
            ),
            formula,
        )

    def test_of_standardised_logits_has_their_values(self):
        def formula(teacher, student):
            teacher, student = map(logits.standardised, (teacher, student))
            return logits.decoupled(teacher, student, LABELS, 2.0)

        logit_cases.assert_equal(
            lambda: made(temperature=2.0, standardize_logits=True), formula
        )

    def test_with_the_rest_of_the_teacher_it_is_the_divergence(self):
        # KL = target + (1 - p of the label) * others.
        target, others = decoupled_divergences(TEACHER, STUDENT, LABELS)
        rest = 1 - reference.softmax(TEACHER)[range(6), LABELS]
        np.testing.assert_allclose(
            target + rest * others,
            reference.kl_divergence(TEACHER, STUDENT),
            rtol=1e-6,
        )

    @parameterized.parameters(4.0, 50.0)
    def test_float32_keeps_its_digits_when_the_student_is_close(self, t):
        student = TEACHER + 0.01 * STUDENT
        actual = precision.run(lambda: made(temperature=t), TEACHER, student)
        expected = logits.decoupled(TEACHER, student, LABELS, t)
        np.testing.assert_allclose(actual.value, expected, rtol=1e-2)

    def test_a_sure_student_costs_what_its_logits_say(self):
        # The student gives its label 1 - q = exp(-200), which a float cannot
        # tell from 0; log(1 - q) of a difference would be -inf. With p = 1/2:
        # KL = -ln 2 + (0 + 200) / 2.
        loss = made(np.array([0]), temperature=1.0)
        actual = loss(np.zeros((1, 2)), np.array([[200.0, 0.0]]))
        np.testing.assert_allclose(actual, [100 - np.log(2)], rtol=1e-6)

    def test_half_precision_masks_the_label(self):
        # 1000 subtracted from 1e4 would leave the label the highest by far.
        teacher, student = np.zeros((2, 1, 3))
        teacher[0] = [1e4, 2.0, 0.0]
        student[0] = [1e4, 0.0, 2.0]
        actual = precision.run(
            lambda: made(np.array([0]), temperature=1.0, non_target_weight=1.0),
            teacher,
            student,
            "float16",
            "mixed_float16",
        )
        # Odds e^2 : 1 against 1 : e^2: 2 (e^2 - 1) / (e^2 + 1) = 2 tanh 1.
        np.testing.assert_allclose(actual.value, [2 * np.tanh(1)], rtol=1e-5)

    def test_an_example_without_label_is_zero(self):
        labels = np.where(LABELS == 0, -1, LABELS)
        result = precision.run(lambda: made(labels), TEACHER, STUDENT)
        for found in (result.value, np.abs(result.gradient).max(axis=-1)):
            np.testing.assert_array_equal(found == 0, labels == -1)

    def test_takes_labels_of_any_form(self):
        expected = made()(TEACHER, STUDENT)
        for labels in (LABELS[:, None], np.eye(5)[LABELS] * 0.9 + 0.02):
            np.testing.assert_array_equal(
                made(labels)(TEACHER, STUDENT), expected
            )

    def test_keeps_the_positions_of_a_sequence(self):
        teacher, student = (
            np.reshape(x, (2, 3, 5)) for x in (TEACHER, STUDENT)
        )
        actual = made(LABELS.reshape((2, 3)))(teacher, student)
        expected = np.reshape(made()(TEACHER, STUDENT), (2, 3))
        np.testing.assert_allclose(actual, expected, rtol=1e-6)

    def test_of_two_classes_the_others_say_nothing(self):
        loss = made(LABELS % 2, temperature=2.0)
        np.testing.assert_allclose(
            loss(TEACHER[:, :2], STUDENT[:, :2]),
            reference.soft_targets(TEACHER[:, :2], STUDENT[:, :2], 2.0),
            rtol=1e-5,
        )

    def test_a_class_that_the_teacher_rules_out(self):
        teacher = TEACHER.copy()
        teacher[:, 4] = -np.inf
        teacher[3, 3] = -np.inf
        result = precision.run(lambda: made(temperature=1.0), teacher, STUDENT)
        self.assertTrue(np.all(np.isfinite(result.value)))
        self.assertTrue(np.all(np.isfinite(result.gradient)))


@support.eager_tests
class InDistillerTest(absltest.TestCase):
    X, Y = support.data(8)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        keras.utils.set_random_seed(0)
        cls.distiller = support.distiller(losses.DecoupledSoftTargets())
        cls.teacher, cls.student = (
            model.predict(cls.X, verbose=0)
            for model in (cls.distiller.teacher, cls.distiller.student)
        )

    def logged(self, y, loss):
        self.distiller.compile("sgd", loss=loss)
        logs = support.evaluated(self.distiller, self.X, y)
        return logs["decoupled_soft_targets"]

    def test_takes_labels_as_they_come(self):
        values = made(self.Y)(self.teacher, self.student)
        one_hot = keras.losses.CategoricalCrossentropy(from_logits=True)
        for y, loss in (
            (self.Y, support.cross_entropy()),
            (self.Y[:, None], support.cross_entropy()),
            (np.eye(3)[self.Y], one_hot),
        ):
            self.assertAlmostEqual(
                self.logged(y, loss), float(np.mean(values)), places=5
            )

    def test_examples_without_label_leave_it(self):
        y = np.where(np.arange(8) < 3, -1, self.Y)
        values = made(self.Y)(self.teacher, self.student)
        self.assertAlmostEqual(
            self.logged(y, support.cross_entropy(ignore_class=-1)),
            float(np.mean(values[3:])),
            places=5,
        )


if __name__ == "__main__":
    absltest.main()
