"""The losses over many classes that `vocabulary.py` compares."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

import keras_kd
from keras_kd._core import top_logits
from keras_kd.losses.divergence_of_top_logits import divergence_of_top_logits

TEMPERATURE = 4.0
K = 32
FLOOR = "fused op, teacher's softmax"
STUDENT = "sparse cross-entropy"
OF_TOP = f"SoftTargets, top {K} of a cache"
BY_CLASSES = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
SOFT_TARGETS = keras_kd.losses.SoftTargets(TEMPERATURE)
REVERSE = keras_kd.losses.ReverseSoftTargets(TEMPERATURE)
THEIRS = keras.distillation.LogitsDistillation(
    TEMPERATURE, keras.losses.KLDivergence()
)


def soft_targets(teacher, student):
    return tf.reduce_mean(SOFT_TARGETS(teacher, student))


def of_top_logits(top, student):
    values = divergence_of_top_logits(top, student, TEMPERATURE)
    return TEMPERATURE**2 * tf.reduce_mean(values)


def reverse(teacher, student):
    return tf.reduce_mean(REVERSE(teacher, student))


def plain(teacher, student):
    p = tf.nn.softmax(teacher / TEMPERATURE)
    log_p = tf.nn.log_softmax(teacher / TEMPERATURE)
    log_q = tf.nn.log_softmax(student / TEMPERATURE)
    values = tf.reduce_sum(p * (log_p - log_q), axis=-1)
    return TEMPERATURE**2 * tf.reduce_mean(values)


def fused(probabilities, student):
    values = tf.nn.softmax_cross_entropy_with_logits(probabilities, student)
    return tf.reduce_mean(values)


def fused_with_softmax(teacher, student):
    p = tf.nn.softmax(teacher / TEMPERATURE)
    return TEMPERATURE**2 * fused(p, student / TEMPERATURE)


def theirs(teacher, student):
    return THEIRS.compute_loss(teacher, student)


@dataclasses.dataclass(frozen=True)
class Data:
    """Random logits.

    Attributes:
        rows: Number of rows.
        classes: Number of classes.
    """

    rows: int
    classes: int

    def student(self):
        return tf.random.stateless_normal((self.rows, self.classes), (0, 0))

    def teacher(self):
        return tf.random.stateless_normal((self.rows, self.classes), (0, 1))

    def near(self):
        """Logits of a teacher .001 from those of its student."""
        changes = tf.random.stateless_normal((self.rows, self.classes), (0, 2))
        return self.student() + 1e-3 * changes

    def top(self):
        """The highest logits of the teacher alone, as a cache keeps them."""
        return top_logits.encode(self.teacher(), min(K, self.classes - 1))

    def labels(self):
        return np.arange(self.rows) * 7 % self.classes


# The loss, and what is made of the data for its first argument.
LOSSES = {
    FLOOR: (fused_with_softmax, Data.teacher),
    "SoftTargets": (soft_targets, Data.teacher),
    "SoftTargets, near-equal rows": (soft_targets, Data.near),
    OF_TOP: (of_top_logits, Data.top),
    "ReverseSoftTargets": (reverse, Data.teacher),
    "plain formula": (plain, Data.teacher),
    "keras.distillation": (theirs, Data.teacher),
    "fused op, probabilities": (
        fused,
        lambda data: tf.nn.softmax(data.teacher() / TEMPERATURE),
    ),
    STUDENT: (BY_CLASSES, Data.labels),
}


def make_step(name, data):
    """A function that returns the value of a loss and its gradient."""
    loss, target = LOSSES[name]
    target, student = target(data), data.student()

    @tf.function
    def value_and_gradient(target, student):
        with tf.GradientTape() as tape:
            tape.watch(student)
            value = loss(target, student)
        return value, tape.gradient(value, student)

    # As arguments: a constant of the graph would be computed with beforehand.
    return lambda: value_and_gradient(target, student)
