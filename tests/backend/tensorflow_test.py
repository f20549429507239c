"""The step: what runs, how often, what moves, and in which precision."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd import backend
from tests import support
from tests.support import cross_entropy


class Counting(keras.layers.Layer):
    """Counts its passes at run time."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        # Not a weight of Keras, whose assignments a teacher drops.
        self.passes = tf.Variable(0, trainable=False)

    def call(self, x):
        self.passes.assign_add(1)
        return x


def counted(width, name):
    return keras.Sequential(
        [
            keras.Input((4,)),
            Counting(name="counting"),
            keras.layers.Dense(width, name="hidden"),
            keras.layers.Dense(3, name="head"),
        ],
        name=name,
    )


class StepTest(parameterized.TestCase):
    def test_a_step_runs_each_model_once(self):
        x, y = support.data(24)
        teacher, student = counted(8, "teacher"), counted(4, "student")
        distiller = support.distiller(
            [
                keras_kd.losses.SoftTargets(),
                keras_kd.losses.Hint(
                    teacher_tap="hidden", student_tap="hidden"
                ),
            ],
            teacher=teacher,
            student=student,
        )
        distiller.compile("sgd", loss=cross_entropy(), metrics=["accuracy"])
        counts = [m.get_layer("counting").passes for m in (teacher, student)]
        before = np.array(support.values(counts))
        distiller.fit(x, y, batch_size=8, epochs=2, verbose=0)
        steps = np.array(support.values(counts)) - before
        np.testing.assert_array_equal(steps, [6, 6])
        distiller.evaluate(x, y, batch_size=8, verbose=0)
        steps = np.array(support.values(counts)) - before
        np.testing.assert_array_equal(steps, [9, 9])

    def test_the_teacher_is_bit_identical_after_fit(self):
        x, y = support.data()
        teacher = keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.BatchNormalization(),
                keras.layers.Dropout(0.5),
                keras.layers.Dense(3),
            ]
        )
        distiller = support.distiller(teacher=teacher)
        distiller.compile("adam", loss=cross_entropy())
        before = support.values(teacher.variables)
        distiller.fit(x, y, epochs=3, verbose=0)
        after = support.values(teacher.variables)
        self.assertEqual(support.largest_difference(before, after), 0)
        self.assertTrue(teacher.trainable)
        self.assertLen(teacher.trainable_weights, 4)

    def test_evaluate_changes_no_variable(self):
        x, y = support.data()
        student = keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.Dense(8, name="hidden"),
                keras.layers.BatchNormalization(),
                keras.layers.Dropout(0.5),
                keras.layers.Dense(3),
            ]
        )
        distiller = support.distiller(
            keras_kd.losses.Hint(teacher_tap="hidden", student_tap="hidden"),
            student=student,
        )
        distiller.compile("adam", loss=cross_entropy())
        distiller.fit(x, y, verbose=0)
        variables = [*distiller.variables, *distiller.optimizer.variables]
        before = support.values(variables)
        distiller.evaluate(x, y, verbose=0)
        distiller.predict(x, verbose=0)
        after = support.values(variables)
        self.assertEqual(support.largest_difference(before, after), 0)

    def test_batch_statistics_move_as_in_plain_training(self):
        x, y = support.data()

        def student():
            keras.utils.set_random_seed(0)
            return keras.Sequential(
                [
                    keras.Input((4,)),
                    keras.layers.BatchNormalization(name="norm"),
                    keras.layers.Dense(3),
                ]
            )

        plain, distilled = student(), student()
        plain.compile("sgd", loss=cross_entropy())
        plain.train_on_batch(x, y)
        distiller = support.distiller(
            keras_kd.losses.Hint(teacher_tap="hidden", student_tap="norm"),
            student=distilled,
        )
        distiller.compile("sgd", loss=cross_entropy())
        distiller.train_on_batch(x, y)
        np.testing.assert_allclose(
            distilled.get_layer("norm").moving_mean,
            plain.get_layer("norm").moving_mean,
            rtol=1e-6,
        )

    @parameterized.named_parameters(
        ("eager", {"run_eagerly": True}),
        ("compiled", {"jit_compile": True}),
        ("several_steps", {"steps_per_execution": 2}),
        ("both", {"jit_compile": True, "steps_per_execution": 4}),
    )
    def test_ways_of_running_agree(self, settings):
        x, y = support.data(20)
        results = []
        for kwargs in ({}, settings):
            keras.utils.set_random_seed(0)
            distiller = support.distiller(
                [
                    keras_kd.losses.SoftTargets(),
                    keras_kd.losses.Hint(
                        teacher_tap="hidden", student_tap="hidden"
                    ),
                ]
            )
            distiller.compile(
                keras.optimizers.SGD(0.1), loss=cross_entropy(), **kwargs
            )
            distiller.fit(
                x, y, batch_size=8, epochs=2, shuffle=False, verbose=0
            )
            results.append(support.values(distiller.weights))
        self.assertLess(support.largest_difference(*results), 1e-6)

    def test_accumulated_gradients_equal_one_large_batch(self):
        x, y = support.data(32)
        results = []
        for size, steps in ((32, None), (8, 4)):
            keras.utils.set_random_seed(0)
            distiller = support.distiller()
            optimizer = keras.optimizers.SGD(
                0.1, gradient_accumulation_steps=steps
            )
            distiller.compile(optimizer, loss=cross_entropy())
            distiller.fit(
                x, y, batch_size=size, epochs=2, shuffle=False, verbose=0
            )
            results.append(support.values(distiller.weights))
        self.assertLess(support.largest_difference(*results), 1e-6)

    def test_the_weights_of_a_projector_are_trained(self):
        x, y = support.data()
        hint = keras_kd.losses.Hint(teacher_tap="hidden", student_tap="hidden")
        distiller = support.distiller(hint)
        distiller.compile("adam", loss=cross_entropy())
        before = support.values(hint.projector.weights)
        self.assertLen(hint.projector.trainable_weights, 2)
        distiller.fit(x, y, verbose=0)
        after = support.values(hint.projector.weights)
        self.assertGreater(support.largest_difference(before, after), 1e-4)
        self.assertLen(distiller.student.weights, 4)

    def test_a_projector_is_in_training_mode_only_in_training(self):
        x, y = support.data()
        norm = keras.layers.BatchNormalization()
        projector = keras.Sequential([keras.layers.Dense(8), norm])
        distiller = support.distiller(
            keras_kd.losses.Hint(
                teacher_tap="hidden", student_tap="hidden", projector=projector
            )
        )
        distiller.compile("sgd", loss=cross_entropy())
        before = support.values([norm.moving_mean])
        distiller.evaluate(x, y, verbose=0)
        after = support.values([norm.moving_mean])
        self.assertEqual(support.largest_difference(before, after), 0)
        distiller.fit(x, y, verbose=0)
        after = support.values([norm.moving_mean])
        self.assertGreater(support.largest_difference(before, after), 0)

    @parameterized.parameters("mixed_float16", "mixed_bfloat16")
    def test_half_precision_moves_the_weights_as_far(self, policy):
        x, y = support.data(64)
        results = []
        for dtype in ("float32", policy):
            keras.utils.set_random_seed(0)
            keras.config.set_dtype_policy(dtype)
            self.addCleanup(keras.config.set_dtype_policy, "float32")
            student = support.dense(4)
            keras.config.set_dtype_policy("float32")
            distiller = support.distiller(
                [
                    keras_kd.losses.SoftTargets(),
                    keras_kd.losses.Hint(
                        teacher_tap="hidden", student_tap="hidden"
                    ),
                ],
                student=student,
            )
            before = support.values(student.weights)
            distiller.compile(keras.optimizers.SGD(0.1), loss=cross_entropy())
            distiller.fit(x, y, verbose=0)
            after = support.values(student.weights)
            results.append([b - a for a, b in zip(before, after, strict=True)])
            self.assertEqual(
                isinstance(
                    distiller.optimizer, keras.optimizers.LossScaleOptimizer
                ),
                dtype == "mixed_float16",
            )
        largest = max(np.abs(move).max() for move in results[0])
        difference = support.largest_difference(*results)
        self.assertLess(difference, 0.05 * largest)

    def test_a_half_precision_layer_alone_calls_for_loss_scaling(self):
        student = keras.Sequential(
            [keras.Input((4,)), keras.layers.Dense(3, dtype="mixed_float16")]
        )
        distiller = support.distiller(student=student)
        distiller.compile("sgd")
        self.assertIsInstance(
            distiller.optimizer, keras.optimizers.LossScaleOptimizer
        )

    def test_nan_from_the_teacher_names_the_teacher(self):
        x, _ = support.data()
        distiller = support.distiller()
        distiller.compile("sgd", jit_compile=False)
        bias = distiller.teacher.get_layer("head").bias
        bias.assign([0.0, float("nan"), 0.0])
        before = support.values(distiller.student.weights)
        with self.assertRaisesRegex(
            tf.errors.InvalidArgumentError,
            # Nothing before it, such as the graph, and nothing behind it.
            '^The teacher "teacher" must give finite numbers at its output, '
            r"since .*Take out the examples.*Received: NaN\.$",
        ):
            distiller.fit(x, verbose=0)
        after = support.values(distiller.student.weights)
        self.assertEqual(support.largest_difference(before, after), 0)


support.mark_slow(StepTest, "test_ways", but=["_eager"])
support.mark_slow(StepTest, "test_half_precision_moves")


class CompiledTest(absltest.TestCase):
    def test_serves_batches_of_any_size_with_one_trace(self):
        traces = []

        def double(x, y):
            traces.append(x.shape)
            return {"sum": 2 * x + y, "size": keras.ops.shape(x)[0]}

        compiled = backend.compiled(double)
        for size in range(1, 8):
            x = np.ones((size, 3), "float32")
            result = compiled(x, keras.ops.convert_to_tensor(x))
            np.testing.assert_array_equal(result["sum"], 3 * x)
            self.assertEqual(result["size"], size)
        self.assertLen(traces, 1)
        self.assertEqual(tuple(traces[0]), (None, 3))


if __name__ == "__main__":
    absltest.main()
