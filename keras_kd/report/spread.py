"""The spread of two arms' differences, of seeds crossed with test examples."""

import dataclasses
import math

import numpy as np

# Fewer examples in dispute cannot show a difference, were they all for one arm:
# a sign test is below 2.5 % from six on, since .5 ** 6 is 1.6 %.
MIN_DISPUTED = 6
# Nobody trains more students than that for a table.
MAX_SEEDS = 100
MAX_EXAMPLES = 1_000_000


@dataclasses.dataclass(frozen=True)
class Spread:
    """The analysis of variance of a table of differences.

    The table has a row for each seed and a column for each test example. Seeds
    differ by luck of the training, examples by which of them happen to be in
    the test part, and the residual is what is left in a cell.

    Attributes:
        num_seeds: Number of rows.
        num_examples: Number of columns.
        seeds: Mean square of the rows: `num_examples` times the variance of
            their means; 0 for one row.
        examples: Mean square of the columns: `num_seeds` times the variance of
            their means; 0 for one column.
        residual: Mean square of the residual; 0 for one row or one column.
        num_disputed: Number of examples on which the arms differ for at least
            one seed.
        degrees_per_seed: Degrees of freedom of `seeds` for each seed but one.
            Above 1 where they were pooled over a table of several arms.
            Defaults to `1.0`.
    """

    num_seeds: int
    num_examples: int
    seeds: float
    examples: float
    residual: float
    num_disputed: int
    degrees_per_seed: float = 1.0

    def margin(self, level: float = 0.95, comparisons: int = 1) -> float:
        """Half the width of the confidence interval of the mean difference.

        Args:
            level: Confidence that all comparisons have together. Defaults to
                `0.95`.
            comparisons: How many there are. Defaults to `1`.

        Returns:
            Infinity for one seed or one example, which show no spread.
        """
        if min(self.num_seeds, self.num_examples) < 2:
            return math.inf
        return math.sqrt(sum(self.parts(level, comparisons)))

    def parts(
        self, level: float = 0.95, comparisons: int = 1
    ) -> tuple[float, float]:
        """Splits the squared margin into parts of seeds and of examples.

        Args:
            level: As for `margin`.
            comparisons: As for `margin`.

        Returns:
            `(seeds, examples)`, whose sum is the square of `margin`.
        """
        total, seeds = squared_margin(
            (self.seeds, self.examples, self.residual),
            self.num_seeds,
            self.num_examples,
            level,
            comparisons,
            self.degrees_per_seed,
        )
        return float(seeds), float(total - seeds)

    def enough(
        self, margin: float, level: float = 0.95, comparisons: int = 1
    ) -> tuple[int, int] | None:
        """Estimates the seeds and examples that a margin needs.

        Only what is shorter grows if that suffices, and both where it does
        not, so that the table grows least.

        Args:
            margin: The margin that is wanted.
            level: As for `margin`.
            comparisons: As for `margin`.

        Returns:
            `(seeds, examples)`, examples rounded up to two digits if there are
            to be more; `None` if 100 seeds and a million examples do not do.
        """
        now = self.num_seeds, self.num_examples
        seeds = np.arange(now[0], max(MAX_SEEDS, now[0]) + 1)
        examples = np.array([now[1], *_round_numbers(above=now[1])])
        total, _ = squared_margin(
            self._expected(seeds[:, None], examples),
            seeds[:, None],
            examples,
            level,
            comparisons,
            self.degrees_per_seed,
        )
        does = total <= margin**2
        by_seeds, by_examples = self.parts(level, comparisons)
        short = does[:, 0] if by_seeds >= by_examples else does[0]
        if np.any(short):
            first = int(np.argmax(short))
            if by_seeds >= by_examples:
                return int(seeds[first]), now[1]
            return now[0], int(examples[first])
        if not np.any(does):
            return None
        size = np.where(does, seeds[:, None] * examples.astype(float), np.inf)
        row, column = np.unravel_index(np.argmin(size), size.shape)
        return int(seeds[row]), int(examples[column])

    def _expected(self, num_seeds, num_examples):
        """Mean squares that so many seeds and examples can expect."""
        # Negative where a component is too small to be seen.
        seed = max(self.seeds - self.residual, 0) / self.num_examples
        example = max(self.examples - self.residual, 0) / self.num_seeds
        return (
            num_examples * seed + self.residual,
            num_seeds * example + self.residual,
            self.residual,
        )


def spread_of(differences):
    """The `Spread` of a table, `(seeds, examples)`."""
    num_seeds, num_examples = differences.shape
    return Spread(
        num_seeds,
        num_examples,
        *map(float, mean_squares(differences)),
        num_disputed=int(np.count_nonzero(np.any(differences, axis=0))),
    )


def mean_squares(differences):
    """Mean squares of a two-way table without repetitions.

    Args:
        differences: Array `(..., seeds, examples)`.

    Returns:
        Those of the seeds, of the examples and of the residual, each `(...)`;
        0 where there are no degrees of freedom.
    """
    num_seeds, num_examples = differences.shape[-2:]
    by_seed = differences.mean(axis=-1, keepdims=True)
    by_example = differences.mean(axis=-2, keepdims=True)
    mean = by_seed.mean(axis=-2, keepdims=True)
    residual = differences - by_seed - by_example + mean
    seeds, examples = num_seeds - 1, num_examples - 1
    return (
        num_examples * np.sum((by_seed - mean) ** 2, (-2, -1)) / max(seeds, 1),
        num_seeds
        * np.sum((by_example - mean) ** 2, (-2, -1))
        / max(examples, 1),
        np.sum(residual**2, (-2, -1)) / max(seeds * examples, 1),
    )


def pooled_squares(seed_means, num_examples):
    """Mean squares of the seeds for each two of several arms, pooled.

    With few seeds a mean square of its own is small by chance now and then, so
    a confidence interval from it alone has to be wide. If seeds move all arms
    alike far, the mean over all pairs of arms knows that better; but some arms
    are steadier than others. So it is the largest of four: the pair's own, the
    mean over all pairs, and the means over those of each of its two arms.

    Args:
        seed_means: Mean scores of each seed, `(..., arms, seeds)`, of at least
            two arms and two seeds.
        num_examples: Number of examples behind each.

    Returns:
        Array `(..., arms, arms)`; what stands for an arm with itself means
        nothing.
    """
    arms, seeds = seed_means.shape[-2:]
    away = seed_means - seed_means.mean(axis=-1, keepdims=True)
    products = away @ np.swapaxes(away, -1, -2) * num_examples / (seeds - 1)
    own = np.diagonal(products, axis1=-2, axis2=-1)
    squares = own[..., :, None] + own[..., None, :] - 2 * products
    of_arm = squares.sum(axis=-1) / (arms - 1)
    of_all = of_arm.mean(axis=-1)[..., None, None]
    both = np.maximum(of_arm[..., :, None], of_arm[..., None, :])
    return np.maximum(np.maximum(squares, both), of_all)


def pooled_degrees(num_arms):
    """Degrees of freedom of `pooled_squares` for each seed but one.

    Between 1, all that is left where one arm has all the spread, and
    `num_arms - 1` where all have the same. The geometric mean of the two kept
    what `benchmarks/arm_rates.py` counts below its nominal rate for arms of
    one, two and three times the spread of others; `num_arms - 1` did not.
    """
    return math.sqrt(num_arms - 1)


def squared_margin(
    squares,
    num_seeds,
    num_examples,
    level,
    comparisons,
    degrees_per_seed=1.0,
):
    """Square of the margin of a mean difference, and the seeds' part of it.

    The seeds' mean square holds the residual already, so it is taken off the
    examples'. With few seeds theirs can come out small by chance, down to 0
    where all gain alike: the second of the two is then what the examples alone
    leave open.

    Args:
        squares: Mean squares of seeds, examples and residual, numbers or
            arrays, as are the next two.
        num_seeds: At least 2.
        num_examples: At least 2.
        level: Confidence that all comparisons have together.
        comparisons: How many there are, by Bonferroni's correction.
        degrees_per_seed: See `Spread`. Defaults to `1.0`.

    Returns:
        `(total, seeds)`.
    """
    seeds, examples, residual = squares
    degrees = degrees_per_seed * (num_seeds - 1)
    of_seeds = quantile(degrees, level, comparisons) ** 2 * seeds
    of_examples = quantile(num_examples - 1, level, comparisons) ** 2
    total = np.maximum(
        of_seeds + of_examples * np.maximum(examples - residual, 0),
        of_examples * examples,
    )
    count = num_seeds * num_examples
    return total / count, of_seeds / count


def quantile(degrees, level, comparisons):
    """Student's quantile for a two-sided interval, one of several."""
    from scipy import stats

    return stats.t.ppf(1 - (1 - level) / (2 * comparisons), degrees)


def round_up(number):
    """The next integer with two digits and zeros, from 10 on."""
    unit = 10 ** max(int(math.log10(max(number, 1))) - 1, 0)
    return math.ceil(number / unit) * unit


def _round_numbers(above):
    """Numbers of two digits and zeros, up to `MAX_EXAMPLES`."""
    numbers = []
    number = round_up(above + 1)
    while number <= MAX_EXAMPLES:
        numbers.append(number)
        number = round_up(number + 1)
    return numbers
