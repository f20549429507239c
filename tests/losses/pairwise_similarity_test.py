import numpy as np
from absl.testing import absltest

from keras_kd import losses
from tests.losses import precision


class PairwiseSimilarityTest(absltest.TestCase):
    def test_by_hand(self):
        # Rows of dot products (25, 0), (0, 1) become (1, 0), (0, 1). The
        # student's (4, 4), (4, 4) become (1, 1) / root 2: each row differs by
        # the square 2 - root 2, over a batch of two. Had the whole matrix one
        # length, as public code once had, the first row would outweigh.
        teacher = np.array([[3.0, 4.0, 0.0], [0.0, 0.0, 1.0]])
        student = np.array([[2.0], [2.0]])
        actual = losses.PairwiseSimilarity()(teacher, student)
        np.testing.assert_allclose(actual, [1 - np.sqrt(0.5)] * 2, rtol=1e-6)

    def test_the_mean_is_the_number_of_the_paper(self):
        teacher, student = np.random.default_rng(0).normal(size=(2, 6, 2, 3))

        def normalised(features):
            gram = np.einsum("iab,jab->ij", features, features)
            return gram / np.linalg.norm(gram, axis=1, keepdims=True)

        gap = normalised(teacher) - normalised(student)
        result = precision.run(losses.PairwiseSimilarity, teacher, student)
        np.testing.assert_allclose(
            result.value.mean(), np.linalg.norm(gap, "fro") ** 2 / 36, rtol=1e-5
        )


if __name__ == "__main__":
    absltest.main()
