"""The training step on PyTorch."""

import keras
import torch

# What this backend takes from elsewhere is part of what it offers.
from keras_kd.backend.neutral import after as after
from keras_kd.backend.neutral import (
    copy_weight_decay_exclusions as copy_weight_decay_exclusions,
)
from keras_kd.backend.neutral import has_float64 as has_float64
from keras_kd.backend.one_device import FirstBatch as FirstBatch
from keras_kd.backend.one_device import OneDeviceSteps
from keras_kd.backend.one_device import all_rows as all_rows
from keras_kd.backend.one_device import all_sum as all_sum
from keras_kd.backend.one_device import assign as assign
from keras_kd.backend.one_device import gather_ints as gather_ints
from keras_kd.backend.one_device import is_in_scope as is_in_scope
from keras_kd.backend.one_device import is_scope_name as is_scope_name
from keras_kd.backend.one_device import num_replicas as num_replicas
from keras_kd.backend.one_device import replica_id as replica_id
from keras_kd.backend.one_device import replicas_of as replicas_of
from keras_kd.backend.one_device import scope_of as scope_of
from keras_kd.backend.passes import read_mask
from keras_kd.backend.passes import read_only as read_only
from keras_kd.backend.passes import unchanged as unchanged
from keras_kd.backend.passes import with_mask
from keras_kd.backend.torch_graph import read as read
from keras_kd.backend.torch_graph import watching as watching


class Trainer(OneDeviceSteps):
    """`train_step` and `test_step` of a Distiller or a MutualDistiller.

    The class it is mixed into, before `keras.Model`, has in `_parts` what
    makes a `Step` of each batch, in backend-neutral code. The step says in
    which order its methods are to be called.
    """

    def compile(self, *args, **kwargs):
        """See Keras.

        Raises:
            ValueError: If `torch.compile` or a graph of several steps is asked
                for.
        """
        super().compile(*args, **kwargs)
        if self.steps_per_execution > 1:
            raise ValueError(
                "`steps_per_execution` must be 1 on PyTorch, since Keras has "
                "no graph of several steps there. Received: "
                f"steps_per_execution={self.steps_per_execution}. Leave it out."
            )
        if self.jit_compile:
            raise ValueError(
                '`jit_compile` must be "auto" or False on PyTorch, since '
                "`torch.compile` cannot compile a step that reads the layers "
                "inside a model. Received: jit_compile=True. Leave it out."
            )

    def train_step(self, data):
        """Updates the students, and the weights of the losses, on a batch."""
        with torch.no_grad():
            # The teacher runs here.
            step = self._parts.step(self, data, training=True)
        learners = step.learners()
        for index in range(step.count):
            step.predictions[index] = step.predict(index)
        for index, (optimizer, variables) in enumerate(learners):
            with torch.no_grad():
                step.prepare(index)
            scaled = optimizer.scale_loss(step.compare(index))
            # Not `backward`, which would leave gradients in the user's models.
            gradients = torch.autograd.grad(
                scaled, [v.value for v in variables], allow_unused=True
            )
            with torch.no_grad():
                optimizer.apply(gradients, variables)
                step.updated(index)
        with torch.no_grad():
            return step.report()

    def test_step(self, data):
        """Evaluates a batch; changes nothing but the metrics."""
        step = self._parts.step(self, data, training=False)
        for index in range(step.count):
            step.predictions[index] = step.predict(index)
        for index in range(step.count):
            step.prepare(index)
            step.compare(index)
        return step.report()

    def gradient_step(self, data):
        """Evaluates a batch, and differentiates each term of the loss.

        Nothing is changed, metrics included.

        Args:
            data: The batch, as a step gets it.

        Returns:
            `(output, penalties, norms)`: the output of the one teacher, or
            `None`; and for each student a list of its regularisation, and a
            dict from the name of a term to the norm of its gradient by the
            student's weights: a scalar, without the term's weight and scaled as
            the optimizer does, or `None` if the term does not depend on them.
        """
        norms = []
        with read_only([(v, v.value) for v in self.variables]):
            with torch.no_grad():
                step = self._parts.step(self, data, training=False)
            for index in range(step.count):
                step.predictions[index] = step.predict(index)
            for index, (optimizer, _) in enumerate(step.learners()):
                with torch.no_grad():
                    step.prepare(index)
                step.compare(index)
                terms, _ = step.terms[index]
                variables = step.student(index).trainable_variables
                values = [variable.value for variable in variables]
                norms.append(
                    {
                        name: _norm(optimizer.scale_loss(term), values)
                        for name, term in terms.items()
                    }
                )
        penalties = [found for _, found in step.terms]
        return step.teacher_output, penalties, norms


def _norm(scaled, values):
    """Norm of the gradient of a term; `None` if it depends on no value."""
    if not scaled.requires_grad or not values:
        return None
    gradients = torch.autograd.grad(
        scaled, values, retain_graph=True, allow_unused=True
    )
    found = [g.flatten() for g in gradients if g is not None]
    return torch.linalg.norm(torch.cat(found)) if found else None


def attributes(layer):
    """The attributes of a layer by name; PyTorch keeps layers elsewhere."""
    return vars(layer) | dict(layer.named_children())


def buffers(layer):
    """Buffers of a module that is wrapped as a layer: Keras sees parameters."""
    return list(layer.buffers())


def compiled(function, variables=()):
    """Converts what a function is called with; records no gradients.

    Args:
        function: Of structures of tensors.
        variables: Those that it uses, which JAX must be told.

    Returns:
        A function that computes the same, of tensors or arrays.
    """

    @torch.no_grad()
    def run(*inputs):
        convert = keras.ops.convert_to_tensor
        return function(*keras.tree.map_structure(convert, inputs))

    return run


compiled_by_shape = compiled


def cond(condition, when_true, when_false):
    """Result of the function that a boolean scalar chooses.

    For each call, `keras.ops.cond` makes an operation, which costs more than
    what a loss computes of small batches.
    """
    # A tensor without values stands for any: as in Keras, of the first.
    if condition.device.type == "meta" or condition:
        return when_true()
    return when_false()


def put(tensor, part, place):
    """Writes a part into a tensor; see `tensorflow_functions`."""
    rows = zip(place, part.shape, strict=True)
    tensor[tuple(slice(begin, begin + size) for begin, size in rows)] = part
    return tensor


def is_tracing():
    """Whether a graph is being made, whose tensors have no values yet."""
    return False


def is_recorded():
    """Whether what is computed here can be differentiated."""
    return torch.is_grad_enabled()


def is_in_reach(tensor, output):
    """Whether a tensor can be used where `output` can."""
    return True


def check_finite(tensor, message, allows_minus_infinity=False):
    """Returns the tensor; fails with the message if it has nan or infinity.

    Args:
        tensor: Real numbers.
        message: Beginning of the error.
        allows_minus_infinity: Whether -inf is let through.
    """
    is_bad = torch.isnan(tensor) | torch.isposinf(tensor)
    if not allows_minus_infinity:
        is_bad = ~torch.isfinite(tensor)
    if is_bad.any():
        raise ValueError(f"{message} nan or infinity.")
    return tensor


def check_labels(is_strange, message):
    """Fails with the message if any of some booleans is true."""
    if is_strange.any():
        raise ValueError(message)


def input_gradients(function, x, objectives):
    """Runs a function of the input and differentiates by the input.

    Args:
        function: Of `x`.
        x: Structure of tensors.
        objectives: Dict from a name to a function of what `function` returns
            that returns one value per example.

    Returns:
        `(result, gradients)`: what `function` returned, and a dict from each
        name to the gradient of its values, of the structure and shape of `x`,
        zeros for integers. The gradients can be differentiated again.
    """
    is_kept = is_recorded()
    with torch.enable_grad():
        inputs = keras.tree.map_structure(_leaf, x)
        flat = keras.tree.flatten(inputs)
        watched = [t for t in flat if t.is_floating_point()]
        result = function(inputs)
        gradients = {}
        for name, objective in objectives.items():
            found = iter(
                torch.autograd.grad(
                    objective(result).sum(),
                    watched,
                    create_graph=is_kept,
                    retain_graph=True,
                    allow_unused=True,
                )
            )
            rows = [
                _or_zeros(next(found) if t.is_floating_point() else None, t)
                for t in flat
            ]
            gradients[name] = keras.tree.pack_sequence_as(inputs, rows)
    if not is_kept:
        result, gradients = keras.tree.map_structure(
            _detached, (result, gradients)
        )
    return result, gradients


def _detached(tensor):
    if not isinstance(tensor, torch.Tensor):
        return tensor
    return with_mask(tensor.detach(), read_mask(tensor))


def _leaf(tensor):
    """A copy of an input whose gradient can be asked for."""
    tensor = keras.ops.convert_to_tensor(tensor).detach()
    return tensor.requires_grad_() if tensor.is_floating_point() else tensor


def _or_zeros(gradient, tensor):
    if gradient is not None:
        return gradient
    return keras.ops.zeros(tensor.shape, keras.config.floatx())
