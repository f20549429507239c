"""The parts of `specialists`: groups, batches and first weights."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd.procedures._specialists import classes
from keras_kd.procedures._specialists import models
from keras_kd.procedures._specialists import training
from tests import reference
from tests import support

PAIRS = ((0, 4), (1, 3), (2, 5))


def confused_logits(examples=600, seed=0):
    """Logits of a model that confuses the classes of each of `PAIRS`."""
    random = np.random.default_rng(seed)
    logits = random.normal(scale=0.1, size=(examples, 6))
    for row in logits:
        pair = list(PAIRS[random.integers(3)])
        row[pair] += 4 + 0.5 * random.normal(size=2)
    return logits


class ClusterClassesTest(parameterized.TestCase):
    @parameterized.product(seed=(0, 1, 2), standardize=(False, True))
    def test_finds_classes_that_are_predicted_together(self, seed, standardize):
        sets = classes.cluster_classes(
            confused_logits(), 3, None, standardize, seed
        )
        self.assertEqual(sorted(sets), sorted(PAIRS))

    def test_standardises_what_differs_in_variance(self):
        # The last pair is predicted in one example of twenty, the others in
        # the rest: its columns are near zero, and near the negative ones of
        # none of the others, unless each class counts alike.
        logits = confused_logits()
        rare = logits[:, 2] > 2
        keep = ~rare | (np.cumsum(rare) % 10 == 0)
        logits = logits[keep]
        for seed in range(3):
            sets = classes.cluster_classes(logits, 3, None, True, seed)
            self.assertEqual(sorted(sets), sorted(PAIRS))

    def test_looks_at_predictions_and_not_at_logits(self):
        # What is added to all logits of an example changes no prediction.
        logits = confused_logits()
        moved = logits + np.random.default_rng(1).normal(
            scale=50, size=(len(logits), 1)
        )
        self.assertEqual(
            classes.cluster_classes(moved, 3, None, True, 0),
            classes.cluster_classes(logits, 3, None, True, 0),
        )

    def test_sets_of_a_given_size_can_overlap(self):
        sets = classes.cluster_classes(confused_logits(), 3, 4, True, 0)
        self.assertEqual([len(set(s)) for s in sets], [4, 4, 4])
        for pair in PAIRS:
            self.assertTrue(any(set(pair) <= set(s) for s in sets))
        covering = np.bincount(np.concatenate(sets), minlength=6)
        self.assertGreater(covering.max(), 1)

    def test_refuses_more_groups_than_there_are(self):
        # Three kinds of columns only, so the fourth cluster has none.
        logits = np.repeat(4 * np.eye(3), 2, axis=1)
        with self.assertRaisesRegex(
            ValueError, "small enough.*num_specialists=4, of which 1 "
        ):
            classes.cluster_classes(logits, 4, None, True, 0)


class HalfSpecialTest(absltest.TestCase):
    def made(self, num_special=10, num_rest=25, seed=(0,)):
        is_special = np.arange(num_special + num_rest) < num_special
        rows = np.arange(len(is_special))
        return training.HalfSpecial(
            {"row": rows}, rows % 3, is_special, 8, seed
        )

    def rows(self, batches):
        return [batches[i][0]["row"] for i in range(len(batches))]

    def test_one_half_of_each_batch_is_special(self):
        batches = self.rows(self.made())
        self.assertEqual([len(b) for b in batches], [8, 8, 4])
        for batch in batches:
            self.assertEqual(2 * np.sum(batch < 10), len(batch))

    def test_an_epoch_has_each_special_example_once(self):
        rows = np.concatenate(self.rows(self.made()))
        self.assertEqual(sorted(rows[rows < 10]), list(range(10)))
        self.assertLen(set(rows[rows >= 10]), 10)

    def test_a_small_rest_is_used_evenly(self):
        rows = np.concatenate(self.rows(self.made(num_rest=4)))
        counts = np.bincount(rows)[10:]
        self.assertEqual(sorted(counts), [2, 2, 3, 3])

    def test_labels_stay_with_their_examples(self):
        batches = self.made()
        for i in range(len(batches)):
            x, y = batches[i]
            np.testing.assert_array_equal(x["row"] % 3, y)

    def test_epochs_and_seeds_differ_and_come_back(self):
        batches = self.made()
        first = np.concatenate(self.rows(batches))
        batches.begin_epoch(1)
        second = np.concatenate(self.rows(batches))
        batches.begin_epoch(0)
        again = np.concatenate(self.rows(batches))
        other = np.concatenate(self.rows(self.made(seed=(1,))))
        np.testing.assert_array_equal(first, again)
        self.assertFalse(np.array_equal(first, second))
        self.assertFalse(np.array_equal(first, other))
        self.assertNotEqual(set(first[first >= 10]), set(second[second >= 10]))

    def test_weights_balance_the_halves(self):
        weights = training.balanced_weights(np.arange(10) < 2)
        self.assertAlmostEqual(np.mean(weights), 1, places=6)
        self.assertAlmostEqual(np.sum(weights[:2]), np.sum(weights[2:]))


class CollapseTest(absltest.TestCase):
    logits = np.random.default_rng(0).normal(scale=3, size=(5, 6))

    def test_adds_up_the_probabilities_of_the_others(self):
        p = reference.softmax(self.logits)
        expected = np.column_stack([p[:, [4, 1]], p[:, [0, 2, 3, 5]].sum(-1)])
        actual = models.collapse(self.logits, (4, 1))
        np.testing.assert_allclose(
            reference.softmax(actual), expected, rtol=1e-5
        )

    def test_shift_changes_the_odds_of_the_dustbin(self):
        first, second = (
            reference.softmax(models.collapse(self.logits, (4, 1), s))
            for s in (0.0, np.log(7.0))
        )
        odds = [p[:, 2] / (1 - p[:, 2]) for p in (first, second)]
        np.testing.assert_allclose(odds[1], 7 * odds[0], rtol=1e-5)

    def test_large_logits_stay_finite(self):
        actual = models.collapse(1e4 * self.logits, (0,))
        self.assertTrue(np.all(np.isfinite(actual)))


def functional(classes=5):
    """A Functional model with a nested one and a batch normalisation."""
    x = keras.Input((4,))
    nested = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(6, activation="tanh")]
    )
    hidden = keras.layers.BatchNormalization()(nested(x))
    hidden = keras.layers.Add()([hidden, keras.layers.Dense(6)(x)])
    model = keras.Model(x, keras.layers.Dense(classes, use_bias=False)(hidden))
    random = np.random.default_rng(0)
    for variable in model.weights:
        variable.assign(random.uniform(0.2, 1.5, variable.shape))
    return model


def from_generalist(generalist, classes, x, shift=0.0):
    logits = generalist.predict(x, verbose=0)
    collapsed = models.collapse(logits, classes, shift)
    made = models.from_generalist(
        generalist, classes, logits, collapsed, np.ones(len(x))
    )
    return made, logits, collapsed


class FromGeneralistTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("sequential", lambda: support.dense(8, classes=5)),
        ("functional", functional),
    )
    def test_scores_classes_as_the_generalist(self, make):
        x, _ = support.data()
        made, logits, _ = from_generalist(make(), (3, 0), x)
        actual = made.predict(x, verbose=0)
        self.assertEqual(actual.shape, (24, 3))
        np.testing.assert_allclose(actual[:, :2], logits[:, [3, 0]], rtol=1e-5)

    @parameterized.named_parameters(
        ("sequential", lambda: support.dense(8, classes=5)),
        ("functional", functional),
    )
    def test_dustbin_of_one_class_scores_as_that_class(self, make):
        x, _ = support.data()
        made, logits, _ = from_generalist(make(), (4, 0, 1, 3), x, shift=-1.5)
        actual = made.predict(x, verbose=0)
        np.testing.assert_allclose(
            actual[:, 4], logits[:, 2] - 1.5, rtol=1e-3, atol=1e-3
        )

    def test_dustbin_is_the_nearest_linear_combination(self):
        # What least squares leaves has no mean and no correlation with any
        # score, and so no combination of these can take away more of it.
        x, _ = support.data(count=200)
        made, logits, collapsed = from_generalist(functional(), (0, 1), x)
        error = collapsed[:, -1] - made.predict(x, verbose=0)[:, -1]
        self.assertGreater(np.abs(error).max(), 0.1)
        regressors = np.column_stack([logits, np.ones(200)])
        np.testing.assert_allclose(regressors.T @ error / 200, 0, atol=1e-3)

    def test_weights_tell_which_examples_count(self):
        x, _ = support.data(count=200)
        generalist = functional()
        logits = generalist.predict(x, verbose=0)
        collapsed = models.collapse(logits, (0, 1))
        counts = np.arange(200) < 5
        made = models.from_generalist(
            generalist, (0, 1), logits, collapsed, counts.astype("float32")
        )
        error = np.abs(collapsed[:, -1] - made.predict(x, verbose=0)[:, -1])
        # Five points are on one line of five scores.
        self.assertLess(error[counts].max(), 1e-2)
        self.assertGreater(error[~counts].max(), 0.1)

    def test_shares_nothing_with_the_generalist(self):
        x, _ = support.data()
        generalist = functional()
        made, _, _ = from_generalist(generalist, (0, 1), x)
        ours = {id(variable) for variable in made.variables}
        self.assertTrue(ours.isdisjoint(map(id, generalist.variables)))

    def test_a_frozen_generalist_gives_one_that_can_learn(self):
        x, _ = support.data()
        generalist = support.dense(8)
        generalist.trainable = False
        made, _, _ = from_generalist(generalist, (0,), x)
        self.assertLen(made.trainable_weights, 4)
        self.assertEmpty(generalist.trainable_weights)

    @parameterized.named_parameters(
        ("activation", lambda: support.dense(8, activation="relu"), "head"),
        ("other_layer", lambda: headless(keras.layers.Reshape((3,))), "tail"),
        ("called_twice", lambda: called_twice(), "twice"),
        ("subclassed", lambda: Subclassed(), "own"),
    )
    def test_refuses_what_it_cannot_copy(self, make, last):
        generalist = make()
        with self.assertRaisesRegex(
            ValueError, f"`build_specialist` must be given.*'{last}'"
        ):
            models.from_generalist(generalist, (0,), None, None, None)


def headless(layer):
    layer.name = "tail"
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), layer])


def called_twice():
    x = keras.Input((3,))
    layer = keras.layers.Dense(3, name="twice")
    return keras.Model(x, layer(layer(x)))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.own = keras.layers.Dense(3, name="own")
        self(np.ones((1, 4)))

    def call(self, x):
        return 2 * self.own(x)


if __name__ == "__main__":
    absltest.main()
