"""The ways of training that are compared, under one budget."""

import dataclasses

import keras
import numpy as np

from keras_kd import teachers
from keras_kd.cli import methods
from keras_kd.cli.answers import Answers
from keras_kd.cli.settings import Settings
from keras_kd.datasets.image_set import ImageSet
from keras_kd.distiller import Distiller

TEACHER = "teacher"
ALONE = "student alone"
SMOOTHING = "label smoothing"
DISTILLED = "distilled"
ARMS = (ALONE, SMOOTHING, DISTILLED)

LABEL_SMOOTHING = 0.1
# Each arm takes the best of these on the validation part, over seeds that are
# none of the reported ones.
RATES = (0.003, 0.01, 0.03)
CHOICE_SEEDS = (1000,)
TEACHER_RATE = 0.003
TEACHER_SEED = 2000
TEST_BATCH = 256


@dataclasses.dataclass(frozen=True)
class Trained:
    """What one fit made.

    Attributes:
        saved: The student as the user will load it, with a final softmax if
            its architecture has one.
        model: The same student, giving logits.
        history: Logs by key, one value per epoch.
    """

    saved: keras.Model
    model: keras.Model
    history: dict[str, list[float]]


@dataclasses.dataclass(frozen=True)
class Bench:
    """Everything that the arms have in common.

    Attributes:
        settings: A resolved `Settings`.
        data: The images, with the test part.
        tuning: The same without it: its test part is for validation, and its
            training part is what everything is trained on.
        num_classes: Number of outputs of the models.
        teacher: A model that gives logits.
        student: The architecture: students are copies with new weights.
        is_teacher_trained: Whether the teacher was trained before the job.
        answers: What a cache has the teacher say, or `None` without a cache.
    """

    settings: Settings
    data: ImageSet
    tuning: ImageSet
    num_classes: int
    teacher: keras.Model
    student: keras.Model
    is_teacher_trained: bool = False
    answers: Answers | None = None

    @property
    def seen(self):
        """Number of training images that each student sees."""
        return len(self.part(0).train_labels)

    @property
    def chance(self):
        """Validation accuracy of always naming the most frequent class."""
        counts = np.bincount(self.tuning.test_labels)
        return float(counts.max() / counts.sum())

    def distiller(self, student):
        """A Distiller of the chosen method for a student."""
        return Distiller(
            teacher=self.answers.teacher if self.answers else self.teacher,
            student=student,
            distillation_losses=self.losses(student),
            student_loss_weight=self.settings.student_loss_weight,
        )

    def losses(self, student):
        """New distillation losses of the chosen method for a student."""
        method = methods.METHODS[self.settings.method]
        return method.make_losses(self.teacher, student, self.settings)

    def train(self, arm, rate, seed, callbacks=()):
        """Trains one student.

        Args:
            arm: One of `ARMS`.
            rate: Learning rate at the start; it falls to zero by a cosine.
            seed: Decides which images it sees, its first weights, and their
                order: the same for all arms.
            callbacks: Keras callbacks. Defaults to `()`.

        Returns:
            A `Trained`.
        """
        keras.utils.set_random_seed(seed)
        saved = fresh_copy(self.student)
        student = teachers.logits(saved)
        model = self.distiller(student) if arm == DISTILLED else student
        smoothing = LABEL_SMOOTHING if arm == SMOOTHING else 0.0
        takes_answers = self.answers is not None and arm == DISTILLED
        history = self._fit(
            model,
            rate,
            smoothing,
            self.part(seed),
            callbacks,
            self.numbers(seed) if takes_answers else None,
        )
        return Trained(saved, student, history)

    def train_teacher(self, callbacks=()):
        """Trains the teacher in place, on all training images.

        Args:
            callbacks: Keras callbacks. Defaults to `()`.

        Returns:
            Logs by key, one value per epoch.
        """
        keras.utils.set_random_seed(TEACHER_SEED)
        return self._fit(
            self.teacher, TEACHER_RATE, 0.0, self.tuning, callbacks
        )

    def part(self, seed):
        """The images that the students of a seed see, as an `ImageSet`."""
        return self.tuning.training_fraction(self.settings.fraction, seed)

    def numbers(self, seed):
        """The numbers of these images among those of the data."""
        numbers = self.answers.numbers
        part = numbers.training_fraction(self.settings.fraction, seed)
        return part.train_images

    def _fit(self, model, rate, smoothing, part, callbacks, numbers=None):
        # As many images an epoch whatever the fraction: the same updates.
        total = len(self.tuning.train_labels)
        shown = np.resize(np.arange(len(part.train_labels)), total)
        x, x_validation = part.train_images[shown], self.tuning.test_images
        if numbers is not None:
            beside, of_validation = self.answers.beside, self.answers.numbers
            x = beside(x, numbers[shown])
            x_validation = beside(x_validation, of_validation.test_images)
        steps = -(-total // self.settings.batch_size)
        schedule = keras.optimizers.schedules.CosineDecay(
            rate, steps * self.settings.epochs
        )
        model.compile(
            optimizer=keras.optimizers.Adam(schedule),
            loss=keras.losses.CategoricalCrossentropy(
                from_logits=True, label_smoothing=smoothing
            ),
            metrics=["accuracy"],
        )
        history = model.fit(
            x,
            self._one_hot(part.train_labels[shown]),
            batch_size=self.settings.batch_size,
            epochs=self.settings.epochs,
            validation_data=(
                x_validation,
                self._one_hot(self.tuning.test_labels),
            ),
            validation_batch_size=TEST_BATCH,
            callbacks=list(callbacks),
            verbose=0,
        )
        return {
            key: [float(value) for value in values]
            for key, values in history.history.items()
        }

    def _one_hot(self, labels):
        # Keras smooths labels in this form only.
        return keras.utils.to_categorical(labels, self.num_classes)


def fresh_copy(model):
    """A model of the same architecture with new weights."""
    # Not `clone_model`, which copies the optimizer's state too.
    copy = type(model).from_config(model.get_config())
    if not copy.built:
        copy.build_from_config(model.get_build_config())
    return copy


def logits_of(model, images):
    """What a model gives for images, `(examples, classes)`."""
    return model.predict(images, batch_size=TEST_BATCH, verbose=0)


def student_name(arm, seed, tried_rate=None):
    """Name of what is kept of a student.

    Args:
        arm: One of `ARMS`.
        seed: Its seed.
        tried_rate: The learning rate that it was to judge. Defaults to `None`,
            a student that is reported.
    """
    name = f"{arm.replace(' ', '_')}_seed{seed}"
    return name if tried_rate is None else f"{name}_rate{tried_rate:g}"
