"""Combines the probabilities of a generalist and its specialists."""

import numpy as np

# Far below any probability that matters, and its logarithm is finite.
SMALLEST = np.finfo("float64").tiny


def find_active(probabilities, class_sets, num_top_classes):
    """Selects the specialists responsible for each example.

    Args:
        probabilities: The generalist's, `(examples, classes)`.
        class_sets: Class numbers of each specialist.
        num_top_classes: How many of the most probable classes count.

    Returns:
        Booleans, `(examples, specialists)`: whether one of these classes is
        one of the specialist's.
    """
    num_classes = probabilities.shape[-1]
    if not 1 <= num_top_classes <= num_classes:
        raise ValueError(
            "`num_top_classes` must be a number of classes, from 1 to "
            f"{num_classes}. Received: num_top_classes={num_top_classes!r}."
        )
    order = np.argsort(-probabilities, axis=-1, kind="stable")
    is_top = np.zeros(probabilities.shape, bool)
    np.put_along_axis(is_top, order[:, :num_top_classes], True, axis=-1)
    return np.stack(
        [is_top[:, list(classes)].any(axis=-1) for classes in class_sets],
        axis=-1,
    )


class Opinions:
    """Probabilities of a generalist and its active specialists.

    They distinguish different classes: a specialist gives one probability for
    all classes outside its set, those in its dustbin. The distribution q over
    all classes that suits them best minimises, for each example,

    ```
    KL(generalist || q) + sum over active specialists of
        KL(specialist || q, with the classes of its dustbin added up)
    ```

    Reference: [Hinton et al., 2015](https://arxiv.org/abs/1503.02531),
    section 5.4, equation 5.

    Args:
        generalist: Probabilities, `(examples, classes)`.
        specialists: For each specialist its probabilities, `(examples,
            classes of its set + 1)`, the dustbin last.
        active: Booleans, `(examples, specialists)`. The probabilities of
            an inactive specialist do not count and may be anything finite.
        class_sets: Class numbers of each specialist, as its columns have them.
    """

    def __init__(self, generalist, specialists, active, class_sets):
        self.generalist = np.asarray(generalist, "float64")
        self.specialists = [np.asarray(p, "float64") for p in specialists]
        self.active = np.asarray(active, bool)
        self.class_sets = [np.asarray(classes) for classes in class_sets]
        num_classes = self.generalist.shape[-1]
        # Ones for the classes in the dustbin of each specialist.
        self.outside = np.ones((len(self.class_sets), num_classes))
        self.dustbins = np.zeros(self.active.shape)
        # Probabilities of single classes, added up.
        self.named = self.generalist.copy()
        for m, (classes, probabilities) in enumerate(
            zip(self.class_sets, self.specialists, strict=True)
        ):
            here = self.active[:, m]
            self.outside[m, classes] = 0
            self.dustbins[here, m] = probabilities[here, -1]
            self.named[np.ix_(here, classes)] += probabilities[here, :-1]
        self.count = 1 + self.active.sum(axis=-1, keepdims=True)

    def divergence(self, q):
        """The sum of divergences that is to be minimised.

        Args:
            q: Probabilities above zero, `(examples, classes)`.

        Returns:
            `(examples,)`, in nats.
        """
        total = _divergence(self.generalist, q)
        for m, classes in enumerate(self.class_sets):
            collapsed = np.concatenate(
                [q[:, classes], (q @ self.outside[m])[:, np.newaxis]], axis=-1
            )
            here = self.active[:, m]
            total[here] += _divergence(
                self.specialists[m][here], collapsed[here]
            )
        return total

    def gradient(self, q):
        """Gradient of the sum by the logits of q.

        With q = softmax(z), the derivative of log q_c by z_j is [c = j] - q_j,
        and that of the logarithm of a sum over a dustbin is [j in it] q_j /
        sum - q_j. An opinion sums to one, so each adds q minus itself, where
        what it gives to its dustbin is shared out among those classes as q
        does.

        Args:
            q: Probabilities above zero, `(examples, classes)`.

        Returns:
            `(examples, classes)`.
        """
        return self.count * (q - self.shared_out(q))

    def shared_out(self, q):
        """The mean opinion, dustbins shared out among their classes as q does.

        Args:
            q: Probabilities above zero, `(examples, classes)`.

        Returns:
            Probabilities, `(examples, classes)`.
        """
        sums = np.maximum(q @ self.outside.T, SMALLEST)
        return (
            self.named + q * ((self.dustbins / sums) @ self.outside)
        ) / self.count

    def minimiser(self, tolerance=1e-10, max_steps=1000):
        """Computes the q that minimises the sum.

        The paper follows the gradient by the logits. That becomes slow where
        q is small, since the gradient of a logit has q as a factor. Without
        it (that is the natural gradient, of length 1 / number of opinions) a
        step replaces q by the mean opinion, which is one of
        expectation-maximisation: the sum never grows, and is convex in q, so
        both ways lead to the same q.

        Args:
            tolerance: Stops when no probability changes by more. Defaults to
                `1e-10`.
            max_steps: Stops after so many steps. Defaults to `1000`.

        Returns:
            Probabilities, `(examples, classes)`.
        """
        q = np.maximum(self.generalist, SMALLEST)
        for _ in range(max_steps):
            new = np.maximum(self.shared_out(q), SMALLEST)
            change = np.max(np.abs(new - q), initial=0.0)
            q = new
            if change <= tolerance:
                break
        return q


def _divergence(p, q):
    """KL(p || q) over the last axis."""
    from scipy import special

    return special.rel_entr(p, np.maximum(q, SMALLEST)).sum(axis=-1)
