"""Result of an attack."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class AttackResult:
    """Images of an attack, and whether they fool the model.

    The model itself decides by its predictions, whatever the attack made of its
    gradients. An image that was taken for the wanted class before anything was
    changed counts neither for the attack nor against it.

    Attributes:
        adversarial: Images as they were given to the attack, float32, changed.
            Where it has failed, the last that it tried, or for
            `carlini_wagner_l2` the image unchanged.
        is_success: Whether the model is fooled, `(images,)`.
        is_counted: Whether it was not fooled before, `(images,)`.
        num_changed: Number of features that were changed, `(images,)`; "L0".
        l2: Euclidean length of the change, `(images,)`.
        largest: Largest change of a feature, `(images,)`; "L infinity".
    """

    adversarial: np.ndarray
    is_success: np.ndarray
    is_counted: np.ndarray
    num_changed: np.ndarray
    l2: np.ndarray
    largest: np.ndarray

    @property
    def success_rate(self) -> float:
        """Part of the counted images that fool the model, or nan."""
        if not self.is_counted.any():
            return float("nan")
        return float(self.is_success[self.is_counted].mean())

    @property
    def mean_l2(self) -> float:
        """Mean `l2` of the counted images that fool the model, or nan."""
        chosen = self.is_counted & self.is_success
        return float(self.l2[chosen].mean()) if chosen.any() else float("nan")


def judge(victim, x, adversarial, labels, is_targeted):
    """Evaluates the model on the images of an attack.

    Args:
        victim: The `Victim`.
        x: Images, `(images, ...)`.
        adversarial: The changed images.
        labels: Class numbers, `(images,)`.
        is_targeted: Whether these are wanted, and not to be left.

    Returns:
        An `AttackResult`.
    """

    def is_fooled(images):
        return (victim.classes(images) == labels) == is_targeted

    change = np.float64(adversarial) - np.float64(x)
    change = np.abs(change.reshape(len(x), -1))
    return AttackResult(
        adversarial=adversarial,
        is_success=is_fooled(adversarial),
        is_counted=~is_fooled(x),
        num_changed=np.count_nonzero(change, axis=1),
        l2=np.sqrt(np.sum(change**2, axis=1)),
        largest=change.max(axis=1, initial=0.0),
    )
