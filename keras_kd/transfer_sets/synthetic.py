"""Unlabelled examples made from a table of real ones (Buciluă et al., 2006).

Each function makes rows that look like those it was given, in its own way:
`munge` mixes neighbours, `naive_bayes` fits a density and draws from it, and
`random` draws each attribute by itself. A teacher then labels them.

Reference: Buciluă, Caruana and Niculescu-Mizil, [Model
Compression](https://doi.org/10.1145/1150402.1150464), 2006, section 3.
"""

import itertools
from collections.abc import Sequence

import keras
import numpy as np

from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_part
from keras_kd._core.arguments import check_positive
from keras_kd._types import Data
from keras_kd.transfer_sets._tables.mixed_table import MixedTable
from keras_kd.transfer_sets._tables.mixed_table import nearest_others
from keras_kd.transfer_sets._tables.product_mixture import ProductMixture

__all__ = ["munge", "naive_bayes", "random"]


def random(x: Data, num_examples: int, *, seed: int = 0) -> np.ndarray:
    """Draws each attribute independently from its values.

    The method RANDOM of the paper. Relations between attributes are lost, so
    that most of the rows lie where no real example is.

    Args:
        x: Array `(examples, attributes)` of finite numbers.
        num_examples: How many rows to make.
        seed: Integer >= 0. Defaults to `0`.

    Returns:
        Array `(num_examples, attributes)`, with the dtype of `x`: integers stay
        integers, since no value is made that `x` does not have.

    Raises:
        ValueError: If an argument cannot be used.
    """
    x = np.asarray(x)
    MixedTable(x, ())  # Validates the table.
    draw = _generator(num_examples, seed)
    made = np.empty((num_examples, x.shape[1]), x.dtype)
    for place, column in enumerate(x.T):
        made[:, place] = draw.choice(column, num_examples)
    return made


def naive_bayes(
    x: Data,
    num_examples: int,
    *,
    nominal: Sequence[int] = (),
    components: int | None = None,
    seed: int = 0,
    verbose: int | str = "auto",
) -> np.ndarray:
    """Draws from a mixture of densities in which attributes are independent.

    The method NBE of the paper, after Lowd and Domingos (2005): a row belongs
    to one of several components, and within a component a continuous attribute
    is normal and a nominal one has a probability for each value. Where the
    standard deviation in a component is below a thousandth of an attribute's
    range, a value that `x` has near its mean is drawn: many tables have a
    number that half of the rows share.

    Args:
        x: Array `(examples, attributes)` of finite numbers.
        num_examples: How many rows to make.
        nominal: Places of the attributes whose numbers are names of values.
        components: Number of components. `None`, the default, doubles it as
            long as a tenth of the rows, which is held out, becomes more
            likely, up to 256, and fits the best number to all rows.
        seed: Integer >= 0. Defaults to `0`.
        verbose: `0` hides the progress bar, which counts the rounds of the
            fit. How many there will be is not known before. Defaults to
            `"auto"`, which shows it.

    Returns:
        Array `(num_examples, attributes)`, with the dtype of `x` where that is
        a float, and of float64 where it is an integer. Nominal attributes have
        values that `x` has. Beside `x` and this array, memory is needed for
        about a copy of `x`, a few MB, and a few numbers for each component and
        nominal value.

    Raises:
        ValueError: If an argument cannot be used.
    """
    table = MixedTable(x, nominal)
    draw = _generator(num_examples, seed)
    bar = _bar(None, "round", verbose)
    rounds = itertools.count(1)

    def advance(now):
        bar.update(next(rounds), [("components", now)])

    if components is None:
        mixture = ProductMixture.chosen(table, draw, advance)
    else:
        mixture = ProductMixture(table, components, draw, advance=advance)
    made = mixture.sample(num_examples, draw)
    bar.update(next(rounds), finalize=True)
    return made


def munge(
    x: Data,
    num_examples: int,
    *,
    nominal: Sequence[int] = (),
    probability: float = 0.2,
    local_variance: float = 8.0,
    seed: int = 0,
    verbose: int | str = "auto",
) -> np.ndarray:
    """Mixes each example with its nearest neighbour, attribute by attribute.

    The method MUNGE of the paper. A pass goes through a copy of `x`. Of each
    example e and its nearest other example e', every attribute changes with a
    probability: two nominal values change places, and of two continuous ones
    each is drawn from a normal distribution around the other's old value,
    whose standard deviation is their distance divided by `local_variance`. As
    many passes are made as `num_examples` needs, each of a fresh copy.

    Neighbours are those of the copy before it changes. They are near by the
    Euclidean distance of continuous attributes, each scaled to [0, 1], and by
    the number of nominal attributes that differ, of which one counts as much as
    the whole range of a continuous one. The nearest other example may be an
    equal one: of a table that has each row twice, nothing new is made. Leave
    out duplicates to mix each row with a different one.

    The paper does not give its `probability` and `local_variance`. The
    defaults are ours: of probabilities .1, .2 and .5 and local variances 1, 2,
    4 and 8, those whose students had the smallest error to the labels on the
    validation parts of five tables (breast cancer, diabetes, digits, Adult,
    letters), relative to a student without made-up rows, in the geometric mean.
    On the test parts of other splits, with iris and wine, this error was
    smaller than without made-up rows on six of the seven tables, by .4 to 7 %,
    and 1 % larger on digits, whose validation part no setting made better.
    With three splits, most of these differences may be chance; the table is
    made by `benchmarks/munge_defaults.py`.

    More mixing, .5 and 2, is less certain. It brought students nearer to their
    teacher on all seven tables, and by 1 to 5 % nearer to the labels than the
    defaults on five, but on digits it was 5 % worse than no made-up rows, and
    on letters 1 %. If there are real rows to validate with, try both.

    Args:
        x: Array `(examples, attributes)` of finite numbers, at least two rows.
        num_examples: How many rows to make. Of the last pass, a part is drawn.
        nominal: Places of the attributes whose numbers are names of values.
        probability: In [0, 1]: how often an attribute changes. With 0, the
            rows are those of `x`. Defaults to `0.2`.
        local_variance: Float > 0. The larger, the nearer values stay to those
            of the two examples. Defaults to `8.0`.
        seed: Integer >= 0. Defaults to `0`.
        verbose: `0` hides the progress bars, of which one counts blocks of
            rows whose neighbours are searched, and one counts passes. Defaults
            to `"auto"`, which shows them.

    Returns:
        Array `(num_examples, attributes)`, with the dtype of `x` where that is
        a float, and of float64 where it is an integer. Nominal attributes have
        values that `x` has. Beside `x` and this array, memory is needed for
        a few MB and about three copies of `x`, or, where that is float32 and
        has no nominal attributes, six.

    Raises:
        ValueError: If an argument cannot be used.

    Example:

    >>> x = np.array([[0.0, 1], [0.1, 1], [1.0, 2], [0.9, 2]])
    >>> made = keras_kd.transfer_sets.synthetic.munge(
    ...     x, 1000, nominal=[1], verbose=0)
    >>> made.shape
    (1000, 2)
    >>> sorted(set(made[:, 1].tolist()))
    [1.0, 2.0]
    """
    table = MixedTable(x, nominal)
    draw = _generator(num_examples, seed)
    _check_mixing(table, probability, local_variance)
    neighbours = nearest_others(table, verbose)
    count = len(table.x)
    made = np.empty((num_examples, table.x.shape[1]), table.x.dtype)
    passes = -(-num_examples // count)
    bar = _bar(passes, "pass", verbose)
    for index in range(passes):
        mixed = _mix(table, neighbours, probability, local_variance, draw)
        rows = made[index * count : (index + 1) * count]
        if len(rows) < count:
            kept = draw.choice(count, len(rows), replace=False)
            mixed = mixed[np.sort(kept)]
        rows[:] = mixed
        bar.update(index + 1)
    return made


def _mix(table, neighbours, probability, local_variance, draw):
    """One pass through a copy of the rows."""
    mixed = table.x.copy()
    width = mixed.shape[1]
    for row, other in enumerate(neighbours):
        changes = draw.random(width) < probability
        one, two = mixed[row].copy(), mixed[other].copy()
        spread = np.abs(one - two) / local_variance
        spread[table.nominal] = 0.0  # Their values change places as they are.
        noise = draw.standard_normal((2, width)) * spread
        mixed[row, changes] = (two + noise[0])[changes]
        mixed[other, changes] = (one + noise[1])[changes]
    return mixed


def _check_mixing(table, probability, local_variance):
    if len(table.x) < 2:
        raise ValueError(
            "`x` must have at least two rows, since each is mixed with its "
            f"nearest other row. Received: {len(table.x)}."
        )
    check_part(
        "probability",
        probability,
        "how often an attribute changes",
        zero=True,
        one=True,
    )
    check_positive(
        "local_variance",
        local_variance,
        "what the distance of two values is divided by",
    )


def _generator(num_examples, seed):
    """Makes a generator of random numbers, after checks of the integers."""
    check_count("num_examples", num_examples, "rows to make")
    check_count("seed", seed, "streams of random numbers", least=0)
    return np.random.default_rng(seed)


def _bar(target, unit, verbose):
    return keras.utils.Progbar(
        target,
        verbose=1 if verbose else 0,
        stateful_metrics=["components"],
        unit_name=unit,
    )
