"""A generalist and its specialists, together."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_kd._core import ensemble_logits
from keras_kd._core.predictions import logits_of
from keras_kd._core.predictions import predict_logits
from keras_kd.procedures._specialists.inference import Opinions
from keras_kd.procedures._specialists.inference import find_active


@dataclasses.dataclass(frozen=True, eq=False)
class Specialists:
    """Generalist and specialists, with joint predictions.

    `specialists` returns it; from models that were saved and loaded it can be
    made again.

    Attributes:
        generalist: The model that knows all classes, with logits.
        specialists: A model for each set of classes: logits of its classes in
            the order of the set, and last that of the dustbin, which stands
            for all other classes.
        class_sets: Class numbers of each specialist.
        dustbin_shifts: For each specialist the number that is added to the
            dustbin's logit, since its training examples were half special.
        histories: By the name of a stage, `"specialist_0"` and so on, a dict
            from a key of the logs to its values, one per epoch.

    Raises:
        TypeError: If a model is not a `keras.Model`.
        ValueError: If a model gives probabilities.
    """

    generalist: keras.Model
    specialists: tuple[keras.Model, ...]
    class_sets: tuple[tuple[int, ...], ...]
    dustbin_shifts: tuple[float, ...]
    histories: Mapping[str, dict[str, list[float]]]

    def __post_init__(self) -> None:
        classes = _units(self.generalist, "generalist")
        for name in ("class_sets", "dustbin_shifts"):
            count = len(getattr(self, name))
            if count != len(self.specialists):
                raise ValueError(
                    f"`{name}` must have an entry for each specialist. "
                    f"Received: {count}, for {len(self.specialists)}."
                )
        for m, (specialist, chosen) in enumerate(
            zip(self.specialists, self.class_sets, strict=True)
        ):
            units = _units(specialist, f"specialists[{m}]")
            if units != len(chosen) + 1 or not set(chosen) <= {*range(classes)}:
                raise ValueError(
                    f"`class_sets[{m}]` must have classes of the generalist, "
                    "one for each logit of the specialist but the last. "
                    f"Received: {chosen}, for {units} logits and {classes} "
                    "classes."
                )

    def predict(
        self, x: Any, batch_size: int | None = None, num_top_classes: int = 1
    ) -> np.ndarray:
        """Class probabilities on which generalist and specialists agree best.

        The generalist runs on all examples, a specialist on those that it is
        active for: see `active`. Their outputs are combined as
        `specialist.inference.Opinions` describes; where no specialist is
        active, the generalist decides alone.

        Args:
            x: Input of the models, arrays.
            batch_size: Examples in a batch. Defaults to 32.
            num_top_classes: See `active`.

        Returns:
            float64 `(examples, classes)`.

        Raises:
            ValueError: If `num_top_classes` is no number of classes, or a
                model gives nan or infinity.
        """
        p = self._guess(x, batch_size)
        active = find_active(p, self.class_sets, num_top_classes)
        specialists = []
        for m, specialist in enumerate(self.specialists):
            rows = np.flatnonzero(active[:, m])
            said = np.zeros((len(p), len(self.class_sets[m]) + 1))
            if len(rows):
                part = keras.tree.map_structure(lambda a, r=rows: a[r], x)
                logits = predict_logits(
                    specialist, part, "specialists", batch_size
                )
                logits[:, -1] += self.dustbin_shifts[m]
                said[rows] = _probabilities(logits)
            specialists.append(said)
        return Opinions(p, specialists, active, self.class_sets).minimiser()

    def active(
        self, x: Any, batch_size: int | None = None, num_top_classes: int = 1
    ) -> np.ndarray:
        """Selects the specialists responsible for each example.

        Args:
            x: Input of the models, arrays.
            batch_size: Examples in a batch. Defaults to 32.
            num_top_classes: A specialist is active for an example if one of
                so many classes, the most probable ones for the generalist, is
                in its set. Defaults to `1`, as in the paper.

        Returns:
            Booleans, `(examples, specialists)`.

        Raises:
            ValueError: If `num_top_classes` is no number of classes.
        """
        p = self._guess(x, batch_size)
        return find_active(p, self.class_sets, num_top_classes)

    def _guess(self, x, batch_size):
        """The generalist's probabilities, `(examples, classes)`."""
        return _probabilities(
            predict_logits(self.generalist, x, "generalist", batch_size)
        )


def _probabilities(logits):
    """The softmax in float64."""
    from scipy import special

    return special.softmax(np.asarray(logits, "float64"), axis=-1)


def _units(model, argument):
    """Number of classes of a model, or of the members of an ensemble."""
    return ensemble_logits.scores(logits_of(model, argument)).shape[-1]
