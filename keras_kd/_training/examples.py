"""A batch, taken apart."""

import dataclasses
import functools
from typing import Any

from keras_kd._training.targets import Targets


@dataclasses.dataclass(frozen=True)
class Examples:
    """A batch, taken apart.

    Attributes:
        x: Input of the models.
        targets: `Targets`: labels and sample weights, with masks.
        reserved: Reserved entries of the batch, by name.
        size: Number of examples.
        is_shard: Whether they are a peer's part of the batch, which may have
            none.
    """

    is_shard = False

    x: Any
    targets: Targets
    reserved: dict
    size: Any

    @functools.cached_property
    def labels(self):
        """Labels with 0 for those that do not count, or `None`."""
        return self.targets.clean_labels()

    def measured(self, output):
        """Returns the arguments of losses and metrics beside the labels.

        Args:
            output: A student's output for the examples.

        Returns:
            The output with masks of the labels, and sample weights.
        """
        marked = self.targets.marked(output)
        return marked, self.targets.weights_of_labels(marked)

    def counted(self, result):
        """Drops the outputs of placeholders; here there are none.

        Args:
            result: A `ForwardPass` of a model on `x`.
        """
        return result
