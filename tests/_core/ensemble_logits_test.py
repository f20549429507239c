"""The members' form, by which an ensemble leaves the average to a loss."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import ops

from keras_kd import losses
from keras_kd import metrics
from keras_kd._core import ensemble_logits
from tests import reference

RANDOM = np.random.default_rng(0)
MEMBERS = RANDOM.normal(size=(5, 3, 4), scale=3).astype("float32")
STUDENT = RANDOM.normal(size=(5, 4)).astype("float32")
WEIGHTS = np.array([0.5, 0.2, 0.3])


def form(members=MEMBERS, weights=WEIGHTS):
    log_weights = np.broadcast_to(np.log(weights), members.shape[:2])
    return {
        "member_logits": ops.convert_to_tensor(members, "float32"),
        "member_log_weights": ops.convert_to_tensor(log_weights, "float32"),
    }


def expected(temperature, members=MEMBERS):
    return reference.ensemble_log_probabilities(
        members, WEIGHTS, temperature, "arithmetic"
    )


class AverageTest(parameterized.TestCase):
    @parameterized.parameters(0.5, 1.0, 4.0, 20.0)
    def test_is_the_weighted_mean_of_softened_probabilities(self, temperature):
        actual = ensemble_logits.average_probabilities(
            form(), lambda x: ops.log_softmax(x / temperature)
        )
        np.testing.assert_allclose(
            np.exp(actual), np.exp(expected(temperature)), rtol=0, atol=1e-6
        )

    def test_the_sum_of_the_weights_does_not_matter(self):
        first, second = (
            ensemble_logits.average_probabilities(
                form(weights=w), ops.log_softmax
            )
            for w in (WEIGHTS, 7 * WEIGHTS)
        )
        np.testing.assert_allclose(first, second, atol=1e-6)

    def test_keeps_the_axes_of_positions(self):
        members = RANDOM.normal(size=(2, 3, 6, 4)).astype("float32")
        actual = ensemble_logits.average_probabilities(
            form(members), ops.log_softmax
        )
        np.testing.assert_allclose(actual, expected(1, members), atol=1e-5)


class AsLogitsTest(parameterized.TestCase):
    @parameterized.parameters(1.0, 3.0)
    def test_their_softmax_is_the_average(self, temperature):
        logits = ensemble_logits.as_logits(form(), temperature)
        np.testing.assert_allclose(
            ops.softmax(logits / temperature),
            np.exp(expected(temperature)),
            atol=1e-6,
        )

    @parameterized.parameters(1.0, 3.0)
    def test_of_one_unit_the_sigmoid_is_the_average(self, temperature):
        members = MEMBERS[..., :1]
        logits = ensemble_logits.as_logits(form(members), temperature)
        yes = reference.sigmoid(members / temperature)[..., 0] @ WEIGHTS
        np.testing.assert_allclose(
            ops.sigmoid(logits / temperature)[:, 0], yes, atol=1e-6
        )

    @parameterized.parameters(1.0, 3.0)
    def test_of_labels_each_sigmoid_is_the_average(self, temperature):
        logits = ensemble_logits.as_logits(
            form(), temperature, is_multi_label=True
        )
        p = np.moveaxis(reference.sigmoid(MEMBERS / temperature), 1, -1)
        np.testing.assert_allclose(
            ops.sigmoid(logits / temperature), p @ WEIGHTS, atol=1e-6
        )

    def test_one_tensor_stays_as_it_is(self):
        self.assertIs(ensemble_logits.as_logits(STUDENT), STUDENT)
        self.assertEqual(
            ensemble_logits.as_logits(STUDENT, dtype="float64").dtype, "float64"
        )


class ShapeTest(absltest.TestCase):
    def test_the_logits_have_no_axis_of_members(self):
        self.assertEqual(
            ensemble_logits.logits_shape(ensemble_logits.shape(form())), (5, 4)
        )
        self.assertEqual(ensemble_logits.logits_shape([None, 4]), (None, 4))


class LossTest(parameterized.TestCase):
    @parameterized.parameters(0.5, 1.0, 4.0, 20.0)
    def test_soft_targets_average_at_their_temperature(self, temperature):
        loss = losses.SoftTargets(temperature)
        actual = loss(form(), STUDENT) / temperature**2
        divergence = reference.ensemble_divergence(
            MEMBERS, WEIGHTS, STUDENT, temperature, "arithmetic"
        )
        np.testing.assert_allclose(actual, divergence, rtol=0, atol=1e-6)

    @parameterized.parameters(1.0, 4.0)
    def test_binary_soft_targets_average_each_label(self, temperature):
        loss = losses.BinarySoftTargets(temperature)
        p = np.moveaxis(reference.sigmoid(MEMBERS / temperature), 1, -1)
        p = p @ WEIGHTS
        # One sigmoid unit is the two logits (x, 0).
        teacher = temperature * (np.log(p) - np.log1p(-p))
        np.testing.assert_allclose(
            loss(form(), STUDENT),
            reference.binary_soft_targets(teacher, STUDENT, temperature),
            rtol=1e-4,
            atol=1e-6,
        )

    def test_equal_members_are_one_teacher(self):
        teacher = MEMBERS[:, 0]
        three = np.stack([teacher] * 3, axis=1)
        loss = losses.SoftTargets(4.0)
        np.testing.assert_allclose(
            loss(form(three), STUDENT), loss(teacher, STUDENT), rtol=1e-4
        )
        np.testing.assert_allclose(loss(form(three), teacher), 0, atol=1e-6)

    def test_the_shape_of_the_logits_must_be_the_students(self):
        with self.assertRaisesRegex(
            ValueError,
            r"scores of the same classes.*Received: teacher logits of shape "
            r"\(5, 4\), student logits of shape \(5, 3\)",
        ):
            losses.SoftTargets()(form(), STUDENT[:, :3])


class MetricTest(absltest.TestCase):
    def test_divergence_averages_at_its_temperature(self):
        metric = metrics.TeacherDivergence(temperature=3.0)
        metric.update_state(form(), STUDENT)
        divergence = reference.ensemble_divergence(
            MEMBERS, WEIGHTS, STUDENT, 3.0, "arithmetic"
        )
        np.testing.assert_allclose(
            metric.result(), divergence.mean(), rtol=1e-5
        )

    def test_agreement_is_with_the_averaged_probabilities(self):
        # Two members that are nearly sure of class 1, and one with a higher
        # logit for class 0: the mean of the logits would choose class 0.
        members = np.array([[[0.0, 4.0], [0.0, 4.0], [50.0, 0.0]]])
        metric = metrics.TeacherAgreement()
        metric.update_state(form(members, np.ones(3)), [[0.0, 1.0]])
        self.assertEqual(float(metric.result()), 1.0)


if __name__ == "__main__":
    absltest.main()
