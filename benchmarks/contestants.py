"""The models and the training steps that `step_cost.py` compares."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np
from keras import layers
from keras import ops

import keras_kd
from benchmarks import on_backend
from benchmarks.step_ratios import BY_HAND
from benchmarks.step_ratios import OURS
from benchmarks.step_ratios import THEIRS
from benchmarks.step_ratios import WHAT

TEMPERATURE = 4.0
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


def convolutional(depth, size=32):
    """Three stages of plain convolutions, `depth` of them altogether."""
    x = inputs = keras.Input((size, size, 3))
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
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, layers.Dense(10, name="logits")(x))


def with_boxes(model):
    """The same with `classes` and `boxes` at each position of a stage.

    Args:
        model: Made by `convolutional`.
    """
    stage = model.get_layer("stage2").output
    heads = [
        layers.Conv2D(units, 1, name=name)(stage)
        for name, units in (("classes", 10), ("boxes", 4))
    ]
    # They must be on the way to the output, or Keras leaves them out.
    pooled = layers.GlobalAveragePooling2D()(layers.Concatenate()(heads))
    return keras.Model(
        model.inputs, layers.Add()([model.output, layers.Dense(10)(pooled)])
    )


def tagger(width, tokens, steps):
    """A token at each position, from a vocabulary of so many tokens."""
    return keras.Sequential(
        [
            keras.Input((steps,), dtype="int32"),
            layers.Embedding(tokens, width),
            layers.Dense(width, activation="relu", name="hidden"),
            layers.Dense(tokens, name="logits"),
        ]
    )


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
        floor_on: Backends on which the cost above the floor has one too: in
            an MLP's step that no compiler joins, small operations are all.
        has_twin: Whether `by_hand` can build the same.
    """

    title: str
    teacher: Callable
    student: Callable
    batch: int
    feature: str
    steps: int
    has_target: bool = True
    floor_on: tuple[str, ...] = ("tensorflow", "jax", "torch")
    has_twin: bool = True


PAIRS = {
    "mlp": Pair(
        title="MLP 784-1200-1200-10 -> 784-800-800-10, batch 128",
        teacher=lambda: mlp(1200),
        student=lambda: mlp(800),
        batch=128,
        feature="hidden_2",
        steps=100,
        floor_on=("tensorflow",),
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


def training_step(model, x, y, optimizer):
    """A function that does what `fit` does for a batch; the first loss."""
    model.compile(
        optimizer=OPTIMIZERS[optimizer](),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    history = model.fit(x, y, batch_size=len(x), shuffle=False, verbose=0)
    step = on_backend.here().training(model, x, y)
    return step, history.history["loss"][0]


def make_batch(pair, teacher):
    """Random inputs and class numbers, as a teacher takes and gives them."""
    random = np.random.default_rng(0)
    shape = (pair.batch, *teacher.input_shape[1:])
    *positions, classes = teacher.output_shape[1:]
    if keras.backend.is_int_dtype(teacher.inputs[0].dtype):
        x = random.integers(0, classes, shape).astype("int32")
    else:
        x = random.normal(size=shape).astype("float32")
    return x, random.integers(0, classes, (pair.batch, *positions))


def has_twin(pair):
    """Whether the same steps can be written by hand."""
    is_plain = keras.config.dtype_policy().name == "float32"
    return keras.backend.backend() == "torch" and pair.has_twin and is_plain


def make_steps(pair, optimizer, tolerance=1e-3):
    """Makes the contestants.

    Args:
        pair: A `Pair`.
        optimizer: Key of `OPTIMIZERS`.
        tolerance: How much, at most, their first losses may differ, as a
            fraction. Defaults to `1e-3`.

    Returns:
        Functions by name, each of which does one step.
    """
    keras.utils.set_random_seed(0)
    teacher, student = pair.teacher(), pair.student()
    x, y = make_batch(pair, teacher)
    step, _ = training_step(copy(student), x, y, optimizer)
    steps = {
        "student": step,
        "teacher": on_backend.here().inference(teacher, x),
    }
    for what, feature in zip(WHAT, (None, pair.feature), strict=True):
        losses = []
        for name, make in ((OURS, our_distiller), (THEIRS, their_distiller)):
            model = make(copy(teacher), copy(student), feature)
            step, loss = training_step(model, x, y, optimizer)
            steps[f"{what} {name}"] = step
            losses.append(loss)
        if has_twin(pair):
            from benchmarks import by_hand

            step = by_hand.make_step(
                teacher, student, x, y, feature, optimizer, TEMPERATURE
            )
            steps[f"{what} {BY_HAND}"] = step
            losses.append(float(step()))
        # What computes different things cannot be compared.
        np.testing.assert_allclose(losses, losses[0], rtol=tolerance)
    return steps
