"""Labelled images in memory, and parts of them."""

import dataclasses

import numpy as np

from keras_kd._core.arguments import check_part


@dataclasses.dataclass(frozen=True, eq=False)
class ImageSet:
    """Images with labels, in memory.

    Attributes:
        name: What it is called in reports.
        train_images: float32 in [0, 1], `(examples, height, width, channels)`.
        train_labels: Class numbers from 0, int32, `(examples,)`.
        test_images: As `train_images`.
        test_labels: As `train_labels`.
        class_names: One for each class.
        note: What a reader of results should know about the data. Defaults to
            `""`.

    Raises:
        ValueError: If a part is empty, has not one label for each image, or
            has labels without a class.
    """

    name: str
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    class_names: tuple[str, ...]
    note: str = ""

    def __post_init__(self) -> None:
        for part in ("train", "test"):
            images = getattr(self, f"{part}_images")
            labels = getattr(self, f"{part}_labels")
            if len(images) != len(labels) or not len(images):
                raise ValueError(
                    f"`{part}_images` must be at least one image, each with a "
                    f"label. Received: {len(images)} images and {len(labels)} "
                    f"labels in {self.name}."
                )
            if labels.min() < 0 or labels.max() >= self.num_classes:
                raise ValueError(
                    f"`{part}_labels` must be from 0 to {self.num_classes - 1}"
                    f", since there are {self.num_classes} classes. Received: "
                    f"labels from {labels.min()} to {labels.max()} in "
                    f"{self.name}. Choose a split that has labels."
                )

    def __repr__(self) -> str:
        return (
            f"ImageSet({self.name!r}, {len(self.train_images)} training and "
            f"{len(self.test_images)} test images of shape {self.image_shape}, "
            f"{self.num_classes} classes)"
        )

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one image, `(height, width, channels)`."""
        return tuple(self.train_images.shape[1:])

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    def training_fraction(self, fraction: float, seed: int = 0) -> "ImageSet":
        """Keeps a part of the training images, of each class alike.

        Args:
            fraction: Number above 0 and at most 1, the part of each class that
                is kept, rounded, but at least one image.
            seed: Chooses the images. Defaults to `0`.

        Returns:
            A set with fewer training images and the same test images.

        Raises:
            ValueError: If `fraction` is out of range.

        Example:

        >>> data = keras_kd.datasets.load("digits")
        >>> len(data.training_fraction(0.05).train_images)
        60
        """
        check_part("fraction", fraction, "a part of the images", one=True)
        return self._with_train(choose(self.train_labels, fraction, seed))

    def validation_split(
        self, fraction: float = 0.2, seed: int = 0
    ) -> "ImageSet":
        """Puts a part of the training images in place of the test images.

        Tuning on the result leaves the test images unseen.

        Args:
            fraction: Number between 0 and 1, the part of each class that is
                held out, rounded; at least one image stays on either side.
                Defaults to `0.2`.
            seed: Chooses the images. Defaults to `0`.

        Returns:
            A set whose two parts come from the training images.

        Raises:
            ValueError: If `fraction` is out of range, or a class has only one
                training image.
        """
        check_part("fraction", fraction, "a part of the images")
        counts = np.bincount(self.train_labels, minlength=self.num_classes)
        if 1 in counts:
            name = self.class_names[list(counts).index(1)]
            raise ValueError(
                "`train_images` must have two images of each class to hold "
                f"one out. Received: one of class {name!r} in {self.name}."
            )
        held = choose(self.train_labels, fraction, seed, leave=1)
        return dataclasses.replace(
            self._with_train(~held),
            test_images=self.train_images[held],
            test_labels=self.train_labels[held],
        )

    def _with_train(self, chosen):
        return dataclasses.replace(
            self,
            train_images=self.train_images[chosen],
            train_labels=self.train_labels[chosen],
        )


# Not scikit-learn's `train_test_split`: that may leave out a rare class.
def choose(labels, fraction, seed, leave=0):
    """Draws the same part of each class.

    Args:
        labels: Class numbers, `(examples,)`.
        fraction: Part of each class, rounded, but at least one example.
        seed: Seed of the draw.
        leave: Number of examples of each class that stay. Defaults to `0`.

    Returns:
        Booleans, `(examples,)`.
    """
    random = np.random.default_rng(seed)
    chosen = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        count = max(1, round(fraction * len(members)))
        chosen[members[: min(count, len(members) - leave)]] = True
    return chosen
