"""The L2 attack of Carlini and Wagner, 2017."""

from keras_kd._core.arguments import as_float
from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_positive
from keras_kd.report.robustness.attack_result import AttackResult
from keras_kd.report.robustness.attack_result import judge
from keras_kd.report.robustness.descent import Descent
from keras_kd.report.robustness.search import ConstantSearch
from keras_kd.report.robustness.victim import Victim


def carlini_wagner_l2(
    model,
    x,
    targets,
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
