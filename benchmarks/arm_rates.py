"""Rates of wrong rankings of several arms, and widths of their margins.

Arms are made up that are equally right in truth: the student alone and m
methods, n seeds, 300 test images. `report.rank_arms` is wrong where it tells
any method apart from the student alone, or leaves out of the leaders an arm
that is as good as any, here the student alone. Nominal are 5 % for the first,
of all methods together, and half of that for the second.

An answer is right where a normal score is below what makes 70 % right. Half of
the variance of that score is of the image, for all arms alike, a quarter of the
image and the arm, a quarter of all three. A seed moves an arm by a normal
number of points of accuracy, 2 for a steady arm. In some experiments the
student alone is three times as unsteady, or one method is, or half of the
methods twice, or each by a factor of its own, from a lognormal law; or the
seeds are of Student's law with 3 degrees of freedom.

Beside it stands the margin of `report.compare` for two arms at a time, with
Bonferroni's correction, whose spread of the seeds is that of the two alone, and
the margin of a common variance, with all degrees of freedom.

    python -m benchmarks.arm_rates

takes some 3 minutes of one core.
"""

import argparse

import numpy as np
from scipy import stats

from keras_kd import report
from keras_kd.report import spread

SEEDS = (2, 3, 5)
METHODS = (2, 8, 24)
IMAGES = 300
ACCURACY = 0.7
DEVIATION = 0.02
LEVEL = 0.95
CASES = (
    "alike",
    "alone x 3",
    "one x 3",
    "half x 2",
    "lognormal",
    "t(3)",
)
OURS = "keras_kd"
OWN = "two at a time"
COMMON = "one variance"
RULES = (OURS, OWN, COMMON)
AT_ONCE = 2_000_000


def luck(case, random, arms, seeds, repetitions):
    """Moves of accuracy by the seeds, `(repetitions, arms, seeds)`."""
    size = (repetitions, arms, seeds)
    if case == "t(3)":
        return DEVIATION * random.standard_t(3, size) / np.sqrt(3)
    moves = DEVIATION * random.standard_normal(size)
    if case == "alone x 3":
        moves[:, 0] *= 3
    elif case == "one x 3":
        moves[:, 1] *= 3
    elif case == "half x 2":
        moves[:, 1 : 1 + arms // 2] *= 2
    elif case == "lognormal":
        moves *= np.exp(0.5 * random.standard_normal((repetitions, arms, 1)))
    return moves


def answers(moves, random, images=IMAGES):
    """Right or wrong, `(repetitions, arms, seeds, images)`, as float32."""
    repetitions, arms, seeds = moves.shape
    normal = random.standard_normal
    scores = np.sqrt(0.5) * normal((repetitions, 1, 1, images), "float32")
    scores = scores + 0.5 * normal((repetitions, arms, 1, images), "float32")
    scores = scores + 0.5 * normal(
        (repetitions, arms, seeds, images), "float32"
    )
    right = np.clip(ACCURACY + moves, 1e-6, 1 - 1e-6)
    limits = stats.norm.ppf(right)[..., None].astype("float32")
    return (scores < limits).astype("float32")


def margins(tables, first):
    """Margins of each arm against one, by each rule, and the differences.

    Args:
        tables: See `answers`.
        first: The arm of each experiment, `(repetitions,)`.

    Returns:
        A dict by `RULES` of arrays `(repetitions, arms)`, and the mean
        differences, likewise.
    """
    repetitions, arms, seeds, images = tables.shape
    every = np.arange(repetitions)
    away = tables - tables[every, first][:, None]
    squares = spread.mean_squares(away)
    means = tables.mean(axis=-1, dtype="float64")
    pooled = spread.pooled_squares(means, images)[every, first]
    inter = means - means.mean(-1, keepdims=True)
    inter = inter - inter.mean(1, keepdims=True)
    common = 2 * images * np.sum(inter**2, (1, 2))
    common = common[:, None] / ((seeds - 1) * (arms - 1))
    found = {}
    for rule, of_seeds, degrees in (
        (OURS, np.maximum(squares[0], pooled), spread.pooled_degrees(arms)),
        (OWN, squares[0], 1.0),
        (COMMON, common, arms - 1),
    ):
        total, _ = spread.squared_margin(
            (of_seeds, *squares[1:]), seeds, images, LEVEL, arms - 1, degrees
        )
        found[rule] = np.sqrt(total)
    return found, away.mean(axis=(2, 3), dtype="float64")


def wrong(tables):
    """Experiments in which each rule is wrong, and their median margins.

    Args:
        tables: See `answers`.

    Returns:
        For each of `RULES`, whether any method is told from the student alone,
        whether that one is left out of the leaders, `(repetitions,)` each, and
        the median margin of a gain, a number.
    """
    alone = np.zeros(len(tables), int)
    gains, differences = margins(tables, alone)
    best = tables.mean(axis=(2, 3)).argmax(axis=1)
    behind, short = margins(tables, best)
    return {
        rule: (
            np.any((np.abs(differences) > gains[rule])[:, 1:], axis=1),
            short[:, 0] < -behind[rule][:, 0],
            float(np.median(gains[rule][:, 1:])),
        )
        for rule in RULES
    }


def check(table):
    """Whether `report.rank_arms` says of one experiment what the rule says."""
    arms = {str(number): of for number, of in enumerate(table)}
    ranking = report.rank_arms(arms, "0", LEVEL)
    told, is_behind, _ = wrong(table[None])[OURS]
    says = (
        any(gain.side for gain in ranking.gains.values()),
        "0" not in ranking.leaders,
    )
    if says != (told[0], is_behind[0]):
        raise RuntimeError(f"Ranking and rule differ: {says}, {table}")


def simulate(case, methods, seeds, repetitions):
    """Rates of one kind of experiment.

    Returns:
        For each of `RULES`, both false rates and the median margin.
    """
    random = np.random.default_rng((CASES.index(case), methods, seeds))
    cells = (methods + 1) * seeds * IMAGES
    counts, done = {rule: np.zeros(3) for rule in RULES}, 0
    while done < repetitions:
        size = min(max(AT_ONCE // cells, 1), repetitions - done)
        tables = answers(luck(case, random, methods + 1, seeds, size), random)
        if not done:
            check(tables[0])
        for rule, (told, left_out, margin) in wrong(tables).items():
            counts[rule] += told.sum(), left_out.sum(), margin * size
        done += size
    return {rule: found / repetitions for rule, found in counts.items()}


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=1_000)
    arguments = parser.parse_args(argv)
    if arguments.repetitions < 1:
        parser.error(
            "`--repetitions` must be at least 1. Received: "
            f"{arguments.repetitions}."
        )
    rows, largest = [], dict.fromkeys(RULES, 0.0)
    for methods in METHODS:
        for seeds in SEEDS:
            for case in CASES:
                rates = simulate(case, methods, seeds, arguments.repetitions)
                cells = [
                    f"{value:.3f}" for one in rates.values() for value in one
                ]
                rows.append([case, str(methods), str(seeds), *cells])
                for rule in RULES:
                    largest[rule] = max(largest[rule], rates[rule][0])
        print(f"{methods} methods done", flush=True)
    header = ["seeds' spread", "m", "n"]
    for rule in RULES:
        header += [f"{rule}: told apart", "left out", "margin"]
    print(report.markdown_table(header, rows))
    error = np.sqrt(0.05 * 0.95 / arguments.repetitions)
    print(f"Standard error of a rate of .05: {error:.3f}")
    for rule, rate in largest.items():
        print(f"Largest false rate, {rule}: {rate:.3f}")


if __name__ == "__main__":
    main()
