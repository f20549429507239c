"""Two learners label for each other (Blum and Mitchell, 1998)."""

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from scipy import special

from keras_kd._core import identity
from keras_kd._core import named
from keras_kd._core.arguments import check_count
from keras_kd._core.kinds import check_pair
from keras_kd._runs.fit_arguments import check_fits
from keras_kd._runs.seeded_batches import rows_of
from keras_kd._runs.stages import OURS
from keras_kd._runs.stages import Stages
from keras_kd._types import Data
from keras_kd._types import Tensor
from keras_kd.procedures._co_training import arguments
from keras_kd.procedures._co_training.learners import Estimator
from keras_kd.procedures._co_training.learners import Network
from keras_kd.procedures._co_training.learners import log_posterior
from keras_kd.procedures._co_training.pool import CoTrainingLabel
from keras_kd.procedures._co_training.pool import Pool


@dataclasses.dataclass(frozen=True)
class CoTrainingResult:
    """Result of `co_training`.

    Attributes:
        learners: The two learners after their last fit: the Keras models that
            were given, or fitted copies of the estimators.
        labels: Class numbers, `(examples,)`: those that were given and those
            that the learners gave. `-1` where there is none.
        log: Who labelled what, a tuple of `CoTrainingLabel` in order of time.
        histories: The logs of each fit: dicts from a key to its values, one
            per epoch. Those of estimators are empty.
    """

    learners: tuple[Any, Any]
    labels: np.ndarray
    log: tuple[CoTrainingLabel, ...]
    histories: dict[str, dict[str, list[float]]]

    def predict_proba(self, views: Sequence[Data]) -> np.ndarray:
        """Combines both learners: the product of their probabilities.

        Args:
            views: Two views of the same examples, as for `co_training`.

        Returns:
            float64 `(examples, classes)`, each row with sum 1.
        """
        check_pair("views", views, "one for each learner")
        logs = [
            log_posterior(learner, view, int(self.labels.max()) + 1)
            for learner, view in zip(self.learners, views, strict=True)
        ]
        return special.softmax(sum(logs), axis=-1)


def co_training(
    *,
    learners: Sequence[Any],
    views: Sequence[Data],
    labels: Tensor,
    per_class: Sequence[int] | None = None,
    iterations: int = 30,
    pool_size: int = 75,
    conflict: str = "drop",
    epochs: int = 10,
    batch_size: int = 32,
    optimizer: str | keras.optimizers.Optimizer = "adam",
    seed: int = 0,
    directory: str | os.PathLike[str] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int | str = "auto",
) -> CoTrainingResult:
    """Trains two learners that see different sides of each example.

    A page of the web has its own words, and the words of the links that point
    to it. Either would do to find its subject. Two learners, one for each
    view, begin with few labels. In each iteration

    1. both learn from all labels so far, from scratch;
    2. each looks at a pool of unlabelled examples, and gives labels to those
       of each class that it is most certain of;
    3. these are examples for both from now on, and others take their places in
       the pool.

    An easy example of one view becomes a label in the other. That is sound
    where the views are independent, given the class: an easy example of one
    view is then a random example of the other. Views of equal content only
    confirm each other's errors.

    Reference: [Blum and Mitchell, 1998](https://doi.org/10.1145/279943.279962),
    sections 5 and 6.

    Args:
        learners: A pair, one for each view. Keras models that give logits,
            which are trained themselves, each time from the weights that they
            have; or objects with `fit` and `predict_proba`, of which copies
            are fitted. The columns of `predict_proba` are the classes in order.
            `predict_log_proba` is used instead where there is one.
        views: A pair of arrays or sparse matrices, or of structures of these,
            with a row for each example, labelled or not.
        labels: Class numbers, `(examples,)`, and `-1` for unlabelled examples.
            Every class from 0 up to the largest must occur.
        per_class: How many examples each learner labels in an iteration, by
            class. `None`, the default, gives 1 to the rarest class of the
            given labels, and to the others as many as keeps the proportions.
            The paper has 1 positive and 3 negative examples.
        iterations: Defaults to `30`, as in the paper. There are fewer if no
            unlabelled example is left.
        pool_size: Number of examples in the pool. Defaults to `75`, as in the
            paper, where a small pool was better than all unlabelled examples.
        conflict: What happens to an example that both pick, for different
            classes: `"drop"`, the default, leaves it unlabelled; `"certain"`
            takes the label of the learner that is more certain.
        epochs: Epochs of each fit of a Keras model. Defaults to `10`.
        batch_size: Defaults to `32`, for Keras models.
        optimizer: A Keras optimizer or its name, for Keras models; each has its
            own. Defaults to `"adam"`.
        seed: Decides what is drawn and the order of examples. Defaults to `0`.
        directory: Folder for finished work, from which an interrupted run
            resumes. `None`, the default, keeps nothing.
        callbacks: Keras callbacks for each fit of a Keras model.
        verbose: `0` shows no progress bar of the iterations.

    Returns:
        A `CoTrainingResult`.

    Raises:
        TypeError: If a learner lacks a method.
        ValueError: If an argument cannot be used, or the directory holds
            another run.

    Example:

    >>> from sklearn.naive_bayes import GaussianNB
    >>> random = np.random.default_rng(0)
    >>> truth = np.arange(200) % 2
    >>> views = [truth[:, None] + random.normal(0, 0.4, (200, 3))
    ...          for _ in range(2)]
    >>> labels = np.where(np.arange(200) < 6, truth, -1)
    >>> result = keras_kd.procedures.co_training(
    ...     learners=(GaussianNB(), GaussianNB()), views=views, labels=labels,
    ...     verbose=0)
    >>> bool(np.mean(result.predict_proba(views).argmax(-1) == truth) > 0.95)
    True
    """
    given = {"procedure": "co_training"} | locals()
    check_fits(given)
    labels = arguments.check(
        learners, views, labels, iterations, pool_size, conflict
    )
    per_class = arguments.quotas(per_class, labels, pool_size)
    check_count("epochs", epochs, "epochs of a fit")
    check_count("batch_size", batch_size, "examples in a batch")
    check_count("seed", seed, "one sequence of numbers", 0)
    pool = Pool(labels, pool_size, seed)
    # The first weights are kept: a run that goes on begins from those.
    described = [_describe(learner) for learner in learners]
    stages = Stages(directory, given | {"learners": described})
    kwargs = {"epochs": epochs, "callbacks": callbacks, "verbose": 0}
    made = [
        Network(
            learner,
            stages,
            f"view_{view}",
            optimizer,
            batch_size,
            **kwargs,
        )
        if isinstance(learner, keras.Model)
        else Estimator(learner)
        for view, learner in enumerate(learners)
    ]
    run = _Run(made, views, pool, seed, stages.run)
    bar = keras.utils.Progbar(iterations, verbose=1 if verbose else 0)
    while pool.iteration < iterations and pool.members:
        run.iterate(per_class, conflict)
        bar.update(pool.iteration)
    bar.update(pool.iteration, finalize=True)
    run.fit("final")
    fitted = tuple(learner.fitted for learner in made)
    return CoTrainingResult(fitted, pool.labels, tuple(pool.log), run.histories)


def _describe(learner):
    if isinstance(learner, keras.Model):
        return identity.of_model(learner)
    return named.of_estimator(learner)


class _Run:
    """State of both learners and the pool, saved after each iteration."""

    def __init__(self, learners, views, pool, seed, folder):
        self.learners = learners
        self.views = views
        self.pool = pool
        self.seed = seed
        self.folder = folder
        self.histories = {}
        kept = folder and folder.read_json("state.json")
        if kept:
            pool.restore(kept["pool"])
            self.histories = kept["histories"]

    def fit(self, name):
        """Fits both learners on all labels so far."""
        places = np.flatnonzero(self.pool.labels >= 0)
        for number, (learner, view) in enumerate(
            zip(self.learners, self.views, strict=True)
        ):
            stage = f"{name}_view_{number}"
            self.histories[stage] = learner.fit(
                stage,
                rows_of(view, places),
                self.pool.labels[places],
                (self.seed, self.pool.iteration, number),
            )

    def iterate(self, per_class, conflict):
        """Runs one iteration and saves it as a whole."""
        name = f"iteration_{self.pool.iteration}"
        self.fit(name)
        log_posteriors = [
            log_posterior(
                learner.fitted,
                rows_of(view, self.pool.members),
                len(per_class),
            )
            for learner, view in zip(self.learners, self.views, strict=True)
        ]
        self.pool.advance(log_posteriors, per_class, conflict)
        if self.folder is None:
            return
        kept = {"pool": self.pool.state(), "histories": self.histories}
        self.folder.write_json("state.json", kept)
        # Weights of an iteration that is over serve for nothing more.
        for view in range(len(self.learners)):
            self.folder.remove(f"{name}_view_{view}", OURS)
