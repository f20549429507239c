import hypothesis
import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies
from hypothesis.extra import numpy as arrays
from keras import ops

from keras_kd import losses
from keras_kd.losses.attention_transfer import attention_map
from tests import reference
from tests.losses import precision

FORMS = {
    "paper": {},
    "code": {"squared": True},
    "absolute": {"power": 1},
    "fourth": {"power": 4},
    "fraction": {"power": 2.5},
    "highest": {"power": 1, "maximum": True},
    "highest_square": {"maximum": True, "squared": True},
}
EVERY_FORM = FORMS.items()
ACTIVATIONS = strategies.one_of(
    strategies.just(0.0),
    strategies.floats(-1e4, -0.0625, width=32),
    strategies.floats(0.0625, 1e4, width=32),
)
PAIRS = arrays.arrays(np.float64, (2, 2, 3, 2, 4), elements=ACTIVATIONS)
DTYPES = strategies.sampled_from(["float32", "float16", "bfloat16"])
# Two positions side by side, two channels.
LEFT = np.array([[[[1.0, -1.0], [0.0, 0.0]]]])
RIGHT = np.array([[[[0.0, 0.0], [2.0, 7.0]]]])


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def run(teacher, student, form, *args):
    return precision.run(
        lambda: losses.AttentionTransfer(**form), teacher, student, *args
    )


class AttentionTransferTest(parameterized.TestCase):
    def test_maps_apart_have_the_distance_root_two(self):
        # Maps (1, 0) and (0, 1): the length is sqrt 2, the mean square 1.
        norm = run(LEFT, RIGHT, {}).value
        mean_square = run(LEFT, RIGHT, {"squared": True}).value
        np.testing.assert_allclose(norm, [np.sqrt(2)], rtol=1e-6)
        np.testing.assert_allclose(mean_square, [1], rtol=1e-6)

    @hypothesis.given(PAIRS, strategies.sampled_from(sorted(FORMS)), DTYPES)
    @precision.reproducible
    def test_equals_the_reference(self, pair, form, dtype):
        result = run(*pair, FORMS[form], dtype)
        expected = reference.attention_transfer(
            result.teacher, result.student, **FORMS[form]
        )
        # No wider for large activations: a map has no scale.
        self.assertEqual(result.dtype, "float32")
        self.assertTrue(np.all(np.isfinite(result.gradient)))
        np.testing.assert_allclose(result.value, expected, 1e-5, 1e-6)

    @parameterized.named_parameters(*precision.POLICIES)
    def test_equals_the_reference_under_every_policy(self, policy, dtype):
        for form in FORMS.values():
            for scale in (1e-4, 1.0, 6e4):
                result = run(
                    np.tanh(normal(2, 3, 4, 5)),
                    scale * np.tanh(normal(2, 3, 4, 7, seed=1)),
                    form,
                    dtype,
                    policy,
                )
                expected = reference.attention_transfer(
                    result.teacher, result.student, **form
                )
                precision.assert_precise(result, expected)

    @parameterized.named_parameters(*EVERY_FORM)
    def test_is_zero_when_the_student_equals_the_teacher(self, form):
        features = normal(3, 4, 5, 6)
        result = run(features, features, form)
        np.testing.assert_array_equal(result.value, 0)
        np.testing.assert_array_equal(result.gradient, 0)

    @parameterized.named_parameters(*EVERY_FORM)
    def test_ignores_scale_sign_and_order_of_channels(self, form):
        teacher, student = normal(3, 4, 5, 6), normal(3, 4, 5, 6, seed=1)
        scale = np.array([1e-9, 2, 1e9])[:, None, None, None]
        other = -scale * student[..., ::-1]
        np.testing.assert_allclose(
            run(teacher, other, form).value,
            run(teacher, student, form).value,
            rtol=1e-5,
        )

    @hypothesis.given(
        PAIRS,
        strategies.permutations(range(4)),
        strategies.sampled_from(sorted(FORMS)),
        strategies.integers(-20, 20),
    )
    @precision.reproducible
    def test_no_order_and_no_scale_of_channels_counts(
        self, pair, order, form, exponent
    ):
        teacher, student = pair
        other = 2.0**exponent * student[..., list(order)]
        np.testing.assert_allclose(
            run(teacher, other, FORMS[form]).value,
            run(teacher, student, FORMS[form]).value,
            rtol=1e-4,
            atol=1e-6,
        )

    @parameterized.named_parameters(*EVERY_FORM)
    def test_an_empty_map_has_a_finite_value_and_gradient(self, form):
        for pair in (LEFT, 0 * RIGHT), (0 * LEFT, RIGHT), (0 * LEFT, 0 * RIGHT):
            result = run(*pair, form)
            expected = reference.attention_transfer(*pair, **form)
            precision.assert_precise(result, expected)

    @parameterized.named_parameters(*EVERY_FORM)
    def test_an_almost_empty_map_has_a_finite_gradient(self, form):
        for size in (1e-12, 1e-19, 1e-30, 1e-44):
            result = run(LEFT, size * RIGHT, form)
            self.assertTrue(np.all(np.isfinite(result.gradient)), size)

    @parameterized.parameters(1, 2, 4)
    def test_gradient_is_that_of_central_differences(self, power):
        teacher, student = normal(1, 2, 2, 3), normal(1, 2, 2, 3, seed=1)
        form = {"power": power}
        actual = run(teacher, student, form).gradient
        for place in np.ndindex(student.shape):
            shift = np.zeros_like(student)
            shift[place] = 1e-5
            high, low = (
                reference.attention_transfer(teacher, student + s, **form)
                for s in (shift, -shift)
            )
            np.testing.assert_allclose(
                actual[place], (high - low)[0] / 2e-5, rtol=1e-3, atol=1e-5
            )

    @parameterized.named_parameters(
        ("image", (2, 4, 6, 3), (2, 2, 3)),
        ("height_alone", (2, 4, 6, 3), (2, 2, 1)),
        ("sequence", (2, 6, 3), (2, 2)),
        ("volume", (2, 2, 4, 2, 3), (2, 1, 2, 2)),
    )
    def test_pools_the_larger_map_first(self, shape, sizes):
        larger = normal(*shape)
        pooled = larger
        for axis, size in enumerate(sizes[1:], start=1):
            # Groups of neighbours, averaged before any absolute value.
            groups = np.split(pooled, pooled.shape[axis] // size, axis=axis)
            pooled = np.concatenate(
                [g.mean(axis=axis, keepdims=True) for g in groups], axis=axis
            )
        smaller = normal(*pooled.shape[:-1], 5, seed=1)
        expected = reference.attention_transfer(pooled, smaller)
        for pair in (larger, smaller), (smaller, larger):
            result = run(*pair, {})
            precision.assert_precise(result, expected)

    def test_pools_each_model_where_it_is_the_larger(self):
        tall, wide = normal(2, 4, 2, 3), normal(2, 2, 6, 3, seed=1)
        expected = reference.attention_transfer(
            tall.reshape(2, 2, 2, 2, 3).mean(axis=2),
            wide.reshape(2, 2, 2, 3, 3).mean(axis=3),
        )
        precision.assert_precise(run(tall, wide, {}), expected)

    @parameterized.named_parameters(*EVERY_FORM)
    def test_masked_steps_do_not_count(self, form):
        teacher, student = normal(2, 5, 3), 1 + normal(2, 5, 3, seed=1) ** 2
        teacher[:, 3:] = 1e6
        student[:, 3:] = 0
        masked = keras.layers.Masking()(ops.array(student, "float32"))
        np.testing.assert_allclose(
            losses.AttentionTransfer(**form)(teacher, masked),
            reference.attention_transfer(
                teacher[:, :3], student[:, :3], **form
            ),
            rtol=1e-5,
        )

    def test_a_fully_masked_example_has_the_distance_zero(self):
        student = keras.layers.Masking()(ops.zeros((1, 3, 2)))
        for squared in (False, True):
            loss = losses.AttentionTransfer(squared=squared)
            actual = loss(normal(1, 3, 2), student)
            np.testing.assert_array_equal(actual, [0])

    def test_rejects_masked_maps_of_different_sizes(self):
        student = keras.layers.Masking()(ops.zeros((1, 4, 2)))
        with self.assertRaisesRegex(
            ValueError, r"\(1, 2, 2\).*\(1, 4, 2\).*Masked maps must have equal"
        ):
            losses.AttentionTransfer()(normal(1, 2, 2), student)

    def test_rejects_sizes_that_pooling_does_not_make_equal(self):
        loss = losses.AttentionTransfer(
            teacher_tap="stage2", student_tap="block3"
        )
        with self.assertRaisesRegex(
            ValueError,
            r'\(None, 8, 8, 4\) from teacher layer "stage2" with \(None, 8, 5, '
            r'4\) from student layer "block3".*whole number of times',
        ):
            loss.build((None, 8, 8, 4), (None, 8, 5, 4))

    def test_rejects_sizes_that_differ_only_at_run_time(self):
        loss = losses.AttentionTransfer()
        loss.build((None, None, 4), (None, None, 4))
        with self.assertRaisesRegex(ValueError, r"\(1, 2, 4\).*\(1, 3, 4\)"):
            loss(normal(1, 2, 4), normal(1, 3, 4))

    @parameterized.parameters(
        ((None, 4), (None, 4)), ((None, 4, 4, 2), (None, 16, 2))
    )
    def test_rejects_layers_without_the_same_positions(self, theirs, ours):
        with self.assertRaisesRegex(
            ValueError, r"compares \(None, 4.*\(None,.*axes of positions"
        ):
            losses.AttentionTransfer().build(theirs, ours)

    @parameterized.parameters(0.5, 0, -1, float("nan"), float("inf"), "2", None)
    def test_rejects_power(self, power):
        with self.assertRaisesRegex(
            ValueError, rf"`power` must be.*at least 1.*power={power!r}"
        ):
            losses.AttentionTransfer(power=power)


class AttentionMapTest(parameterized.TestCase):
    @parameterized.parameters(((5, 3),), ((4, 6, 3),), ((2, 3, 4, 3),))
    def test_has_a_place_for_each_position_and_length_one(self, shape):
        maps = attention_map(ops.array(normal(2, *shape), "float32"))
        self.assertEqual(maps.shape, (2, np.prod(shape[:-1])))
        np.testing.assert_allclose(np.linalg.norm(maps, axis=-1), 1, rtol=1e-6)

    @parameterized.named_parameters(
        # Energies of channels (1, -2) and (2, 2), divided by their length.
        ("absolute", 1, False, [3, 4]),
        ("square", 2, False, [5, 8]),
        ("fourth", 4, False, [17, 32]),
        ("highest", 1, True, [2, 2]),
        ("highest_square", 2, True, [4, 4]),
    )
    def test_by_hand(self, power, maximum, energy):
        features = np.array([[[[1.0, -2.0]], [[2.0, 2.0]]]], "float32")
        np.testing.assert_allclose(
            attention_map(features, power, maximum),
            [np.array(energy) / np.hypot(*energy)],
            rtol=1e-6,
        )


if __name__ == "__main__":
    absltest.main()
