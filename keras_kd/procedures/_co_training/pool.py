"""Labels by learners: picks, conflicts, and the pool."""

import dataclasses

import numpy as np
from scipy import special

CONFLICTS = ("drop", "certain")


@dataclasses.dataclass(frozen=True)
class CoTrainingLabel:
    """Label of an example, given by a learner.

    Attributes:
        iteration: From 0.
        view: 0 or 1, of the learner.
        example: Number of the example.
        label: Class number.
        probability: What the learner gave to that class.
        log_odds: The logarithm of that probability over the others': how
            certain it was, also where the probability is rounded to 1.
        is_kept: Whether it became the example's label. It did not if the other
            learner gave another label at the same time, and was not overruled.
    """

    iteration: int
    view: int
    example: int
    label: int
    probability: float
    log_odds: float
    is_kept: bool = True


def log_odds(log_probabilities):
    """Log odds of each class: `log p - log(1 - p)`.

    Args:
        log_probabilities: `(examples, classes)`.
    """
    others = np.stack(
        [
            special.logsumexp(np.delete(log_probabilities, c, axis=1), axis=1)
            for c in range(log_probabilities.shape[1])
        ],
        axis=1,
    )
    return log_probabilities - others


def pick(certainty, per_class):
    """Chooses the examples that a learner is most certain of, class by class.

    An example that is among the most certain of two classes goes to the class
    of the larger number, and the other takes its next.

    Args:
        certainty: Probabilities or log odds, `(examples, classes)`.
        per_class: How many to choose of each class.

    Returns:
        List of `(row, class)`, the most certain first. Of equals, the first.
    """
    order = np.argsort(-certainty, axis=None, kind="stable")
    left, taken, picked = list(per_class), set(), []
    for row, label in zip(
        *np.unravel_index(order, certainty.shape), strict=True
    ):
        if left[label] and row not in taken:
            left[label] -= 1
            taken.add(row)
            picked.append((int(row), int(label)))
    return picked


def settle(labellings, conflict):
    """Decides where two learners gave different labels to one example.

    Args:
        labellings: List of `CoTrainingLabel`.
        conflict: `"drop"`: neither label counts. `"certain"`: the label of the
            larger log odds counts, that of the first view if they are equal.

    Returns:
        List of `CoTrainingLabel` with `is_kept` set.
    """
    settled = []
    for one in labellings:
        others = [
            other
            for other in labellings
            if other.example == one.example and other.label != one.label
        ]
        loses = bool(others) and conflict == "drop"
        for other in others:
            loses |= (other.log_odds, -other.view) > (one.log_odds, -one.view)
        settled.append(dataclasses.replace(one, is_kept=not loses))
    return settled


class Pool:
    """Labels so far, and the pool of unlabelled candidates.

    Args:
        labels: Class numbers, `(examples,)`, `-1` for none.
        size: Number of examples in the pool.
        seed: Integer.
    """

    def __init__(self, labels, size, seed):
        self.labels = np.array(labels)
        self.size = size
        self.random = np.random.default_rng(seed)
        self.members = []
        self.log = []
        self.iteration = 0
        self._fill()

    def _fill(self):
        rest = np.setdiff1d(np.flatnonzero(self.labels < 0), self.members)
        count = min(self.size - len(self.members), len(rest))
        drawn = self.random.choice(rest, count, replace=False)
        self.members += [int(example) for example in drawn]

    def advance(self, log_posteriors, per_class, conflict):
        """Adds the picks of each learner, and fills the pool again.

        Args:
            log_posteriors: For each view, `(members, classes)`.
            per_class: How many each learner labels of each class.
            conflict: See `settle`.
        """
        labellings = []
        for view, log_posterior in enumerate(log_posteriors):
            odds = log_odds(log_posterior)
            labellings += [
                CoTrainingLabel(
                    self.iteration,
                    view,
                    self.members[row],
                    label,
                    float(np.exp(log_posterior[row, label])),
                    float(odds[row, label]),
                )
                for row, label in pick(odds, per_class)
            ]
        labellings = settle(labellings, conflict)
        for one in labellings:
            if one.is_kept:
                self.labels[one.example] = one.label
        # Without a label, an example leaves the pool too, and may come again:
        # otherwise the learners would pick it, and disagree, for ever.
        gone = {one.example for one in labellings}
        self.members = [m for m in self.members if m not in gone]
        self.log += labellings
        self.iteration += 1
        self._fill()

    def state(self):
        """Returns the state, for JSON."""
        return {
            "labels": self.labels.tolist(),
            "members": self.members,
            "random": self.random.bit_generator.state,
            "log": [dataclasses.astuple(one) for one in self.log],
            "iteration": self.iteration,
        }

    def restore(self, state):
        """Restores the state that `state` returned."""
        self.labels = np.array(state["labels"])
        self.members = state["members"]
        self.random.bit_generator.state = state["random"]
        self.log = [CoTrainingLabel(*one) for one in state["log"]]
        self.iteration = state["iteration"]
