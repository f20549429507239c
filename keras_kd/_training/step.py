"""The order of one step, the same on every backend."""

import warnings

from keras import ops

from keras_kd import batch
from keras_kd._core import reduction
from keras_kd._training import checks
from keras_kd._training.saving import refuse_copied_teacher


class StepParts:
    """Parts of a Distiller that its steps use; no part of its weights.

    Attributes:
        comparison: `Comparison` of teacher and student.
        logs: `Logs` of the student.
        student_loss_weight: The factor on the supervised loss, a variable.
        mask_input: Name of the entry of `x` that tells which positions count,
            or `None`.
        may_lack_teacher: Whether data may come without the teacher's outputs.
        awaits_teacher: Whether the teacher is a copy without the weights of
            the original.
        reader: `reader.Reader`, made by `compile`.
        replicas: Number of replicas that train, set by `compile`.
        learners: The `id`s of the weights that were trainable when the models
            were validated for training, or `None`.
        has_warned: Whether the warning of data without teacher was given.
    """

    def __init__(self, comparison, logs, student_loss_weight, mask_input):
        self.comparison = comparison
        self.logs = logs
        self.student_loss_weight = student_loss_weight
        self.mask_input = mask_input
        self.may_lack_teacher = False
        self.awaits_teacher = False
        self.reader = None
        self.replicas = None
        self.learners = None
        self.has_warned = False

    @property
    def student(self):
        """The student's `ModelOutputs`."""
        return self.comparison.student

    @property
    def students(self):
        """The models that learn."""
        return [self.student.model]

    def check_learners(self):
        """Validates that what learns is trainable, and shares no weights."""
        checks.check_trainable(self.student.model)
        checks.check_shared(self.comparison.teacher.model, self.student.model)

    def before_training(self, distiller, is_new):
        """Validates the models; each `make_train_function` begins with this.

        Args:
            distiller: The Distiller that trains.
            is_new: Whether a new function is made.
        """
        learners = [id(v) for s in self.students for v in s.trainable_weights]
        # Without a graph, weights may be frozen between two batches.
        if is_new or (distiller.run_eagerly and learners != self.learners):
            self.check_learners()
            self.learners = learners
        self.before_evaluation(distiller)

    def before_evaluation(self, distiller):
        """Validates the teacher; each `make_test_function` begins with this."""
        if self.awaits_teacher:
            distiller._look_for_teacher()

    def outside(self, distiller):
        """Variables that a step uses and that are no part of a Distiller.

        Returns:
            `(read, changed)`: the weights of the teacher, and what a step
            changes of it, such as the states of seeds.
        """
        protocol = self.comparison.teacher.protocol
        if protocol.is_cache:
            return [], []
        teacher = self.comparison.teacher.model
        known = {id(variable) for variable in distiller.variables}
        weights = {id(v) for v in teacher.weights if not protocol.is_updated}
        found = {id(v): v for v in teacher.variables if id(v) not in known}
        read = [v for key, v in found.items() if key in weights]
        return read, [v for key, v in found.items() if key not in weights]

    def step(self, distiller, data, training):
        """Begins a `Step`; see there."""
        return Step(distiller, self, data, training)


class Step:
    """One batch on its way through a `Distiller`.

    The trainer of a backend makes a `Step`; making it runs the teacher. Then
    the trainer calls, for the index of each student:

    1. `predict`, where gradients by the variables in `learners` are recorded,
       and puts the result into `predictions`;
    2. `prepare`, outside of that, when all students have predicted;
    3. `compare`, where they are recorded again;
    4. `updated`, after the optimizer, in training.

    `report` is the end. Nothing in it uses tensors from where gradients are
    recorded.

    Attributes:
        count: Number of students.
        predictions: A `ForwardPass` of each student, by index.
        terms: Of each student that was compared: the terms of its loss by
            name, without their weights, and its regularisation, a list.

    Args:
        distiller: The compiled `Distiller`.
        parts: Its `StepParts`.
        data: The batch, as `fit` gives it.
        training: Whether the student learns from it.
    """

    count = 1

    def __init__(self, distiller, parts, data, training):
        if parts.awaits_teacher:
            refuse_copied_teacher(distiller)
        self.distiller = distiller
        self.parts = parts
        self.training = training
        self.examples = parts.reader.read(data)
        self.predictions = {}
        self.terms = []
        teacher = parts.comparison.teacher
        # In inference mode, also in a training step, if it is not declared.
        mode = training and teacher.protocol.runs_in_training_mode
        self._teacher = teacher.run(self.examples, mode, learns=False)
        if training and teacher.protocol.is_noisy:
            self._teacher = teacher.perturb(self._teacher)

    @property
    def teacher_output(self):
        """Output of the one teacher; `None` without one."""
        return None if self._teacher is None else self._teacher.output

    def student(self, index):
        """The model that is a student."""
        return self.parts.student.model

    def learners(self):
        """The optimizer of each student, and the variables that it updates."""
        return [(self.distiller.optimizer, self.distiller.trainable_variables)]

    def predict(self, index):
        """Runs a student, and returns its `ForwardPass`."""
        return self.parts.student.run(self.examples, self.training)

    def prepare(self, index):
        """Runs what teaches a student, unless it has run."""

    def updated(self, index):
        """Lets what teaches follow an updated student."""
        teacher = self.parts.comparison.teacher.protocol
        if teacher.is_updated:
            teacher.update(self.parts.student.model)

    def compare(self, index):
        """Computes the loss of a student and adds it to the logs.

        Args:
            index: Which student.

        Returns:
            This replica's share of the total loss, a scalar.
        """
        comparison, student = self.parts.comparison, self.predictions[index]
        terms = {}
        if self._teacher is None:
            self._allow_no_teacher()
        else:
            terms = comparison.terms(
                self._teacher, student, self.examples, self.parts.replicas
            )
        penalties = [*student.penalties, *comparison.penalties()]
        return self._total(
            comparison.losses,
            terms,
            self.examples,
            student.output,
            penalties,
            self.parts.logs,
        )

    def _total(self, losses, terms, examples, output, penalties, logs):
        """Adds up the loss of one student.

        Args:
            losses: Distillation losses by name.
            terms: Shares of their means, by name.
            examples: `Examples` that they are of.
            output: The student's output.
            penalties: Regularisation of layers, a list of tensors.
            logs: `Logs` of the student.

        Returns:
            This replica's share of the total, a scalar.
        """
        distiller = self.distiller
        total = sum(
            ops.cast(losses[name].loss_weight, "float32") * term
            for name, term in terms.items()
        )
        if distiller.loss is not None:
            supervised = self._supervise(examples, output)
            terms = terms | {"student_loss": supervised}
            total += self.parts.student_loss_weight * supervised
        for value in penalties:
            total += ops.sum(value) / self.parts.replicas
        self.terms.append((terms, penalties))
        logs.update_terms(
            (distiller.metrics[0], total),
            terms,
            examples.size,
            self.parts.replicas,
        )
        return total

    def _supervise(self, examples, output):
        """Computes the loss given to `compile`, alone.

        Args:
            examples: `Examples`.
            output: The student's output for them.

        Returns:
            A scalar, this replica's share.
        """
        distiller, found = self.distiller, examples.targets
        if found.labels is None:
            raise ValueError(
                "The data must have labels, since `compile` was given a loss. "
                f"Received: y=None, loss={distiller.loss!r}. For unlabelled "
                "data, compile without a loss; among labelled data, and for "
                "validation, give labels that the loss ignores."
            )
        labels = found.clean_labels(
            lambda name: reduction.reads_masks(
                batch.of_output(distiller.loss, found.names, name)
            )
        )
        # Of no examples, Keras returns no values instead of a sum.
        return ops.sum(
            distiller.compute_loss(
                examples.x, labels, *examples.measured(output)
            )
        )

    def _allow_no_teacher(self):
        """Allows validation, and nothing else, without a cached teacher."""
        if self.training or self.distiller.loss is None:
            raise ValueError(
                "The data must come from the `attach` of the cached teacher, "
                "since nothing else tells what it said. Received: data without "
                "that for "
                f"{'training' if self.training else 'a Distiller without loss'}"
                ". Give `cached.attach(data)`; only validation can do without, "
                "if `compile` was given a loss."
            )
        if not self.parts.has_warned:
            warnings.warn(
                "The data for validation does not come from `attach`: the "
                "supervised loss and the student's metrics are all there is.",
                stacklevel=2,
            )
        self.parts.has_warned = True

    def report(self):
        """Updates the metrics with the batch, and returns the logs."""
        logs, output = self.parts.logs, self.predictions[0].output
        found = self.examples.targets
        if self._teacher is not None:
            logs.update_fed(self._teacher.output, output, found)
        if found.labels is None:
            results = self.distiller.results_without_labels()
        else:
            results = self.distiller.compute_metrics(
                self.examples.x, found.labels, *self.examples.measured(output)
            )
        if self._teacher is None:
            results = logs.without_teacher(results)
        return results
