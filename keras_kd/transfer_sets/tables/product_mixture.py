"""A mixture of densities in which attributes are independent."""

import numpy as np
from scipy import special

# Standard deviations are no smaller than this part of an attribute's range: an
# attribute that is constant in a component would make it infinitely likely.
_LEAST_SPREAD = 1e-3
_ROUNDS, _TOLERANCE = 100, 1e-4
_MOST_COMPONENTS = 256


class ProductMixture:
    """Fits and draws rows of continuous and nominal attributes.

    The density of a row is `sum_k w_k prod_a p(x_a | k)`, normal for continuous
    attributes, and for nominal ones a probability for each value, with one row
    added to each. It is fitted by expectation maximisation. At first each row
    belongs to the nearest of as many rows as there are components.

    Reference: Lowd and Domingos, Naive Bayes Models for Probability
    Estimation, 2005.

    Args:
        table: A `MixedTable`.
        components: Number of components, at most the number of rows.
        draw: A `numpy.random.Generator`.
        rows: Places of the rows to fit. Defaults to all.

    Raises:
        ValueError: If there are not as many rows as components.
    """

    def __init__(self, table, components, draw, rows=None):
        rows = np.arange(len(table.x)) if rows is None else rows
        if not 0 < components <= len(rows):
            raise ValueError(
                "`components` must be at least 1 and at most the number of "
                f"rows, since each begins with a row of its own. Received: "
                f"components={components!r}, for {len(rows)} rows."
            )
        self.table = table
        self.continuous = np.flatnonzero(~table.nominal)
        numbers = table.x[:, self.continuous].astype("float64")
        # Squares of numbers far from 0 would leave nothing of a variance.
        self.offset = numbers.mean(axis=0)
        self.floor = _LEAST_SPREAD * (np.ptp(numbers, axis=0) + 1e-12)
        self._maximise(self._nearest(components, rows, draw), rows)
        before = -np.inf
        for _ in range(_ROUNDS):
            joint = self._joint(rows)
            now = special.logsumexp(joint, axis=1)
            self._maximise(np.exp(joint - now[:, None]), rows)
            if now.mean() - before < _TOLERANCE:
                break
            before = now.mean()

    @classmethod
    def chosen(cls, table, draw):
        """Doubles the components while a tenth of the rows gains from it."""
        order = draw.permutation(len(table.x))
        held, rows = np.split(order, [max(1, len(order) // 10)])
        rows = np.sort(rows)
        best, components, likely = None, 1, -np.inf
        while components <= min(len(rows), _MOST_COMPONENTS):
            mixture = cls(table, components, draw, rows)
            now = mixture.log_density(held).mean()
            if now <= likely:
                break
            best, likely, components = mixture, now, 2 * components
        return best

    def _nearest(self, components, rows, draw):
        """Which of some rows, drawn at random, each row is nearest to."""
        from sklearn.metrics import pairwise_distances_argmin

        points = self.table.points()[rows]
        centers = points[draw.choice(len(rows), components, replace=False)]
        return np.eye(components)[pairwise_distances_argmin(points, centers)]

    def log_density(self, rows):
        """Logarithms of the densities of rows of the table, `(rows,)`."""
        return special.logsumexp(self._joint(rows), axis=1)

    def _numbers(self, rows):
        """The continuous attributes, less their means."""
        numbers = self.table.x[rows][:, self.continuous]
        return numbers.astype("float64") - self.offset

    def _joint(self, rows):
        """Logarithm of each row's density with each component."""
        joint = np.log(self.weights)[None, :]
        x = self._numbers(rows)
        for place in range(x.shape[1]):
            scaled = x[:, place, None] - self.means[None, :, place]
            scaled = scaled / self.spreads[None, :, place]
            joint = joint - 0.5 * scaled**2 - np.log(self.spreads[:, place])
        joint = joint - 0.5 * x.shape[1] * np.log(2 * np.pi)
        for place, table in self.tables.items():
            joint = joint + np.log(table)[self.table.codes(place)[rows]]
        return np.broadcast_to(joint, (len(rows), len(self.weights)))

    def _maximise(self, near, rows):
        """Fits all components, given how far each row belongs to each."""
        total = near.sum(axis=0) + 1e-9
        self.weights = total / total.sum()
        x = self._numbers(rows)
        self.means = near.T @ x / total[:, None]
        squares = near.T @ x**2 / total[:, None] - self.means**2
        self.spreads = np.maximum(np.sqrt(np.maximum(squares, 0.0)), self.floor)
        self.tables = {}
        for place, values in self.table.values.items():
            codes = self.table.codes(place)[rows]
            counts = np.stack(
                [np.bincount(codes, n, len(values)) for n in near.T], axis=1
            )
            # One row more, spread over the values as in the whole table.
            share = np.bincount(codes, minlength=len(values)) + 1e-9
            counts = counts + (share / share.sum())[:, None]
            self.tables[place] = counts / counts.sum(axis=0)

    def sample(self, count, draw):
        """Draws rows: `(count, attributes)`, with the dtype of the table."""
        component = draw.choice(len(self.weights), count, p=self.weights)
        made = np.empty((count, self.table.x.shape[1]), self.table.x.dtype)
        noise = draw.standard_normal((count, len(self.continuous)))
        made[:, self.continuous] = (
            self.offset
            + self.means[component]
            + noise * self.spreads[component]
        )
        for place, table in self.tables.items():
            edges = np.cumsum(table, axis=0)[:, component]
            codes = (draw.random(count) > edges / edges[-1]).sum(axis=0)
            made[:, place] = self.table.values[place][codes]
        return made
