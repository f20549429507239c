"""Small losses and teachers that use what a Distiller serves."""

import keras
from keras import ops

import keras_kd

TAPS = ("block0", "block1")


def net(widths, name):
    """A dense net with the layers `block0`, `block1` and so on."""
    blocks = [
        keras.layers.Dense(width, activation="tanh", name=f"block{i}")
        for i, width in enumerate(widths)
    ]
    return keras.Sequential(
        [keras.Input((4,)), *blocks, keras.layers.Dense(3, name="head")],
        name=name,
    )


@keras.saving.register_keras_serializable("mechanisms")
class Similarity(keras_kd.losses.DistillationLoss):
    """Compares the products of all pairs of examples."""

    compares_examples = True

    def call(self, teacher, student, example_weights=None):
        if example_weights is None:
            example_weights = ops.ones(ops.shape(student)[:1])
        counted = ops.cast(example_weights > 0, "float32")
        first, second = (
            ops.matmul(x, ops.transpose(x)) for x in (teacher, student)
        )
        pairs = ops.where(counted > 0, (first - second) ** 2, 0.0)
        return ops.sum(pairs, axis=-1) / ops.maximum(ops.sum(counted), 1)


@keras.saving.register_keras_serializable("mechanisms")
class Flow(keras_kd.losses.DistillationLoss):
    """Compares the products of two layers, the student's projected."""

    accepts_several_taps = True

    def build(self, teacher_shape, student_shape):
        self.projectors = [
            keras.layers.Dense(theirs[-1], use_bias=False)
            for theirs in teacher_shape
        ]
        for projector, ours in zip(self.projectors, student_shape, strict=True):
            projector.build(ours)

    def call(self, teacher, student):
        student = [p(x) for p, x in zip(self.projectors, student, strict=True)]
        theirs, ours = (
            ops.sum(first, axis=-1) * ops.sum(last, axis=-1)
            for first, last in (teacher, student)
        )
        return (theirs - ours) ** 2


@keras.saving.register_keras_serializable("mechanisms")
class Reused(keras_kd.losses.DistillationLoss):
    """Compares what the teacher's head makes of both features."""

    needs = ("teacher_head",)

    def build(self, teacher_shape, student_shape):
        self.projector = keras.layers.Dense(teacher_shape[-1])
        self.projector.build(student_shape)
        # Behind the head, to see which mode it gets.
        self.last = keras.layers.BatchNormalization()
        self.last.build((None, 3))

    def call(self, teacher, student, teacher_head):
        found = teacher_head(self.projector(student))
        gap = found - ops.stop_gradient(teacher_head(teacher))
        return ops.mean(gap**2, axis=-1) + 0 * ops.mean(self.last(found), -1)


def split_net(width, name):
    """A dense net whose activation is a layer of its own, `relu`."""
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(width, name="hidden"),
            keras.layers.ReLU(name="relu"),
            keras.layers.Dense(3, name="head"),
        ],
        name=name,
    )
