import functools

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import losses
from tests.losses import logit_cases
from tests.losses import precision
from tests.losses.logit_cases import LABELS
from tests.losses.logit_cases import STUDENT
from tests.losses.logit_cases import TEACHER
from tests.references import logits


def made(labels=LABELS, **kwargs):
    loss = losses.NormalizedSoftTargets(**kwargs)
    return functools.partial(loss, labels=labels)


class NormalizedSoftTargetsTest(parameterized.TestCase):
    @parameterized.parameters((1.0, 1.5), (4.0, 0.5), (2.0, 0.0))
    def test_equals_the_formula(self, temperature, weight):
        logit_cases.assert_equal(
            lambda: made(temperature=temperature, non_target_weight=weight),
            lambda teacher, student: logits.normalised(
                teacher, student, LABELS, temperature, weight
            ),
        )

    def test_the_temperature_leaves_the_label_alone(self):
        first, second = (
            made(temperature=t, non_target_weight=0.0)(TEACHER, STUDENT)
            for t in (1.0, 8.0)
        )
        np.testing.assert_array_equal(first, second)

    def test_the_label_is_not_among_the_others(self):
        # A mask that hides nothing would see the change of the label's logit.
        changed = STUDENT + 3 * np.eye(5)[LABELS]
        differences = [
            np.subtract(
                made(non_target_weight=1.0)(TEACHER, student),
                made(non_target_weight=0.0)(TEACHER, student),
            )
            for student in (STUDENT, changed)
        ]
        np.testing.assert_allclose(*differences, rtol=1e-5)

    def test_no_gradient_is_nan_where_a_probability_is_zero(self):
        result = precision.run(made, 1e4 * TEACHER, -1e4 * TEACHER)
        self.assertTrue(np.all(np.isfinite(result.value)))
        self.assertTrue(np.all(np.isfinite(result.gradient)))

    def test_an_example_without_label_is_zero(self):
        labels = np.where(LABELS == 0, -1, LABELS)
        result = precision.run(lambda: made(labels), TEACHER, STUDENT)
        for found in (result.value, np.abs(result.gradient).max(axis=-1)):
            np.testing.assert_array_equal(found == 0, labels == -1)


if __name__ == "__main__":
    absltest.main()
