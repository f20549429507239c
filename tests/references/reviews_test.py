import numpy as np
from absl.testing import absltest

from tests.references import reviews

ONE = np.ones((1, 1))
PLAIN = (1.0, 0.0)


def level(**changes):
    """A level of one channel whose convolutions copy."""
    copy = np.zeros((3, 3, 1, 1))
    copy[1, 1] = 1
    return {
        "narrow": ONE,
        "narrow_norm": PLAIN,
        "gates": (np.zeros((2, 2)), 0.0),
        "wide": copy,
        "wide_norm": PLAIN,
    } | changes


def single(*numbers):
    """Maps of one position and one channel, one per example."""
    return np.reshape(numbers, (-1, 1, 1, 1)).astype("float64")


class ReviewTest(absltest.TestCase):
    def test_normalise_by_hand(self):
        # Mean 3 and deviation 2 of 1 and 5; 7 is not among them.
        actual = reviews.normalise(
            single(1, 5, 7), 10.0, 1.0, np.array([True, True, False]), 0.0
        )
        np.testing.assert_allclose(np.ravel(actual), [-9, 11, 21])

    def test_one_level_by_hand(self):
        # 1 and 5 become -1 and 1, twice; the teacher is 2 and 1.
        actual = reviews.review([single(2, 1)], [single(1, 5)], [level()])
        np.testing.assert_allclose(actual, [9, 0], atol=1e-4)

    def test_two_levels_by_hand(self):
        # Both levels of the student are -1 and 1. By gates of 1/2 the
        # shallow one stays so, as the mean of two equal ones, and after its
        # offset it is 2 and 4. The deep one differs from 0 by 1 in both.
        levels = [level(wide_norm=(1.0, 3.0)), level()]
        actual = reviews.review(
            [single(2, 2), single(0, 0)], [single(1, 5), single(0, 8)], levels
        )
        np.testing.assert_allclose(actual, [1, 5], atol=1e-3)

    def test_what_does_not_count_is_not_there(self):
        random = np.random.default_rng(0)
        teachers = [random.normal(size=(3, 2, 2, 1)), single(1, 2, 3)]
        students = [random.normal(size=(3, 4, 4, 1)), single(3, 1, 7)]
        counts = np.array([True, False, True])
        actual = reviews.review(teachers, students, [level()] * 2, counts)
        alone = reviews.review(
            [maps[counts] for maps in teachers],
            [maps[counts] for maps in students],
            [level()] * 2,
        )
        np.testing.assert_allclose(actual, [alone[0], 0, alone[1]])


if __name__ == "__main__":
    absltest.main()
