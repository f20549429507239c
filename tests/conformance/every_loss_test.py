"""Runs every loss through the checks that hold for all of them."""

import inspect
import math
import pathlib
import re
import tempfile

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import losses
from tests import support
from tests.conformance import loss_rows
from tests.losses import precision


def value_and_gradients(row, loss, teacher, student):
    """The values, and their gradients by both tensors and by the weights."""
    with tf.GradientTape() as tape:
        tape.watch([teacher, student])
        values = row.call(loss, teacher, student)
        total = tf.reduce_sum(values)
    sources = [teacher, student, *loss.trainable_variables]
    return values, *tape.gradient(total, sources)


def degenerate(teacher, student):
    """Pairs of tensors without variation of one kind or another."""
    yield np.zeros_like(teacher), student
    yield teacher, np.zeros_like(student)
    yield np.zeros_like(teacher), np.zeros_like(student)
    # All examples are one, one example is all.
    yield teacher[[0, 0, 0]], student[[0, 0, 0]]
    yield teacher[:1], student[:1]
    # Ties, and a class that neither model ever chooses.
    yield np.sign(teacher), np.sign(student)
    yield 1e4 * np.sign(teacher), -1e4 * np.sign(student)
    teacher, student = teacher.copy(), student.copy()
    teacher[..., -1] = student[..., -1] = -1e4
    yield teacher, student


class RowsTest(absltest.TestCase):
    def test_every_public_loss_has_a_row(self):
        tested = {row.loss for row in loss_rows.ROWS}
        exceptions = set(loss_rows.EXCEPTIONS)
        self.assertSetEqual(tested | exceptions, set(losses.__all__))
        self.assertEmpty(tested & exceptions)

    def test_names_of_rows_are_unique(self):
        names = {row.name for row in loss_rows.ROWS}
        self.assertLen(names, len(loss_rows.ROWS))

    def test_public_names_are_sorted(self):
        self.assertEqual(losses.__all__, sorted(losses.__all__))


@parameterized.named_parameters(*loss_rows.NAMED_ROWS)
class EveryLossTest(parameterized.TestCase):
    def test_gives_one_finite_value_per_example_or_position(self, row):
        for batch in (1, 4):
            values = row.call(row.make(), *row.tensors(batch))
            self.assertEqual(values.shape, (batch, *row.value_shape))
            self.assertTrue(np.all(np.isfinite(values)))

    def test_tells_its_shape_of_symbolic_tensors(self, row):
        teacher, student = (
            keras.KerasTensor((None, *shape))
            for shape in (row.teacher_shape, row.student_shape)
        )
        values = row.call(row.make(), teacher, student)
        self.assertEqual(values.shape, (None, *row.value_shape))

    def test_tells_whether_an_example_changes_the_value_of_another(self, row):
        loss = row.make()
        teacher, student = row.tensors()
        together = row.call(loss, teacher, student)[1:]
        apart = row.call(loss, teacher[1:], student[1:])
        self.assertEqual(
            not np.allclose(together, apart, rtol=1e-5), row.compares_examples
        )

    def test_is_finite_where_numbers_are_equal(self, row):
        for teacher, student in degenerate(*row.tensors()):
            result = precision.run(row.make_function, teacher, student)
            self.assertTrue(np.all(np.isfinite(result.value)))
            self.assertTrue(np.all(np.isfinite(result.gradient)))

    def test_is_float32_under_half_precision_policies(self, row):
        for _, policy, dtype in precision.POLICIES:
            for scale in (1, 1e4):
                teacher, student = (scale * np.tanh(x) for x in row.tensors())
                result = precision.run(
                    row.make_function, teacher, student, dtype, policy
                )
                self.assertEqual(result.dtype, "float32")
                self.assertTrue(np.all(np.isfinite(result.value)))
                self.assertTrue(np.all(np.isfinite(result.gradient)))

    def test_gives_half_precision_the_value_of_the_rounded_numbers(self, row):
        for _, policy, dtype in precision.POLICIES:
            with precision.global_policy(policy):
                loss = row.make()
                half = [tf.cast(x, dtype) for x in row.tensors()]
                actual = row.call(loss, *half)
            expected = row.call(loss, *(tf.cast(x, "float32") for x in half))
            np.testing.assert_array_equal(actual, expected)

    def test_survives_its_config(self, row):
        loss = row.make(
            loss_weight=0.5,
            teacher_tap="stage2",
            student_tap="backbone/block3",
            name="mine",
        )
        through_json = keras.saving.deserialize_keras_object(
            keras.saving.serialize_keras_object(loss)
        )
        taken = set(inspect.signature(type(loss)).parameters) - {"kwargs"}
        self.assertEqual(taken - set(loss.get_config()) - {"name"}, set())
        for copy in (through_json, type(loss).from_config(loss.get_config())):
            self.assertIsInstance(copy, type(loss))
            self.assertEqual(copy.get_config(), loss.get_config())
            self.assertEqual(copy.teacher_tap, "stage2")
            self.assertEqual(copy.student_tap, "backbone/block3")
            self.assertEqual(copy.name, "mine")

    def test_saves_and_loads_its_weights_and_hyperparameters(self, row):
        inputs = [
            keras.Input(row.teacher_shape),
            keras.Input(row.student_shape),
        ]
        model = keras.Model(inputs, row.call(row.make(name="tested"), *inputs))
        for variable in model.variables:
            variable.assign(variable + 0.25)
        with tempfile.TemporaryDirectory() as folder:
            model.save(pathlib.Path(folder, "loss.keras"))
            loaded = keras.saving.load_model(pathlib.Path(folder, "loss.keras"))
        for ours, theirs in zip(loaded.weights, model.weights, strict=True):
            np.testing.assert_array_equal(
                keras.ops.convert_to_numpy(ours),
                keras.ops.convert_to_numpy(theirs),
            )
        tensors = list(row.tensors())
        np.testing.assert_array_equal(loaded(tensors), model(tensors))

    def test_compiled_it_gives_the_same_numbers(self, row):
        loss = row.make()
        tensors = [tf.constant(x) for x in row.tensors()]
        eager = value_and_gradients(row, loss, *tensors)
        for jit_compile in (False, True):
            compiled = tf.function(
                lambda *tensors: value_and_gradients(row, loss, *tensors),
                jit_compile=jit_compile,
            )
            for ours, theirs in zip(compiled(*tensors), eager, strict=True):
                if theirs is None:
                    self.assertIsNone(ours)
                else:
                    np.testing.assert_allclose(
                        ours, theirs, rtol=1e-4, atol=1e-5
                    )

    def test_compiled_it_is_finite_for_large_numbers(self, row):
        loss = row.make()
        row.call(loss, *row.tensors())
        compiled = tf.function(
            lambda *tensors: value_and_gradients(row, loss, *tensors),
            jit_compile=True,
        )
        for scale in (0.0, 1e4):
            tensors = [tf.sign(x) * scale for x in row.tensors()]
            for result in compiled(*tensors):
                if result is not None:
                    self.assertTrue(np.all(np.isfinite(result)), scale)

    def test_gradient_reaches_the_student_and_not_the_teacher(self, row):
        tensors = [tf.constant(x) for x in row.tensors()]
        _, teacher, *others = value_and_gradients(row, row.make(), *tensors)
        self.assertIsNone(teacher)
        for gradient in others:
            self.assertGreater(np.abs(gradient).max(), 0)

    def test_rejects_loss_weight(self, row):
        for loss_weight in (-1.0, math.nan, math.inf, 1e39):
            with self.assertRaisesRegex(
                ValueError,
                r"`loss_weight` must be a number from 0 to .*Received: "
                f"loss_weight={re.escape(str(loss_weight))}",
            ):
                row.make(loss_weight=loss_weight)

    def test_hyperparameters_act_without_retracing(self, row):
        loss = row.make()
        tensors = [tf.constant(x) for x in row.tensors()]
        row.call(loss, *tensors)
        traces = []

        @tf.function
        def weighted(teacher, student):
            traces.append(1)
            return loss.loss_weight * row.call(loss, teacher, student)

        for name, bounds in loss.bounds.items():
            before = weighted(*tensors)
            value = min(1.25, bounds.high)
            getattr(loss, name).assign(value)
            after = weighted(*tensors)
            self.assertGreater(np.abs(after - before).max(), 0, name)
            expected = value * row.call(loss, *tensors)
            if name == "loss_weight":
                np.testing.assert_allclose(after, expected, rtol=1e-5)
        self.assertLen(traces, 1)

    def test_has_a_documented_example(self, row):
        self.assertIn(">>> ", type(row.make()).__doc__)


@parameterized.named_parameters(
    *(row for row in loss_rows.NAMED_ROWS if row[1].is_divergence)
)
class EveryDivergenceTest(parameterized.TestCase):
    def test_is_zero_when_the_student_equals_the_teacher(self, row):
        for scale in (1, 1e4):
            teacher = scale * row.tensors()[0]
            values = row.call(row.make(), teacher, teacher)
            np.testing.assert_array_equal(values, 0)

    def test_has_no_gradient_when_the_student_equals_the_teacher(self, row):
        teacher, _ = row.tensors()
        result = precision.run(row.make_function, teacher, teacher)
        np.testing.assert_allclose(result.gradient, 0, atol=1e-6)


# Of a loss with several rows, the first is quick.
support.mark_slow(
    EveryLossTest,
    "test_",
    but=[f"_{name}" for name in loss_rows.FIRST],
)
support.mark_slow(
    EveryLossTest,
    "test_is_finite_where",
    but=["equal_decoupled_soft_targets", "equal_soft_target_correlation"],
)
# XLA takes most of the time.
support.mark_slow(
    EveryLossTest,
    "test_compiled_it",
    but=[
        "_attention_transfer",
        "_hint_sequence",
        "_input_gradient_transfer",
        "numbers_soft_targets",
    ],
)


if __name__ == "__main__":
    absltest.main()
