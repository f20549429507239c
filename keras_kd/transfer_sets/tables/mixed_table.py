"""A table with continuous and nominal attributes."""

import functools

import numpy as np

# Of distances that are looked at at a time, in MiB.
_WORKING_MEMORY = 64


class MixedTable:
    """Rows of numbers, of which some are only names of values.

    Args:
        x: Array `(examples, attributes)` of finite numbers. Integers become
            float64, since values between them are made.
        nominal: Places of the nominal attributes.

    Attributes:
        x: The array.
        nominal: Booleans, `(attributes,)`.

    Raises:
        ValueError: If `x` is no such array, or a place is none of it.
    """

    def __init__(self, x, nominal):
        x = np.asarray(x)
        if x.ndim != 2 or not x.size or x.dtype.kind not in "fiub":
            raise ValueError(
                "`x` must be an array of numbers with a row for each example, "
                f"since attributes are mixed. Received: shape {x.shape}, dtype "
                f"{x.dtype}. Flatten images, and number the values of nominal "
                "attributes."
            )
        self.x = x if x.dtype.kind == "f" else x.astype("float64")
        bad = np.flatnonzero(~np.all(np.isfinite(self.x), axis=0))
        if bad.size:
            raise ValueError(
                "`x` must have finite numbers, since nan has no neighbour. "
                f"Received: others in column {bad[0]}. Fill missing values, "
                "or make a nominal value of them."
            )
        width = x.shape[1]
        places = list(nominal)
        if any(
            isinstance(place, bool)
            or not isinstance(place, int | np.integer)
            or not 0 <= place < width
            for place in places
        ):
            raise ValueError(
                f"`nominal` must be places of attributes, from 0 to "
                f"{width - 1}. Received: nominal={places}."
            )
        self.nominal = np.zeros(width, bool)
        self.nominal[places] = True

    @functools.cached_property
    def values(self):
        """Dict from a nominal attribute to its values, in order."""
        return {
            int(place): np.unique(self.x[:, place])
            for place in np.flatnonzero(self.nominal)
        }

    def codes(self, place):
        """Number of each row's value among the values of an attribute."""
        return np.searchsorted(self.values[place], self.x[:, place])

    def neighbours(self):
        """The nearest other row of each: integers, `(examples,)`."""
        import sklearn
        from sklearn.neighbors import NearestNeighbors

        points = self.points()
        # A whole matrix of distances would not fit into memory.
        with sklearn.config_context(working_memory=_WORKING_MEMORY):
            search = NearestNeighbors(n_neighbors=1).fit(points)
            return search.kneighbors(return_distance=False)[:, 0]

    def points(self):
        """Rows as points: float32, `(examples, dimensions)`.

        Their squared Euclidean distance is that of the continuous attributes,
        each scaled to [0, 1], plus the number of nominal ones that differ.
        """
        continuous = self.x[:, ~self.nominal].astype("float32")
        low = continuous.min(axis=0, initial=np.inf)
        width = continuous.max(axis=0, initial=-np.inf) - low
        parts = [(continuous - low) / np.where(width > 0, width, 1.0)]
        for place, values in self.values.items():
            # Two such rows have distance 1 if they differ.
            one_hot = np.eye(len(values), dtype="float32") / np.sqrt(2.0)
            parts.append(one_hot.astype("float32")[self.codes(place)])
        return np.concatenate(parts, axis=1)
