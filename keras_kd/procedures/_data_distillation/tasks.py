"""Tasks: one class, or any number of objects in an image."""

import collections
import dataclasses
from collections.abc import Sequence

import keras
import numpy as np
from scipy import ndimage
from scipy import special

from keras_kd._core.arguments import check_part
from keras_kd._core.arguments import check_positive
from keras_kd._types import Tensor
from keras_kd.procedures._co_training.pool import pick
from keras_kd.procedures.softened import LabelCrossEntropy


def check_task(task):
    """Validates that an argument is a task."""
    for method in ("loss", "probabilities", "annotate"):
        if isinstance(task, type) or not hasattr(task, method):
            raise TypeError(
                "`task` must be a task such as `ClassificationTask()`, since "
                "it chooses the labels. Received: task="
                f"{task!r} without `{method}`."
            )


@dataclasses.dataclass(frozen=True)
class Annotations:
    """Labels that a teacher gave, in the task's own format.

    Attributes:
        examples: Numbers of the unlabelled examples that have some, in order.
        y: Their targets.
        scores: Score of each annotation that was kept.
        num_kept: Number of annotations: of a classification one for each of
            the examples, of objects any number.
        threshold: Smallest score that was kept, or nan.
    """

    examples: np.ndarray
    y: np.ndarray
    scores: np.ndarray

    @property
    def num_kept(self) -> int:
        """Number of annotations."""
        return len(self.scores)

    @property
    def threshold(self) -> float:
        """Smallest score that was kept, or nan."""
        return float(self.scores.min()) if self.scores.size else float("nan")


class ClassificationTask:
    """One class for each example.

    Probabilities are averaged over the transforms. The most certain examples of
    each class are kept, so many that the classes are as frequent among them as
    among the labelled ones.

    Args:
        fraction: In (0, 1]: part of the unlabelled examples to keep. Defaults
            to `1.0`.
    """

    is_multi_label = False

    def __init__(self, fraction: float = 1.0):
        check_part("fraction", fraction, "a part of the examples", one=True)
        self.fraction = fraction

    def loss(self) -> keras.losses.Loss:
        """Of class numbers and logits."""
        return LabelCrossEntropy()

    def probabilities(self, logits: Tensor) -> np.ndarray:
        """Of the classes, `(examples, classes)`."""
        return special.softmax(np.asarray(logits, "float64"), axis=-1)

    def score(self, probabilities: np.ndarray, labels: np.ndarray) -> float:
        """Part of the examples whose most probable class is the right one."""
        return float(np.mean(probabilities.argmax(axis=-1) == labels))

    def annotate(self, merged: np.ndarray, labels: np.ndarray) -> Annotations:
        """Chooses labels.

        Args:
            merged: Mean probabilities, `(examples, classes)`.
            labels: Class numbers of the labelled examples.

        Returns:
            `Annotations`.
        """
        counts = np.bincount(labels, minlength=merged.shape[-1])
        total = round(self.fraction * len(merged))
        picked = sorted(pick(merged, shares(counts, total)))
        examples = np.array([row for row, _ in picked], int)
        chosen = np.array([label for _, label in picked], int)
        return Annotations(examples, chosen, merged[examples, chosen])


class ObjectPeaksTask:
    """Any number of objects in an image, as peaks of maps.

    A model gives a map of logits for each kind of object. Their sigmoids are
    averaged over the transforms, and the peaks of the mean are objects. So many
    are kept, the highest, that an unlabelled image has as many on average as a
    labelled one. What is kept is drawn into new maps: a hill with a standard
    deviation of `radius` pixels around each object, 1 at its top.

    Args:
        radius: Float > 0, in pixels; peaks are at least so far apart. Defaults
            to `1.0`.
    """

    is_multi_label = True

    def __init__(self, radius: float = 1.0):
        check_positive("radius", radius, "a number of pixels")
        self.radius = float(radius)

    def loss(self) -> keras.losses.Loss:
        """Of maps and maps of logits."""
        return keras.losses.BinaryCrossentropy(from_logits=True)

    def probabilities(self, logits: Tensor) -> np.ndarray:
        """Of an object at each place, `(images, height, width, kinds)`."""
        return special.expit(np.asarray(logits, "float64"))

    def annotate(self, merged: np.ndarray, labels: np.ndarray) -> Annotations:
        """Chooses objects.

        Args:
            merged: Mean maps, `(images, height, width, kinds)`.
            labels: Maps of the labelled images, as `render` draws them.

        Returns:
            `Annotations`; images without any object are among its examples,
            since "nothing here" is a label too.
        """
        places, scores = self.peaks(merged)
        known, heights = self.peaks(labels)
        num_objects = np.sum(heights > 0.5)
        total = round(num_objects / len(labels) * len(merged))
        kept = np.sort(np.argsort(-scores, kind="stable")[:total])
        y = self.render(places[kept], merged.shape)
        return Annotations(np.arange(len(merged)), y, scores[kept])

    def peaks(self, maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places that are higher than all around them.

        Args:
            maps: `(images, height, width, kinds)`.

        Returns:
            Places, integers `(peaks, 4)`: image, row, column, kind; and their
            heights.
        """
        reach = 2 * max(1, round(self.radius)) + 1
        size = (1, reach, reach, 1)
        highest = ndimage.maximum_filter(maps, size, mode="nearest")
        places = np.argwhere((maps == highest) & (maps > 0))
        return places, maps[tuple(places.T)]

    def are_right(
        self, maps: np.ndarray, targets: np.ndarray, tolerance: int = 2
    ) -> np.ndarray:
        """Decides for a score which peaks are objects.

        A peak is right if an object of its kind in its image is near, which no
        higher peak has taken; of several it takes the nearest.

        Args:
            maps: `(images, height, width, kinds)`.
            targets: Maps of what is there, as `render` draws them.
            tolerance: How far the two may be apart, in rows and in columns, in
                pixels of the map. Defaults to `2`.

        Returns:
            Booleans, one for each peak, the highest first.
        """
        left, right = collections.defaultdict(list), []
        for image, row, column, kind in np.argwhere(targets == 1).tolist():
            left[image, kind].append((row, column))
        places, heights = self.peaks(maps)
        order = np.argsort(-heights, kind="stable")
        for image, row, column, kind in places[order].tolist():
            rest = left[image, kind]
            distances = [max(abs(row - r), abs(column - c)) for r, c in rest]
            right.append(min(distances, default=np.inf) <= tolerance)
            if right[-1]:
                rest.pop(distances.index(min(distances)))
        return np.array(right, bool)

    def score(
        self, maps: np.ndarray, targets: np.ndarray, tolerance: int = 2
    ) -> float:
        """Average precision: mean of the precision at each object.

        Args:
            maps: Probabilities, `(images, height, width, kinds)`.
            targets: See `are_right`.
            tolerance: See `are_right`.

        Returns:
            Float from 0 to 1: 1 if all objects are found, and rank before all
            peaks that are none. Objects that are not found count as 0.

        Raises:
            ValueError: If there is no object at all.
        """
        if not np.any(targets == 1):
            raise ValueError(
                "`targets` must have at least one object, of which a part is "
                f"found. Received: maps of shape {targets.shape} without a 1."
            )
        right = self.are_right(maps, targets, tolerance)
        precision = np.cumsum(right) / np.arange(1, len(right) + 1)
        return float(np.sum(precision[right]) / np.sum(targets == 1))

    def render(self, places: np.ndarray, shape: Sequence[int]) -> np.ndarray:
        """Draws objects into maps, float32.

        Args:
            places: Integers `(objects, 4)`: image, row, column, kind.
            shape: Of the maps.
        """
        maps = np.zeros(shape, "float32")
        rows, columns = np.arange(shape[1]), np.arange(shape[2])
        for image, row, column, kind in places:
            hill = np.exp(
                -((rows[:, None] - row) ** 2 + (columns - column) ** 2)
                / (2 * self.radius**2)
            )
            here = maps[image, :, :, kind]
            np.maximum(here, hill, out=here)
        return maps


def shares(counts, total):
    """Divides a number in given proportions, by the largest remainders.

    Args:
        counts: Numbers of at least 0, not all 0.
        total: Integer.

    Returns:
        List of integers with that sum, each within one of its exact share.
    """
    exact = total * np.asarray(counts, float) / np.sum(counts)
    whole = np.floor(exact).astype(int)
    order = np.argsort(-(exact - whole), kind="stable")
    whole[order[: total - whole.sum()]] += 1
    return whole.tolist()
