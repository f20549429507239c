"""Reads the graph of a symbolic pass on TensorFlow."""

# Operations that move or convert numbers, and change none of them.
_MOVES = (
    "Cast",
    "ExpandDims",
    "Identity",
    "Pack",
    "Reshape",
    "Squeeze",
    "StopGradient",
    "Transpose",
)


def origins(tensor):
    """Finds the operations behind the numbers of a tensor of a graph.

    Args:
        tensor: A symbolic tensor.

    Returns:
        A set of references to tensors, which can be compared; several if they
        were stacked.
    """
    found = set()
    pending = [tensor]
    while pending:
        tensor = pending.pop()
        if tensor.op.type in _MOVES:
            # The other inputs of a move are its target.
            is_stack = tensor.op.type == "Pack"
            pending += tensor.op.inputs if is_stack else tensor.op.inputs[:1]
        else:
            found.add(tensor.ref())
    return found


# Operations whose numbers are at least 0 and sum to 1 only if they make them of
# numbers that do.
_KEEP_SUMS = (
    "AddV2",
    "BatchMatMulV2",
    "Conv2D",
    "Einsum",
    "MatMul",
    "Max",
    "MaxPool",
    "Mean",
    "Mul",
    "Relu",
    "Sub",
    "Sum",
)
_FIXED = ("Const", "ReadVariableOp")
# Those of layers with a kernel, whose bias is added last.
_LINEAR = (
    "BatchMatMulV2",
    "Conv2D",
    "Conv2DBackpropInput",
    "Conv3D",
    "Conv3DBackpropInputV2",
    "DepthwiseConv2dNative",
    "Einsum",
    "MatMul",
)


def is_probability(tensor):
    """Whether a symbolic tensor comes from a softmax or a sigmoid.

    Returns:
        A bool; `None` if only the values show it, as of a softmax that is
        written by hand, or an operation whose inside the graph does not show.
    """
    pending = origins(tensor)
    types = {origin.deref().op.type for origin in pending}
    if types <= {"Sigmoid", "Softmax"}:
        return True
    found = set()
    while pending:
        origin = pending.pop()
        operation = origin.deref().op
        if origin in found or _adds_weights(operation):
            continue
        if operation.type not in _KEEP_SUMS:
            return None
        found.add(origin)
        for source in map(origins, operation.inputs):
            pending |= {s for s in source if s.deref().op.type not in _FIXED}
    return False


def _adds_weights(operation):
    """Whether an operation adds the bias of a linear layer.

    No sum of 1 is meant to survive it. A variable that is added to anything
    else shows nothing: zeros may be added to a softmax.
    """
    if operation.type not in ("AddV2", "BiasAdd"):
        return False
    first, second = (
        {origin.deref().op.type for origin in origins(source)}
        for source in operation.inputs
    )
    weights = {"ReadVariableOp"}
    return (second == weights and first <= {*_LINEAR}) or (
        first == weights and second <= {*_LINEAR}
    )


def ancestors(tensors):
    """Finds all inputs of the computation of symbolic tensors.

    Args:
        tensors: Symbolic tensors of one graph.

    Returns:
        A set of references, as `origins` gives them. Of tensors that are only
        moved, neither they nor their origins are in it.
    """
    found = set()
    pending = [
        source
        for tensor in tensors
        for origin in origins(tensor)
        for source in origin.deref().op.inputs
    ]
    while pending:
        tensor = pending.pop()
        if tensor.ref() not in found:
            found.add(tensor.ref())
            pending += tensor.op.inputs
    return found
