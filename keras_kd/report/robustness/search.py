"""Searches the constant of the attack of Carlini and Wagner."""

import numpy as np


class ConstantSearch:
    """Constant for each image, and the nearest successes.

    Args:
        x: Images, `(images, ...)`.
        initial_constant: The first constant of each.

    Attributes:
        constants: Those to be tried now, float32, `(images,)`.
        nearest: For each image the nearest success of all that were noted, or
            the image itself.
    """

    def __init__(self, x, initial_constant):
        self.x = x
        self.constants = np.full(len(x), initial_constant, "float32")
        self.nearest = x.copy()
        self._distance = np.full(len(x), np.inf)
        self._too_small = np.zeros(len(x), "float32")
        self._large_enough = np.full(len(x), np.inf, "float32")
        self._has_succeeded = np.zeros(len(x), bool)

    def note(self, images, is_success):
        """Records changed images.

        Args:
            images: As `x`.
            is_success: Whether each fools the model, `(images,)`.
        """
        change = (np.float64(images) - self.x).reshape(len(images), -1)
        distance = np.sum(change**2, axis=1)
        is_nearer = is_success & (distance < self._distance)
        self.nearest[is_nearer] = images[is_nearer]
        self._distance[is_nearer] = distance[is_nearer]
        self._has_succeeded |= is_success

    def next_constants(self):
        """Chooses a smaller constant after a success, or else a larger one."""
        now = self.constants
        self._large_enough = np.where(
            self._has_succeeded,
            np.minimum(self._large_enough, now),
            self._large_enough,
        )
        self._too_small = np.where(
            self._has_succeeded,
            self._too_small,
            np.maximum(self._too_small, now),
        )
        is_bracketed = np.isfinite(self._large_enough)
        self.constants = np.where(
            is_bracketed,
            (self._too_small + np.where(is_bracketed, self._large_enough, 0))
            / 2,
            10 * now,
        ).astype("float32")
        self._has_succeeded[:] = False
