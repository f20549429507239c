"""Noise on a teacher's logits."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd import losses
from keras_kd import teachers
from tests import reference
from tests import support
from tests.replicas import two_replicas

ROOT = pathlib.Path(__file__).parents[2]
X, Y = support.data()
LOGITS = np.array([2.0, -1.0, 0.5])
DRAWS = 20000


def noisy(stddev=0.5, probability=1.0, model=None, **kwargs):
    model = model or support.dense(8, name="teacher")
    return teachers.NoisyTeacher(model, stddev, probability, **kwargs)


def draws(teacher, count=DRAWS):
    """What becomes of the same logits in `count` examples, as float64."""
    logits = np.tile(LOGITS, (count, 1)).astype("float32")
    return np.asarray(teacher.perturb(logits), "float64")


def state(teacher):
    return [v.tolist() for v in support.values(teacher.noise_state)]


class DistributionTest(parameterized.TestCase):
    @parameterized.product(
        stddev=(0.1, 0.8), probability=(0.15, 0.5, 1.0), shared_axes=((), (-1,))
    )
    def test_mean_and_variance_are_those_of_the_formula(
        self, stddev, probability, shared_axes
    ):
        teacher = noisy(stddev, probability, shared_axes=shared_axes, seed=0)
        noise = draws(teacher) - LOGITS
        # The noise is 0, or Normal(0, (stddev v)^2) in the given part of the
        # examples: of mean 0 and variance p s^2, with s = stddev |v|. Its
        # fourth moment is 3 p s^4. Five standard errors of each estimate.
        square = np.square(stddev * LOGITS)
        variance = probability * square
        error = np.sqrt(variance / DRAWS)
        np.testing.assert_array_less(np.abs(noise.mean(axis=0)), 5 * error)
        spread = (3 * probability - probability**2) * np.square(square)
        error = np.sqrt(spread / DRAWS)
        difference = np.abs(np.square(noise).mean(axis=0) - variance)
        np.testing.assert_array_less(difference, 5 * error)

    def test_the_part_of_examples_is_the_probability(self):
        changed = np.any(draws(noisy(0.5, 0.3, seed=0)) != LOGITS, axis=1)
        error = np.sqrt(0.3 * 0.7 / DRAWS)
        self.assertLess(abs(changed.mean() - 0.3), 5 * error)

    def test_classes_have_noise_of_their_own(self):
        noise = draws(noisy(seed=0)) / LOGITS - 1
        correlation = np.corrcoef(noise.T) - np.eye(3)
        self.assertLess(np.abs(correlation).max(), 5 / np.sqrt(DRAWS))

    def test_one_number_of_noise_for_each_example(self):
        factor = draws(noisy(seed=0, shared_axes=(-1,))) / LOGITS
        np.testing.assert_allclose(factor[:, 1:], factor[:, :-1], rtol=1e-5)
        self.assertLen(np.unique(factor[:100, 0]), 100)

    def test_one_vector_of_noise_for_the_batch(self):
        teacher = noisy(0.5, 0.5, seed=0, shared_axes=(0,))
        first, second = draws(teacher, 50), draws(teacher, 50)
        changed = first[np.any(first != LOGITS, axis=1)]
        # The examples are still chosen one by one.
        self.assertBetween(len(changed), 10, 40)
        self.assertLen(np.unique(changed, axis=0), 1)
        self.assertLen(np.unique(changed[0] / LOGITS), 3)
        self.assertEmpty(set(changed[0]) & set(np.ravel(second)))

    def test_the_axes_of_sequences_may_be_shared(self):
        model = keras.Sequential([keras.Input((5, 4)), keras.layers.Dense(3)])
        teacher = noisy(model=model, shared_axes=(1,), seed=0)
        factor = np.asarray(teacher.perturb(np.ones((2, 5, 3), "float32")))
        self.assertLen(np.unique(factor[0], axis=0), 1)
        self.assertLen(np.unique(factor), 6)

    def test_the_expected_squared_error_grows_independently_of_the_student(
        self,
    ):
        for probability in (0.15, 1.0):
            teacher = noisy(0.6, probability, seed=1)
            seen = draws(teacher)
            for student in (LOGITS, np.zeros(3), np.array([5.0, 5.0, -7.0])):
                plain = np.square(student - LOGITS).sum()
                offsets = np.square(student - seen).sum(axis=1) - plain
                expected = reference.noise_offset(LOGITS, 0.6, probability)
                error = offsets.std() / np.sqrt(DRAWS)
                self.assertLess(abs(offsets.mean() - expected), 5 * error)

    @pytest.mark.slow
    def test_a_distillers_loss_grows_by_half_of_that(self):
        keras.utils.set_random_seed(0)
        x = np.random.default_rng(0).normal(size=(DRAWS, 4)).astype("float32")
        teacher = noisy(0.6, 0.5, seed=2)
        distiller = support.distiller(losses.LogitRegression(), teacher=teacher)
        distiller.compile(keras.optimizers.SGD(0.0))
        trained = distiller.fit(x, batch_size=5000, verbose=0).history["loss"]
        plain = distiller.evaluate(x, batch_size=5000, verbose=0)[0]
        logits = np.asarray(teacher(x), "float64")
        student = np.asarray(distiller.student(x), "float64")
        offset = 0.5 * reference.noise_offset(logits, 0.6, 0.5).mean()
        # Per example, the offset is xi^2 v^2 / 2 - xi (g - v) v over classes,
        # of variance below E (3 v^4 sigma^4 / 4 + sigma^2 v^2 (g - v)^2) times
        # the number of classes.
        variance = 3 * np.mean(
            np.sum(
                0.75 * logits**4 * 0.6**4
                + 0.36 * np.square(logits * (student - logits)),
                axis=1,
            )
        )
        error = np.sqrt(variance / len(x))
        self.assertLess(abs(trained[0] - plain - offset), 5 * error)
        self.assertGreater(offset, 5 * error)


@support.eager_tests
class DrawingTest(parameterized.TestCase):
    def test_noise_is_fresh_in_each_step(self):
        distiller = support.distiller(teacher=noisy(seed=0))
        distiller.compile(keras.optimizers.SGD(0.0))
        history = distiller.fit(X, epochs=4, shuffle=False, verbose=0).history
        self.assertLen(set(history["loss"]), 4)

    def trained(self, seed, noise_seed):
        keras.utils.set_random_seed(seed)
        distiller = support.distiller(teacher=noisy(seed=noise_seed))
        distiller.compile("adam")
        distiller.fit(X, batch_size=8, shuffle=False, verbose=0)
        return support.values(distiller.student.weights)

    def test_the_same_seed_gives_the_same_run(self):
        first, second, other = (self.trained(0, s) for s in (5, 5, 6))
        self.assertEqual(support.largest_difference(first, second), 0)
        self.assertGreater(support.largest_difference(first, other), 1e-4)

    def test_without_a_seed_the_seed_of_the_process_counts(self):
        first, second = self.trained(3, None), self.trained(3, None)
        self.assertEqual(support.largest_difference(first, second), 0)

    def test_evaluation_draws_nothing(self):
        teacher = noisy(seed=0)
        distiller = support.distiller(teacher=teacher)
        distiller.compile("sgd", metrics=[keras_kd.metrics.TeacherAgreement()])
        distiller.fit(X, verbose=0)
        before = state(teacher)
        first = distiller.evaluate(X, verbose=0, return_dict=True)
        second = distiller.evaluate(X, verbose=0, return_dict=True)
        distiller.predict(X, verbose=0)
        self.assertEqual(first, second)
        self.assertEqual(state(teacher), before)

        plain = support.distiller(teacher=teacher.model)
        plain.student.set_weights(distiller.student.get_weights())
        plain.compile("sgd", metrics=[keras_kd.metrics.TeacherAgreement()])
        self.assertEqual(plain.evaluate(X, verbose=0, return_dict=True), first)

    def test_training_metrics_see_the_plain_teacher(self):
        # A noise of 100 turns half of the choices round.
        model = support.dense(8)
        distiller = support.distiller(
            teacher=noisy(100.0, model=model),
            student=keras.models.clone_model(model),
        )
        distiller.student.set_weights(model.get_weights())
        distiller.compile(
            keras.optimizers.SGD(0.0),
            metrics=[keras_kd.metrics.TeacherAgreement()],
        )
        history = distiller.fit(X, verbose=0).history
        self.assertEqual(history["teacher_agreement"], [1.0])
        self.assertGreater(history["loss"][0], 1.0)

    def test_features_have_no_noise(self):
        teacher = noisy(seed=0)
        hint = losses.Hint(teacher_tap="hidden", student_tap="hidden")
        distiller = support.distiller(
            [losses.SoftTargets(), hint], teacher=teacher
        )
        distiller.compile(keras.optimizers.SGD(0.0))
        history = distiller.fit(X, epochs=2, verbose=0).history
        self.assertAlmostEqual(*history["hint"], delta=1e-6)
        self.assertNotAlmostEqual(*history["soft_targets"], delta=1e-4)

    def test_members_of_an_ensemble_have_noise_of_their_own(self):
        model = support.dense(8)
        ensemble = teachers.EnsembleTeacher([model, model])
        teacher = noisy(model=ensemble, shared_axes=(-1,), seed=0)
        plain = teacher(X)
        perturbed = teacher.perturb(plain)
        factor = perturbed["member_logits"] / plain["member_logits"]
        self.assertLen(np.unique(np.round(factor, 4)), 2 * len(X))
        np.testing.assert_array_equal(
            perturbed["member_log_weights"], plain["member_log_weights"]
        )


class ReplicaTest(parameterized.TestCase):
    def drawn(self, shared_axes):
        """What two replicas make of the same logits, and their states."""
        strategy = two_replicas()
        logits = np.tile(LOGITS, (6, 1)).astype("float32")
        with strategy.scope():
            teacher = noisy(shared_axes=shared_axes, seed=0)
        step = tf.function(lambda: teacher.perturb(tf.constant(logits)))
        strategy.run(step)
        first, second = strategy.experimental_local_results(strategy.run(step))
        states = [
            strategy.experimental_local_results(variable.value)
            for variable in teacher.noise_state
        ]
        for ours, theirs in states:
            np.testing.assert_array_equal(ours, theirs)
        return np.asarray(first), np.asarray(second)

    def test_replicas_draw_different_noise(self):
        first, second = self.drawn(())
        self.assertTrue(np.all(first != second))

    def test_noise_shared_over_the_batch_is_shared_by_replicas(self):
        first, second = self.drawn((0,))
        np.testing.assert_array_equal(first, second)
        self.assertTrue(np.all(first != LOGITS))

    def test_the_noise_must_be_made_in_the_scope(self):
        outside = noisy()
        with two_replicas().scope():
            student = support.dense(4)
            with self.assertRaisesRegex(
                ValueError,
                "`teacher` must be made in the scope.*Received: "
                'teacher="noisy_teacher", made elsewhere',
            ):
                support.distiller(teacher=outside, student=student)
            inside = noisy(model=outside.model)
            support.distiller(teacher=inside, student=student)


if __name__ == "__main__":
    absltest.main()
