import numpy as np
from absl.testing import absltest

from keras_kd.losses.target_split import split
from tests import reference
from tests.losses.logit_cases import LABELS
from tests.losses.logit_cases import TEACHER


class SplitTest(absltest.TestCase):
    def test_equals_probabilities(self):
        found = split(TEACHER, LABELS)
        p = reference.softmax(TEACHER)
        of_label = p[range(6), LABELS]
        np.testing.assert_allclose(np.exp(found.target), of_label, rtol=1e-6)
        np.testing.assert_allclose(np.exp(found.rest), 1 - of_label, rtol=1e-6)
        others = p * (1 - np.eye(5)[LABELS]) / (1 - of_label)[:, None]
        np.testing.assert_allclose(
            np.exp(found.others), others, rtol=1e-6, atol=0
        )

    def test_keeps_the_digits_of_what_is_left_to_one(self):
        # 1 - p = exp(-80) / (1 + exp(-80)), far below the last digit of p.
        found = split(np.array([[80.0, 0.0]], "float32"), np.array([0]))
        np.testing.assert_allclose(found.rest, [-80.0], rtol=1e-6)
        np.testing.assert_allclose(found.target, [-np.exp(-80.0)], rtol=1e-5)

    def test_nothing_is_left_of_the_label_among_the_others(self):
        # A mask that subtracts 1000 leaves all of a lead of 2000.
        logits = np.array([[2000.0, 1.0, 0.0]], "float32")
        found = np.exp(split(logits, np.array([0])).others)
        expected = [[0.0, 1 / (1 + np.exp(-1.0)), 1 / (1 + np.exp(1.0))]]
        np.testing.assert_allclose(found, expected, rtol=1e-6)

    def test_classes_that_are_ruled_out(self):
        logits = np.array([[-np.inf, 1.0, -np.inf]] * 2, "float32")
        found = split(logits, np.array([0, 1]))
        for part in found:
            self.assertTrue(np.all(np.isfinite(part)))
        np.testing.assert_array_equal(np.exp(found.target), [0.0, 1.0])
        np.testing.assert_array_equal(np.exp(found.rest), [1.0, 0.0])


if __name__ == "__main__":
    absltest.main()
