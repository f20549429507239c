import copy
import math
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import callbacks
from keras_kd import losses
from keras_kd._core.arguments import TEMPERATURE as TEMPERATURES
from keras_kd._core.arguments import WEIGHT as WEIGHTS
from tests import support
from tests.replicas import two_replicas

TEMPERATURE = "soft_targets.temperature"
schedules = keras.optimizers.schedules


class Recorder(keras.callbacks.Callback):
    """Notes the temperature after each batch, and the logs of each epoch."""

    def __init__(self):
        super().__init__()
        self.seen = []
        self.logs = []

    def on_train_batch_end(self, batch, logs=None):
        variable = self.model.hyperparameter(TEMPERATURE)
        self.seen.append(float(keras.ops.convert_to_numpy(variable)))

    def on_epoch_end(self, epoch, logs=None):
        self.logs.append(dict(logs))


class Fake:
    """As much of a Distiller as `Anneal` uses, without training."""

    name = "fake"

    def __init__(self):
        self.variables = {
            name: keras.Variable(1.0)
            for name in (TEMPERATURE, "student_loss_weight", "hint.loss_weight")
        }
        self.optimizer = types.SimpleNamespace(iterations=keras.Variable(0))

    def hyperparameter_bounds(self, target):
        return TEMPERATURES if target == TEMPERATURE else WEIGHTS

    def hyperparameter(self, target):
        return self.variables[target]


def first_value(schedule, target=TEMPERATURE, per="step"):
    """What a schedule puts into the variable before the first step."""
    model = Fake()
    anneal = callbacks.Anneal(target, schedule, per)
    anneal.set_model(model)
    anneal.on_epoch_begin(0)
    anneal.on_train_batch_begin(0)
    return float(model.variables[target].numpy())


def fit(distiller, *others, batches=4, epochs=2, **options):
    """Trains on batches of 6 and returns what a `Recorder` saw."""
    x, y = support.data(6 * batches)
    recorder = Recorder()
    history = distiller.fit(
        x,
        y,
        batch_size=6,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=[*others, recorder],
        **options,
    )
    return recorder, history.history


def compiled(losses=None, optimizer="sgd", **options):
    keras.utils.set_random_seed(0)
    distiller = support.distiller(losses)
    distiller.compile(optimizer, loss=support.cross_entropy(), **options)
    return distiller


class AnnealScheduleTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("cosine", schedules.CosineDecay(8.0, 10)),
        ("restarts", schedules.CosineDecayRestarts(8.0, 10)),
        ("exponential", schedules.ExponentialDecay(8.0, 10, 0.5)),
        ("inverse_time", schedules.InverseTimeDecay(8.0, 10, 0.5)),
        ("polynomial", schedules.PolynomialDecay(8.0, 10)),
        ("piecewise", schedules.PiecewiseConstantDecay([5], [8.0, 1.0])),
        ("function", lambda step: 8),
        ("function_of_arrays", lambda step: np.array([8.0])),
        ("function_of_tensors", lambda step: tf.constant(8.0) - step),
    )
    def test_starts_at_eight(self, schedule):
        self.assertEqual(first_value(schedule), 8.0)

    @parameterized.parameters("student_loss_weight", "hint.loss_weight")
    def test_a_weight_may_be_zero(self, target):
        self.assertEqual(first_value(lambda step: 0.0, target), 0.0)

    @parameterized.parameters(0.0, -1.0, math.nan, math.inf, None, "warm", 1e39)
    def test_refuses_a_temperature_of(self, value):
        with self.assertRaises(ValueError) as caught:
            first_value(lambda step: value)
        self.assertEqual(
            str(caught.exception),
            "`schedule` must return a number from 0.001 to 1e+06, since it is "
            f"the value of {TEMPERATURE}. Received: {value!r} at step 0.",
        )

    @parameterized.parameters(-1.0, math.nan)
    def test_refuses_a_weight_of(self, value):
        with self.assertRaisesRegex(
            ValueError, rf"from 0 to.*hint.*Received: {value!r} at epoch 0"
        ):
            first_value(lambda epoch: value, "hint.loss_weight", "epoch")

    @parameterized.parameters(8.0, "cosine", None, schedules.CosineDecay)
    def test_refuses_a_schedule_of_another_type(self, schedule):
        with self.assertRaisesRegex(TypeError, "schedule.*Received: schedule="):
            callbacks.Anneal(TEMPERATURE, schedule)

    @parameterized.parameters("batch", None)
    def test_refuses_per(self, per):
        with self.assertRaisesRegex(ValueError, f"step.*per={per!r}"):
            callbacks.Anneal(TEMPERATURE, lambda step: 1.0, per)

    def test_refuses_a_target_that_is_no_name(self):
        with self.assertRaisesRegex(TypeError, "name.*Received: target=1.0"):
            callbacks.Anneal(1.0, lambda step: 1.0)

    def test_refuses_another_model(self):
        anneal = callbacks.Anneal(TEMPERATURE, lambda step: 1.0)
        with self.assertRaisesRegex(
            TypeError, 'Distiller.*Received: Sequential "plain"'
        ):
            anneal.set_model(support.dense(3, name="plain"))


@support.eager_tests(
    but=(
        "test_counts_steps",
        "test_acts_inside",
        "test_is_set_once",
        "test_drives",
    )
)
class AnnealInFitTest(parameterized.TestCase):
    @parameterized.parameters(False, True)
    def test_counts_steps(self, run_eagerly):
        anneal = callbacks.Anneal(TEMPERATURE, lambda step: 1.0 + step)
        recorder, logs = fit(compiled(run_eagerly=run_eagerly), anneal)
        self.assertEqual(recorder.seen, [1.0, 2, 3, 4, 5, 6, 7, 8])
        self.assertEqual(logs[TEMPERATURE], [4.0, 8.0])

    def test_counts_epochs(self):
        anneal = callbacks.Anneal(TEMPERATURE, lambda e: 1.0 + e, "epoch")
        recorder, logs = fit(compiled(), anneal, initial_epoch=2, epochs=4)
        self.assertEqual(recorder.seen, [3.0] * 4 + [4.0] * 4)
        self.assertEqual(logs[TEMPERATURE], [3.0, 4.0])

    def test_goes_on_where_the_optimizer_was(self):
        distiller = compiled()
        anneal = callbacks.Anneal(TEMPERATURE, lambda step: 1.0 + step)
        fit(distiller, anneal, epochs=1)
        recorder, _ = fit(distiller, anneal, epochs=1)
        self.assertEqual(recorder.seen, [5.0, 6, 7, 8])

    def test_counts_updates_under_gradient_accumulation(self):
        optimizer = keras.optimizers.SGD(gradient_accumulation_steps=2)
        anneal = callbacks.Anneal(TEMPERATURE, lambda step: 1.0 + step)
        recorder, _ = fit(compiled(optimizer=optimizer), anneal, epochs=1)
        self.assertEqual(recorder.seen, [1.0, 1, 2, 2])

    def test_counts_updates_under_loss_scaling(self):
        optimizer = keras.optimizers.LossScaleOptimizer(
            keras.optimizers.SGD(), initial_scale=2.0
        )
        anneal = callbacks.Anneal(TEMPERATURE, lambda step: 1.0 + step)
        recorder, _ = fit(compiled(optimizer=optimizer), anneal, epochs=1)
        self.assertEqual(recorder.seen, [1.0, 2, 3, 4])

    @parameterized.parameters(1, 2)
    def test_acts_inside_the_compiled_step(self, steps_per_execution):
        # The variable at 4 by schedule, and at 4 from the start.
        options = {"steps_per_execution": steps_per_execution}
        plain = compiled(losses.SoftTargets(4.0), **options)
        annealed = compiled(losses.SoftTargets(1.0), **options)
        control = compiled(losses.SoftTargets(1.0), **options)
        anneal = callbacks.Anneal(TEMPERATURE, lambda step: 4.0)
        fit(plain)
        fit(annealed, anneal)
        fit(control)
        expected, actual, other = (
            support.values(d.student.trainable_variables)
            for d in (plain, annealed, control)
        )
        self.assertEqual(support.largest_difference(actual, expected), 0)
        self.assertGreater(support.largest_difference(other, expected), 1e-4)

    def test_is_set_once_per_execution(self):
        anneal = callbacks.Anneal(TEMPERATURE, lambda step: 1.0 + step)
        distiller = compiled(steps_per_execution=2)
        recorder, _ = fit(distiller, anneal, epochs=1)
        self.assertEqual(recorder.seen, [1.0, 3.0])

    @pytest.mark.slow
    def test_drives_the_variable_of_all_replicas(self):
        with two_replicas().scope():
            distiller = compiled()
        anneal = callbacks.Anneal(TEMPERATURE, lambda step: 1.0 + step)
        recorder, _ = fit(distiller, anneal, epochs=1)
        self.assertEqual(recorder.seen, [1.0, 2, 3, 4])

    def test_a_copy_drives_the_model_that_it_is_given_to(self):
        used = callbacks.Anneal(TEMPERATURE, lambda step: 5.0)
        first, second = compiled(), compiled()
        fit(first, copy.deepcopy(used), epochs=1)
        fit(second, copy.deepcopy(used), epochs=1)
        for distiller in (first, second):
            variable = distiller.hyperparameter(TEMPERATURE)
            self.assertEqual(variable.numpy(), 5.0)

    def test_unknown_target_is_refused_before_training(self):
        distiller = compiled()
        before = support.values(distiller.variables)
        anneal = callbacks.Anneal("soft_target.temperature", lambda step: 1.0)
        with self.assertRaisesRegex(
            ValueError, "soft_targets.temperature.*soft_target.temperature"
        ):
            fit(distiller, anneal)
        after = support.values(distiller.variables)
        self.assertEqual(support.largest_difference(before, after), 0)

    def test_two_for_one_target_are_refused_before_training(self):
        distiller = compiled()
        before = support.values(distiller.variables)
        first, second = (
            callbacks.Anneal(TEMPERATURE, lambda step, t=t: t)
            for t in (2.0, 5.0)
        )
        # Twice, since the first error must leave nothing behind.
        for _ in range(2):
            with self.assertRaisesRegex(
                ValueError, "two callbacks for target='soft_targets.temp"
            ):
                distiller.fit(
                    *support.data(), verbose=0, callbacks=[first, second]
                )
        after = support.values(distiller.variables)
        self.assertEqual(support.largest_difference(before, after), 0)
        # As the message says; and other targets may have their own.
        weight = callbacks.Anneal("soft_targets.loss_weight", lambda step: 0.5)
        joined = callbacks.Anneal(TEMPERATURE, lambda step: 2.0 + 3.0)
        history = distiller.fit(
            *support.data(), verbose=0, callbacks=[joined, weight]
        ).history
        self.assertEqual(history[TEMPERATURE], [5.0])
        self.assertEqual(history["soft_targets.loss_weight"], [0.5])

    def test_logs_of_later_callbacks_have_the_value(self):
        anneal = callbacks.Anneal(TEMPERATURE, lambda step: 3.0)
        recorder, _ = fit(compiled(), anneal, epochs=1)
        self.assertEqual(recorder.logs[0][TEMPERATURE], 3.0)


support.mark_slow(AnnealInFitTest, "test_acts_inside", but=["0"])


if __name__ == "__main__":
    absltest.main()
