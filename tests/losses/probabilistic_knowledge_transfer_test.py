import numpy as np
from absl.testing import absltest

from keras_kd import losses
from tests.losses import precision


class ProbabilisticKnowledgeTransferTest(absltest.TestCase):
    def test_by_hand(self):
        # Right angles: likeness 1 and 1/2, so (2/3, 1/3); opposite: 1 and 0.
        teacher = np.array([[3.0, 0.0], [0.0, 2.0]])
        opposite = np.array([[1.0], [-1.0]])
        loss = losses.ProbabilisticKnowledgeTransfer()
        np.testing.assert_allclose(
            loss(opposite, teacher), [np.log(3 / 2) / 2] * 2, rtol=1e-5
        )
        # What the student rules out has the probability 1e-7.
        expected = 2 / 3 * np.log(2 / 3) + 1 / 3 * np.log(1 / 3 / 1e-7)
        np.testing.assert_allclose(
            loss(teacher, opposite), [expected / 2] * 2, rtol=1e-5
        )

    def test_near_the_teacher_it_keeps_its_digits(self):
        # P log(P / Q) has terms of both signs; to second order the sum is
        # (p - q)^2 / 2p, far below the terms.
        random = np.random.default_rng(0)
        teacher = random.normal(size=(5, 4)).astype("float32")
        student = teacher + 1e-3 * random.normal(size=(5, 4))
        result = precision.run(
            losses.ProbabilisticKnowledgeTransfer, teacher, student
        )

        def probabilities(features):
            unit = features / np.linalg.norm(features, axis=1, keepdims=True)
            likeness = (unit @ unit.T + 1) / 2
            return likeness / likeness.sum(axis=1, keepdims=True)

        p, q = map(probabilities, (result.teacher, result.student))
        expected = np.sum((p - q) ** 2 / (2 * q), axis=1) / 5
        np.testing.assert_allclose(result.value, expected, rtol=2e-2)

    def test_length_does_not_count(self):
        teacher, student = np.random.default_rng(0).normal(size=(2, 5, 4))
        scale = np.array([[1e-3], [1.0], [7.0], [1e3], [1.0]])
        loss = losses.ProbabilisticKnowledgeTransfer()
        np.testing.assert_allclose(
            loss(teacher, scale * student), loss(teacher, student), rtol=1e-3
        )


if __name__ == "__main__":
    absltest.main()
