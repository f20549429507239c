"""Losses that rebuild the teacher's maps, in float64 NumPy.

Maps are `(batch, height, width, channels)`, values `(batch,)`: `maps.py` says
more.
"""

import numpy as np

from tests import reference
from tests.references import maps
from tests.references import rows


def enlarge(features, height, width):
    """Nearest neighbours: position i of the result takes floor(i old / new).

    As in PyTorch. Others take floor((i + 1/2) old / new), which is the same if
    the new size is a multiple of the old.
    """
    features = reference.float64(features)
    down = np.arange(height) * features.shape[1] // height
    across = np.arange(width) * features.shape[2] // width
    return features[:, down][:, :, across]


def convolve(features, kernel, bias=0.0):
    """Convolution without a flip, zeros around, of the size of its input.

    `kernel` has odd sizes, `(height, width, channels in, channels out)`.
    """
    features = reference.float64(features)
    _, height, width, _ = features.shape
    rows_of_kernel, columns, _, outputs = np.shape(kernel)
    around = (rows_of_kernel // 2,) * 2, (columns // 2,) * 2
    padded = np.pad(features, ((0, 0), *around, (0, 0)))
    result = np.zeros((*features.shape[:-1], outputs)) + bias
    for i in range(rows_of_kernel):
        for j in range(columns):
            shifted = padded[:, i : i + height, j : j + width]
            result += shifted @ kernel[i][j]
    return result


def attention_fusion(deeper, current, kernel, bias=0.0):
    """Chen et al. 2021, ReviewKD: a gated sum with the deeper stage, ABF.

    Args:
        deeper: What the deeper stage passed on; enlarged to `current`'s size.
        current: This stage after its 1x1 convolution and normalisation.
        kernel: Of the gates, `(2 channels, 2)`: `current`'s channels first.
        bias: Two numbers, on which the text is silent.

    Returns:
        `gate_0 current + gate_1 deeper`, which is passed on.
    """
    current = reference.float64(current)
    deeper = enlarge(deeper, *current.shape[1:3])
    both = np.concatenate([current, deeper], axis=-1)
    gates = reference.sigmoid(both @ kernel + bias)
    return gates[..., :1] * current + gates[..., 1:] * deeper


def fused_stages(stages, kernels, biases=None):
    """ReviewKD's chain of `attention_fusion`, from the deepest stage on.

    `stages` are the maps after their 1x1 convolutions, deepest first; there is
    a kernel (and a bias) for each but the first. A 3x3 convolution with
    normalisation turns each of the results, enlarged, into the teacher's form.
    """
    biases = [0.0] * len(kernels) if biases is None else biases
    fused = [reference.float64(stages[0])]
    for stage, kernel, bias in zip(stages[1:], kernels, biases, strict=True):
        fused.append(attention_fusion(fused[-1], stage, kernel, bias))
    return fused


def hierarchical_context(teacher, student):
    """Chen et al. 2021, ReviewKD: mean squares at shrinking sizes, HCL.

    The full size with weight 1, then pooled to 4, 2 and 1, where the height is
    above that, over the sum of weights. The text leaves open whether the first
    weight used or that of size 4 is 1/2: here each size that is used has half
    the weight of the one before.
    """
    teacher, student = reference.float64(teacher), reference.float64(student)
    value, weight, total = 0.0, 1.0, 0.0
    for size in (None, 4, 2, 1):
        if size is not None and size >= teacher.shape[1]:
            continue
        difference = student - teacher
        if size is not None:
            difference = maps.pool(difference, size, size)
        square = rows.flat(np.square(difference))
        value = value + weight * square.mean(axis=-1)
        total, weight = total + weight, weight / 2
    return value / total


def reused_classifier(teacher, projected):
    """Chen et al. 2022, SimKD: mean square of last maps before pooling.

    The text leaves open whether a larger student is pooled before its projector
    or after: one that was pooled before arrives here in the teacher's size.
    """
    teacher, projected = maps.meet(teacher, projected)
    return rows.flat(np.square(projected - teacher)).mean(axis=-1)


def reused_classifier_logits(projected, kernel, bias):
    """SimKD's student: the teacher's last layer on pooled projected maps."""
    return reference.float64(projected).mean(axis=(1, 2)) @ kernel + bias


def masked_generation(teacher, aligned, mask, kernels, biases):
    """Yang et al. 2022, MGD: squares, summed over the map, without alpha.

    The generator is two 3x3 convolutions with a ReLU between. `mask` is 1
    where the student is kept: `(batch, height, width, 1)` hides positions,
    `(batch, 1, 1, channels)` channels.
    """
    hidden = convolve(aligned * reference.float64(mask), kernels[0], biases[0])
    generated = convolve(np.maximum(hidden, 0), kernels[1], biases[1])
    return rows.flat(np.square(generated - teacher)).sum(axis=-1)
