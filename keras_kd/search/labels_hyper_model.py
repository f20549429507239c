"""Control of a search: the student alone, tuned as well."""

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import keras
import keras_tuner

from keras_kd._types import Data
from keras_kd._types import PerOutput
from keras_kd.search import space
from keras_kd.search import trial_training


class LabelsHyperModel(keras_tuner.HyperModel):
    """Lets keras-tuner train the student alone, on the labels.

    A tuned distilled student is to be compared with a student that was tuned as
    well. This searches optimizer, learning rate and the knobs in the function
    of the student, as `DistillationHyperModel` does, and nothing else.

    Args:
        student: As for `DistillationHyperModel`.
        data: Examples to train on: arrays `(x, y)`, or a `tf.data.Dataset` of
            single examples, such as `cached.attach(...)`, whose augmented
            images are then seen and whose answers are not.
        loss: Loss on the labels, as for `compile`.
        knobs: As for `DistillationHyperModel`; there are `optimizer`,
            `learning_rate`, `sgd_learning_rate` and `batch_size`. Defaults to
            `None`.
        metrics: Metrics, as for `compile`. Defaults to `None`.
        name: Name of the hypermodel. Defaults to `None`.

    Attributes:
        knobs: Dict of all knobs: fixed values, `Range`s and `Choice`s.

    Raises:
        TypeError: If an argument is not of the type above.
        ValueError: If `knobs` has unknown names.

    Example:

    >>> student = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> control = keras_kd.search.LabelsHyperModel(
    ...     student=student,
    ...     data=(np.ones((8, 4)), np.ones(8)),
    ...     loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    ... )
    >>> list(control.knobs)
    ['optimizer', 'learning_rate', 'sgd_learning_rate', 'batch_size']
    """

    def __init__(
        self,
        *,
        student: keras.Model
        | Callable[[keras_tuner.HyperParameters], keras.Model],
        data: Data,
        loss: PerOutput,
        knobs: Mapping[str, Any] | None = None,
        metrics: PerOutput | None = None,
        name: str | None = None,
    ):
        super().__init__(name=name)
        space.check_student(student)
        if loss is None:
            raise ValueError(
                "`loss` must be given, since the student learns from the "
                "labels alone. Received: loss=None."
            )
        space.check_compiled(loss, metrics)
        self.student = student
        self.loss = loss
        self.metrics = metrics
        self.knobs = space.replaced(space.training_knobs(), knobs)
        self.data = trial_training.without_answers(data)
        spec = self.data.element_spec
        if len(spec) < 2:
            raise ValueError(
                "`data` must have labels, `(x, y)`, since the student learns "
                f"from nothing else. Received: data of {len(spec)} part."
            )
        self.build(keras_tuner.HyperParameters())

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Makes the compiled student of a trial.

        Args:
            hp: `keras_tuner.HyperParameters`.

        Returns:
            A `keras.Model`.
        """
        student = trial_training.make_student(self.student, hp)
        optimizer = trial_training.optimizer(space.choose(self.knobs, hp))
        trial_training.compile_model(
            student, optimizer, self.loss, self.metrics
        )
        return student

    def fit(
        self,
        hp: keras_tuner.HyperParameters,
        model: keras.Model,
        *args: Any,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Trains the student of a trial.

        Args:
            hp: `keras_tuner.HyperParameters`.
            model: What `build` returned.
            *args: Must be empty: the data is known.
            **kwargs: As for `Model.fit`, such as `validation_data`.

        Returns:
            The `History`.
        """
        trial_training.check_not_twice(args, kwargs)
        size = space.choose(self.knobs, hp)["batch_size"]
        batches = trial_training.batches(self.data, size)
        kwargs |= {"batch_size": None, "shuffle": False}
        return model.fit(batches, **kwargs)
