"""Reads the graph of a symbolic pass on PyTorch. See `graph`.

Nothing in a tensor without gradient shows what made it, so a pass is watched.
"""

import contextlib
import threading

import torch
from torch.overrides import TorchFunctionMode

from keras_kd.backend import graph

_KINDS = {
    graph.MOVE: (
        "broadcast_to",
        "clone",
        "contiguous",
        "detach",
        # Keras 3.15 makes symbolic tensors so.
        "empty_like",
        "expand",
        "expand_dims",
        "flatten",
        "movedim",
        "permute",
        "reshape",
        "squeeze",
        "swapaxes",
        "to",
        "transpose",
        "unsqueeze",
        "view",
    ),
    graph.STACK: ("stack",),
    graph.SOFTMAX: ("softmax",),
    graph.SIGMOID: ("sigmoid",),
    graph.LINEAR: (
        "addmm",
        "conv1d",
        "conv2d",
        "conv3d",
        "conv_transpose1d",
        "conv_transpose2d",
        "conv_transpose3d",
        "einsum",
        "linear",
        "matmul",
        "tensordot",
    ),
    graph.ADD: ("add", "__add__", "__radd__"),
    graph.KEEPS_SUMS: (
        "adaptive_avg_pool2d",
        "amax",
        "avg_pool2d",
        "max",
        "max_pool2d",
        "mean",
        "mul",
        "relu",
        "sub",
        "sum",
    ),
}
_KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names}
_watched = threading.local()


class _Watch(TorchFunctionMode):
    """Notes what makes each tensor, by its id; keeps the tensors."""

    def __init__(self):
        super().__init__()
        self.made = {}

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        inputs = tuple(_tensors((args, kwargs or {})))
        name = getattr(function, "__name__", "")
        for tensor in _tensors(result):
            # A function may return what it was given.
            if all(tensor is not one for one in inputs):
                self.made[id(tensor)] = (tensor, name, inputs)
        return result


def _tensors(structure):
    """The tensors in arguments or results."""
    if isinstance(structure, torch.Tensor):
        yield structure
    elif isinstance(structure, dict):
        yield from _tensors(list(structure.values()))
    elif isinstance(structure, list | tuple):
        for part in structure:
            yield from _tensors(part)


@contextlib.contextmanager
def watching():
    """Lets the graph of a symbolic pass be read, inside the block."""
    before = vars(_watched).get("watch")
    with _Watch() as _watched.watch:
        try:
            yield
        finally:
            _watched.watch = before


def read(tensor):
    """Returns the `Node` of a symbolic tensor."""
    watch = vars(_watched).get("watch")
    made = watch.made.get(id(tensor)) if watch else None
    if made is None:
        is_weight = isinstance(tensor, torch.nn.Parameter)
        return graph.Node(
            id(tensor), graph.WEIGHT if is_weight else graph.OTHER, ()
        )
    _, name, inputs = made
    return graph.Node(id(tensor), _KIND_OF.get(name, graph.OTHER), inputs)
