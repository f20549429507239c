"""Examples to run and to calibrate the files with, and scores of answers."""

import keras
import numpy as np

from keras_kd import batch
from keras_kd._core import input_fit
from keras_kd.export._inference import InferenceCopy

# Random inputs where no examples are given.
RANDOM = 32
# Of the largest output, or of 1: how far an equal model may be off. A student
# of half precision is compared with its copy in float32.
CLOSE = 1e-4
HALF_CLOSE = 5e-2


class Examples:
    """Examples for testing and calibrating, and what the student says of them.

    Args:
        student: The student.
        copy: Its `InferenceCopy`.
        test: The caller's argument.
        calibration: Likewise.

    Attributes:
        test: Dict of arrays by input.
        calibration: Likewise, or `None`.
        reference: Dict of the student's answers by output.
        count: Number of examples for testing.
    """

    def __init__(self, student, copy, test, calibration):
        signature = copy.signature
        taker = f'student="{student.name}"'
        labels = None
        if isinstance(test, tuple):
            test, labels = _pair(test)
        if test is None:
            self.test = random_arrays(signature)
        else:
            self.test = named_arrays("test", test, signature, taker)
        self.calibration = None
        if calibration is not None:
            self.calibration = named_arrays(
                "calibration", calibration, signature, taker
            )
        self.count = len(next(iter(self.test.values())))
        self.reference = copy.answers(self.test)
        self._check_student(student, copy)
        self._threshold = None
        self._labels = None
        if labels is not None:
            self._labels = check_labels(labels, self.reference)
            self._threshold = 0.5 if copy.gives_probabilities else 0.0

    def _check_student(self, student, copy):
        received = f'Received: student="{student.name}", which '
        if not all(np.isfinite(a).all() for a in self.reference.values()):
            raise ValueError(
                "`student` must give finite numbers, since its files are "
                f"compared with them. {received}gives nan or infinity. Load it "
                "from an earlier file, or give other examples in `test`."
            )
        again = copy.answers(self.test)
        if not self.is_close(again):
            raise ValueError(
                "`student` must answer the same each time, since its files are "
                f"compared with it. {received}does not, also with "
                "training=False. Take out the layer that draws random numbers."
            )
        if copy.is_same:
            return
        as_it_is = InferenceCopy(student, copy.activation, is_as_it_is=True)
        original = as_it_is.answers(self.test)
        if not self.is_close(original, HALF_CLOSE):
            raise ValueError(
                "`student` must answer alike in float32, since it is exported "
                f"so. {received}differs from its copy by "
                f"{self.difference(original):.2g}. Train it on in float32."
            )

    def difference(self, answers):
        """Largest absolute difference of answers from the student's."""
        return largest_difference(answers, self.reference)

    def is_close(self, answers, part=CLOSE):
        """Whether answers are the student's, but for rounding."""
        largest = max(np.abs(a).max() for a in self.reference.values())
        return self.difference(answers) <= part * max(1.0, float(largest))

    def accuracy(self, answers):
        """Part of the labels that answers choose; `None` without labels."""
        if self._labels is None:
            return None
        found = chosen(answers, self._threshold)
        return float(np.mean(found == self._labels.ravel()))

    def agreement(self, answers):
        """Part of the choices that are the student's, or `None`."""
        found = chosen(answers, self._threshold)
        if found is None:
            return None
        expected = chosen(self.reference, self._threshold)
        return float(np.mean(found == expected))


def _pair(test):
    if len(test) != 2:
        raise ValueError(
            "`test` must be examples, or a tuple of them and the indices of "
            f"their classes. Received: a tuple of {len(test)}. Leave weights "
            "out, and give several inputs as a list or a dict."
        )
    return test


def named_arrays(argument, x, signature, taker):
    """Validates examples, and names them as the files do.

    Args:
        argument: The caller's argument.
        x: An array, or a structure of arrays, as the student takes it.
        signature: A `Signature`.
        taker: What takes them, for errors.

    Returns:
        Dict of arrays by input.
    """
    leaves = keras.tree.flatten(x)
    if not leaves or not all(hasattr(leaf, "shape") for leaf in leaves):
        raise TypeError(
            f"`{argument}` must be an array, a structure of arrays, or a data "
            "set of batches of them, since the student's input is. Received: "
            f"{argument} of type {type(x).__name__}. Make an array of it, such "
            "as `np.asarray(rows)`."
        )
    if not input_fit.fits(x, signature.spec):
        raise ValueError(
            f"`{argument}` must fit the student, since its files are run on "
            f"it. Received: {batch.described(x)} in {argument} for {taker}, "
            "which takes "
            f"{batch.described(signature.spec)}. Give the inputs in its order, "
            "or by name, with the axis of the examples in front."
        )
    if isinstance(x, dict) and set(x) == set(signature.inputs):
        # Some backends leave a dict in the caller's order.
        leaves = [x[name] for name in signature.inputs]
    arrays = {
        name: np.asarray(keras.ops.convert_to_numpy(leaf), tensor.dtype)
        for (name, tensor), leaf in zip(
            signature.tensors().items(), leaves, strict=True
        )
    }
    counts = {len(array) for array in arrays.values()}
    if len(counts) > 1 or 0 in counts:
        raise ValueError(
            f"`{argument}` must have the same examples for each input, at "
            f"least one. Received: {sorted(counts)} examples in {argument}. "
            "Give as many of each."
        )
    return arrays


def random_arrays(signature):
    """Makes up examples: floats in [0, 1), integers 0 and 1."""
    random = np.random.default_rng(0)
    arrays = {}
    for name, tensor in signature.tensors().items():
        shape = (RANDOM, *tensor.shape[1:])
        if None in shape or tensor.dtype == "string":
            raise ValueError(
                "`test` must be given, since no examples can be made up for an "
                f'input of unknown lengths. Received: test=None, and "{name}" '
                f"takes {tensor.shape}. Give examples for testing."
            )
        is_float = keras.backend.is_float_dtype(tensor.dtype)
        numbers = (
            random.random(shape) if is_float else random.integers(2, size=shape)
        )
        arrays[name] = numbers.astype(tensor.dtype)
    return arrays


def check_labels(labels, answers):
    """Validates labels for testing.

    Args:
        labels: What was given.
        answers: Dict of the student's outputs.

    Returns:
        Array of class indices, with the shape of the outputs but for their
        last axis.
    """
    labels = np.asarray(labels)
    shapes = [array.shape for array in answers.values()]
    expected = shapes[0][:-1]
    if labels.shape == (*expected, 1):
        labels = labels[..., 0]
    if (
        len(shapes) > 1
        or labels.shape != expected
        or labels.dtype.kind not in "iub"
    ):
        raise ValueError(
            "`test` must be examples, or a tuple of them and the indices of "
            "their classes, since the accuracy is measured by these. Received: "
            f"labels of shape {labels.shape} and type {labels.dtype} for "
            f"outputs of shape {', '.join(map(str, shapes))}. Leave the labels "
            "out, or give integers for a student with one output."
        )
    return labels


def chosen(answers, threshold):
    """Classes that outputs choose, one after the other.

    Args:
        answers: Dict of arrays.
        threshold: From where on a single number is class 1, or `None` where it
            is no class.

    Returns:
        Array of class indices; `None` if no output chooses any.
    """
    found = []
    for array in answers.values():
        if array.ndim > 1 and array.shape[-1] > 1:
            found.append(array.argmax(axis=-1).ravel())
        elif threshold is not None:
            found.append((array > threshold).ravel())
    return np.concatenate(found) if found else None


def largest_difference(answers, reference):
    """Largest absolute difference of two dicts of arrays.

    Raises:
        ValueError: If their names or shapes differ.
    """
    found = {name: array.shape for name, array in answers.items()}
    expected = {name: array.shape for name, array in reference.items()}
    if found != expected:
        raise ValueError(f"Its outputs are {found}, and not {expected}.")
    return max(
        float(np.abs(answers[n].astype("float64") - reference[n]).max())
        for n in reference
    )
