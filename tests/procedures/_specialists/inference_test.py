"""The distribution on which a generalist and specialists agree best."""

import hypothesis
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies

from keras_kd.procedures._specialists import inference
from tests import reference

CLASSES = 6
# Of different sizes; class 0 has three specialists and class 5 none.
SETS = ((0, 1), (0, 2, 4), (3, 0))


def opinions(seed, scale=2.0, active=None, sets=SETS, examples=4):
    """Random opinions; by default each example has its own active set."""
    random = np.random.default_rng(seed)

    def draw(width):
        return reference.softmax(scale * random.normal(size=(examples, width)))

    if active is None:
        active = random.random((examples, len(sets))) < 0.6
    return inference.Opinions(
        draw(CLASSES), [draw(len(s) + 1) for s in sets], active, sets
    )


def everyone(examples=4):
    return np.ones((examples, len(SETS)), bool)


def objective(given, row, q):
    """Hinton et al. 2015, equation 5, term by term for one example."""
    total = sum(p * np.log(p / q[c]) for c, p in enumerate(given[0][row]))
    for m, classes in enumerate(SETS):
        if not given[2][row, m]:
            continue
        said = given[1][m][row]
        for place, c in enumerate(classes):
            total += said[place] * np.log(said[place] / q[c])
        rest = sum(q[c] for c in range(CLASSES) if c not in classes)
        total += said[-1] * np.log(said[-1] / rest)
    return total


def parts(made):
    return made.generalist, made.specialists, made.active


SEEDS = strategies.integers(0, 2**32 - 1)
SCALES = strategies.sampled_from([0.1, 2.0, 8.0])


class OpinionsTest(parameterized.TestCase):
    @hypothesis.given(SEEDS, SCALES)
    @hypothesis.settings(max_examples=30, deadline=None)
    def test_divergence_is_the_formula(self, seed, scale):
        made = opinions(seed, scale)
        q = reference.softmax(np.random.default_rng(seed).normal(size=(4, 6)))
        expected = [objective(parts(made), i, q[i]) for i in range(4)]
        np.testing.assert_allclose(made.divergence(q), expected, rtol=1e-9)

    @hypothesis.given(SEEDS, SCALES)
    @hypothesis.settings(max_examples=30, deadline=None)
    def test_gradient_is_that_of_differences(self, seed, scale):
        made = opinions(seed, scale)
        logits = np.random.default_rng(seed).normal(size=(4, CLASSES))
        actual = made.gradient(reference.softmax(logits))
        step = 1e-6
        for c in range(CLASSES):
            moved = step * np.eye(CLASSES)[c]
            above = made.divergence(reference.softmax(logits + moved))
            below = made.divergence(reference.softmax(logits - moved))
            np.testing.assert_allclose(
                actual[:, c], (above - below) / (2 * step), atol=1e-7
            )

    @hypothesis.given(SEEDS, SCALES)
    @hypothesis.settings(max_examples=30, deadline=None)
    def test_no_step_makes_the_divergence_grow(self, seed, scale):
        made = opinions(seed, scale)
        q = np.full((4, CLASSES), 1 / CLASSES)
        values = []
        for _ in range(20):
            values.append(made.divergence(q))
            q = made.shared_out(q)
        self.assertLessEqual(np.max(np.diff(values, axis=0)), 1e-12)
        # And they lead somewhere: the start is not where they end.
        self.assertGreater(np.max(values[0] - values[-1]), 1e-4)

    @parameterized.parameters(0, 1, 2)
    def test_agrees_with_gradient_descent_on_the_logits(self, seed):
        made = opinions(seed, scale=1.0)
        logits = np.zeros((4, CLASSES))
        for _ in range(5000):
            logits -= 0.3 * made.gradient(reference.softmax(logits))
        np.testing.assert_allclose(
            made.minimiser(), reference.softmax(logits), atol=1e-7
        )

    @parameterized.parameters(0, 1, 2)
    def test_gives_probabilities_where_the_gradient_vanishes(self, seed):
        made = opinions(seed, scale=4.0, active=everyone())
        q = made.minimiser()
        np.testing.assert_allclose(q.sum(axis=-1), 1)
        self.assertGreater(q.min(), 0)
        np.testing.assert_allclose(made.gradient(q), 0, atol=1e-8)

    def test_without_active_specialists_the_generalist_decides(self):
        made = opinions(0, active=~everyone())
        np.testing.assert_allclose(
            made.minimiser(), made.generalist, rtol=1e-12
        )

    def test_what_is_not_active_does_not_count(self):
        active = everyone()
        active[:, 1] = False
        first = opinions(0, active=active)
        p, said, _ = parts(first)
        second = inference.Opinions(
            p, [said[0], np.full((4, 4), 9.0), said[2]], active, SETS
        )
        np.testing.assert_array_equal(first.minimiser(), second.minimiser())
        np.testing.assert_array_equal(first.divergence(p), second.divergence(p))

    def test_specialists_that_say_what_the_generalist_does_change_nothing(self):
        p = reference.softmax(np.random.default_rng(0).normal(size=(4, 6)))
        said = [
            np.column_stack([p[:, s], 1 - p[:, s].sum(axis=-1)])
            for s in map(list, SETS)
        ]
        made = inference.Opinions(p, said, everyone(), SETS)
        np.testing.assert_allclose(made.gradient(p), 0, atol=1e-12)
        np.testing.assert_allclose(made.divergence(p), 0, atol=1e-12)
        np.testing.assert_allclose(made.minimiser(), p, rtol=1e-9)

    def test_closed_form_of_two_classes(self):
        # Nothing is hidden in a dustbin of one class, so q is the mean of all:
        # (0.8 + 0.5 + 0.2 + 0.1) / 4 = 0.4.
        made = inference.Opinions(
            [[0.8, 0.2]],
            [[[0.5, 0.5]], [[0.2, 0.8]], [[0.9, 0.1]]],
            [[True, True, True]],
            [(0,), (0,), (1,)],
        )
        np.testing.assert_allclose(made.minimiser(), [[0.4, 0.6]])

    def test_closed_form_of_one_specialist(self):
        # The specialist says nothing of classes 2 and 3 apart, so they keep
        # the generalist's ratio 3 : 1 and share the mean of 0.4 and 0.1.
        made = inference.Opinions(
            [[0.5, 0.1, 0.3, 0.1]], [[[0.2, 0.7, 0.1]]], [[True]], [(0, 1)]
        )
        np.testing.assert_allclose(
            made.minimiser(), [[0.35, 0.4, 0.1875, 0.0625]]
        )

    def test_certainty_does_no_harm(self):
        # Logits that differ by more than float64 can say.
        p = reference.softmax([[1e4, 0.0, 0.0]])
        said = reference.softmax([[0.0, 1e4]])
        made = inference.Opinions(p, [said], [[True]], [(0,)])
        q = made.minimiser()
        # Half for class 0, half for the dustbin of two equals.
        np.testing.assert_allclose(q, [[0.5, 0.25, 0.25]])


class FindActiveTest(absltest.TestCase):
    probabilities = np.array([[0.5, 0.1, 0.3, 0.1], [0.1, 0.2, 0.3, 0.4]])
    sets = ((0, 1), (2, 0))

    def find(self, num_top_classes):
        return inference.find_active(
            self.probabilities, self.sets, num_top_classes
        ).tolist()

    def test_looks_at_the_most_probable_class(self):
        self.assertEqual(self.find(1), [[True, True], [False, False]])

    def test_looks_at_several(self):
        self.assertEqual(self.find(2), [[True, True], [False, True]])
        self.assertEqual(self.find(3), [[True, True], [True, True]])

    def test_refuses_numbers_out_of_range(self):
        for number in (0, 5):
            with self.assertRaisesRegex(
                ValueError, f"from 1 to 4.*num_top_classes={number}"
            ):
                self.find(number)


if __name__ == "__main__":
    absltest.main()
