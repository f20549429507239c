"""Losses of feature maps, in float64 NumPy, from the papers' formulas.

Maps are `(batch, height, width, channels)`, the teacher comes first. Values
are per example, `(batch,)`, and do not depend on others of the batch; their
mean by the examples' weights is the papers' number. A student's projector, if
the method has one, has been applied already, unless a function takes its
kernels.
"""

import numpy as np

from tests import reference
from tests.references import rows


def cells(size, number):
    """Starts and ends of an axis cut as PyTorch's adaptive pooling does.

    They share positions where `number` is no divisor of `size`.
    """
    return [
        (i * size // number, -(-(i + 1) * size // number))
        for i in range(number)
    ]


def pool(features, height, width):
    """Averages of `height` by `width` cells."""
    features = reference.float64(features)
    result = np.zeros((len(features), height, width, features.shape[-1]))
    for i, (top, bottom) in enumerate(cells(features.shape[1], height)):
        for j, (left, right) in enumerate(cells(features.shape[2], width)):
            cell = features[:, top:bottom, left:right]
            result[:, i, j] = cell.mean(axis=(1, 2))
    return result


def meet(teacher, student):
    """Both maps; the higher one is pooled to the size of the other."""
    teacher, student = reference.float64(teacher), reference.float64(student)
    height, width = min(teacher.shape[1:3], student.shape[1:3])
    return pool(teacher, height, width), pool(student, height, width)


def channel_vectors(features):
    """Maps of single channels, of length 1: `(batch, channels, positions)`."""
    features = reference.float64(features)
    batch, _, _, channels = features.shape
    return rows.unit(features.reshape(batch, -1, channels).transpose(0, 2, 1))


def discrepancy(teacher, student, kernel):
    """Squared maximum mean discrepancy of two sets of vectors, `(batch,)`.

    `kernel` takes a vector each of two sets; all pairs of a set are averaged,
    those of a vector with itself included.
    """

    def mean(xs, ys):
        return np.mean([kernel(x, y) for x in xs for y in ys])

    return np.array(
        [
            mean(t, t) + mean(s, s) - 2 * mean(t, s)
            for t, s in zip(teacher, student, strict=True)
        ]
    )


def selectivity(teacher, student):
    """Huang and Wang 2017, NST: channels as samples, kernel (a . b)^2.

    Numbers of channels may differ; the larger map is pooled.
    """
    vectors = map(channel_vectors, meet(teacher, student))
    return discrepancy(*vectors, lambda a, b: (a @ b) ** 2)


def gaussian_selectivity(teacher, student, variance):
    """NST with the kernel exp(-||a - b||^2 / (2 variance)).

    The text has only the polynomial kernel; here the variance is given.
    """
    vectors = map(channel_vectors, meet(teacher, student))
    return discrepancy(
        *vectors, lambda a, b: np.exp(-np.square(a - b).sum() / (2 * variance))
    )


def variational_mean(student, kernels):
    """Ahn et al. 2019, VID: 1x1 convolutions without bias, ReLU between.

    `kernels` are `(channels in, channels out)`.
    """
    features = reference.float64(student)
    for kernel in kernels[:-1]:
        features = np.maximum(features @ kernel, 0)
    return features @ kernels[-1]


def raw_variance(variance=5.0, epsilon=1e-5):
    """Parameter whose variance in `variational_information` is `variance`."""
    return np.log(np.expm1(variance - epsilon))


def variational_information(teacher, mean, parameters, epsilon=1e-5):
    """Ahn et al. 2019, VID: mean of ((F - mu)^2 / s^2 + log s^2) / 2.

    Per channel, s^2 = softplus(parameter) + epsilon. `mean` is mu, of the
    teacher's shape. Without the constant log(2 pi) / 2; negative where the fit
    is good.
    """
    variance = np.logaddexp(0, reference.float64(parameters)) + epsilon
    square = np.square(reference.float64(teacher) - mean)
    return 0.5 * rows.flat(square / variance + np.log(variance)).mean(axis=-1)


def gaussian_transport(
    teacher, projected, mean_weight=4.0, grid=1, epsilon=1e-5
):
    """Lv et al. 2024, WKD-F: Wasserstein distance of channels' Gaussians.

    `mean_weight` (mu_S - mu_T)^2 + (s_S - s_T)^2, summed over channels and the
    cells of a `grid` by `grid`, over grid^2. s = sqrt(variance + epsilon), the
    variance that of a sample, so that a cell needs two positions. The nets'
    maps may differ in size. Silent: sizes that `grid` does not divide; cells
    share positions then.
    """

    def statistics(features):
        features = reference.float64(features)
        for top, bottom in cells(features.shape[1], grid):
            for left, right in cells(features.shape[2], grid):
                cell = features[:, top:bottom, left:right]
                variance = cell.var(axis=(1, 2), ddof=1)
                yield cell.mean(axis=(1, 2)), np.sqrt(variance + epsilon)

    value = 0.0
    for (mean, deviation), (student_mean, student_deviation) in zip(
        statistics(teacher), statistics(projected), strict=True
    ):
        square = mean_weight * (student_mean - mean) ** 2
        value = value + square + (student_deviation - deviation) ** 2
    return value.sum(axis=-1) / grid**2


def orthogonal_projection(teacher, student, kernel, epsilon=1e-5):
    """Miles et al. 2024, VkD: Huber of P pool(G) against LN(pool(F)).

    The mean over channels. Features, `(batch, ..., channels)`, are averaged
    over all between. LN is by the biased variance plus epsilon, without scale
    or offset, of the teacher alone. `kernel` is P, `(student, teacher)`
    channels; its shorter side's vectors are orthonormal.
    """
    teacher, student = (
        x.reshape(len(x), -1, x.shape[-1]).mean(axis=1)
        for x in (reference.float64(teacher), reference.float64(student))
    )
    centred = teacher - teacher.mean(axis=-1, keepdims=True)
    variance = np.square(centred).mean(axis=-1, keepdims=True)
    difference = student @ kernel - centred / np.sqrt(variance + epsilon)
    return rows.huber(difference).mean(axis=-1)


def channel_distributions(teacher, student, temperature=4.0, mask=None):
    """Shu et al. 2021, CWD: T^2 KL over positions, the mean over channels.

    T is the paper's tau. `mask`, `(batch, height, width)`, is false at
    positions that are in no distribution, on which the paper is silent; an
    example without any has the value 0.
    """
    teacher, student = reference.float64(teacher), reference.float64(student)
    if mask is None:
        mask = np.ones(teacher.shape[:-1])
    values = np.zeros(len(teacher))
    for i, counts in enumerate(np.asarray(mask, bool)):
        if counts.any():
            t, s = teacher[i][counts].T, student[i][counts].T
            values[i] = reference.soft_targets(t, s, temperature).mean()
    return values
