"""Gradients of a model by its input, for the losses in need of them."""

import keras

from keras_kd import backend
from keras_kd import batch
from keras_kd._core import ensemble_logits
from keras_kd._core import model_specs


class InputGradients:
    """Runs a tapped model, with the input gradients for losses.

    Args:
        tapped: A `TappedModel`.
        losses: Distillation losses, by name.

    Attributes:
        is_needed: Whether any loss needs a gradient.

    Raises:
        ValueError: If the input of the model has no gradient, or a loss has no
            view of it.
    """

    def __init__(self, tapped, losses):
        self.tapped = tapped
        self._need = need = f"{tapped.role}_input_gradient"
        self._plain = {n: v for n, v in losses.items() if need in v.needs}
        self._viewed = {
            n: v for n, v in losses.items() if f"{need}_of_view" in v.needs
        }
        self._shapes = {}
        self.is_needed = bool(self._plain or self._viewed)
        if not self.is_needed:
            return
        spec = tapped.spec
        self._dtypes = [t.dtype for t in keras.tree.flatten(spec)]
        self._check_input()
        for name in self._plain:
            self._note(name, f"{need}_shape", spec)
        for name, loss in self._viewed.items():
            view = model_specs.symbolic(loss.input_view, spec)
            self._note(name, f"{need}_of_view_shape", view)

    def _note(self, name, argument, spec):
        self._shapes.setdefault(name, {})[argument] = model_specs.shapes_of(
            spec
        )

    def _check_input(self):
        if not any(map(keras.backend.is_float_dtype, self._dtypes)):
            name = next(iter(self._plain | self._viewed))
            raise ValueError(
                f"The {self.tapped.role} must take real numbers, since the "
                f"loss {name!r} needs the gradient of its input. Received: "
                f'{self.tapped.role}="{self.tapped.model.name}" with inputs of '
                f"{', '.join(self._dtypes)}. Differentiate a model of what "
                "comes after the embedding."
            )

    def shapes(self, name):
        """Shapes of the gradients of a loss, by the names `build` has.

        Args:
            name: Name of a loss.

        Returns:
            Dict from such as `"teacher_input_gradient_shape"` to the shape of
            the input, or a structure of shapes.
        """
        return self._shapes.get(name, {})

    def run(self, function, x, y):
        """Runs the model, once for all gradients and once for each view.

        Args:
            function: From what the model sees to a tuple of its output, the
                tensors by tap, and anything.
            x: What the model sees.
            y: Labels, or `None`.

        Returns:
            `(result, gradients)`: what the function returned, and a dict from
            the name of each loss to its gradients, by the names that its
            `needs` has.
        """
        x = self._as_numbers(x)
        found = {}
        # Before the pass proper, since each call of a model puts its own
        # penalties into `model.losses` in place of those of the call before.
        for name, loss in self._viewed.items():
            view = loss.input_view(x)
            _, gradients = self._run(function, view, y, {name: loss})
            found[name] = {f"{self._need}_of_view": gradients[name]}
        result, gradients = self._run(function, x, y, self._plain)
        for name, gradient in gradients.items():
            found.setdefault(name, {})[self._need] = gradient
        return result, found

    def _run(self, function, x, y, losses):
        objectives = {
            name: self._objective(name, loss, y)
            for name, loss in losses.items()
        }
        return backend.input_gradients(function, x, objectives)

    def _objective(self, name, loss, y):
        """A function from the result of a pass to a value per example."""
        tap = getattr(loss, f"{self.tapped.role}_tap")
        labels = self._labels(y, loss, tap)
        if "labels" in loss.needs:
            check_served(name, "labels", labels)

        def objective(result):
            _, tensors, _ = result
            return loss.input_objective(
                ensemble_logits.as_logits(tensors[tap]), labels
            )

        return objective

    def _labels(self, y, loss, tap):
        """Returns the labels that belong to a loss's tap."""
        # They are named as the student's outputs are.
        if isinstance(y, dict) and loss.student_tap in y:
            return y[loss.student_tap]
        names = self.tapped.outputs
        return batch.of_output(y, names, tap if tap in names else None)

    def _as_numbers(self, x):
        """Casts the input to the model's types: bytes become reals."""
        tensors = keras.tree.flatten(x)
        if len(tensors) != len(self._dtypes):
            return x
        cast = map(keras.ops.cast, tensors, self._dtypes)
        return keras.tree.pack_sequence_as(x, list(cast))


def check_served(name, need, value):
    """Returns data that a loss needs, or raises if they are missing.

    Args:
        name: Name of the loss.
        need: Entry of its `needs`.
        value: What there is, or `None`.
    """
    if value is None:
        remedy = {
            "labels": "Give `y` to `fit`.",
            "example_ids": "Prepare it with `batch.attach_example_ids`.",
        }
        raise ValueError(
            f"The data must have {need}, since the loss {name!r} needs them. "
            f"Received: {need}=None. {remedy.get(need, '')}".rstrip()
        )
    return value
