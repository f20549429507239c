"""Runs a loss on rounded inputs and compares it with a float64 reference."""

import contextlib
import dataclasses

import hypothesis
import keras
import numpy as np
import tensorflow as tf

# Global policy, and dtype of what the models hand to a loss under it.
POLICIES = (
    ("float32", "float32", "float32"),
    ("float16", "float16", "float16"),
    ("bfloat16", "bfloat16", "bfloat16"),
    ("mixed_float16", "mixed_float16", "float16"),
    ("mixed_bfloat16", "mixed_bfloat16", "bfloat16"),
)
reproducible = hypothesis.settings(
    derandomize=True, deadline=None, max_examples=40
)


@dataclasses.dataclass(frozen=True)
class Result:
    """What a loss gave, with the inputs that it really saw, in float64."""

    dtype: str
    value: np.ndarray
    gradient: np.ndarray
    teacher: np.ndarray
    student: np.ndarray


@contextlib.contextmanager
def global_policy(name):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def to_float64(x):
    return keras.ops.convert_to_numpy(keras.ops.cast(x, "float64"))


def run(make_loss, teacher, student, dtype="float32", policy="float32"):
    """Makes a loss under a policy and runs it on inputs of a dtype."""
    with global_policy(policy):
        loss = make_loss()
        teacher, student = (
            tf.cast(tf.constant(x, "float64"), dtype)
            for x in (teacher, student)
        )
        with tf.GradientTape() as tape:
            tape.watch(student)
            value = loss(teacher, student)
            # Summed where a half-precision sum cannot overflow.
            total = tf.reduce_sum(tf.cast(value, "float64"))
        gradient = tape.gradient(total, student)
    return Result(
        keras.backend.standardize_dtype(value.dtype),
        *map(to_float64, (value, gradient, teacher, student)),
    )


def assert_precise(result, expected, temperature=1.0):
    """To the digits that float32 has, at this temperature and logit."""
    assert result.dtype == "float32", result.dtype
    assert np.all(np.isfinite(result.gradient)), result.gradient
    largest = max(np.abs(result.teacher).max(), np.abs(result.student).max())
    np.testing.assert_allclose(
        result.value,
        expected,
        rtol=1e-5,
        atol=1e-6 * temperature**2 * (1 + largest / temperature),
    )
