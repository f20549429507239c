"""Outputs of a teacher or a student, with its taps."""

import abc
import contextlib
import dataclasses
from typing import Any

import keras

from keras_kd import backend
from keras_kd import batch
from keras_kd import taps
from keras_kd._core import places
from keras_kd._core import reduction
from keras_kd._core import tapped_model
from keras_kd._core import teacher_protocol
from keras_kd._core.input_gradients import InputGradients
from keras_kd._training import checks


@dataclasses.dataclass(frozen=True)
class ForwardPass:
    """Outputs of one model for a batch.

    Attributes:
        output: The model's own output.
        tensors: What the losses compare, by tap.
        training: Whether it was in training mode.
        gradients: Input gradients by the names of the losses that need them:
            a dict from the name in `DistillationLoss.needs` to a gradient.
        penalties: Regularisation that the layers of a student added, a list.
    """

    output: Any
    tensors: dict
    training: bool
    gradients: dict = dataclasses.field(default_factory=dict)
    penalties: list = dataclasses.field(default_factory=list)


class Outputs(abc.ABC):
    """One side of a `Comparison`.

    A plain object, so that the teacher in it is no part of the Distiller.

    Attributes:
        output_names: Names of the outputs, `()` if there is only one.
    """

    output_names = ()

    @abc.abstractmethod
    def symbolic(self):
        """Returns `(output, tensors by tap)` as `KerasTensor`s."""

    @abc.abstractmethod
    def check_finite(self, tensors):
        """Stops the run at nan or infinity.

        Args:
            tensors: By tap, a tensor or a teacher's form of several, each in
                a pair with its Keras mask.

        Returns:
            The same, for what follows to depend on the check.
        """

    def gradient_shapes(self, name):
        """Shapes of the input gradients of a loss, as `build` takes them."""
        return {}


class ModelOutputs(Outputs):
    """Outputs of one model, from a pass.

    Args:
        model: A built `keras.Model`.
        role: `"teacher"` or `"student"`.
        inputs: Entries of `x` that it sees; see `Distiller`.
        losses: Distillation losses, by name.

    Attributes:
        protocol: What the model answers as a teacher, a `TeacherProtocol`.
    """

    def __init__(self, model, role, inputs, losses):
        self.model = model
        self.role = role
        self.inputs = inputs
        self.protocol = teacher_protocol.of(model)
        named = places.named(losses.values(), f"{role}_tap")
        self.ruling_out = taps_of_probabilities(named)
        self.tapped = self._find_taps([tap for tap, _ in named], losses)
        self.output_names = self.tapped.outputs
        self.gradients = self._find_gradients(losses)
        for tap, loss in named:
            if tap is None:
                checks.check_one_output(self.tapped, loss)
            if tap in places.of_logits(loss, f"{role}_tap"):
                self._check_logits(tap, loss)

    def _find_taps(self, names, losses):
        """Finds the taps, and how the model takes its input."""
        tapped = tapped_model.TappedModel(self.model, names, self.role)
        checks.check_entries_fit(self.inputs, tapped.spec, self.role)
        self.takes_list = isinstance(tapped.spec, list | tuple)
        return tapped

    def _find_gradients(self, losses):
        """The input gradients that losses need, `None` for none."""
        found = InputGradients(self.tapped, losses)
        return found if found.is_needed else None

    def _check_logits(self, tap, loss):
        checks.check_logits(self.tapped, tap, loss)

    def symbolic(self):
        return self.tapped.symbolic()

    def gradient_shapes(self, name):
        return self.gradients.shapes(name) if self.gradients else {}

    def input_entries(self):
        """Spec of the model's part of the Distiller's input."""
        spec = self.tapped.spec
        if isinstance(self.inputs, str):
            return {self.inputs: spec}
        if self.inputs is not None and self.takes_list:
            return dict(zip(self.inputs, spec, strict=True))
        return spec

    def entries(self, x):
        """Selects the model's entries of the whole input."""
        if self.inputs is None:
            return x
        argument = f"{self.role}_inputs"
        return batch.entries(x, self.inputs, argument, self.takes_list)

    def run(self, examples, training, learns=True):
        """Runs the model once, and once more for each view.

        Args:
            examples: `targets.Examples`.
            training: Whether it is in training mode.
            learns: Whether regularisation of its layers is needed.

        Returns:
            A `ForwardPass`.
        """
        x = self.entries(examples.x)

        def run_once(x):
            output, tensors = self.tapped(x, training)
            # At once, since another pass forgets what the layers added.
            return output, tensors, self.model.losses if learns else []

        with self._keeping(training):
            if self.gradients is None:
                result, gradients = run_once(x), {}
            else:
                result, gradients = self.gradients.run(
                    run_once, x, examples.labels
                )
        return ForwardPass(*result[:2], training, gradients, result[2])

    def _keeping(self, training):
        """A scope that keeps what this model must not change."""
        if self.role == "teacher" and not training:
            return backend.unchanged(self.model)
        return contextlib.nullcontext()

    def perturb(self, result):
        """Lets a teacher that is noisy change its output, for a training step.

        Args:
            result: A `ForwardPass`.

        Returns:
            A `ForwardPass`. Its `output`, which metrics see, is as before;
            `tensors`, which losses compare, are of the changed output.
        """
        output = self.model.perturb(result.output)
        tensors = {
            tap: tensor
            if tap in self.tapped.layers
            else tapped_model.pick(output, self.output_names, tap)
            for tap, tensor in result.tensors.items()
        }
        return dataclasses.replace(result, tensors=tensors)

    def check_finite(self, tensors):
        """See `Outputs`.

        A logit of -inf, of a class that is ruled out, is let through where
        all losses take the softmax or sigmoid of it.
        """
        begin = f'The {self.role} "{self.model.name}" must give finite numbers '
        rest = (
            "since nan would spread. Take out the examples for which it gives "
            "others; what overflows in half precision needs a float32 model. "
            "Received:"
        )

        found = {}
        for tap, (value, mask) in tensors.items():
            message = f"{begin}at {tap or 'its output'}, {rest}"
            flat = [
                backend.check_finite(tensor, message, tap in self.ruling_out)
                if keras.backend.is_float_dtype(tensor.dtype)
                else tensor
                for tensor in keras.tree.flatten(value)
            ]
            checked = keras.tree.pack_sequence_as(value, flat)
            if mask is not None and not isinstance(value, dict):
                checked = reduction.with_mask(checked, mask)
            found[tap] = checked, mask
        return found


class PeerOutputs(ModelOutputs):
    """Peer with all tensors that the losses compare, in either role.

    Args:
        model: A built `keras.Model`.
        losses: Distillation losses.
    """

    def __init__(self, model, losses):
        self.model = model
        self.role = "peer"
        self.inputs = None
        self.takes_list = False
        self.gradients = None
        self.ruling_out = taps_of_probabilities(
            places.named(losses, "teacher_tap")
        )
        found = {
            (tap, tap in places.of_logits(loss, argument)): loss
            for argument in ("teacher_tap", "student_tap")
            for tap, loss in places.named(losses, argument)
        }
        taps = [None, *(tap for tap, _ in found)]
        self.tapped = tapped_model.TappedModel(
            model, taps, self.role, "teacher_tap` or `student_tap"
        )
        self.output_names = self.tapped.outputs
        for (tap, expects_logits), loss in found.items():
            if expects_logits:
                checks.check_logits(self.tapped, tap, loss)


def teacher_outputs(teacher, inputs, losses):
    """Makes the outputs of a teacher of either kind.

    Args:
        teacher: A built `keras.Model`, or a `CachedTeacher`.
        inputs: Entries of `x` that it sees; see `Distiller`.
        losses: Distillation losses, by name.
    """
    kind = ModelOutputs
    if teacher_protocol.of(teacher).is_cache:
        # Not at the top: it is built on this module.
        from keras_kd._training.cached_outputs import CachedOutputs

        kind = CachedOutputs
    return kind(teacher, "teacher", inputs, losses)


def taps_of_probabilities(named):
    """Taps at which every loss takes the softmax or sigmoid of logits.

    Args:
        named: Taps, each in a pair with the loss, as `places.named` gives them.
    """
    others = {tap for tap, loss in named if not loss.accepts_minus_infinity}
    return {tap for tap, _ in named} - others


def policy(student):
    """Chooses the dtype policy by which Keras scales the loss or not."""
    layers = [student, *taps.layers(student).values()]
    if any(layer.compute_dtype == "float16" for layer in layers):
        return "mixed_float16"
    return student.dtype_policy
