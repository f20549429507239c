"""Outputs of a teacher or a student, with its taps."""

import contextlib
import dataclasses
from typing import Any

import keras

from keras_kd import backend
from keras_kd import batch
from keras_kd import taps
from keras_kd._core import model_specs
from keras_kd._core import reduction
from keras_kd._core import tapped_model
from keras_kd._core.input_gradients import InputGradients
from keras_kd._core.moving_weights import unchanged
from keras_kd._training import checks


@dataclasses.dataclass(frozen=True)
class ForwardPass:
    """Outputs of one model for a batch.

    Attributes:
        output: The model's own output.
        tensors: What the losses compare, by tap.
        training: Whether it was in training mode.
        input_gradients: By the name of the loss that needs it.
        view_gradients: The same, at the view that the loss defines.
    """

    output: Any
    tensors: dict
    training: bool
    input_gradients: dict = dataclasses.field(default_factory=dict)
    view_gradients: dict = dataclasses.field(default_factory=dict)


class ModelOutputs:
    """Teacher or student with all tensors that the losses compare.

    A plain object, so that the teacher in it is no part of the Distiller.

    Args:
        model: A built `keras.Model`.
        role: `"teacher"` or `"student"`.
        inputs: Entries of `x` that it sees; see `Distiller`.
        losses: Distillation losses, by name.
    """

    def __init__(self, model, role, inputs, losses):
        self.model = model
        self.role = role
        self.inputs = inputs
        self.tap_of = {
            name: getattr(loss, f"{role}_tap") for name, loss in losses.items()
        }
        self.ruling_out = taps_of_probabilities(role, losses.values())
        self.tapped = self._look_at(model, losses)
        self.gradients = InputGradients(self.tapped, losses)
        for name, loss in losses.items():
            if self.tap_of[name] is None:
                checks.check_one_output(self.tapped, loss)
            if loss.expects_logits:
                self._check_logits(self.tap_of[name], loss)

    def _look_at(self, model, losses):
        """Finds the taps, and how the model takes its input."""
        spec = model_specs.input_spec(model)
        checks.check_entries_fit(self.inputs, spec, self.role)
        self.takes_list = isinstance(spec, list | tuple)
        return tapped_model.TappedModel(model, self.tap_of.values(), self.role)

    def _check_logits(self, tap, loss):
        checks.check_logits(self.tapped, tap, loss)

    def entries(self, x):
        """Selects the model's entries of the whole input."""
        return batch.entries(x, self.inputs, self.takes_list)

    def input_entries(self):
        """Spec of the model's part of the Distiller's input."""
        spec = model_specs.input_spec(self.model)
        if isinstance(self.inputs, str):
            return {self.inputs: spec}
        if self.inputs is not None and self.takes_list:
            return dict(zip(self.inputs, spec, strict=True))
        return spec

    @property
    def output_names(self):
        """Names of the outputs, `()` if there is only one."""
        return self.tapped.outputs

    def run(self, x, y, training):
        """Runs the model once.

        Args:
            x: The input of both models, with reserved entries.
            y: Labels, or `None`.
            training: Whether it is in training mode.

        Returns:
            A `ForwardPass`.
        """
        x = self.entries(batch.split(x)[0])
        keep = (
            unchanged(self.model)
            if self.role == "teacher"
            else (contextlib.nullcontext())
        )
        with keep:
            result, *gradients = self.gradients.run(x, y, training)
        return ForwardPass(*result, training, *gradients)

    def perturb(self, result):
        """Lets the model change its own output, for a training step.

        Args:
            result: A `ForwardPass`.

        Returns:
            A `ForwardPass`. Its `output`, which metrics see, is as before;
            `tensors`, which losses compare, are of the changed output.
        """
        if not hasattr(self.model, "perturb"):
            return result
        output = self.model.perturb(result.output)
        tensors = {
            tap: tensor
            if tap in self.tapped.layers
            else tapped_model.pick(output, self.output_names, tap)
            for tap, tensor in result.tensors.items()
        }
        return dataclasses.replace(result, tensors=tensors)

    def check_finite(self, tensors):
        """Stops the run at nan or infinity in the outputs of this model.

        A logit of -inf, of a class that is ruled out, is let through where
        all losses take the softmax or sigmoid of it.

        Args:
            tensors: Tensors, or a teacher's form of several, by tap.

        Returns:
            The same, so that what follows depends on the check.
        """
        return {
            tap: keras.tree.map_structure(
                lambda tensor, tap=tap: self._check_finite(tensor, tap), value
            )
            for tap, value in tensors.items()
        }

    def _check_finite(self, tensor, tap):
        if not keras.backend.is_float_dtype(tensor.dtype):
            return tensor
        message = (
            f'The {self.role} "{self.model.name}" must give finite numbers '
            f"at {tap or 'its output'}. Received:"
        )
        return reduction.with_mask(
            backend.check_finite(tensor, message, tap in self.ruling_out),
            reduction.read_mask(tensor),
        )


def taps_of_probabilities(role, losses):
    """Taps at which every loss takes the softmax or sigmoid of logits.

    Args:
        role: `"teacher"` or `"student"`.
        losses: Distillation losses.
    """
    taps_of = {}
    for loss in losses:
        tap = getattr(loss, f"{role}_tap")
        taps_of.setdefault(tap, []).append(loss.accepts_minus_infinity)
    return {tap for tap, accepts in taps_of.items() if all(accepts)}


def policy(student):
    """Chooses the dtype policy by which Keras scales the loss or not."""
    layers = [student, *taps.layers(student).values()]
    if any(layer.compute_dtype == "float16" for layer in layers):
        return "mixed_float16"
    return student.dtype_policy
