"""The spectral objective from the paper, in float64 and NumPy alone.

A network is a graph: its neurons are the nodes and A holds the weights of the
edges, undirected. A = V J V^-1. The transform of a signal s is V^-1 s. All but
the largest coefficients are set to zero, and V leads back to a signal, whose
squared distance from the net's own activations is the objective.
"""

import numpy as np


def forward(weights, biases, x):
    """Activations of the hidden layers of a net of ReLUs, and its logits."""
    activations = []
    for index, (kernel, bias) in enumerate(zip(weights, biases, strict=True)):
        x = x @ np.asarray(kernel, "float64") + np.asarray(bias, "float64")
        if index < len(weights) - 1:
            x = np.where(x > 0, x, 0.0)
        activations.append(x)
    return activations


def graph(kernels):
    """The matrix A, written edge by edge."""
    sizes = [kernel.shape[0] for kernel in kernels] + [kernels[-1].shape[1]]
    a = np.zeros((sum(sizes), sum(sizes)))
    begin = 0
    for kernel in kernels:
        after = begin + kernel.shape[0]
        for i in range(kernel.shape[0]):
            for j in range(kernel.shape[1]):
                a[begin + i, after + j] = kernel[i, j]
                a[after + j, begin + i] = kernel[i, j]
        begin = after
    return a


def restored(a, s, fraction):
    """What is left of the signal s when a fraction of s_hat is kept."""
    values, v = np.linalg.eig(a)
    gaps = np.diff(np.sort(values.real))
    if gaps.min() < 1e-6:
        raise ValueError("The eigenvectors are not unique.")
    s_hat = np.linalg.inv(v) @ s
    number = int(np.ceil(fraction * len(s)))
    # Of columns of one length, so that coefficients can be compared.
    sizes = np.abs(s_hat) * np.linalg.norm(v, axis=0)
    smallest_kept = np.sort(sizes)[-number]
    return (v @ np.where(sizes >= smallest_kept, s_hat, 0)).real


def objective(weights, biases, recorded, x, fraction, in_pairs):
    """The objective of an input x for the record of an example.

    Args:
        weights: Kernels of all layers, the first leads from the input.
        biases: Their biases.
        recorded: The example, `(features,)`.
        x: The input, `(features,)`.
        fraction: Which part of the coefficients is kept.
        in_pairs: Whether each two layers have a graph of their own.
    """
    theirs = forward(weights, biases, np.asarray(recorded, "float64"))
    ours = forward(weights, biases, np.asarray(x, "float64"))
    inner = [np.asarray(kernel, "float64") for kernel in weights[1:]]
    layers = range(len(ours))
    parts = [(inner, list(layers))]
    if in_pairs:
        parts = [([inner[i]], [i, i + 1]) for i in range(len(inner))]
    total = 0.0
    for kernels, indices in parts:
        a = graph(kernels)
        s = np.concatenate([theirs[i] for i in indices])
        now = np.concatenate([ours[i] for i in indices])
        s_bar = restored(a, s, fraction)
        total += sum((s_bar[i] - now[i]) ** 2 for i in range(len(s_bar)))
    return total
