"""Numbers by hand and properties of the references of detectors."""

import numpy as np
from absl.testing import absltest

from tests.references import boxes


class GeneralizedOverlapTest(absltest.TestCase):
    def test_by_hand(self):
        # They share 1 of 7, and cover 7 of 9.
        found = boxes.generalized_overlap([0, 0, 2, 2], [1, 1, 3, 3])
        self.assertAlmostEqual(found, 1 / 7 - 2 / 9)

    def test_boxes_apart_are_told_by_their_distance(self):
        # Squares of 1, of which the smallest box around them has 3 and 9.
        near, far = (
            boxes.generalized_overlap([0, 0, 1, 1], [x, 0, x + 1, 1])
            for x in (2, 8)
        )
        self.assertAlmostEqual(near, -1 / 3)
        self.assertAlmostEqual(far, -7 / 9)

    def test_is_as_the_paper_says(self):
        """Symmetric, of no unit, from -1 to 1, at most the plain overlap."""
        random = np.random.default_rng(0)
        for first, second in random.normal(size=(30, 2, 4)):
            found = boxes.generalized_overlap(first, second)
            for same in (
                boxes.generalized_overlap(second, first),
                boxes.generalized_overlap(3 * first - 7, 3 * second - 7),
                boxes.generalized_overlap(first[[2, 1, 0, 3]], second),
            ):
                self.assertAlmostEqual(found, same)
            self.assertBetween(found, -1, 1)
            self.assertAlmostEqual(boxes.generalized_overlap(first, first), 1)


class BoxDistanceTest(absltest.TestCase):
    def test_a_reversed_box_by_hand(self):
        # In a square of 4, reversed by 1 and 2 of 4.
        square = np.array([0.0, 0.0, 4.0, 4.0])
        found = boxes.box_distance(square, [3, 2, 2, 0])
        self.assertAlmostEqual(found, 2 - 1 + 1 / 4 + 2 / 4)
        # Only on one axis, and one past its side: around both is 5 by 4.
        found = boxes.box_distance(square, [5, 1, 3, 2])
        self.assertAlmostEqual(found, 2 - 16 / 20 + 2 / 5)


class ByConfidenceTest(absltest.TestCase):
    def test_by_hand(self):
        # Confidences of 3/4 and 1/2: 0.75 * 4 + 0.5 * 2 over 1.25. Of 1/4
        # alone, the sum is less than 1, and stays.
        logits = np.log([[[3.0, 1.0], [0.5, 1.0]], [[1 / 3, 1e-9], [1e-9] * 2]])
        found = boxes.by_confidence(np.array([[4.0, 2.0], [8.0, 8.0]]), logits)
        np.testing.assert_allclose(found, [3.2, 2.0], rtol=1e-6)

    def test_what_does_not_count_is_as_if_it_were_not_there(self):
        values, logits = np.ones((1, 3)), np.full((1, 3, 2), 5.0)
        values[0, 2] = 99.0
        found = boxes.by_confidence(values, logits, np.array([[1, 1, 0]]))
        np.testing.assert_allclose(found, [1.0])


if __name__ == "__main__":
    absltest.main()
