"""Mean teacher, an average of the student (Tarvainen and Valpola, 2017)."""

from collections.abc import Mapping
from typing import Any
from typing import Self

import keras
from keras import ops

from keras_kd import backend
from keras_kd._core import tapped_model
from keras_kd._core.arguments import check_part
from keras_kd._core.kinds import check_model
from keras_kd._core.model_weights import equal_copy
from keras_kd._core.model_weights import moving_weights
from keras_kd._core.teacher_protocol import TeacherProtocol
from keras_kd._types import Tensor

# Added to the seeds of layers, which would else draw what the student's draw.
_OTHER_SEED = 1327217885


@keras.saving.register_keras_serializable("keras_kd")
class MovingAverageTeacher(TeacherProtocol, keras.Model):
    """Follows the student: its weights are an average of the student's.

    The student learns to answer as its average does, which is a better model
    than itself at most times, also about examples without labels. After the
    update number t of the student, counted from 1, each weight becomes

    ```
    d * weight + (1 - d) * student's,    d = min(decay, 1 - 1 / (t + 1))
    ```

    which at first is the plain average of all weights so far.

    As published, the teacher runs in training mode in a training step: its
    dropout and its random augmentation draw numbers of their own, and its batch
    normalisation takes the statistics of the batch. The moving statistics of
    that are not averaged: the teacher's own passes move them, and its
    evaluation uses them. The consistency of both models is

    ```
    losses.ProbabilityRegression(loss_weight=2 * weight / classes)
    ```

    with the published `weight` of 100, which `callbacks.Anneal` lets grow in
    the first 5 epochs: `100 * exp(-5 * (1 - epoch / 5)**2)`. Label the
    unlabelled examples -1, and compile with a loss of `ignore_class=-1`: they
    leave the supervised loss alone, and are compared like any others. Put
    random augmentation into the model, as a layer, or give two versions of
    each example by `teacher_inputs` and `student_inputs` of the Distiller.

    Evaluate both models in the end: `distiller.teacher.model` is the average.
    It is in each checkpoint of a Distiller, so that a resumed run goes on from
    it. A cache cannot keep its answers, which change.

    Reference: [Tarvainen and Valpola,
    2017](https://arxiv.org/abs/1703.01780).

    Args:
        model: The student, a built `keras.Model`. It is copied. Layers that
            are frozen by now stay in inference mode in the copy.
        decay: Float, at least 0 and below 1, the largest d. Published are 0.99
            and, for fewer labels, 0.97. Defaults to `0.99`.
        name: Name of the model. Defaults to `"moving_average_<name of the
            model>"`.

    Raises:
        TypeError: If `model` is not a `keras.Model`.
        ValueError: If it is not built, or `decay` is out of range.

    Example:

    >>> student = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> distiller = keras_kd.Distiller(
    ...     teacher=keras_kd.teachers.MovingAverageTeacher(student),
    ...     student=student,
    ...     distillation_losses=keras_kd.losses.ProbabilityRegression(),
    ... )
    >>> distiller.compile("adam", keras.losses.SparseCategoricalCrossentropy(
    ...     from_logits=True, ignore_class=-1))
    >>> x, y = np.ones((3, 4)), np.array([2, -1, -1])
    >>> history = distiller.fit(x, y, verbose=0)
    """

    is_updated = True
    runs_in_training_mode = True

    def __init__(
        self,
        model: keras.Model,
        decay: float = 0.99,
        name: str | None = None,
        **kwargs: Any,
    ):
        check_model("model", model)
        decay = check_part("decay", decay, "a part of the average", zero=True)
        # The model casts its input itself.
        super().__init__(
            name=name or f"moving_average_{model.name}",
            **{"dtype": model.dtype_policy, "autocast": False} | kwargs,
        )
        self.model = equal_copy(model)
        self.decay = decay
        own = self.model.weights
        trainable = {id(v) for v in self.model.trainable_weights}
        statistics = {
            id(variable)
            for variable in moving_weights(self.model, own)
            if id(variable) not in trainable
        }
        self._averaged = tuple(
            index
            for index, variable in enumerate(own)
            if id(variable) not in statistics
        )
        for seed in self.noise_state:
            # Below 2**31, which all backends have.
            state = ops.convert_to_numpy(seed).astype("int64")
            seed.assign((state + [_OTHER_SEED, 0]) % 2**31)
        self.updates = self.add_weight(
            shape=(),
            dtype="int32",
            initializer="zeros",
            trainable=False,
            name="updates",
        )
        self.built = True

    @property
    def tapped_model(self) -> keras.Model:
        """The model whose layers taps name: see `taps`."""
        return self.model

    @property
    def noise_state(self) -> list[keras.Variable]:
        """States of the seeds of its layers, for a resumed run."""
        weights = {id(variable) for variable in self.model.weights}
        return [v for v in self.model.variables if id(v) not in weights]

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        return tapped_model.run(self.model, x, training)

    def check_student(self, student: keras.Model) -> None:
        """Validates that the weights of a student are those to average.

        Args:
            student: A built `keras.Model`.
        """
        mine, theirs = (
            [tuple(variable.shape) for variable in one.weights]
            for one in (self.model, student)
        )
        if mine != theirs:
            raise ValueError(
                "`teacher` must be an average of models like the student, "
                "since each of its weights follows one of the student's. "
                f'Received: teacher="{self.name}" with weights of shape '
                f'{mine}, and student="{student.name}" with {theirs}. Make '
                "the teacher of it: `MovingAverageTeacher(student)`."
            )

    def update(self, student: keras.Model) -> None:
        """Takes a step towards the student's weights, after each update.

        Args:
            student: The student, as it is after the update.
        """
        updates = self.updates.value + 1
        kept = ops.minimum(
            self.decay, 1 - 1 / (ops.cast(updates, "float32") + 1)
        )
        own, students = self.model.weights, student.weights
        pairs = [(self.updates, updates)]
        for index in self._averaged:
            mine, new = own[index], students[index].value
            new = ops.cast(new, mine.dtype)
            if keras.backend.is_float_dtype(mine.dtype):
                part = ops.cast(kept, mine.dtype)
                new = part * mine.value + (1 - part) * new
            pairs.append((mine, new))
        backend.assign(pairs)

    def get_config(self) -> dict[str, Any]:
        return {
            "model": keras.saving.serialize_keras_object(self.model),
            "decay": self.decay,
            "name": self.name,
        }

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        custom_objects: Mapping[str, Any] | None = None,
    ) -> Self:
        model = keras.saving.deserialize_keras_object(
            config["model"], custom_objects=custom_objects
        )
        return cls(**config | {"model": model})

    def get_build_config(self) -> None:
        # Built in the constructor, with the structure of the model's input.
        return None
