import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import projectors

PAIRS = (
    # Name, student shape, teacher shape, types of the layers, kernel size.
    ("equal", (8, 8, 3), (8, 8, 3), ["Identity"], None),
    ("vector", (3,), (5,), ["Dense"], None),
    ("sequence", (7, 3), (7, 5), ["Dense"], None),
    ("unknown_steps", (None, 3), (None, 5), ["Dense"], None),
    ("steps_unknown_to_one", (None, 3), (7, 5), ["Dense"], None),
    ("volume", (2, 3, 4, 3), (2, 3, 4, 5), ["Dense"], None),
    ("image", (8, 8, 3), (8, 8, 5), ["Conv2D"], (1, 1)),
    ("unknown_image", (None, None, 3), (None, None, 5), ["Conv2D"], (1, 1)),
    ("size_unknown_to_one", (8, 8, 3), (None, None, 5), ["Conv2D"], (1, 1)),
    ("larger", (10, 8, 3), (8, 8, 5), ["Conv2D"], (3, 1)),
    ("larger_equal_channels", (8, 8, 3), (4, 4, 3), ["Conv2D"], (5, 5)),
    ("larger_half_known", (None, 9, 3), (None, 8, 3), ["Conv2D"], (1, 2)),
    ("double", (16, 16, 3), (8, 8, 5), ["AveragePooling2D", "Conv2D"], (1, 1)),
    (
        "three_times_and_more",
        (32, 16, 3),
        (10, 8, 5),
        ["AveragePooling2D", "Conv2D"],
        (1, 1),
    ),
    (
        "double_and_more",
        (28, 28, 3),
        (10, 10, 5),
        ["AveragePooling2D", "Conv2D"],
        (5, 5),
    ),
    (
        "less_than_double",
        (15, 15, 3),
        (8, 8, 5),
        ["Conv2D", "Resizing"],
        (1, 1),
    ),
    (
        "no_whole_ratio",
        (100, 100, 3),
        (40, 40, 5),
        ["AveragePooling2D", "Conv2D", "Resizing"],
        (1, 1),
    ),
    ("smaller", (4, 4, 3), (8, 7, 5), ["Conv2D", "Resizing"], (1, 1)),
    (
        "smaller_equal_channels",
        (4, 4, 3),
        (8, 8, 3),
        ["Conv2D", "Resizing"],
        None,
    ),
    ("taller_and_narrower", (9, 4, 3), (8, 8, 5), ["Conv2D", "Resizing"], None),
)
FILLED = tuple(
    (name, *([n or 6 for n in shape] for shape in shapes))
    for name, *shapes in (pair[:3] for pair in PAIRS)
    if name != "steps_unknown_to_one" and name != "size_unknown_to_one"
)


def infer(student_shape, teacher_shape, **kwargs):
    return projectors.infer(
        (None, *student_shape), (None, *teacher_shape), **kwargs
    )


def layers(projector):
    if isinstance(projector, keras.Sequential):
        return projector.layers
    return [projector]


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


class InferTest(parameterized.TestCase):
    @parameterized.named_parameters(*PAIRS)
    def test_chooses_by_the_shapes(self, student, teacher, types, kernel):
        chosen = layers(infer(student, teacher))
        self.assertEqual([type(layer).__name__ for layer in chosen], types)
        for layer in chosen:
            if kernel and hasattr(layer, "kernel_size"):
                self.assertEqual(layer.kernel_size, kernel)

    @parameterized.named_parameters(*FILLED)
    def test_makes_the_teachers_shape(self, student, teacher):
        projector = infer(student, teacher)
        output = projector(normal(2, *student))
        self.assertEqual(output.shape, (2, *teacher))

    @parameterized.named_parameters(*FILLED)
    def test_is_linear(self, student, teacher):
        # Without the bias, which is zero at the start.
        projector = infer(student, teacher)
        x, y = normal(2, 1, *student)
        np.testing.assert_allclose(
            projector(2 * x - 3 * y),
            2 * projector(x) - 3 * projector(y),
            atol=1e-4,
        )

    @parameterized.parameters("mixed_float16", "bfloat16")
    def test_computes_in_float32_under_every_policy(self, policy):
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(policy)
        try:
            for _, student, teacher in FILLED:
                projector = infer(student, teacher)
                # Infinite in half precision.
                output = projector(tf.fill((1, *student), 1e5))
                self.assertEqual(output.dtype, "float32")
                self.assertTrue(np.all(np.isfinite(output)))
                for variable in projector.variables:
                    self.assertEqual(variable.dtype, "float32")
        finally:
            keras.config.set_dtype_policy(before)

    @parameterized.parameters(
        ((10, 10, 2), (8, 8, 3)),
        ((16, 16, 2), (8, 8, 3)),
        ((4, 4, 2), (8, 8, 3)),
    )
    def test_survives_its_config(self, student, teacher):
        projector = infer(student, teacher)
        copy = keras.saving.deserialize_keras_object(
            keras.saving.serialize_keras_object(projector)
        )
        x = normal(2, *student)
        expected = projector(x)
        copy(x)
        copy.set_weights(projector.get_weights())
        np.testing.assert_array_equal(copy(x), expected)

    @parameterized.parameters(
        ((10, 10, 2), (8, 8, 3)),
        ((28, 28, 2), (10, 10, 3)),
        ((4, 4, 2), (7, 8, 3)),
    )
    def test_trains_the_same_when_compiled(self, student, teacher):
        projector = infer(student, teacher)
        x = tf.constant(normal(2, *student))
        projector(x)

        def gradients():
            with tf.GradientTape() as tape:
                total = tf.reduce_mean(projector(x) ** 2)
            return tape.gradient(total, projector.trainable_variables)

        expected = gradients()
        actual = tf.function(gradients, jit_compile=True)()
        for ours, theirs in zip(actual, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)

    def test_keeps_the_mask_of_a_sequence(self):
        x = keras.layers.Masking()(normal(2, 7, 3))
        output = infer((7, 3), (7, 5))(x)
        self.assertEqual(output.shape, (2, 7, 5))

    def test_channels_are_last_whatever_the_configuration(self):
        before = keras.config.image_data_format()
        keras.config.set_image_data_format("channels_first")
        try:
            for student, teacher in (
                ((10, 9, 2), (8, 8, 3)),
                ((16, 16, 2), (8, 8, 3)),
                ((4, 5, 2), (7, 8, 3)),
            ):
                output = infer(student, teacher)(normal(1, *student))
                self.assertEqual(output.shape, (1, *teacher))
        finally:
            keras.config.set_image_data_format(before)

    @parameterized.named_parameters(
        ("rank", (64,), (8, 8, 256), "not rank: tap a student layer with 4"),
        ("steps", (9, 4), (7, 4), "equal positions"),
        ("volumes", (2, 3, 4, 1), (2, 3, 8, 1), "equal positions"),
        ("channels", (8, None), (8, 3), "both numbers of channels"),
        ("size", (None, 4, 1), (None, 8, 1), "size to which it resizes"),
    )
    def test_rejects_shapes_that_it_cannot_meet(self, student, teacher, why):
        received = (None, *student), (None, *teacher)
        shown = "student_shape={}, teacher_shape={}".format(*received)
        for character in "()":
            shown = shown.replace(character, "\\" + character)
        with self.assertRaisesRegex(
            ValueError, rf"`student_shape` must be.*Received: {shown}.*{why}"
        ):
            projectors.infer(*received)
        self.assertRegex(projectors.obstacle(*received), why)


class ValidConvolutionTest(parameterized.TestCase):
    def test_has_the_kernel_of_the_paper(self):
        # N_student - N_teacher + 1 = 10 - 8 + 1 and 9 - 4 + 1, of k1 k2 O_h O_g
        # weights and O_h biases.
        layer = projectors.valid_convolution((None, 10, 9, 2), (None, 8, 4, 5))
        self.assertEqual(layer(normal(1, 10, 9, 2)).shape, (1, 8, 4, 5))
        self.assertEqual(layer.kernel_size, (3, 6))
        self.assertEqual(layer.count_params(), 3 * 6 * 2 * 5 + 5)

    def test_takes_the_arguments_of_the_paper(self):
        layer = projectors.valid_convolution(
            (None, 40, 40, 4),
            (None, 20, 20, 8),
            activation="relu",
            kernel_initializer=keras.initializers.RandomUniform(-0.05, 0.05),
            kernel_constraint=keras.constraints.MaxNorm(0.9),
            name="regressor",
        )
        output = layer(normal(1, 40, 40, 4))
        kernel = keras.ops.convert_to_numpy(layer.kernel)
        self.assertEqual(layer.name, "regressor")
        self.assertEqual(np.min(output), 0)
        self.assertBetween(kernel.max(), 0.049, 0.05)
        self.assertBetween(kernel.min(), -0.05, -0.049)

    @parameterized.parameters(
        ((None, 4, 4, 2), (None, 4, 5, 2)),
        ((None, None, 4, 2), (None, 4, 4, 2)),
        ((None, 9, 2), (None, 4, 2)),
        ((None, 9, 9, 2), (None, 4)),
    )
    def test_rejects_shapes_that_it_cannot_meet(self, student, teacher):
        with self.assertRaisesRegex(
            ValueError,
            r"`student_shape` must be that of an image.*Received: st",
        ):
            projectors.valid_convolution(student, teacher)


if __name__ == "__main__":
    absltest.main()
