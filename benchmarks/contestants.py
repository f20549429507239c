"""The models and the training steps that `step_cost.py` compares."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from keras import ops

import keras_kd

TEMPERATURE = 4.0
WHAT = ("logits", "feature")
OURS = "keras_kd"
THEIRS = "keras.distillation"
OPTIMIZERS = {
    "momentum": lambda: keras.optimizers.SGD(0.001, momentum=0.9),
    "adam": lambda: keras.optimizers.Adam(0.0001),
}


def mlp(width, inputs=784):
    return keras.Sequential(
        [
            keras.Input((inputs,)),
            layers.Dense(width, activation="relu", name="hidden_1"),
            layers.Dense(width, activation="relu", name="hidden_2"),
            layers.Dense(10, name="logits"),
        ]
    )


def convolutional(depth):
    """Three stages of plain convolutions, `depth` of them altogether."""
    x = inputs = keras.Input((32, 32, 3))
    for stage, width in enumerate((16, 32, 64), start=1):
        for index in range(depth // 3):
            x = layers.Conv2D(
                width,
                3,
                strides=2 if stage > 1 and index == 0 else 1,
                padding="same",
                use_bias=False,
                kernel_initializer="he_normal",
            )(x)
            x = layers.BatchNormalization()(x)
            x = layers.ReLU()(x)
        x = layers.Identity(name=f"stage{stage}")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(10, name="logits")(x))


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two models and how to measure them.

    Attributes:
        title: A line for the report.
        teacher: Makes the teacher.
        student: Makes the student.
        batch: Batch size.
        feature: Name of the layer to compare, in both.
        steps: Steps of each contestant in a round, some seconds altogether.
        has_target: Whether the ratios have targets.
    """

    title: str
    teacher: Callable
    student: Callable
    batch: int
    feature: str
    steps: int
    has_target: bool = True


PAIRS = {
    "mlp": Pair(
        title="MLP 784-1200-1200-10 -> 784-800-800-10, batch 128",
        teacher=lambda: mlp(1200),
        student=lambda: mlp(800),
        batch=128,
        feature="hidden_2",
        steps=100,
    ),
    "conv": Pair(
        title="convolutional, 18 -> 6 layers, 16-32-64 channels, batch 64",
        teacher=lambda: convolutional(18),
        student=lambda: convolutional(6),
        batch=64,
        feature="stage2",
        steps=12,
    ),
    "conv4": Pair(
        title="the same with a teacher 4 x larger: 72 -> 6 layers, batch 64",
        teacher=lambda: convolutional(72),
        student=lambda: convolutional(6),
        batch=64,
        feature="stage2",
        steps=4,
        has_target=False,
    ),
}


def mean_square(teacher, student):
    """Mean-squared error of the units that both layers have."""
    width = min(teacher.shape[-1], student.shape[-1])
    difference = teacher[..., :width] - student[..., :width]
    return ops.mean(ops.square(difference), axis=-1)


class CommonUnits(keras_kd.losses.DistillationLoss):
    """`mean_square` for layers of different widths."""

    def call(self, teacher, student):
        return mean_square(teacher, student)


def have_equal_width(teacher, student, feature):
    teacher, student = (
        model.get_layer(feature).output.shape[-1]
        for model in (teacher, student)
    )
    return teacher == student


def our_distiller(teacher, student, feature):
    losses = [keras_kd.losses.SoftTargets(TEMPERATURE, loss_weight=0.5)]
    if feature:
        taps = {"teacher_tap": feature, "student_tap": feature}
        losses.append(
            keras_kd.losses.Match("mse", loss_weight=0.5, **taps)
            if have_equal_width(teacher, student, feature)
            else CommonUnits(loss_weight=0.5, **taps)
        )
    return keras_kd.Distiller(
        teacher=teacher,
        student=student,
        distillation_losses=losses,
        student_loss_weight=0.5,
    )


def their_distiller(teacher, student, feature):
    losses = [
        keras.distillation.LogitsDistillation(
            temperature=TEMPERATURE, loss=keras.losses.KLDivergence()
        )
    ]
    if feature:
        is_equal = have_equal_width(teacher, student, feature)
        losses.append(
            keras.distillation.FeatureDistillation(
                loss="mse" if is_equal else mean_square,
                teacher_layer_name=feature,
                student_layer_name=feature,
            )
        )
    # Everything that is not the student's loss gets 1 - student_loss_weight.
    return keras.distillation.Distiller(
        teacher=teacher,
        student=student,
        distillation_losses=losses,
        student_loss_weight=0.5,
    )


def copy(model):
    """A model of its own, so that no contestant trains another's weights."""
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    return twin


def training_step(model, data, optimizer):
    """The compiled function that `fit` calls; also the first step's loss."""
    model.compile(
        optimizer=OPTIMIZERS[optimizer](),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    history = model.fit(data, steps_per_epoch=1, shuffle=False, verbose=0)
    iterator = iter(data)
    return lambda: model.train_function(iterator), history.history["loss"][0]


def make_steps(pair, optimizer):
    """Returns one function for each contestant, which does one step."""
    keras.utils.set_random_seed(0)
    teacher, student = pair.teacher(), pair.student()
    generator = np.random.default_rng(0)
    shape = (pair.batch, *teacher.input_shape[1:])
    x = generator.normal(size=shape).astype("float32")
    y = generator.integers(0, 10, size=pair.batch)
    data = tf.data.Dataset.from_tensors((x, y)).repeat()
    batch = tf.constant(x)
    forward = tf.function(lambda: teacher(batch, training=False))
    forward()
    step, _ = training_step(copy(student), data, optimizer)
    steps = {"student": step, "teacher": forward}
    for what, feature in zip(WHAT, (None, pair.feature), strict=True):
        losses = []
        for name, make in ((OURS, our_distiller), (THEIRS, their_distiller)):
            model = make(copy(teacher), copy(student), feature)
            step, loss = training_step(model, data, optimizer)
            steps[f"{what} {name}"] = step
            losses.append(loss)
        # Two libraries that compute different things cannot be compared.
        np.testing.assert_allclose(*losses, rtol=1e-3)
    return steps
