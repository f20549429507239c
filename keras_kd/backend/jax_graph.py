"""Reads the graph of a symbolic pass on JAX. See `graph`.

In JAX 0.10 a tensor that is traced has what made it in `parent`.
"""

from keras_kd.backend import graph

_KINDS = {
    graph.MOVE: (
        "broadcast_in_dim",
        "convert_element_type",
        "copy",
        "copy_p",
        "reshape",
        "squeeze",
        "stop_gradient",
        "transpose",
    ),
    graph.SIGMOID: ("logistic",),
    graph.LINEAR: ("conv_general_dilated", "dot_general"),
    graph.ADD: ("add",),
    graph.KEEPS_SUMS: (
        "div",
        "max",
        "mul",
        "reduce_max",
        "reduce_sum",
        "reduce_window_max",
        "reduce_window_sum",
        "sub",
    ),
}
_KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names}


def read(tensor):
    """Returns the `Node` of a symbolic tensor."""
    made = getattr(tensor, "parent", None)
    if made is None:
        return graph.Node(_Key(tensor), _kind_of_leaf(tensor), ())
    inputs = tuple(made.in_tracers)
    name = made.primitive.name
    kind = _KIND_OF.get(name, graph.OTHER)
    if name == "div" and _is_softmax(*inputs):
        # Its two inputs are made of one exponential.
        kind, inputs = graph.SOFTMAX, _inputs(inputs[0])
    if name == "concatenate" and all(
        t.shape[made.params["dimension"]] == 1 for t in inputs
    ):
        kind = graph.STACK
    return graph.Node(_Key(tensor), kind, inputs)


class _Key:
    """A tensor as a key: the tensors of JAX compare their values."""

    def __init__(self, tensor):
        self.tensor = tensor

    def __eq__(self, other):
        return self.tensor is other.tensor

    def __hash__(self):
        return id(self.tensor)


def _kind_of_leaf(tensor):
    get_const = getattr(tensor, "get_const", None)
    if get_const is None:
        return graph.CONSTANT
    # The values of variables are constants of the graph.
    return graph.OTHER if get_const() is None else graph.WEIGHT


def _name(tensor):
    made = getattr(tensor, "parent", None)
    return None if made is None else made.primitive.name


def _inputs(tensor):
    return tuple(tensor.parent.in_tracers)


def _is_softmax(numerator, denominator):
    """Whether an exponential is divided by its sum."""
    if _name(numerator) != "exp":
        return False
    while _name(denominator) in _KINDS[graph.MOVE]:
        (denominator,) = _inputs(denominator)
    return (
        _name(denominator) == "reduce_sum"
        and _inputs(denominator)[0] is numerator
    )
