"""Modules of PyTorch, run as they are."""

import contextlib

import keras
import torch


def check(module):
    """Validates that something is a module that can run here.

    Args:
        module: The caller's argument `module`.

    Raises:
        TypeError: If it is not a `torch.nn.Module`, or is a Keras layer.
        ValueError: If its weights are not made, or on another device.
    """
    is_module = isinstance(module, torch.nn.Module)
    if not is_module or isinstance(module, keras.layers.Layer):
        raise TypeError(
            "`module` must be a `torch.nn.Module`. Received: module of type "
            f"{type(module).__name__}. A `keras.Model` teaches as it is."
        )
    here = keras.ops.zeros(()).device
    for name, tensor in _state(module):
        if isinstance(tensor, torch.nn.parameter.UninitializedTensorMixin):
            raise ValueError(
                "`module` must have its weights, since a teacher has learned "
                f"them. Received: {name} without a shape. Call it once."
            )
        if tensor.device != here:
            raise ValueError(
                "`module` must be on the device that Keras uses, since it gets "
                f"the same batches. Received: {name} on {tensor.device}, and "
                f"Keras on {here}. Call `module.to({str(here)!r})`."
            )


def _state(module):
    return [*module.named_parameters(), *module.named_buffers()]


def variables(module):
    """Variables of Keras in the memory of a module's parameters and buffers.

    Args:
        module: A `torch.nn.Module`.

    Returns:
        A list. Nothing in the module is changed.
    """
    return [
        keras.Variable(
            # A parameter would itself be what the variable holds and freezes.
            tensor.detach(),
            trainable=False,
            dtype=keras.backend.standardize_dtype(tensor.dtype),
            name=name.replace(".", "_"),
        )
        for name, tensor in _state(module)
    ]


def run(module, x):
    """Calls a module in inference mode, in which it stays as it is.

    Args:
        module: A `torch.nn.Module`.
        x: A tensor; a list of its arguments; or a dict of those by name.

    Returns:
        What it returned; of an object with `logits`, those.

    Raises:
        TypeError: If it is no tensor, nor a structure of tensors.
    """
    floats = [t.dtype for _, t in _state(module) if t.is_floating_point()]
    inputs = keras.tree.map_structure(lambda t: _as_dtype(t, floats), x)
    call = module
    if keras.tree.flatten(x)[0].device.type == "meta":
        # A symbolic pass, for shapes alone.
        state = {n: t.to("meta") for n, t in _state(module)}
        call = _Called(module, state)
    with _inference(module):
        if isinstance(inputs, dict):
            output = call(**inputs)
        elif isinstance(inputs, list | tuple):
            output = call(*inputs)
        else:
            output = call(inputs)
    output = getattr(output, "logits", output)
    for leaf in keras.tree.flatten(output):
        if not isinstance(leaf, torch.Tensor):
            raise TypeError(
                "`module` must return a tensor, an object with `logits`, or a "
                "dict or list of tensors. Received: "
                f"{type(leaf).__name__} from a {type(module).__name__}."
            )
    return output


def _as_dtype(tensor, floats):
    """The tensor in the floats of a module, which converts none itself."""
    is_float = tensor.is_floating_point() and floats
    return tensor.to(floats[0]) if is_float else tensor


class _Called:
    """A module with other tensors in place of its own."""

    def __init__(self, module, state):
        self.module = module
        self.state = state

    def __call__(self, *args, **kwargs):
        return torch.func.functional_call(self.module, self.state, args, kwargs)


@contextlib.contextmanager
def _inference(module):
    """Puts all parts of a module into inference mode, and back."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode
