"""Trains a student with a teacher."""

import warnings

import keras
from keras import ops

from keras_kd import backend
from keras_kd import batch
from keras_kd._core import model_specs
from keras_kd._core import tapped_model
from keras_kd._core.arguments import check_name
from keras_kd._training import checks
from keras_kd._training.cached_outputs import teacher_outputs
from keras_kd._training.compiling import Measured
from keras_kd._training.logs import Logs
from keras_kd._training.loss_terms import Comparison
from keras_kd._training.loss_terms import name_losses
from keras_kd._training.outputs import ModelOutputs
from keras_kd._training.outputs import policy
from keras_kd._training.saving import Persistence
from keras_kd._training.supervised import Supervised
from keras_kd._training.unlabelled_weights import UnlabelledWeights


@keras.saving.register_keras_serializable("keras_kd")
class Distiller(
    Persistence,
    Supervised,
    Measured,
    UnlabelledWeights,
    backend.Trainer,
    keras.Model,
):
    """Trains a student with a teacher, through `compile` and `fit`.

    Each batch goes once through the teacher, in inference mode, and once
    through the student. The total loss is

    ```
    student_loss_weight * loss of compile(loss=...)
        + sum(loss_weight * distillation loss) + student's regularisation
    ```

    and its gradient updates the student and the weights that the distillation
    losses own. The teacher is never changed.

    `predict`, and metrics given to `compile`, are those of the student. For
    data without labels, compile without `loss`. `sample_weight`,
    `class_weight`, masks and `ignore_class` count in every loss, and metrics
    leave out what losses do. A label that is ignored or nan makes its example
    *unlabelled*: it is distilled, and leaves what reads labels. Where labels
    are of positions, it makes the position *void*, which leaves everything.
    Losses and metrics of your own see all labels as they are.

    The logs have `loss` (the total), `student_loss` (supervised, without its
    weight), and each distillation loss by its name, without its weight.

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
        teacher,
        student,
        distillation_losses,
        student_loss_weight=1.0,
        teacher_inputs=None,
        student_inputs=None,
        mask_input=None,
        name="distiller",
    ):
        checks.check_model(teacher, "teacher")
        checks.check_model(student, "student")
        checks.check_pair(teacher, student)
        checks.check_finite_weights(teacher)
        checks.check_scope(student)
        checks.check_noise_scope(teacher)
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
        named = self._named_losses()
        self._comparison = Comparison(
            named,
            teacher_outputs(teacher, teacher_inputs, named),
            ModelOutputs(student, "student", student_inputs, named),
        )
        self._has_warned = False
        self._logs = Logs(("student_loss", *self.loss_names))
        # Unbuilt models cannot write weights, and a step never calls this one:
        # a call here would be one more pass through the student.
        self.build(
            model_specs.shapes_of(self._comparison.student.input_entries())
        )

    @property
    def teacher(self):
        """The teacher, as it was given. It is no part of the weights."""
        return self._comparison.teacher.model

    def _named_losses(self):
        return dict(zip(self.loss_names, self.distillation_losses, strict=True))

    def make_train_function(self, force=False):
        """Makes Keras's function, after a check of frozen or shared weights."""
        if self.train_function is None or force or self.run_eagerly:
            checks.check_trainable(self.student)
            checks.check_shared(self.teacher, self.student)
        return super().make_train_function(force)

    def call(self, inputs, training=None):
        """Returns the student's output."""
        x, _ = batch.split(inputs)
        x = self._comparison.student.entries(x)
        return tapped_model.run(self.student, x, training)

    def _student_outputs(self):
        return self._comparison.student

    def _run_teacher(self, x, found, training):
        """Runs the teacher in inference mode, also in a training step."""
        self._check_restored()
        teacher = self._comparison.teacher
        result = teacher.run(x, found.clean_labels(), False)
        return teacher.perturb(result) if training else result

    def _run_student(self, x, found, training):
        """Runs the student."""
        labels = found.clean_labels()
        return self._comparison.student.run(x, labels, training)

    def _compare(self, x, found, teacher, student):
        """Computes the loss of a batch and adds it to the logs.

        Args:
            x: Input, with reserved entries.
            found: `Targets`.
            teacher: What `_run_teacher` returned.
            student: What `_run_student` returned.

        Returns:
            This replica's share of the total loss, a scalar.
        """
        _, reserved = batch.split(x)
        terms = {}
        if teacher is None:
            self._allow_no_teacher(student.training)
        else:
            terms = self._comparison.terms(teacher, student, found, reserved)
        losses = self._named_losses()
        total = sum(
            ops.cast(losses[name].loss_weight, "float32") * term
            for name, term in terms.items()
        )
        if self.loss is not None:
            supervised = self._supervise(x, found, student.output)
            terms["student_loss"] = supervised
            total += self.student_loss_weight * supervised
        for value in self.losses:
            total += ops.sum(value) / backend.num_replicas()
        self._logs.update_terms(
            (super().metrics[0], total), terms, batch.size(x)
        )
        return total

    def _allow_no_teacher(self, training):
        """Allows validation, and nothing else, without a cached teacher."""
        if training or self.loss is None:
            raise ValueError(
                "The data must come from the `attach` of the cached teacher, "
                "since nothing else tells what it said. Received: data without "
                "that for "
                f"{'training' if training else 'a Distiller without loss'}. "
                "Give `cached.attach(data)`; only validation can do without, "
                "if `compile` was given a loss."
            )
        if not self._has_warned:
            warnings.warn(
                "The data for validation does not come from `attach`: the "
                "supervised loss and the student's metrics are all there is.",
                stacklevel=2,
            )
        self._has_warned = True

    def _report(self, x, found, teacher, student):
        """Updates the metrics with a batch.

        Args:
            x: Input.
            found: `Targets`; without labels, metrics of them are left out.
            teacher: What `_run_teacher` returned.
            student: What `_run_student` returned.

        Returns:
            Dict of the logs.
        """
        if teacher is not None:
            self._logs.update_fed(
                teacher.output, student.output, found, self._output_names()
            )
        if found.labels is None:
            results = self.results_without_labels()
        else:
            results = self.compute_metrics(
                x,
                found.labels,
                found.marked(student.output),
                found.weights_of_labels(),
            )
        if teacher is None:
            results = self._logs.without_teacher(results)
        return results
