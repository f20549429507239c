"""Nearest other row of each row of a table."""

import keras
import numpy as np

# Rows whose distances to as many others are looked at at a time.
_TILE = 512
_QUERIES = 4096
# With more attributes, a tree looks at most of the rows, and takes longer.
_TREE_WIDTH = 8


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
