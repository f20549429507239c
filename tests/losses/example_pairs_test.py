"""What holds for every loss that compares the examples of a batch."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import ops

from keras_kd import losses
from keras_kd.losses.example_pairs import ExamplePairs
from tests.losses import precision
from tests.references import relations

PAIRS = (
    ("distance", losses.RelationalDistance, relations.distances),
    ("angle", losses.RelationalAngle, relations.angles),
    ("similarity", losses.PairwiseSimilarity, relations.similarities),
    (
        "neighbours",
        losses.ProbabilisticKnowledgeTransfer,
        relations.neighbour_probabilities,
    ),
)
# An example that counts as three, half a one, and one that does not count.
WEIGHTS = np.array([1.0, 3.0, 0.0, 0.5, 1.0, 1.0])
COUNTED = WEIGHTS > 0


def features(seed, *shape):
    random = np.random.default_rng(seed)
    return random.normal(size=(len(WEIGHTS), *shape)).astype("float32")


TEACHER = features(0, 4, 3)
STUDENT = features(1, 5)


@parameterized.named_parameters(*PAIRS)
class EveryPairTest(parameterized.TestCase):
    def test_equals_the_reference(self, kind, expected):
        result = precision.run(kind, TEACHER, STUDENT)
        np.testing.assert_allclose(
            result.value, expected(TEACHER, STUDENT), rtol=1e-5
        )

    def test_gradient_is_that_of_central_differences(self, kind, expected):
        actual = precision.run(kind, TEACHER, STUDENT).gradient
        for place in ((0, 0), (1, 4), (5, 2)):
            shift = np.zeros(STUDENT.shape)
            shift[place] = 1e-6
            high, low = (
                expected(TEACHER, STUDENT + s).sum() for s in (shift, -shift)
            )
            np.testing.assert_allclose(
                actual[place], (high - low) / 2e-6, rtol=1e-3, atol=1e-6
            )

    def test_weights_count_in_pairs_by_their_ratios(self, kind, expected):
        mean = WEIGHTS.sum() / COUNTED.sum()
        expected = expected(TEACHER, STUDENT, WEIGHTS / mean)
        for scale in (1.0, 1e-6, 1e6):
            actual = kind()(TEACHER, STUDENT, example_weights=scale * WEIGHTS)
            np.testing.assert_allclose(actual, expected, rtol=1e-5)

    def test_what_does_not_count_is_in_no_pair(self, kind, expected):
        teacher, student = TEACHER.copy(), STUDENT.copy()
        teacher[~COUNTED], student[~COUNTED] = np.inf, np.nan

        def excluding():
            loss = kind()
            weights = COUNTED.astype("float32")
            return lambda t, s: loss(t, s, example_weights=weights)

        result = precision.run(excluding, teacher, student)
        alone = precision.run(kind, TEACHER[COUNTED], STUDENT[COUNTED])
        for actual, without in (
            (result.value, alone.value),
            (result.gradient, alone.gradient),
        ):
            np.testing.assert_allclose(
                actual[COUNTED], without, rtol=1e-5, atol=1e-7
            )
            np.testing.assert_array_equal(actual[~COUNTED], 0)

    def test_nothing_that_counts_is_zero(self, kind, expected):
        actual = kind()(TEACHER, STUDENT, example_weights=np.zeros(6))
        np.testing.assert_array_equal(actual, np.zeros(6))

    def test_an_example_by_itself_is_zero(self, kind, expected):
        result = precision.run(kind, TEACHER[:1], STUDENT[:1])
        np.testing.assert_allclose(result.value, [0], atol=1e-7)
        np.testing.assert_allclose(result.gradient, 0, atol=1e-6)

    def test_no_example_has_no_value(self, kind, expected):
        result = precision.run(kind, TEACHER[:0], STUDENT[:0])
        self.assertEqual(result.value.shape, (0,))
        self.assertEqual(result.gradient.shape, (0, 5))

    def test_masked_steps_do_not_count(self, kind, expected):
        teacher, student = features(2, 3, 2), features(3, 3, 4)
        teacher[:, 2:] = 1e6
        student[:, 2:] = 0
        masked = keras.layers.Masking()(ops.array(student))
        np.testing.assert_allclose(
            kind()(teacher, masked),
            expected(teacher[:, :2], student[:, :2]),
            rtol=1e-5,
        )

    def test_has_precise_values_for_many_examples(self, kind, expected):
        random = np.random.default_rng(0)
        teacher, student = random.normal(size=(2, 40, 8)).astype("float32")
        np.testing.assert_allclose(
            kind()(teacher, student), expected(teacher, student), rtol=1e-5
        )

    def test_copies_of_an_example_have_a_finite_gradient(self, kind, expected):
        student = STUDENT[[0, 0, 0, 1, 2, 3]]
        student[2] += 1e-6
        for teacher in (TEACHER, student):
            result = precision.run(kind, teacher, student)
            self.assertTrue(np.all(np.isfinite(result.value)))
            # Of a length, it is at most the factor on it.
            self.assertLess(np.abs(result.gradient).max(), 1)


class ExamplePairsTest(absltest.TestCase):
    def test_names_what_a_subclass_lacks(self):
        with self.assertRaisesRegex(
            NotImplementedError, "ExamplePairs must implement .relate"
        ):
            ExamplePairs()(TEACHER, STUDENT)


if __name__ == "__main__":
    absltest.main()
