"""A mixture of densities in which attributes are independent."""

import numpy as np
from scipy import sparse
from scipy import special

from keras_kd._core.arguments import check_count

# Standard deviations are no smaller than this part of an attribute's range: an
# attribute that is constant in a component would make it infinitely likely.
_LEAST_SPREAD = 1e-3
_ROUNDS, _TOLERANCE = 100, 1e-4
_MOST_COMPONENTS = 256
# Rows are taken so many at a time that a number for each and each component
# makes 1 MiB.
_NUMBERS = 2**17


class ProductMixture:
    """Fits and draws rows of continuous and nominal attributes.

    The density of a row is `sum_k w_k prod_a p(x_a | k)`, normal for continuous
    attributes, and for nominal ones a probability for each value, with one row
    added to each. It is fitted by expectation maximisation. At first each row
    belongs to the nearest of as many rows as there are components. Where the
    standard deviation of a component is below the smallest allowed, a value of
    the rows near its mean is drawn.

    Reference: Lowd and Domingos, Naive Bayes Models for Probability
    Estimation, 2005.

    Args:
        table: A `MixedTable`.
        components: Number of components, at most the number of rows.
        draw: A `numpy.random.Generator`.
        rows: Places of the rows to fit. Defaults to all.
        advance: Function of the number of components, called in each round of
            the fit. Defaults to `None`.

    Raises:
        ValueError: If there are not as many rows as components.
    """

    def __init__(self, table, components, draw, rows=None, advance=None):
        rows = np.arange(len(table.x)) if rows is None else rows
        check_count("components", components, "densities to mix")
        if components > len(rows):
            raise ValueError(
                "`components` must be at most the number of rows, since each "
                f"begins with a row of its own. Received: "
                f"components={components!r}, for {len(rows)} rows."
            )
        self.table = table
        self.components = components
        self.continuous = np.flatnonzero(~table.nominal)
        # Squares of numbers far from 0 would leave nothing of a variance.
        mean = table.x.mean(axis=0, dtype="float64")
        width = table.x.max(axis=0) - table.x.min(axis=0).astype("float64")
        self.offset = mean[self.continuous]
        self.floor = _LEAST_SPREAD * (width[self.continuous] + 1e-12)
        self._fit(rows, draw, advance or (lambda components: None))

    @classmethod
    def chosen(cls, table, draw, advance=None):
        """Doubles the components while a tenth of the rows gains from it.

        The number that was the best for the tenth is then fitted to all rows.

        Args:
            table: A `MixedTable`, of at least two rows.
            draw: A `numpy.random.Generator`.
            advance: As in the class.

        Raises:
            ValueError: If there is one row only.
        """
        if len(table.x) < 2:
            raise ValueError(
                "`x` must have at least two rows where `components` is None, "
                "since rows that are held out choose the number of components. "
                f"Received: {len(table.x)} row. Give `components=1`."
            )
        order = draw.permutation(len(table.x))
        held, rows = np.split(order, [max(1, len(order) // 10)])
        rows = np.sort(rows)
        best, components, likely = 1, 1, -np.inf
        while components <= min(len(rows), _MOST_COMPONENTS):
            mixture = cls(table, components, draw, rows, advance)
            now = mixture.log_density(held).mean()
            if now <= likely:
                break
            best, likely, components = components, now, 2 * components
        return cls(table, best, draw, advance=advance)

    def log_density(self, rows):
        """Logarithms of the densities of rows of the table, `(rows,)`."""
        parts = [
            special.logsumexp(self._joint(part), axis=1)
            for part in self._parts(rows)
        ]
        return np.concatenate(parts)

    def _fit(self, rows, draw, advance):
        centers = draw.choice(rows, self.components, replace=False)
        sums = ComponentSums(self.table, self.components)
        for part in self._parts(rows):
            near = np.zeros((len(part), self.components))
            nearest = self.table.squares(part, centers).argmin(axis=1)
            near[np.arange(len(part)), nearest] = 1.0
            sums.add(near, self._numbers(part), part)
        # Nominal values that a component lacks are as frequent as in all rows.
        self.shares = sums.shares()
        self._maximise(sums)
        before = -np.inf
        for _ in range(_ROUNDS):
            advance(self.components)
            sums, now = self._expect(rows)
            self._maximise(sums)
            if now - before < _TOLERANCE:
                break
            before = now

    def _parts(self, rows):
        """Parts of some rows, each small enough for one computation."""
        size = max(self.components, self.table.x.shape[1])
        size = max(1, _NUMBERS // size)
        return [rows[at : at + size] for at in range(0, len(rows), size)]

    def _numbers(self, rows):
        """The continuous attributes, less their means."""
        numbers = self.table.x[rows][:, self.continuous]
        return numbers.astype("float64") - self.offset

    def _joint(self, rows):
        """Logarithm of each row's density with each component."""
        joint = np.tile(np.log(self.weights), (len(rows), 1))
        joint -= 0.5 * len(self.continuous) * np.log(2 * np.pi)
        joint -= np.log(self.spreads).sum(axis=1)
        for place, column in enumerate(self._numbers(rows).T):
            scaled = column[:, None] - self.means[:, place]
            scaled /= self.spreads[:, place]
            joint -= 0.5 * scaled**2
        for place, table in self.log_tables.items():
            joint += table[self.table.codes[place][rows]]
        return joint

    def _expect(self, rows):
        """Sums of rows by components, and the mean logarithm of density."""
        sums, likely = ComponentSums(self.table, self.components), 0.0
        for part in self._parts(rows):
            joint = self._joint(part)
            density = special.logsumexp(joint, axis=1)
            near = np.exp(joint - density[:, None])
            sums.add(near, self._numbers(part), part)
            likely += density.sum()
        return sums, likely / len(rows)

    def _maximise(self, sums):
        """Fits all components to sums of rows."""
        total = sums.total + 1e-9
        self.weights = total / total.sum()
        self.means = sums.numbers / total[:, None]
        variance = sums.squares / total[:, None] - self.means**2
        self.deviations = np.sqrt(np.maximum(variance, 0.0))
        self.spreads = np.maximum(self.deviations, self.floor)
        self.log_tables = {}
        for place, counts in sums.counts.items():
            # One row more, spread over the values as in the whole table.
            counts += self.shares[place][:, None]
            counts /= counts.sum(axis=0)
            self.log_tables[place] = np.log(counts, out=counts)

    def sample(self, count, draw):
        """Draws rows: `(count, attributes)`, with the dtype of the table."""
        component = draw.choice(self.components, count, p=self.weights)
        made = np.empty((count, self.table.x.shape[1]), self.table.x.dtype)
        for index, place in enumerate(self.continuous):
            noise = draw.standard_normal(count)
            noise *= self.spreads[component, index]
            noise += self.means[component, index]
            noise += self.offset[index]
            narrow = (self.deviations < self.floor)[component, index]
            noise[narrow] = self._seen(index, component[narrow], draw)
            made[:, place] = noise
        for place, values in self.table.values.items():
            for number in np.unique(component):
                chances = np.exp(self.log_tables[place][:, number])
                rows = np.flatnonzero(component == number)
                made[rows, place] = draw.choice(values, len(rows), p=chances)
        return made

    def _seen(self, index, component, draw):
        """Draws an attribute from the rows near a component's mean.

        A capital gain is 0 for nine of ten people. Around it a normal density,
        however narrow, would put half of them below.

        Args:
            index: Place of the attribute among the continuous ones.
            component: Components, all of them narrow, `(count,)`.
            draw: A `numpy.random.Generator`.
        """
        values = np.sort(self.table.x[:, self.continuous[index]])
        mean = self.offset[index] + self.means[:, index]
        # Something is added for rounding.
        reach = 2 * self.deviations[:, index] + 0.01 * self.floor[index]
        low = np.searchsorted(values, mean - reach).clip(max=len(values) - 1)
        high = np.searchsorted(values, mean + reach, "right").clip(min=low + 1)
        return values[draw.integers(low[component], high[component])]


class ComponentSums:
    """Sums over rows, each of which belongs in part to each component.

    The rows come some at a time, so that memory does not grow with them.

    Args:
        table: A `MixedTable`.
        components: Number of components.

    Attributes:
        total: How many rows belong to each component, `(components,)`.
        numbers: Sums of the continuous attributes, `(components, attributes)`.
        squares: Sums of their squares, the same shape.
        counts: Dict from a nominal attribute to the number of rows with each
            value, `(values, components)`.
    """

    def __init__(self, table, components):
        self._codes = table.codes
        shape = components, np.count_nonzero(~table.nominal)
        self.total = np.zeros(components)
        self.numbers, self.squares = np.zeros(shape), np.zeros(shape)
        self.counts = {
            place: np.zeros((len(values), components))
            for place, values in table.values.items()
        }

    def add(self, near, numbers, rows):
        """Adds rows of the table.

        Args:
            near: How far each belongs to each component, `(rows, components)`.
            numbers: Their continuous attributes.
            rows: Their places.
        """
        self.total += near.sum(axis=0)
        self.numbers += near.T @ numbers
        self.squares += near.T @ numbers**2
        for place, counts in self.counts.items():
            codes = self._codes[place][rows].astype("int64")
            one_hot = sparse.csc_array(
                (np.ones(len(codes)), codes, np.arange(len(codes) + 1)),
                shape=(len(counts), len(codes)),
            )
            counts += one_hot @ near

    def shares(self):
        """Dict from a nominal attribute to the share of each value in all."""
        totals = {
            place: counts.sum(axis=1) + 1e-9
            for place, counts in self.counts.items()
        }
        return {place: total / total.sum() for place, total in totals.items()}
