"""A table with continuous and nominal attributes, and nearest rows."""

import functools

import keras
import numpy as np

from keras_kd._core.kinds import check_list

# Rows whose distances to as many others are looked at at a time.
_TILE = 512
_QUERIES = 4096
# With more attributes, a tree looks at most of the rows, and takes longer.
_TREE_WIDTH = 8


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
        self.nominal = np.zeros(x.shape[1], bool)
        self.nominal[_places(nominal, x.shape[1])] = True

    @functools.cached_property
    def values(self):
        """Dict from a nominal attribute to its values, in order."""
        return {
            int(place): np.unique(self.x[:, place])
            for place in np.flatnonzero(self.nominal)
        }

    @functools.cached_property
    def codes(self):
        """Dict from a nominal attribute to the number of each row's value."""
        return {
            place: np.searchsorted(values, self.x[:, place]).astype(
                np.min_scalar_type(len(values))
            )
            for place, values in self.values.items()
        }

    @functools.cached_property
    def scaled(self):
        """The continuous attributes, each in [0, 1]: float32."""
        places = np.flatnonzero(~self.nominal)
        scaled = np.empty((len(self.x), len(places)), "float32")
        for index, place in enumerate(places):
            # In float32, times of day since 1970 would all be the same.
            column = self.x[:, place].astype("float64")
            column -= column.min()
            scaled[:, index] = column / (column.max() or 1.0)
        return scaled

    @functools.cached_property
    def _names(self):
        """The numbers of all nominal values, `(examples, nominal ones)`."""
        columns = list(self.codes.values())
        return np.stack(columns, axis=1) if columns else None

    def squares(self, rows, others):
        """Squared distances of rows: float64, `(rows, others)`.

        That of the continuous attributes, each scaled to [0, 1], plus the
        number of nominal ones that differ. One-hot codes would give the same,
        but take a number for each value that there is.

        Args:
            rows: Places of rows, or a slice.
            others: The same.
        """
        from scipy.spatial.distance import cdist

        squares = 0.0
        if self.scaled.shape[1]:
            squares = cdist(
                self.scaled[rows], self.scaled[others], "sqeuclidean"
            )
        if self._names is not None:
            share = cdist(self._names[rows], self._names[others], "hamming")
            squares = squares + share * self._names.shape[1]
        return squares


def _places(nominal, width):
    """A list of the nominal attributes, or an error."""
    places = check_list("nominal", nominal, "places of attributes")
    if any(
        isinstance(place, bool)
        or not isinstance(place, int | np.integer)
        or not 0 <= place < width
        for place in places
    ):
        raise ValueError(
            f"`nominal` must be places of attributes, from 0 to {width - 1}. "
            f"Received: nominal={places}."
        )
    return places


def nearest_others(table, verbose=0):
    """The nearest other row of each: integers, `(examples,)`.

    A matrix of all distances would not fit into memory: beside the scaled
    attributes, a few MB are needed, whatever the number of rows or of nominal
    values. The time grows with the square of the rows where an attribute is
    nominal or where there are more than eight, and else about with the rows.

    Args:
        table: A `MixedTable` with at least two rows.
        verbose: `0` for no progress bar.
    """
    if table.nominal.any():
        return _by_tiles(table, verbose)
    return _by_search(table.scaled, verbose)


def _bar(blocks, verbose):
    return keras.utils.Progbar(
        blocks, verbose=1 if verbose else 0, unit_name="block"
    )


def _by_search(points, verbose):
    """Searches the nearest rows with scikit-learn, if rows are points."""
    from sklearn.neighbors import NearestNeighbors

    algorithm = "auto" if points.shape[1] <= _TREE_WIDTH else "brute"
    search = NearestNeighbors(n_neighbors=2, algorithm=algorithm).fit(points)
    found = np.empty(len(points), int)
    starts = range(0, len(points), _QUERIES)
    bar = _bar(len(starts), verbose)
    for start in starts:
        queries = points[start : start + _QUERIES]
        near = search.kneighbors(queries, return_distance=False)
        # Of equal rows, either may come first.
        own = near[:, 0] == start + np.arange(len(queries))
        found[start : start + _QUERIES] = np.where(own, near[:, 1], near[:, 0])
        bar.add(1)
    return found


def _by_tiles(table, verbose):
    """Compares each pair of rows once, in square tiles of the matrix."""
    count = len(table.x)
    slices = [slice(at, at + _TILE) for at in range(0, count, _TILE)]
    best, found = np.full(count, np.inf), np.zeros(count, int)
    bar = _bar(len(slices) * (len(slices) + 1) // 2, verbose)
    for index, rows in enumerate(slices):
        for others in slices[index:]:
            squares = table.squares(rows, others)
            if others is rows:
                np.fill_diagonal(squares, np.inf)
            else:
                _keep_nearest(best[others], found[others], squares.T, rows)
            _keep_nearest(best[rows], found[rows], squares, others)
            bar.add(1)
    return found


def _keep_nearest(best, found, squares, others):
    """Updates the nearest rows found so far, in place."""
    near = squares.argmin(axis=1)
    distance = squares[np.arange(len(near)), near]
    nearer = distance < best
    best[nearer] = distance[nearer]
    found[nearer] = others.start + near[nearer]
