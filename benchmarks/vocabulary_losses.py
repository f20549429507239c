"""The losses over many classes that `vocabulary.py` compares."""

import dataclasses

import keras
import numpy as np
from keras import ops

import keras_kd
from benchmarks import on_backend
from keras_kd._core import top_logits
from keras_kd.losses.divergence_of_top_logits import divergence_of_top_logits

TEMPERATURE = 4.0
K = 32
FLOOR = "fused op, teacher's softmax"
STUDENT = "sparse cross-entropy"
OF_TOP = f"SoftTargets, top {K} of a cache"
DENSE_STEP = "SoftTargets, a step"
CHUNKED_STEP = "ChunkedSoftTargets, a step"
BY_CLASSES = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
SOFT_TARGETS = keras_kd.losses.SoftTargets(TEMPERATURE)
REVERSE = keras_kd.losses.ReverseSoftTargets(TEMPERATURE)
THEIRS = keras.distillation.LogitsDistillation(
    TEMPERATURE, keras.losses.KLDivergence()
)


def soft_targets(teacher, student):
    return ops.mean(SOFT_TARGETS(teacher, student))


def of_top_logits(top, student):
    values = divergence_of_top_logits(top, student, TEMPERATURE)
    return TEMPERATURE**2 * ops.mean(values)


def reverse(teacher, student):
    return ops.mean(REVERSE(teacher, student))


def plain(teacher, student):
    p = ops.softmax(teacher / TEMPERATURE)
    log_p = ops.log_softmax(teacher / TEMPERATURE)
    log_q = ops.log_softmax(student / TEMPERATURE)
    values = ops.sum(p * (log_p - log_q), axis=-1)
    return TEMPERATURE**2 * ops.mean(values)


def fused(probabilities, student):
    values = ops.categorical_crossentropy(
        probabilities, student, from_logits=True
    )
    return ops.mean(values)


def fused_with_softmax(teacher, student):
    p = ops.softmax(teacher / TEMPERATURE)
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
        return keras.random.normal((self.rows, self.classes), seed=0)

    def teacher(self):
        return keras.random.normal((self.rows, self.classes), seed=1)

    def near(self):
        """Logits of a teacher .001 from those of its student."""
        changes = keras.random.normal((self.rows, self.classes), seed=2)
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
        lambda data: ops.softmax(data.teacher() / TEMPERATURE),
    ),
    STUDENT: (BY_CLASSES, Data.labels),
}


# Steps of a Distiller whose models are what is left of a language model behind
# its hidden states, of these widths: one output layer.
WIDTHS = {"teacher": 256, "student": 64}
STEPS = {
    DENSE_STEP: lambda: keras_kd.losses.SoftTargets(TEMPERATURE),
    CHUNKED_STEP: lambda: keras_kd.losses.ChunkedSoftTargets(
        TEMPERATURE, teacher_tap="head:input", student_tap="head:input"
    ),
}
NAMES = (*LOSSES, *STEPS)


def make_step(name, data):
    """A function that returns the value of a loss and its gradient.

    Args:
        name: One of `NAMES`: of `STEPS`, the function does a step.
        data: `Data`.
    """
    if name in STEPS:
        return _make_distiller_step(name, data)
    loss, target = LOSSES[name]
    target, student = target(data), data.student()
    value_and_gradient = on_backend.here().gradient(loss)
    # As arguments: a constant of the graph would be computed with beforehand.
    return lambda: value_and_gradient(target, student)


def _make_distiller_step(name, data):
    models = {
        role: keras.Sequential(
            [
                keras.Input((width,), name=role),
                keras.layers.Dense(data.classes, name="head"),
            ],
            name=role,
        )
        for role, width in WIDTHS.items()
    }
    distiller = keras_kd.Distiller(
        **models,
        distillation_losses=STEPS[name](),
        teacher_inputs="teacher",
        student_inputs="student",
    )
    distiller.compile(keras.optimizers.SGD(0.001))
    random = np.random.default_rng(0)
    x = {
        role: random.normal(size=(data.rows, width)).astype("float32")
        for role, width in WIDTHS.items()
    }
    # Of two rows, which take little memory.
    few = {role: rows[:2] for role, rows in x.items()}
    distiller.fit(few, batch_size=2, verbose=0)
    return on_backend.here().training(distiller, x)
