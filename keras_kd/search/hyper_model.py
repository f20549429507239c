"""Distillation as a search space of keras-tuner."""

import os
import warnings
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras
import keras_tuner

from keras_kd import teachers
from keras_kd._core import places
from keras_kd._training.loss_shapes import name_losses
from keras_kd._types import Data
from keras_kd._types import PerOutput
from keras_kd.callbacks import Anneal
from keras_kd.distiller import Distiller
from keras_kd.losses.distillation_loss import DistillationLoss
from keras_kd.search import ranges
from keras_kd.search import space
from keras_kd.search import trial_training
from keras_kd.search.knobs import options
from keras_kd.search.tap_pairs import stages
from keras_kd.search.tap_pairs import tap_pairs


class DistillationHyperModel(keras_tuner.HyperModel):
    """Lets keras-tuner find how to distil a teacher into a student.

    Each trial makes a `Distiller` with other temperature, weights, losses,
    optimizer and learning rate. Every tuner of keras-tuner takes it:

    ```
    hypermodel = keras_kd.search.DistillationHyperModel(
        teacher=teacher,
        student=student,
        data=(images, labels),
        cache_directory="teacher_cache",
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    tuner = keras_tuner.BayesianOptimization(
        hypermodel, objective="val_accuracy", max_trials=16
    )
    tuner.search(validation_data=validation, epochs=10)
    student = tuner.get_best_models()[0].student
    ```

    `search.make_tuner` makes the same tuner with three things more: the first
    trial is the default setting, an interrupted search resumes from files that
    are written atomically, and damage is named.

    `batch_size` is among the knobs where the hypermodel has the data, fixed at
    32. Without `distillation_losses`, the space is: soft targets with their
    temperature, whether it falls, and their weight (the labels have what is
    left to 1); nothing more, a hint or attention transfer, between the layers
    that `search.tap_pairs` proposes, each with its weight; optimizer and
    learning rate. With `distillation_losses`, it is their temperatures and
    weights, optimizer and learning rate. `knobs` lists all of it; the argument
    fixes some, or gives other ranges. `features` also takes losses between
    examples, `"similarity"` (SP) and `"distances"` (the first part of RKD), at
    the deepest pair of layers:

    ```
    knobs={
        "optimizer": "adam",
        "features": keras_kd.search.Choice(("none", "attention", "similarity")),
        "soft_targets.temperature": keras_kd.search.Range(2, 8),
        "batch_size": keras_kd.search.Choice((32, 128)),
    }
    ```

    Width and depth of the student, or any other knob of its own, are defined in
    the function that makes it; `limits` of `search.make_tuner` says what it may
    cost. A subclass that searches something else
    overrides `propose`, `values`, `losses` or `optimizer`.

    Args:
        teacher: A built `keras.Model`, or a `CachedTeacher`.
        student: A built `keras.Model`: each trial starts from a copy with the
            weights that it has. Or a function of `hp`, the
            `keras_tuner.HyperParameters`, that returns one.
        data: Examples to train on: arrays `(x, y)`, or a `tf.data.Dataset` of
            single examples in a fixed order, not batched and not shuffled.
            Trials shuffle and batch it. `None`, the default, leaves it to
            `search`, as for any tuner.
        cache_directory: Where to keep the teacher's answers for `data`, once
            for all trials and all processes; a cache that is there is used.
            Needed with `data`, unless `teacher` is a `CachedTeacher`.
        distillation_losses: A `DistillationLoss`, or a list. Defaults to
            `None`, the proposal above.
        knobs: Dict from names of knobs to a fixed value, a `search.Range` or a
            `search.Choice`. Defaults to `None`, all as proposed.
        loss: Loss on the labels, as for `compile`. Defaults to `None`.
        metrics: Metrics, as for `compile`. Defaults to `None`.
        name: Name of the hypermodel. Defaults to `None`.

    Attributes:
        knobs: Dict of all knobs: fixed values, `Range`s and `Choice`s.

    Raises:
        TypeError: If an argument is not of the type above.
        ValueError: If `knobs` has unknown names, or `data` and
            `cache_directory` do not go together.

    Example:

    >>> teacher = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> student = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> hypermodel = keras_kd.search.DistillationHyperModel(
    ...     teacher=teacher, student=student, knobs={"optimizer": "adam"}
    ... )
    >>> print(hypermodel.knobs["soft_targets.temperature"])
    1 to 20 (log)
    """

    def __init__(
        self,
        *,
        teacher: keras.Model | teachers.CachedTeacher,
        student: keras.Model
        | Callable[[keras_tuner.HyperParameters], keras.Model],
        data: Data | None = None,
        cache_directory: str | os.PathLike[str] | None = None,
        distillation_losses: DistillationLoss
        | Sequence[DistillationLoss]
        | None = None,
        knobs: Mapping[str, Any] | None = None,
        loss: PerOutput | None = None,
        metrics: PerOutput | None = None,
        name: str | None = None,
    ):
        super().__init__(name=name)
        space.check_models(teacher, student)
        space.check_data(teacher, data, cache_directory)
        space.check_compiled(loss, metrics)
        self.student = student
        self.loss = loss
        self.metrics = metrics
        self._templates = space.check_losses(distillation_losses)
        self.data = data
        self.teacher = teacher
        # Vectors to compare, which no stage of the teacher has.
        self._vector_taps = []
        self.knobs = space.replaced(self.propose(), knobs)
        # Parts that do not fit together raise now, not in the first trial.
        self.build(keras_tuner.HyperParameters())
        self.teacher = self._asked_once(cache_directory)

    def propose(self) -> dict[str, Any]:
        """Returns all knobs, before anything is fixed or narrowed."""
        pairs = []
        if self._templates is None:
            default = trial_training.make_student(
                self.student, keras_tuner.HyperParameters()
            )
            pairs = tap_pairs(self.teacher, default)
        self._vector_taps = [
            pair.teacher_tap for pair in pairs if not pair.has_positions
        ]
        return space.defaults(self._templates, pairs, self.data is not None)

    def _asked_once(self, directory):
        """Returns the teacher, or a cache of its answers for the data."""
        teacher = self.teacher
        if self.data is None or isinstance(teacher, teachers.CachedTeacher):
            return teacher
        features = options(self.knobs.get("features", ranges.NONE))
        if self._templates is not None:
            named = places.used(self._templates, "teacher_tap")
            taps = [tap for tap in named if tap is not None]
        elif set(features) == {ranges.NONE}:
            taps = []
        else:
            # Another student may be compared at other stages.
            taps = [tap for tap, _ in stages(teacher)] + self._vector_taps
        return teachers.cache_teacher(
            teacher, self.data, directory, taps=tuple(taps)
        )

    def build(self, hp: keras_tuner.HyperParameters) -> Distiller:
        """Makes the compiled Distiller of a trial.

        Args:
            hp: `keras_tuner.HyperParameters`.

        Returns:
            A `Distiller`.
        """
        student = trial_training.make_student(self.student, hp)
        values = self.values(hp)
        distiller = Distiller(
            teacher=self.teacher,
            student=student,
            distillation_losses=self.losses(values, student),
            student_loss_weight=space.student_loss_weight(values),
        )
        trial_training.compile_model(
            distiller, self.optimizer(values), self.loss, self.metrics
        )
        return distiller

    def values(self, hp: keras_tuner.HyperParameters) -> dict[str, Any]:
        """The values of the knobs that count in a trial, by name."""
        return space.choose(self.knobs, hp)

    def losses(
        self, values: Mapping[str, Any], student: keras.Model
    ) -> list[DistillationLoss]:
        """Makes the distillation losses of a trial.

        Args:
            values: What `values` returned.
            student: The student of the trial.
        """
        if self._templates is None:
            features = values["features"]
            pairs = []
            if features != ranges.NONE:
                pairs = tap_pairs(self.teacher, student)
                ranges.check_pairs(features, pairs, student)
            soft = ranges.soft_targets(values)
            return [soft, *ranges.feature_losses(values, pairs)]
        names = name_losses(self._templates)
        return [
            space.with_values(loss, name, values)
            for loss, name in zip(self._templates, names, strict=True)
        ]

    def optimizer(
        self, values: Mapping[str, Any]
    ) -> keras.optimizers.Optimizer:
        """Makes the optimizer of a trial; see `losses`."""
        return trial_training.optimizer(values)

    def fit(
        self,
        hp: keras_tuner.HyperParameters,
        model: keras.Model,
        *args: Any,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Trains the Distiller of a trial.

        Args:
            hp: `keras_tuner.HyperParameters`.
            model: What `build` returned.
            *args: As for `Model.fit`. Without `data`, the training data.
            callbacks: Callbacks.
            **kwargs: As for `Model.fit`, such as `validation_data`.

        Returns:
            The `History`.
        """
        values = self.values(hp)
        if self.data is not None:
            trial_training.check_not_twice(args, kwargs)
            size = values["batch_size"]
            attached = self.teacher.attach(self.data)
            args = (trial_training.batches(attached, size),)
            # They are shuffled already; Keras would warn that it cannot do so.
            kwargs |= {"batch_size": None, "shuffle": False}
        if values.get("temperature_schedule") == ranges.FALLING:
            fall = trial_training.Fall(
                values["soft_targets.temperature"], kwargs.get("epochs", 1)
            )
            anneal = Anneal("soft_targets.temperature", fall, per="epoch")
            callbacks = [anneal, *callbacks]
        with warnings.catch_warnings():
            # In a search, the labels judge: no warning for each trial.
            warnings.filterwarnings("ignore", "The data for validation does")
            return model.fit(*args, callbacks=list(callbacks), **kwargs)
