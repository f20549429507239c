"""Trains a student with a teacher."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras

from keras_kd import backend
from keras_kd import batch
from keras_kd._core import model_specs
from keras_kd._core.arguments import check_name
from keras_kd._training import checks
from keras_kd._training.compiling import Compiling
from keras_kd._training.compiling import UnlabelledWeights
from keras_kd._training.hyperparameters import Hyperparameters
from keras_kd._training.logs import Logs
from keras_kd._training.loss_shapes import name_losses
from keras_kd._training.loss_terms import Comparison
from keras_kd._training.outputs import ModelOutputs
from keras_kd._training.outputs import policy
from keras_kd._training.outputs import teacher_outputs
from keras_kd._training.saving import Persistence
from keras_kd._training.step import StepParts
from keras_kd._types import Entries
from keras_kd._types import Tensor
from keras_kd.losses.distillation_loss import DistillationLoss

if TYPE_CHECKING:
    from keras_kd.teachers.cached import CachedTeacher


@keras.saving.register_keras_serializable("keras_kd")
class Distiller(
    Persistence,
    Hyperparameters,
    Compiling,
    UnlabelledWeights,
    backend.Trainer,
    keras.Model,
):
    """Trains a student with a teacher, through `compile` and `fit`.

    Each batch goes once through the teacher, in inference mode unless it
    declares otherwise, and once through the student. The total loss is

    ```
    student_loss_weight * loss of compile(loss=...)
        + sum(loss_weight * distillation loss) + student's regularisation
    ```

    and its gradient updates the student and the weights that the distillation
    losses own. The teacher is never changed, unless it declares that it follows
    the student.

    `predict`, and metrics given to `compile`, are those of the student. For
    data without labels, compile without `loss`. `sample_weight`,
    `class_weight`, masks and `ignore_class` count in every loss, and metrics
    leave out what losses do. A label that is ignored or nan makes its example
    *unlabelled*: it is distilled, and leaves what reads labels. Where labels
    are of positions, it makes the position *void*, which leaves everything.
    Losses and metrics of your own see all labels as they are.

    The logs have `loss` (the total), `student_loss` (supervised, without its
    weight), and each distillation loss by its name, without its weight.
    Callbacks of Keras ask which way is better, but for `loss`:
    `keras.callbacks.EarlyStopping("val_soft_targets", mode="min")`, and
    `mode="max"` for `"val_teacher_agreement"`.

    Args:
        teacher: Any built `keras.Model`.
        student: Any built `keras.Model`, also of another architecture.
        distillation_losses: A `keras_kd.losses.DistillationLoss`, or a list.
        student_loss_weight: Float >= 0, the factor on the loss given to
            `compile`. A variable: `callbacks.Anneal` changes it. Defaults to
            `1.0`.
        teacher_inputs: Name of the entry, or list of names of the entries, of
            a dict `x` that the teacher sees. `None`, the default, is all of
            `x`.
        student_inputs: The same for the student.
        mask_input: Name of the entry of a dict `x`, `(batch, steps)`, that is
            true where a position counts, such as `"padding_mask"`. Hidden
            positions leave all losses and metrics of positions, as with a Keras
            mask. `None`, the default, is no such entry.
        name: Name of the model. Defaults to `"distiller"`.

    Raises:
        TypeError: If an argument is not of the type above.
        ValueError: If a model is not built, a tap does not exist, the shapes
            at a pair of taps cannot be compared, or a loss that needs logits
            would get probabilities.

    Example:

    >>> teacher = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> student = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> distiller = keras_kd.Distiller(
    ...     teacher=teacher,
    ...     student=student,
    ...     distillation_losses=keras_kd.losses.SoftTargets(temperature=2.0),
    ... )
    >>> distiller.compile("adam")
    >>> history = distiller.fit(np.ones((8, 4)), verbose=0)
    >>> sorted(history.history)
    ['loss', 'soft_targets']
    """

    def __init__(
        self,
        *,
        teacher: "keras.Model | CachedTeacher",
        student: keras.Model,
        distillation_losses: DistillationLoss | Sequence[DistillationLoss],
        student_loss_weight: float = 1.0,
        teacher_inputs: Entries = None,
        student_inputs: Entries = None,
        mask_input: str | None = None,
        name: str = "distiller",
    ):
        checks.check_model(teacher, "teacher")
        checks.check_model(student, "student")
        checks.check_pair(teacher, student)
        checks.check_finite_weights(teacher)
        checks.check_scope(student)
        checks.check_changing_scope(teacher)
        losses = checks.check_losses(distillation_losses)
        check_name("name", name)
        checks.check_entries(teacher_inputs, "teacher_inputs")
        checks.check_entries(student_inputs, "student_inputs")
        checks.check_mask_input(mask_input)
        super().__init__(name=name, dtype=policy(student), autocast=False)
        self.student = student
        self.distillation_losses = losses
        self.teacher_inputs = teacher_inputs
        self.student_inputs = student_inputs
        self.mask_input = mask_input
        self._add_student_loss_weight(student_loss_weight)
        self.loss_names = name_losses(losses)
        named = dict(zip(self.loss_names, losses, strict=True))
        comparison = Comparison(
            named,
            teacher_outputs(teacher, teacher_inputs, named),
            ModelOutputs(student, "student", student_inputs, named),
        )
        sides = comparison.teacher.output_names, comparison.student.output_names
        logs = Logs(("student_loss", *self.loss_names), sides)
        self._parts = StepParts(
            comparison, logs, self.student_loss_weight, mask_input
        )
        self._parts.may_lack_teacher = comparison.teacher.protocol.is_cache
        # Unbuilt models cannot write weights, and a step never calls this one:
        # a call here would be one more pass through the student.
        self.build(model_specs.shapes_of(comparison.student.input_entries()))

    @property
    def teacher(self) -> "keras.Model | CachedTeacher":
        """The teacher, as it was given. It is no part of the weights."""
        return self._parts.comparison.teacher.model

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Returns the student's output."""
        x, _ = batch.split(inputs)
        student = self._parts.student
        return student.tapped.output(student.entries(x), training)
