"""Supervised part of the loss, and hyperparameters by name."""

import threading

import keras

from keras_kd import batch
from keras_kd._core import reduction
from keras_kd._core.arguments import WEIGHT
from keras_kd._core.arguments import check_within
from keras_kd._training import targets

_supervising = threading.local()


class Supervised:
    """The loss given to `compile`, its weight, and hyperparameters by name.

    The class it is mixed into, before `keras.Model`, has the distillation
    losses by name in `_named_losses()`, a `ModelOutputs` of what is trained in
    `_student_outputs()`, and the name of an entry of `x` in `mask_input`.
    """

    def _add_student_loss_weight(self, value):
        """Makes the variable; called once, in the constructor."""
        value = check_within(
            "student_loss_weight",
            value,
            WEIGHT,
            "the factor on the loss given to `compile`",
        )
        self._initial_student_loss_weight = value
        self._student_loss_weight = self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(value),
            trainable=False,
            aggregation="only_first_replica",
            name="student_loss_weight",
        )

    @property
    def student_loss_weight(self):
        """The factor on the loss given to `compile`, a variable."""
        return self._student_loss_weight

    @student_loss_weight.setter
    def student_loss_weight(self, value):
        # A number in the variable's place would be seen by no compiled step.
        raise AttributeError(
            "`student_loss_weight` must be assigned with "
            "`.student_loss_weight.assign(value)`, since it is a variable. "
            f"Received: student_loss_weight={value!r}."
        )

    def hyperparameter(self, target):
        """Finds a variable by name, to read or to assign.

        Args:
            target: `"student_loss_weight"`, or `"<loss name>.<attribute>"`,
                such as `"soft_targets.temperature"`.

        Returns:
            A non-trainable scalar `keras.Variable`.

        Raises:
            ValueError: If there is none of that name.
        """
        return self._hyperparameter(target)[0]

    def hyperparameter_bounds(self, target):
        """Returns the `arguments.Bounds` of a hyperparameter.

        Args:
            target: See `hyperparameter`.
        """
        return self._hyperparameter(target)[1]

    def _hyperparameter(self, target):
        """A variable and its bounds."""
        found = {"student_loss_weight": (self.student_loss_weight, WEIGHT)}
        for name, loss in self._named_losses().items():
            for attribute, bounds in loss.bounds.items():
                variable = getattr(loss, attribute)
                found[f"{name}.{attribute}"] = variable, bounds
        if target not in found:
            raise ValueError(
                "`target` must name a hyperparameter of this "
                f"{type(self).__name__}: {', '.join(found)}. Received: "
                f"target={target!r}."
            )
        return found[target]

    @property
    def losses(self):
        """Regularisation of the models and of the distillation losses."""
        # `compute_loss` would add it, once for each use of `compile(loss=)`.
        return [] if getattr(_supervising, "depth", 0) else super().losses

    def _read_batch(self, data):
        """Takes a batch apart.

        Args:
            data: `x`, `(x, y)` or `(x, y, sample_weight)`; weights of data
                without labels may stand in a reserved entry of `x`.

        Returns:
            `x`, with its reserved entries, and `Targets`.
        """
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        entries, reserved = batch.split(x)
        if sample_weight is None:
            sample_weight = reserved.get("sample_weight")
        positions = None
        if self.mask_input is not None:
            positions = batch.entry(entries, self.mask_input, "mask_input")
        student = self._student_outputs()
        output, _ = student.tapped.symbolic()
        return x, targets.read(
            y,
            sample_weight,
            output,
            student.output_names,
            self.loss,
            positions,
        )

    def _supervise(self, x, found, output):
        """Computes the loss given to `compile`, alone.

        Args:
            x: Input.
            found: `Targets`.
            output: The student's output.

        Returns:
            A scalar, this replica's share.
        """
        if found.labels is None:
            raise ValueError(
                "The data must have labels, since `compile` was given a loss. "
                f"Received: y=None, loss={self.loss!r}. For unlabelled data, "
                "compile without a loss; among labelled data, and for "
                "validation, give labels that the loss ignores."
            )
        labels = found.clean_labels(
            lambda name: reduction.reads_masks(
                batch.of_output(self.loss, found.names, name)
            )
        )
        _supervising.depth = getattr(_supervising, "depth", 0) + 1
        try:
            return self.compute_loss(
                x, labels, found.marked(output), found.weights_of_labels()
            )
        finally:
            _supervising.depth -= 1
