"""The ways of training that are compared, under one budget."""

import dataclasses

import keras
import numpy as np

from keras_kd import teachers
from keras_kd._core import model_weights
from keras_kd._core.predictions import predict_logits
from keras_kd.cli import methods
from keras_kd.cli._bench.answers import CachedAnswers
from keras_kd.cli._bench.training_run import TrainingRun
from keras_kd.cli._shell.settings import Settings
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
    """Result of one fit.

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
        answers: Cached answers of the teacher, or `None` without a cache.
        alternatives: Of several methods, a resolved `Settings` for each.
        flag: Name of the flag that names these.
        arm_name: Name of the distilled arm for the user and in files.
    """

    settings: Settings
    data: ImageSet
    tuning: ImageSet
    num_classes: int
    teacher: keras.Model
    student: keras.Model
    is_teacher_trained: bool = False
    answers: CachedAnswers | None = None
    alternatives: tuple[Settings, ...] = ()
    flag: str = "methods"
    arm_name: str = DISTILLED

    @property
    def seen(self):
        """Number of training images that each student sees."""
        return len(self.part(0).train_labels)

    @property
    def chance(self):
        """Validation accuracy of always naming the most frequent class."""
        counts = np.bincount(self.tuning.test_labels)
        return float(counts.max() / counts.sum())

    @property
    def method(self):
        """The chosen method, a `methods.Method`."""
        return methods.METHODS[self.settings.method]

    @property
    def method_flag(self):
        """Flag of the method, or of several."""
        if not self.alternatives:
            return f"--method={self.settings.method}"
        names = ",".join(one.method for one in self.alternatives)
        return f"--{self.flag}={names}"

    def variants(self):
        """A `Bench` for each method that is to be used."""
        return [
            self.with_settings(settings)
            for settings in self.alternatives or (self.settings,)
        ]

    def with_settings(self, settings):
        """The same bench for other settings of the method."""
        return dataclasses.replace(self, settings=settings, alternatives=())

    def shown(self, arm):
        """Name of an arm for the user and in files."""
        return self.arm_name if arm == DISTILLED else arm

    def cached_losses(self):
        """All distillation losses that a cache has to serve."""
        student = teachers.logits(self.student)
        return [
            loss
            for variant in self.variants()
            for loss in variant.losses(student)
        ]

    def taught_by(self, seed=0):
        """Teacher of the student of a seed: the model, or a cache."""
        teacher = self.answers.teacher if self.answers else self.teacher
        if self.method.wrap_teacher is not None:
            teacher = self.method.wrap_teacher(teacher, self.settings, seed)
        return teacher

    def distiller(self, student, seed=0):
        """A Distiller of the chosen method for a student.

        Args:
            student: A student that gives logits.
            seed: Its seed, for what the method draws. Defaults to `0`.
        """
        return Distiller(
            teacher=self.taught_by(seed),
            student=student,
            distillation_losses=self.losses(student),
            student_loss_weight=self.settings.student_loss_weight,
        )

    def distilled(self, student):
        """The model that is distilled for a student with new weights."""
        rebuild = self.method.rebuild
        return student if rebuild is None else rebuild(self, student)

    def trainer(self, student, seed=0):
        """The model whose `fit` trains a student by the chosen method.

        Args:
            student: What `distilled` returned.
            seed: See `distiller`.
        """
        make = self.method.make_trainer or Bench.distiller
        return make(self, student, seed)

    def losses(self, student):
        """New distillation losses of the chosen method for a student."""
        return self.method.make_losses(self.teacher, student, self.settings)

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
        saved = model_weights.fresh_copy(self.student)
        is_distilled = arm == DISTILLED
        if is_distilled:
            saved = self.distilled(saved)
        student = teachers.logits(saved)
        takes_answers = self.answers is not None and is_distilled
        lesson = self.lesson(
            rate,
            self.part(seed),
            self.numbers(seed) if takes_answers else None,
            label_smoothing=LABEL_SMOOTHING if arm == SMOOTHING else 0.0,
            callbacks=callbacks,
        )
        history = self._fit(student, lesson, seed if is_distilled else None)
        return Trained(saved, student, history)

    def train_teacher(self, callbacks=()):
        """Trains the teacher in place, on all training images.

        Args:
            callbacks: Keras callbacks. Defaults to `()`.

        Returns:
            Logs by key, one value per epoch.
        """
        keras.utils.set_random_seed(TEACHER_SEED)
        lesson = self.lesson(TEACHER_RATE, self.tuning, callbacks=callbacks)
        return self._fit(self.teacher, lesson)

    def part(self, seed):
        """Images of the students of a seed, an `ImageSet`."""
        return self.tuning.training_fraction(self.settings.fraction, seed)

    def numbers(self, seed):
        """The numbers of these images among those of the data."""
        numbers = self.answers.numbers
        part = numbers.training_fraction(self.settings.fraction, seed)
        return part.train_images

    def lesson(self, rate, part, numbers=None, **options):
        """Makes a `TrainingRun`: the examples, and the budget.

        Args:
            rate: Learning rate at the start.
            part: The images, an `ImageSet`.
            numbers: Their numbers, if it learns from a cache, else `None`.
            **options: Passed to `TrainingRun`.
        """
        # As many images an epoch whatever the fraction: the same updates.
        total = len(self.tuning.train_labels)
        shown = np.resize(np.arange(len(part.train_labels)), total)
        x, x_validation = part.train_images[shown], self.tuning.test_images
        if numbers is not None:
            beside, of_validation = self.answers.beside, self.answers.numbers
            x = beside(x, numbers[shown])
            x_validation = beside(x_validation, of_validation.test_images)
        return TrainingRun(
            x=x,
            y=self._one_hot(part.train_labels[shown]),
            validation_data=(
                x_validation,
                self._one_hot(self.tuning.test_labels),
            ),
            batch_size=self.settings.batch_size,
            epochs=self.settings.epochs,
            rate=rate,
            **options,
        )

    def _fit(self, model, lesson, seed=None):
        """Trains on labels, or with a seed by the chosen method."""
        if seed is None:
            return lesson.fit(model)
        train = self.method.train or _fit_trainer
        return train(self, model, lesson, seed)

    def _one_hot(self, labels):
        return keras.utils.to_categorical(labels, self.num_classes)


def _fit_trainer(bench, student, lesson, seed):
    return lesson.fit(bench.trainer(student, seed))


def tried_rates(arm, settings):
    """The learning rates that an arm chooses from; none if it was given."""
    is_given = arm == DISTILLED and settings.learning_rate is not None
    return () if is_given else RATES


def logits_of(model, images):
    """Predicts logits for images, `(examples, classes)`."""
    return predict_logits(model, images, batch_size=TEST_BATCH)


def student_name(arm, seed, tried_rate=None):
    """Name of what is kept of a student.

    Args:
        arm: What `Bench.shown` gives.
        seed: Its seed.
        tried_rate: The learning rate that it was to judge. Defaults to `None`,
            a student that is reported.
    """
    name = f"{arm.replace(' ', '_')}_seed{seed}"
    return name if tried_rate is None else f"{name}_rate{tried_rate:g}"
