"""Two views of examples of which few have labels."""

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized
from scipy import sparse
from sklearn import naive_bayes

import keras_kd
from keras_kd import procedures
from tests import support

CLASSES = 3


def examples(count=400, seed=0, features=4):
    """Views that are independent, given the class, and the classes."""
    random = np.random.default_rng(seed)
    truth = np.arange(count) % CLASSES
    views = [
        (
            2.0 * random.normal(size=(CLASSES, features))[truth]
            + random.normal(size=(count, features))
        ).astype("float32")
        for _ in range(2)
    ]
    return views, truth


def some_labels(truth, count=6):
    return np.where(np.arange(len(truth)) < count, truth, -1)


def bayes():
    # Two examples of a class have hardly a variance to speak of.
    return naive_bayes.GaussianNB(var_smoothing=0.1)


def train(**kwargs):
    views, truth = examples()
    return procedures.co_training(
        **{
            "learners": (bayes(), bayes()),
            "views": views,
            "labels": some_labels(truth),
            "verbose": 0,
        }
        | kwargs
    )


class Plain:
    """A learner that has only what it must have."""

    def __init__(self, smoothing=0.1):
        self.inner = naive_bayes.GaussianNB(var_smoothing=smoothing)

    def fit(self, x, y):
        self.inner.fit(x, y)

    def predict_proba(self, x):
        return self.inner.predict_proba(x)


class Stopping(naive_bayes.GaussianNB):
    """Stands for Ctrl-C in the third fit."""

    fits = 0
    stop_at = 3

    def fit(self, x, y):
        Stopping.fits += 1
        if Stopping.fits == Stopping.stop_at:
            raise KeyboardInterrupt
        return super().fit(x, y)


def networks():
    keras.utils.set_random_seed(0)
    return tuple(support.dense(8, CLASSES, name=f"net{i}") for i in range(2))


@support.eager_tests
class CoTrainingTest(parameterized.TestCase):
    def test_unlabelled_examples_help(self):
        gains = []
        for seed in range(5):
            views, truth = examples(seed=seed)
            labels = some_labels(truth)
            errors = [
                np.mean(
                    train(views=views, labels=labels, iterations=n, seed=seed)
                    .predict_proba(views)
                    .argmax(-1)
                    != truth
                )
                for n in (0, 30)
            ]
            gains.append(errors[0] - errors[1])
        self.assertGreater(np.mean(gains), 0.02)
        self.assertGreaterEqual(min(gains), 0)

    @pytest.mark.slow
    def test_networks_learn_from_each_other(self):
        views, truth = examples()
        made = [
            train(
                learners=networks(),
                iterations=iterations,
                epochs=20,
                optimizer=keras.optimizers.Adam(0.01),
            )
            for iterations in (0, 10)
        ]
        alone, together = (
            np.mean(one.predict_proba(views).argmax(-1) == truth)
            for one in made
        )
        self.assertGreater(together, alone + 0.02)
        self.assertLen(made[1].histories, 2 * 11)

    def test_logs_who_labelled_what(self):
        views, truth = examples()
        made = train(iterations=4, per_class=[1, 2, 1])
        given = made.labels != some_labels(truth)
        kept = {one.example: one.label for one in made.log if one.is_kept}
        self.assertCountEqual(kept, np.flatnonzero(given))
        for example, label in kept.items():
            self.assertEqual(made.labels[example], label)
        for view in range(2):
            for iteration in range(4):
                labels = [
                    one.label
                    for one in made.log
                    if (one.view, one.iteration) == (view, iteration)
                ]
                self.assertCountEqual(labels, [0, 1, 1, 2])

    def test_combines_by_product(self):
        views, _ = examples()
        made = train(iterations=2)
        first, second = (
            learner.predict_proba(view)
            for learner, view in zip(made.learners, views, strict=True)
        )
        product = first * second
        expected = product / product.sum(-1, keepdims=True)
        np.testing.assert_allclose(
            made.predict_proba(views),
            expected,
            atol=1e-6,  # The learners compute in float32, as the views are.
        )

    def test_takes_sparse_views_and_leaves_estimators_alone(self):
        views, truth = examples()
        counts = [sparse.csr_matrix(np.maximum(v, 0).round()) for v in views]
        learners = tuple(naive_bayes.MultinomialNB() for _ in range(2))
        made = train(learners=learners, views=counts, iterations=3)
        self.assertFalse(hasattr(learners[0], "classes_"))
        guesses = made.predict_proba(counts).argmax(-1)
        self.assertGreater(np.mean(guesses == truth), 0.6)

    def test_networks_see_sparse_views_as_arrays(self):
        views, _ = examples()
        counts = [np.maximum(v, 0).round() for v in views]
        made = [
            train(learners=networks(), views=given, iterations=1, epochs=2)
            for given in (counts, [sparse.coo_matrix(v) for v in counts])
        ]
        first, second = (support.values(m.learners[0].weights) for m in made)
        self.assertEqual(support.largest_difference(first, second), 0)

    def test_keeps_the_proportions_of_the_labels(self):
        _, truth = examples()
        labels = some_labels(truth, 3)
        labels[3:9] = np.array([0, 0, 0, 1, 1, 0])
        # 5, 3 and 1 of the classes.
        made = train(labels=labels, iterations=1)
        first = [one.label for one in made.log if one.view == 0]
        self.assertEqual(np.bincount(first).tolist(), [5, 3, 1])

    @pytest.mark.slow
    def test_a_resumed_run_begins_from_the_weights_of_the_first(self):
        folder = support.folder(self)
        kwargs = {"iterations": 2, "epochs": 2}
        expected = train(learners=networks(), **kwargs)
        with self.assertRaises(KeyboardInterrupt):
            train(
                learners=networks(),
                directory=folder,
                callbacks=[support.Interrupt(epoch=6)],
                **kwargs,
            )
        others = networks()
        for model in others:
            model.set_weights([w + 1 for w in model.get_weights()])
        resumed = train(learners=others, directory=folder, **kwargs)
        for one, other in zip(expected.learners, resumed.learners, strict=True):
            weights = one.get_weights(), other.get_weights()
            self.assertEqual(support.largest_difference(*weights), 0)
        self.assertEqual(expected.log, resumed.log)

    def test_a_resumed_run_repeats_no_iteration_of_estimators(self):
        folder = support.folder(self)
        expected = train(iterations=5)
        with self.assertRaises(KeyboardInterrupt):
            train(
                learners=(bayes(), Stopping(var_smoothing=0.1)),
                iterations=5,
                directory=folder,
            )
        Stopping.stop_at = None
        fits = Stopping.fits
        resumed = train(
            learners=(bayes(), Stopping(var_smoothing=0.1)),
            iterations=5,
            directory=folder,
        )
        self.assertEqual(Stopping.fits - fits, 3 + 1)
        np.testing.assert_array_equal(expected.labels, resumed.labels)
        self.assertEqual(expected.log, resumed.log)

    @parameterized.named_parameters(
        ("one_learner", {"learners": (bayes(),)}, "learners.*pair"),
        ("same_learner", {"learners": (bayes(),) * 2}, "two objects"),
        ("three_views", {"views": [np.zeros((400, 1))] * 3}, "views.*pair"),
        ("short_view", {"views": [np.zeros((4, 1))] * 2}, r"\[4\] rows"),
        ("floats", {"labels": np.zeros(400)}, "class numbers.*float64"),
        ("no_class_1", {"labels": np.arange(400) % 2 * 2}, r"\[0, 2\]"),
        ("below", {"labels": np.arange(400) % 3 - 2}, r"\[-2, -1, 0\]"),
        ("iterations", {"iterations": -1}, "iterations.*-1"),
        ("pool", {"pool_size": 0}, "pool_size.*0"),
        ("conflict", {"conflict": "vote"}, "'drop'.*'vote'"),
        ("many", {"per_class": [40, 30, 6]}, r"pool_size=75.*Pass"),
        ("epochs", {"epochs": 0}, "epochs.*0"),
        ("seed", {"seed": -1}, "seed.*at least 0.*-1"),
        ("quotas", {"per_class": [1, 2]}, r"each of the 3.*\[1, 2\]"),
        ("zeros", {"per_class": [0, 0, 0]}, "not only zeros"),
    )
    def test_refuses(self, kwargs, message):
        with self.assertRaisesRegex(ValueError, message):
            train(**kwargs)

    def test_refuses_learners(self):
        with self.assertRaisesRegex(TypeError, "without `fit`"):
            train(learners=(bayes(), "bayes"))
        with self.assertRaisesRegex(TypeError, "views.*list"):
            train(views=(["words"] * 400, np.zeros((400, 1))))
        narrow = support.dense(8, 2)
        with self.assertRaisesRegex(ValueError, r"\(None, 2\), for 3 classes"):
            train(learners=(bayes(), narrow))
        first, _ = networks()
        second = keras.Sequential([keras.Input((4,)), *first.layers])
        with self.assertRaisesRegex(ValueError, "share 4 weights"):
            train(learners=(first, second))
        ensemble = keras_kd.teachers.EnsembleTeacher(networks())
        with self.assertRaisesRegex(ValueError, "must score the classes"):
            train(learners=(bayes(), ensemble))
        certain = support.dense(8, CLASSES, activation="softmax")
        with self.assertRaisesRegex(ValueError, "teachers.logits"):
            train(learners=(bayes(), certain))

    def test_refuses_what_is_no_number(self):
        class Broken(naive_bayes.GaussianNB):
            def predict_log_proba(self, x):
                return np.full((len(x), CLASSES), np.nan)

        with self.assertRaisesRegex(ValueError, "nan=True"):
            train(learners=(bayes(), Broken()))

    def test_refuses_the_wrong_number_of_columns(self):
        class Narrow(Plain):
            def predict_proba(self, x):
                return super().predict_proba(x)[:, :1]

        with self.assertRaisesRegex(ValueError, r"shape \(75, 1\)"):
            train(learners=(bayes(), Narrow()))

    def test_a_directory_knows_views_and_learners(self):
        folder = support.folder(self)
        views, _ = examples()
        learners = Plain(0.1), Plain(0.1)
        train(directory=folder, learners=learners, iterations=1)
        # Other objects of the same kind go on.
        learners = Plain(0.1), Plain(0.1)
        train(directory=folder, learners=learners, iterations=1)
        for kwargs in (
            {"views": [views[1], views[0]]},
            {"learners": (bayes(), Plain(0.1))},
        ):
            kwargs = {"learners": learners, "iterations": 1} | kwargs
            with self.assertRaisesRegex(ValueError, "directory"):
                train(directory=folder, **kwargs)


if __name__ == "__main__":
    absltest.main()
