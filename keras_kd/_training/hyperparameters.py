"""Hyperparameters of a Distiller by name."""

import keras

from keras_kd._core.arguments import WEIGHT
from keras_kd._core.arguments import Bounds
from keras_kd._core.arguments import check_within


class Hyperparameters:
    """The weight of the supervised loss, and hyperparameters by name.

    The class it is mixed into, before `keras.Model`, has `loss_names` and
    `distillation_losses`.
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
    def student_loss_weight(self) -> keras.Variable:
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

    def hyperparameter(self, target: str) -> keras.Variable:
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

    def hyperparameter_bounds(self, target: str) -> Bounds:
        """Returns the `arguments.Bounds` of a hyperparameter.

        Args:
            target: See `hyperparameter`.
        """
        return self._hyperparameter(target)[1]

    def _hyperparameter(self, target):
        """A variable and its bounds."""
        found = {"student_loss_weight": (self.student_loss_weight, WEIGHT)}
        for name, loss in zip(
            self.loss_names, self.distillation_losses, strict=True
        ):
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
