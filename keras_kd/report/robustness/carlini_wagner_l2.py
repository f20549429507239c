"""The L2 attack of Carlini and Wagner, 2017."""

import keras
import numpy as np
from keras import ops

from keras_kd import backend
from keras_kd._core.arguments import as_float
from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_positive
from keras_kd._types import Tensor
from keras_kd.report.robustness.attack_result import AttackResult
from keras_kd.report.robustness.attack_result import judge
from keras_kd.report.robustness.victim import Victim
from keras_kd.report.robustness.victim import as_numpy


def carlini_wagner_l2(
    model: keras.Model,
    x: Tensor,
    targets: Tensor,
    *,
    confidence: float = 0.0,
    learning_rate: float = 0.01,
    num_iterations: int = 1000,
    search_steps: int = 9,
    initial_constant: float = 1e-3,
    bounds: tuple[float, float] = (0.0, 1.0),
    batch_size: int = 100,
) -> AttackResult:
    """Looks for the nearest image that the model takes for the target.

    It works on the logits, so that no softmax can hide their gradient. With
    `tanh` keeping the image within the bounds, Adam minimises

    ```
    |adversarial - x|**2 + constant * max(
        max over other classes of logit - logit[target], -confidence)
    ```

    and the constant is searched for each image: ten times as large until the
    attack succeeds, then by bisection, since the smallest that succeeds gives
    the nearest image. The nearest of all that were met is kept.

    Reference: [Carlini and Wagner, 2017](https://arxiv.org/abs/1608.04644),
    sections V and VI-A.

    Args:
        model: A built `keras.Model` from one input to logits.
        x: Images within the bounds, `(images, ...)`.
        targets: Class numbers, `(images,)`.
        confidence: Float >= 0: by how much the target's logit must exceed the
            others. Defaults to `0.0`.
        learning_rate: Float > 0, of Adam. Defaults to `0.01`.
        num_iterations: Steps of Adam for each constant, at most: the next
            constant begins when a tenth of them has not lowered the loss.
            Defaults to `1000`; the paper's authors have up to 10,000.
        search_steps: Number of constants that are tried for an image. Defaults
            to `9`.
        initial_constant: Float > 0. Defaults to `1e-3`.
        bounds: Lowest and highest value of a feature. Defaults to `(0, 1)`.
        batch_size: Images in a batch. Defaults to `100`.

    Returns:
        An `AttackResult`.

    Raises:
        TypeError: If `model` is not a `keras.Model`.
        ValueError: If the model does not give logits, or an argument is out of
            range.

    Example:

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    >>> model.set_weights([np.array([[1.0, 0.0], [0.0, 1.0]]), np.zeros(2)])
    >>> attack = keras_kd.report.robustness.carlini_wagner_l2(
    ...     model, np.array([[0.6, 0.4]]), [1], num_iterations=200)
    >>> attack.adversarial.round(2), attack.success_rate
    (array([[0.5, 0.5]], dtype=float32), 1.0)
    """
    _check(confidence, num_iterations, search_steps)
    check_positive("learning_rate", learning_rate, "the size of a step")
    check_positive("initial_constant", initial_constant, "the first factor")
    victim = Victim(model, x, targets, bounds, batch_size, "targets")
    adversarial = victim.x.copy()
    for part in victim.batches():
        descent = Descent(victim, part, confidence, learning_rate)
        search = ConstantSearch(victim.x[part], initial_constant)
        for _ in range(search_steps):
            descent.run(search, num_iterations)
            search.next_constants()
        adversarial[part] = search.nearest
    return judge(victim, victim.x, adversarial, victim.labels, True)


def _check(confidence, num_iterations, search_steps):
    if not 0 <= as_float(confidence) < float("inf"):
        raise ValueError(
            "`confidence` must be a number of at least 0, since it is the lead "
            f"of the target. Received: confidence={confidence!r}."
        )
    check_count("num_iterations", num_iterations, "steps of Adam")
    check_count("search_steps", search_steps, "constants to try")


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


class Descent:
    """Adam on the numbers whose `tanh` gives the images of a batch.

    Args:
        victim: The `Victim`.
        part: A slice of its images.
        confidence: By how much the target's logit is to exceed the others.
        learning_rate: Of Adam.
    """

    def __init__(self, victim, part, confidence, learning_rate):
        self.victim = victim
        self.confidence = confidence
        self.x = victim.x[part]
        self.wanted = victim.one_hot(part)
        self.free = keras.Variable(_free(self.x, *victim.bounds), name="free")
        self.optimizer = keras.optimizers.Adam(learning_rate)
        self.optimizer.build([self.free])
        self._variables = [self.free, *self.optimizer.variables]
        self._initial = [as_numpy(v) for v in self._variables]
        self._step = backend.compiled(
            self._take_step, [*self._variables, *victim.model.variables]
        )

    def run(self, search, num_iterations):
        """Runs from scratch, with the constants of a search.

        It ends early when a tenth of the iterations has not lowered the loss.

        Args:
            search: A `ConstantSearch`, which notes all images on the way.
            num_iterations: Number of steps, at most.
        """
        for variable, value in zip(self._variables, self._initial, strict=True):
            variable.assign(value)
        last = np.inf
        for iteration in range(num_iterations):
            images, is_success, loss = map(
                as_numpy, self._step(self.x, self.wanted, search.constants)
            )
            search.note(images, is_success)
            if iteration % max(1, num_iterations // 10) == 0:
                if loss.sum() > 0.9999 * last:
                    return
                last = loss.sum()

    def _take_step(self, x, wanted, constants):
        """Evaluates a batch and takes a step; images are those before it."""
        low, high = self.victim.bounds

        def look(free):
            images = low + (high - low) * (ops.tanh(free) + 1) / 2
            return images, self.victim.logits(images)

        def loss(result):
            images, logits = result
            axes = tuple(range(1, len(x.shape)))
            distance = ops.sum(ops.square(images - x), axis=axes)
            shortfall = ops.maximum(-_lead(logits, wanted), -self.confidence)
            return distance + constants * shortfall

        result, gradients = backend.input_gradients(
            look, self.free.value, {"loss": loss}
        )
        images, logits = result
        # A draw is no success: the prediction of the model is not certain.
        lead = _lead(logits, wanted)
        is_success = (lead > 0) & (lead >= self.confidence)
        self.optimizer.apply([gradients["loss"]], [self.free])
        return images, is_success, loss(result)


def _lead(logits, wanted):
    """By how much the target's logit exceeds all others, `(batch,)`."""
    largest = ops.max(ops.where(wanted > 0, -np.inf, logits), axis=-1)
    return ops.sum(logits * wanted, axis=-1) - largest


def _free(x, low, high):
    """Inverts the `tanh` of images; moves values on a bound inwards."""
    scaled = 2 * (np.float64(x) - low) / (high - low) - 1
    return np.arctanh(0.999999 * scaled).astype("float32")
