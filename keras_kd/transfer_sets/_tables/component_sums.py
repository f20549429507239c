"""Sums over the rows of a mixture's components."""

import numpy as np
from scipy import sparse


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
