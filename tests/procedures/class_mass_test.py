"""The formulas: mean probabilities, and the shifts that give them."""

import hypothesis
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies

from keras_kd.procedures import class_mass


def masses(logits):
    """Plain float64 softmax, averaged: shares no code with the library."""
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)
    return p.mean(axis=0)


def shifted(logits, classes, shifts):
    result = np.array(logits, "float64")
    result[:, classes] += shifts
    return result


@strategies.composite
def problems(draw):
    """Logits, some of the classes, and masses that these could have."""
    random = np.random.default_rng(draw(strategies.integers(0, 10**6)))
    num_classes = draw(strategies.integers(2, 7))
    count = draw(strategies.integers(1, num_classes - 1))
    scale = 10 ** draw(strategies.floats(-2, 2))
    examples = draw(strategies.integers(1, 40))
    logits = scale * random.normal(size=(examples, num_classes))
    classes = list(random.permutation(num_classes)[:count])
    # As of a class that was never seen.
    logits[:, classes] -= draw(strategies.sampled_from([0, 10, 300]))
    share = random.dirichlet(np.ones(count + 1))[:count]
    return logits, classes, np.clip(share, 1e-4, 0.999 / count)


class FindShiftsTest(parameterized.TestCase):
    @hypothesis.settings(max_examples=60, deadline=None, derandomize=True)
    @hypothesis.given(problems())
    def test_gives_the_wanted_masses(self, problem):
        logits, classes, mass = problem
        shifts = class_mass.find_shifts(logits, classes, mass)
        actual = masses(shifted(logits, classes, shifts))[classes]
        np.testing.assert_allclose(actual, mass, atol=1e-6)

    @hypothesis.settings(max_examples=30, deadline=None, derandomize=True)
    @hypothesis.given(problems())
    def test_is_zero_if_the_masses_already_agree(self, problem):
        logits, classes, _ = problem
        hypothesis.assume(masses(logits)[classes].min() > 1e-6)
        shifts = class_mass.find_shifts(
            logits, classes, masses(logits)[classes]
        )
        np.testing.assert_allclose(shifts, 0, atol=1e-6)

    def test_is_the_difference_of_log_odds_for_equal_logits(self):
        # All examples have the odds e**-2 against the rest, e**0 + e**0 = 2:
        # wanted are 1:3, so ln(1/3) - (-2 - ln 2) = 2 + ln(2/3).
        shifts = class_mass.find_shifts(
            np.tile([0.0, -2.0, 0.0], (5, 1)), [1], [0.25]
        )
        np.testing.assert_allclose(shifts, [2 + np.log(2 / 3)], rtol=1e-9)

    def test_takes_back_a_known_shift_of_two_classes(self):
        logits = np.random.default_rng(0).normal(size=(30, 5))
        wanted = masses(shifted(logits, [1, 3], [2.5, -1.5]))[[1, 3]]
        shifts = class_mass.find_shifts(logits, [1, 3], wanted)
        np.testing.assert_allclose(shifts, [2.5, -1.5], rtol=1e-6)

    def test_takes_positions_of_a_sequence_as_examples(self):
        logits = np.random.default_rng(0).normal(size=(6, 4, 3))
        np.testing.assert_array_equal(
            class_mass.find_shifts(logits, [0], [0.7]),
            class_mass.find_shifts(logits.reshape(24, 3), [0], [0.7]),
        )

    def test_refuses_a_mass_out_of_reach(self):
        with self.assertRaisesRegex(ValueError, r"in reach.*\[1.5\], missed"):
            class_mass.find_shifts(np.zeros((2, 2)), [0], [1.5])


class ClassMassTest(absltest.TestCase):
    def test_is_the_mean_of_the_probabilities(self):
        # By hand: softmax(ln 3, 0) = (3/4, 1/4), softmax(0, 0) = (1/2, 1/2).
        np.testing.assert_allclose(
            class_mass.class_mass([[np.log(3), 0], [0, 0]]), [5 / 8, 3 / 8]
        )


if __name__ == "__main__":
    absltest.main()
