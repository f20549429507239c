"""Small losses and teachers that use what a Distiller serves."""

import keras
from keras import ops

import keras_kd
from keras_kd import backend
from keras_kd._core.seeds import ReplicaSeedGenerator
from keras_kd._core.teacher_protocol import TeacherProtocol
from keras_kd.losses import memory
from tests import support

TAPS = ("block0", "block1")
QUEUE_SIZE = 10


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

    def call(self, teacher, student, teacher_head):
        gap = teacher_head(self.projector(student)) - teacher_head(teacher)
        return ops.mean(gap**2, axis=-1)


@keras.saving.register_keras_serializable("mechanisms")
class Queue(keras_kd.losses.DistillationLoss):
    """Compares with the teacher's answers of earlier batches."""

    compares_examples = True

    def build(self, teacher_shape, student_shape):
        shape = (QUEUE_SIZE, teacher_shape[-1])
        self.queue = memory.add_memory(self, "queue", shape)

    def call(self, teacher, student, example_weights=None, training=False):
        earlier = memory.recalled(self.queue)
        if training:
            self.queue.assign(
                memory.enqueued(self.queue, teacher, example_weights)
            )
        gaps = student[:, None] - earlier[None]
        return ops.mean(gaps**2, axis=(1, 2))


@keras.saving.register_keras_serializable("mechanisms")
class Masked(keras_kd.losses.DistillationLoss):
    """Compares half of the classes, drawn for each example in training."""

    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = ReplicaSeedGenerator(seed)

    def call(self, teacher, student, training=False):
        gap = (teacher - student) ** 2
        if training:
            drawn = keras.random.uniform(
                ops.shape(gap), seed=self.seed_generator
            )
            gap = ops.where(drawn < 0.5, gap, 0.0)
        return ops.mean(gap, axis=-1)

    def get_config(self):
        return super().get_config() | {"seed": self.seed}


@keras.saving.register_keras_serializable("mechanisms")
class Following(TeacherProtocol, keras.Model):
    """A teacher whose weights follow the student's half the way."""

    is_updated = True

    def __init__(self, model, **kwargs):
        super().__init__(**kwargs)
        self.model = model
        self.built = True

    @property
    def tapped_model(self):
        return self.model

    def call(self, x, training=None):
        return self.model(x, training=training)

    def update(self, student):
        backend.assign(
            [
                (mine, (mine.value + theirs.value) / 2)
                for mine, theirs in zip(
                    self.model.weights, student.weights, strict=True
                )
            ]
        )

    def get_config(self):
        return {"model": keras.saving.serialize_keras_object(self.model)}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config["model"]))

    def get_build_config(self):
        return None


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


def normalized_net(name, dropout=0.0):
    """A dense net behind a batch normalisation."""
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.BatchNormalization(name="normalization"),
            keras.layers.Dropout(dropout, seed=3),
            keras.layers.Dense(3, name="head"),
        ],
        name=name,
    )


def _parts(name):
    """A teacher, a student and a loss that use one mechanism."""
    dense = support.dense
    of_hidden = {"teacher_tap": "hidden", "student_tap": "hidden"}
    of_input = {"teacher_tap": "relu:input", "student_tap": "relu:input"}
    of_blocks = {"teacher_tap": TAPS, "student_tap": TAPS}
    if name == "pairs":
        return dense(8), dense(4), Similarity(**of_hidden)
    if name == "several_taps":
        return net([6, 5], "teacher"), net([4, 3], "student"), Flow(**of_blocks)
    if name == "layer_input":
        hint = keras_kd.losses.Hint(**of_input)
        return split_net(8, "teacher"), split_net(4, "student"), hint
    if name == "head":
        return dense(8), dense(4), Reused(**of_hidden)
    if name == "queue":
        return dense(8), dense(4), Queue()
    if name == "masks":
        return dense(8), dense(4), Masked(seed=1)
    if name == "moving_average":
        student = normalized_net("student")
        teacher = keras_kd.teachers.MovingAverageTeacher(student, 0.7)
        return teacher, student, keras_kd.losses.ProbabilityRegression()
    soft = keras_kd.losses.SoftTargets(2.0)
    return Following(dense(4, name="inner")), dense(4), soft


MECHANISMS = (
    "pairs",
    "several_taps",
    "layer_input",
    "head",
    "queue",
    "updated_teacher",
    "moving_average",
)


def distiller(name):
    """A Distiller that uses one mechanism.

    Args:
        name: Of `MECHANISMS`, or `"masks"`, which are drawn anew by each
            backend.
    """
    teacher, student, loss = _parts(name)
    return keras_kd.Distiller(
        teacher=teacher, student=student, distillation_losses=loss
    )
