"""The mean over the global batch, and Keras's losses made of it."""

import hypothesis
import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies
from hypothesis.extra import numpy as arrays
from keras import ops

from keras_kd._core import reduction
from tests import replicas

FEW = hypothesis.settings(max_examples=50, deadline=None, derandomize=True)
SHAPES = arrays.array_shapes(min_dims=1, max_dims=3, max_side=4)
NUMBERS = strategies.floats(-100, 100, width=32)


def array(shape, dtype="float32", elements=NUMBERS):
    return arrays.arrays(dtype, shape, elements=elements)


@strategies.composite
def masked_values(draw):
    """Values with anything where the mask is False, weights, and the mask."""
    shape = draw(SHAPES)
    values = draw(array(shape))
    mask = draw(array(shape, bool, strategies.booleans()))
    junk = draw(strategies.sampled_from([np.inf, -np.inf, np.nan, 1e30]))
    weights = draw(array(shape, elements=strategies.floats(0, 9, width=32)))
    return np.where(mask, values, np.float32(junk)), weights, mask


class MeanTest(absltest.TestCase):
    @FEW
    @hypothesis.given(masked_values())
    def test_is_the_weighted_sum_over_the_valid_count(self, case):
        values, weights, mask = case
        valid = values[mask].astype("float64")
        expected = (valid * weights[mask]).sum() / max(mask.sum(), 1)
        np.testing.assert_allclose(
            reduction.mean(values, weights, mask),
            expected,
            rtol=1e-5,
            atol=1e-5 * np.abs(valid * weights[mask]).max(initial=1),
        )

    def test_is_the_plain_mean_without_weights(self):
        self.assertEqual(reduction.mean(np.array([1.0, 2.0, 6.0])), 3)

    def test_all_masked_gives_zero(self):
        values = np.array([np.inf, np.nan], "float32")
        mask = np.array([False, False])
        self.assertEqual(reduction.mean(values, None, mask), 0)

    def test_a_mask_of_examples_covers_their_steps(self):
        # Two examples of two steps; the second does not count.
        values = np.array([[1.0, 3.0], [7.0, 9.0]], "float32")
        mask = np.array([[True], [False]])
        self.assertEqual(reduction.mean(values, None, mask), 2)

    def test_a_masked_infinity_leaves_the_gradient_of_others(self):
        values = tf.Variable([2.0, 0.0])
        with tf.GradientTape() as tape:
            mean = reduction.mean(1 / values, None, tf.constant([True, False]))
        self.assertEqual(mean, 0.5)
        # d(1/x)/dx = -1/4 at 2.
        self.assertEqual(tape.gradient(mean, values)[0], -0.25)

    def test_shares_of_unequal_replicas_add_up(self):
        # 3 examples with 1 valid, and 2 with 2: (1 + 4 + 5) / 3.
        shares = on_replicas(
            lambda index: reduction.mean(
                *(
                    (
                        tf.constant([1.0, 2.0, 3.0]),
                        None,
                        np.array([1, 0, 0], bool),
                    ),
                    (
                        tf.constant([4.0, 5.0, 0.0])[:2],
                        None,
                        np.array([1, 1], bool),
                    ),
                )[index]
            )
        )
        np.testing.assert_allclose(sum(shares), 10 / 3, rtol=1e-6)


def on_replicas(function):
    """Calls a function of the replica's number in a step of two replicas."""
    strategy = replicas.two_replicas()

    def step():
        context = tf.distribute.get_replica_context()
        # Tracing calls it once per replica, with the number known.
        return function(int(context.replica_id_in_sync_group))

    return strategy.experimental_local_results(strategy.run(step))


class AlignTest(parameterized.TestCase):
    @parameterized.parameters(
        ((3,), (3,), (3,)),
        ((3,), (3, 4), (3, 1)),
        ((3,), (3, 4, 5), (3, 1, 1)),
        ((3, 1), (3,), (3,)),
        ((3, 4), (3,), (3,)),
        ((3, 4), (3, 4, 5), (3, 4, 1)),
        ((3, 4, 5), (3, 4), (3, 4)),
        # Weights of other steps: their mean is for all.
        ((3, 7), (3, 4), (3, 1)),
        ((3, 7, 5), (3, 4, 5), (3, 1, 5)),
    )
    def test_fits_shapes(self, shape, values, expected):
        aligned = reduction.broadcast_like(
            np.ones(shape), np.ones(values), ops.mean
        )
        self.assertEqual(tuple(aligned.shape), expected)

    def test_combines_what_has_no_place(self):
        weights = np.array([[1.0, 3.0], [5.0, 5.0]])
        np.testing.assert_array_equal(
            reduction.broadcast_like(weights, np.ones(2), ops.mean), [2, 5]
        )
        mask = np.array([[True, False], [False, False]])
        np.testing.assert_array_equal(
            reduction.broadcast_like(mask, np.ones(2), ops.any), [True, False]
        )

    @FEW
    @hypothesis.given(SHAPES, SHAPES)
    def test_always_multiplies(self, shape, other):
        values = np.ones((2, *shape[1:]))
        aligned = reduction.broadcast_like(
            np.ones((2, *other[1:])), values, ops.mean
        )
        self.assertEqual(np.shape(aligned * values), values.shape)

    def test_masks_are_combined(self):
        values = np.ones((2, 2))
        self.assertIsNone(reduction.combine_masks(values, None, None))
        combined = reduction.combine_masks(
            values,
            None,
            np.array([True, False]),
            np.array([[True, False], [True, True]]),
        )
        np.testing.assert_array_equal(combined, [[True, False], [False, False]])

    def test_reads_the_mask_of_a_tensor(self):
        x = np.array([[[1.0], [0.0]]])
        masked = keras.layers.Masking()(x)
        np.testing.assert_array_equal(
            reduction.read_mask(masked), [[True, False]]
        )
        self.assertIsNone(reduction.read_mask(ops.convert_to_tensor(x)))


@keras.saving.register_keras_serializable("tests")
def distance(y_true, y_pred):
    return ops.sum(ops.abs(y_true - y_pred), axis=-1)


RNG = np.random.default_rng(0)
SCORES = RNG.normal(size=(5, 3)).astype("float32")
STEPS = RNG.normal(size=(5, 4, 3)).astype("float32")
WEIGHTS = RNG.random(5).astype("float32")
CLASSES = RNG.integers(0, 3, 5)
TAGS = RNG.integers(0, 3, (5, 4))
SPARSE = keras.losses.SparseCategoricalCrossentropy


class GlobalMeanTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("classes", SPARSE(from_logits=True), CLASSES, SCORES),
        ("ignored", SPARSE(True, ignore_class=1), CLASSES, SCORES),
        ("ignored_steps", SPARSE(True, ignore_class=0), TAGS, STEPS),
        ("squared", keras.losses.MeanSquaredError(), SCORES + 1, SCORES),
        ("column", keras.losses.MeanSquaredError(), CLASSES, SCORES[:, :1]),
        ("integers", keras.losses.Huber(), CLASSES[:, None], SCORES[:, :1]),
        ("no_column", keras.losses.MeanSquaredError(), TAGS[:, :1], WEIGHTS),
        ("string", "mse", SCORES + 1, SCORES),
        ("string_of_column", "mse", CLASSES, SCORES[:, :1]),
        ("string_of_no_column", "mae", CLASSES[:, None], WEIGHTS),
        ("string_of_classes", "sparse_categorical_crossentropy", TAGS, STEPS),
        ("function", distance, SCORES - 1, SCORES),
        ("function_of_integers", distance, TAGS[:, :3], SCORES),
        ("function_of_column", distance, CLASSES, SCORES[:, :1]),
        (
            "smoothed",
            keras.losses.CategoricalCrossentropy(True, label_smoothing=0.1),
            np.eye(3)[CLASSES],
            SCORES,
        ),
    )
    def test_equals_keras_on_one_device(self, loss, y_true, y_pred):
        ours = reduction.over_replicas(loss)
        self.assertIsInstance(ours, reduction.GlobalMean)
        # Keras itself takes no weights of examples for values of steps.
        of_steps = np.ndim(y_pred) == 3
        for weights in (None, WEIGHTS[:, None] if of_steps else WEIGHTS):
            expected = keras_loss(loss, y_true, y_pred, weights)
            actual = ours(y_true, ops.convert_to_tensor(y_pred), weights)
            np.testing.assert_allclose(actual, expected, rtol=1e-5)

    def test_equals_keras_with_masks(self):
        loss = SPARSE(True, ignore_class=1)
        padded = STEPS * (TAGS > 0)[..., np.newaxis]
        y_pred = keras.layers.Masking()(padded)
        for weights in (None, RNG.random((5, 4)).astype("float32")):
            np.testing.assert_allclose(
                reduction.GlobalMean(loss)(TAGS, y_pred, weights),
                loss(TAGS, y_pred, weights),
                rtol=1e-5,
            )

    def test_unequal_replicas_give_the_loss_of_one_device(self):
        loss = SPARSE(True, ignore_class=1)
        ours = reduction.over_replicas(loss)
        first = on_replicas(
            lambda index: ours(
                *(
                    (TAGS[:3], tf.constant(STEPS[:3])),
                    (TAGS[3:], tf.constant(STEPS[3:])),
                )[index]
            )
        )
        np.testing.assert_allclose(sum(first), loss(TAGS, STEPS), rtol=1e-5)

    def test_keeps_the_structure(self):
        losses = {"a": ["mse", None], "b": SPARSE()}
        ours = reduction.over_replicas(losses)
        self.assertIsInstance(ours["a"][0], reduction.GlobalMean)
        self.assertIsNone(ours["a"][1])
        self.assertIsInstance(ours["b"], reduction.GlobalMean)
        self.assertIsNone(reduction.over_replicas(None))

    @parameterized.named_parameters(
        ("sum", keras.losses.MeanSquaredError(reduction="sum")),
        ("none", keras.losses.MeanSquaredError(reduction=None)),
        ("resolved_by_shape", "crossentropy"),
    )
    def test_leaves_other_reductions_alone(self, loss):
        self.assertIs(reduction.over_replicas(loss), loss)

    def test_leaves_a_loss_with_its_own_call_alone(self):
        class Own(keras.losses.Loss):
            def __call__(self, y_true, y_pred, sample_weight=None):
                return 0.0

        loss = Own()
        self.assertIs(reduction.over_replicas(loss), loss)

    def test_keeps_the_name(self):
        self.assertEqual(reduction.over_replicas(distance).name, "distance")
        loss = keras.losses.MeanSquaredError(name="mine")
        self.assertEqual(reduction.over_replicas(loss).name, "mine")


def keras_loss(loss, y_true, y_pred, weights):
    """What `compile(loss=...)` makes of it, on one device."""

    class Given(keras.layers.Layer):
        def call(self, x):
            return x

    model = keras.Sequential([keras.Input(y_pred.shape[1:]), Given()])
    model.compile("sgd", loss=loss)
    return model.evaluate(y_pred, y_true, 5, 0, sample_weight=weights)


if __name__ == "__main__":
    absltest.main()
