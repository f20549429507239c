"""The supervised part of the loss, and what can be changed in training."""

import threading

import keras

_supervising = threading.local()


class Supervised:
    """The loss given to `compile`, its weight, and hyperparameters by name.

    The class it is mixed into, before `keras.Model`, has the distillation
    losses by name in `_named_losses()`.
    """

    def _add_student_loss_weight(self, value):
        """Makes the variable; called once, in the constructor."""
        self._initial_student_loss_weight = float(value)
        self.student_loss_weight = self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(value),
            trainable=False,
            aggregation="only_first_replica",
            name="student_loss_weight",
        )

    def __setattr__(self, name, value):
        # A number in the variable's place would be seen by no compiled step.
        if name == "student_loss_weight" and name in self.__dict__:
            raise AttributeError(
                "`student_loss_weight` must be assigned with "
                "`.student_loss_weight.assign(value)`, since it is a variable. "
                f"Received: student_loss_weight={value!r}."
            )
        super().__setattr__(name, value)

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
        found = {"student_loss_weight": self.student_loss_weight}
        for name, loss in self._named_losses().items():
            for attribute in loss.hyperparameters:
                found[f"{name}.{attribute}"] = getattr(loss, attribute)
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

    def _supervise(self, x, y, output, sample_weight):
        """The loss given to `compile`, alone."""
        if y is None:
            raise ValueError(
                "The data must have labels, since `compile` was given a loss. "
                f"Received: y=None, loss={self.loss!r}. For unlabelled data, "
                "compile without a loss."
            )
        _supervising.depth = getattr(_supervising, "depth", 0) + 1
        try:
            return self.compute_loss(x, y, output, sample_weight)
        finally:
            _supervising.depth -= 1
