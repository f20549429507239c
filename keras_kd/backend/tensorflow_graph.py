"""Reads the graph of a symbolic pass on TensorFlow. See `graph`."""

from keras_kd.backend import graph

_KINDS = {
    graph.MOVE: (
        "Cast",
        "ExpandDims",
        "Identity",
        "Reshape",
        "Squeeze",
        "StopGradient",
        "Transpose",
    ),
    graph.STACK: ("Pack",),
    graph.SOFTMAX: ("Softmax",),
    graph.SIGMOID: ("Sigmoid",),
    graph.LINEAR: (
        "BatchMatMulV2",
        "Conv2D",
        "Conv2DBackpropInput",
        "Conv3D",
        "Conv3DBackpropInputV2",
        "DepthwiseConv2dNative",
        "Einsum",
        "MatMul",
    ),
    graph.ADD: ("AddV2", "BiasAdd"),
    graph.KEEPS_SUMS: ("Max", "MaxPool", "Mean", "Mul", "Relu", "Sub", "Sum"),
    graph.WEIGHT: ("ReadVariableOp",),
    graph.CONSTANT: ("Const",),
}
_KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names}


def read(tensor):
    """Returns the `Node` of a symbolic tensor."""
    operation = tensor.op
    kind = _KIND_OF.get(operation.type, graph.OTHER)
    return graph.Node(tensor.ref(), kind, tuple(operation.inputs))
