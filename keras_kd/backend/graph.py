"""Reads the graph of a symbolic pass: where the numbers of a tensor come from.

A backend gives a `read` function, from a symbolic tensor to its `Node`.
"""

import dataclasses
from typing import Any

# Kinds of nodes.
MOVE = "move"  # Moves or converts the first input, and changes no number.
STACK = "stack"  # Moves all its inputs.
SOFTMAX = "softmax"
SIGMOID = "sigmoid"
LINEAR = "linear"  # Of layers with a kernel, whose bias is added last.
ADD = "add"
# Its numbers are at least 0 and sum to 1 only if it makes them of such.
KEEPS_SUMS = "keeps sums"
WEIGHT = "weight"
CONSTANT = "constant"
OTHER = "other"


@dataclasses.dataclass(frozen=True)
class Node:
    """Maker of a symbolic tensor. Nodes of one key are equal.

    Attributes:
        key: Tells the tensors of a graph apart; hashable.
        kind: One of the kinds above.
        inputs: The tensors it is made of.
    """

    key: Any
    kind: str = dataclasses.field(compare=False)
    inputs: Any = dataclasses.field(compare=False)


def origins(tensor, read):
    """Finds what made the numbers of a tensor of a graph.

    Args:
        tensor: A symbolic tensor.
        read: From a symbolic tensor to its `Node`.

    Returns:
        A set of `Node`s, none of which only moves numbers; several if they
        were stacked.
    """
    found = set()
    pending = [tensor]
    while pending:
        node = read(pending.pop())
        if node.kind == STACK:
            pending += node.inputs
        elif node.kind == MOVE:
            # The other inputs of a move are its target.
            pending += node.inputs[:1]
        else:
            found.add(node)
    return found


def is_probability(tensor, read):
    """Whether a symbolic tensor comes from a softmax or a sigmoid.

    Args:
        tensor: A symbolic tensor.
        read: See `origins`.

    Returns:
        A bool; `None` if only the values show it, as of a softmax that is
        written by hand, or an operation whose inside the graph does not show.
    """
    pending = origins(tensor, read)
    if {node.kind for node in pending} <= {SIGMOID, SOFTMAX}:
        return True
    found = set()
    while pending:
        node = pending.pop()
        if node in found or _adds_weights(node, read):
            continue
        if node.kind not in (ADD, LINEAR, KEEPS_SUMS):
            return None
        found.add(node)
        for source in node.inputs:
            pending |= {
                n
                for n in origins(source, read)
                if n.kind not in (WEIGHT, CONSTANT)
            }
    return False


def _adds_weights(node, read):
    """Whether a node adds the bias of a linear layer.

    No sum of 1 is meant to survive it. A variable that is added to anything
    else shows nothing: zeros may be added to a softmax.
    """
    if node.kind != ADD or len(node.inputs) != 2:
        return False
    first, second = (
        {origin.kind for origin in origins(source, read)}
        for source in node.inputs
    )
    return {WEIGHT} in (first, second) and {LINEAR} in (first, second)


def ancestors(tensors, read):
    """Finds all inputs of the computation of symbolic tensors.

    Args:
        tensors: Symbolic tensors of one graph.
        read: See `origins`.

    Returns:
        A set of `Node`s. Of tensors that are only moved, neither they nor
        their origins are in it.
    """
    found = set()
    pending = [
        source
        for tensor in tensors
        for origin in origins(tensor, read)
        for source in origin.inputs
    ]
    while pending:
        node = read(pending.pop())
        if node not in found:
            found.add(node)
            pending += node.inputs
    return found
