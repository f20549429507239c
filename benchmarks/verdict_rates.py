"""Rates of wrong verdicts, and of true gains that are seen.

Experiments of two arms are made up of which the truth is known: n seeds, m test
images, answers of which most are equally right. They go through
`report.compare` and the rule of `report.verdict`, and through the formula as
written down here once more.

An image pulls to one arm or the other, whatever the seed: half of the variance
of a normal score is of the image, half of the image and the seed. Of a seed the
lowest scores, and the highest, are where one arm alone is right. So many are in
dispute, 5 or 20 % of all, and a seed's difference of accuracies is normal about
the true gain, with a standard deviation of .5 or 2 points; the share in dispute
grows where that difference is larger than it. The heavy-tailed case draws the
seeds' differences from Student's t with 3 degrees of freedom, scaled to the
same deviation of 2 points, with 20 % in dispute. Cells of one number of images
share their random numbers.

False rates are one-sided: "helped" (and "did harm") where there is no gain,
2.5 % nominal. +1 and +3 are true gains in points, and how often they are seen.
Beside it stand the formula alone, "bare", without the rule that less than 6
images in dispute are too few to tell, and a t-interval over the seeds alone. A
last table draws mean squares of the normal two-way model with the deviations of
a real run, `keras-kd distill` on digits.

    python -m benchmarks.verdict_rates --output verdict_rates.json

takes some 8 minutes of one core and .7 GB, nearly all for 10,000 images, and
with `--repetitions=2000` one minute.
"""

import argparse
import json
import pathlib

import numpy as np
from scipy import stats

from keras_kd import report
from keras_kd.report import spread

SEEDS = (2, 3, 5)
IMAGES = (50, 300, 10_000)
DEVIATIONS = (0.005, 0.02)
DISPUTED = (0.05, 0.2)
GAINS = (0.0, 0.01, 0.03)
HEAVY = "Student's t, 3 degrees of freedom"
NORMAL = "normal"
# Law of the seeds, their standard deviation, the share in dispute.
CASES = (
    *((NORMAL, s, q) for s in DEVIATIONS for q in DISPUTED),
    (HEAVY, 0.02, 0.2),
)
OURS = "keras_kd"
FORMULA = "the formula, 6 in dispute"
BARE = "the formula alone"
ALONE = "t over seeds alone"
RULES = (OURS, FORMULA, BARE, ALONE)
LEVEL = 0.95
CELLS_AT_ONCE = 1_000_000
CHECKED = 3

# Standard deviations of seed, example and residual: distilled - alone.
DIGITS = (0.0082, 0.138, 0.298)
DIGITS_SEEDS = (2, 3, 5, 10)
DIGITS_DRAWS = 100_000


def seeds_of(law, random, size):
    """Draws of deviation 1."""
    if law == NORMAL:
        return random.standard_normal(size)
    return random.standard_t(3, size) / np.sqrt(3)


def differences(scores, gains, share):
    """Tables of -1, 0 and 1.

    Args:
        scores: Normal scores, `(tables, seeds, images)`.
        gains: The seeds' differences of accuracies, `(tables, seeds)`.
        share: Share of images in dispute.

    Returns:
        Array like `scores`, int8.
    """
    gains = np.clip(gains, -1, 1)[..., None]
    share = np.maximum(share, np.abs(gains))
    ends = stats.norm.ppf([(share - gains) / 2, 1 - (share + gains) / 2])
    low, high = ends.astype(scores.dtype)
    return (scores > high).astype("int8") - (scores < low)


def library_says(tables):
    """Verdicts of the library on tables: 1 helped, -1 did harm, 0 neither."""
    tables = tables.astype("float64")
    mean = tables.mean(axis=(1, 2))
    squares = spread.mean_squares(tables)
    total, _ = spread.squared_margin(squares, *tables.shape[1:], LEVEL, 1)
    disputed = np.count_nonzero(np.any(tables, axis=1), axis=1)
    says = np.sign(mean) * (np.abs(mean) > np.sqrt(total))
    return says * (disputed >= spread.MIN_DISPUTED)


def sentence_says(table):
    """The same of one table, from the sentence that a user reads."""
    interval = report.compare(table < 0, table > 0, LEVEL)
    sentence = report.verdict(interval)
    return sentence.count(" helped ") - sentence.count(" did harm ")


def formula_says(tables):
    """The same from sums of squares, and what simpler rules say.

    Returns:
        What the formula says where 6 images or more are in dispute, what it
        says wherever it is, and what a t-interval over the seeds alone says.
    """
    n, m = tables.shape[1:]
    by_seed = tables.sum(axis=2, dtype="int64")
    by_image = tables.sum(axis=1, dtype="int16")
    grand = by_seed.sum(axis=1) / (n * m)
    correction = n * m * grand**2
    rows = np.sum(by_seed**2.0, axis=1) / m
    columns = np.sum(by_image**2.0, axis=1) / n
    cells = np.count_nonzero(tables, axis=(1, 2))
    # By chance a hair below 0 where it is 0.
    seed = np.maximum(rows - correction, 0) / (n - 1)
    image = (columns - correction) / (m - 1)
    rest = (cells - rows - columns + correction) / ((n - 1) * (m - 1))
    of_seeds = stats.t.isf((1 - LEVEL) / 2, n - 1) ** 2 * seed
    factor = stats.t.isf((1 - LEVEL) / 2, m - 1) ** 2
    both = of_seeds + factor * np.maximum(image - rest, 0)
    bare = _sides(grand, np.maximum(both, factor * image) / (n * m))
    enough = np.count_nonzero((tables != 0).sum(axis=1), axis=1) >= 6
    return bare * enough, bare, _sides(grand, of_seeds / (n * m))


def _sides(mean, squared_margin):
    """1, -1 or 0 for each interval."""
    return np.sign(mean) * (np.abs(mean) > np.sqrt(squared_margin))


def simulate(images, repetitions, cases=CASES, seeds=SEEDS, gains=GAINS):
    """Counts verdicts over many made-up experiments.

    Args:
        images: Number of test images.
        repetitions: Experiments for each cell.
        cases: See `CASES`.
        seeds: Numbers of seeds.
        gains: True gains.

    Returns:
        For each `(case, seeds, gain)` the shares of helped and of harm, each
        in a dict of `RULES`.
    """
    random = np.random.default_rng(images)
    counts = {}
    done = 0
    while done < repetitions:
        most = max(seeds)
        size = min(CELLS_AT_ONCE // (most * images), repetitions - done)
        of_image = random.standard_normal((size, 1, images), "float32")
        scores = random.standard_normal((size, most, images), "float32")
        scores = np.sqrt(np.float32(0.5)) * (scores + of_image)
        luck = {
            law: seeds_of(law, random, (size, most)) for law in (NORMAL, HEAVY)
        }
        for case in cases:
            law, deviation, share = case
            for gain in gains:
                drawn = gain + deviation * luck[law]
                tables = differences(scores, drawn, share)
                for count in seeds:
                    found = counts.setdefault(
                        (case, count, gain), np.zeros((2, len(RULES)))
                    )
                    found += _count(tables[:, :count], is_checked=not done)
        done += size
    return {
        key: [
            dict(zip(RULES, map(float, side), strict=True))
            for side in found / repetitions
        ]
        for key, found in counts.items()
    }


def _count(tables, is_checked):
    """Counts of helped and of harm, `(2, rules)`."""
    says = library_says(tables)
    if is_checked:
        for one, said in zip(tables[:CHECKED], says, strict=False):
            if sentence_says(one) != said:
                raise RuntimeError(f"Sentence and rule differ: {said}, {one}")
    all_say = np.stack([says, *formula_says(tables)])
    return np.stack([np.sum(all_say > 0, axis=1), np.sum(all_say < 0, axis=1)])


def digits(draws=DIGITS_DRAWS):
    """Rates for the deviations of a real run, from normal mean squares."""
    random = np.random.default_rng(0)
    seed, image, rest = np.square(DIGITS)
    rows = []
    for m in IMAGES:
        for n in DIGITS_SEEDS:
            expected = rest + m * seed, rest + n * image, rest
            degrees = n - 1, m - 1, (n - 1) * (m - 1)
            squares = [
                mean * random.chisquare(free, draws) / free
                for mean, free in zip(expected, degrees, strict=True)
            ]
            variance = seed / n + image / m + rest / (n * m)
            noise = np.sqrt(variance) * random.standard_normal(draws)
            total, _ = spread.squared_margin(squares, n, m, LEVEL, 1)
            margin = np.sqrt(total)
            rates = [np.mean(gain + noise > margin) for gain in GAINS]
            rows.append((m, n, *map(float, rates), float(np.median(margin))))
    return rows


def table(found):
    """The cells as lines, percent."""
    header = ["images, seeds' law, deviation, in dispute", "n"]
    header += ["helped", "harm", "+1", "+3"]
    header += ["bare: false", "+1", "+3", "seeds alone: false"]
    rows = []
    for (images, (law, deviation, share), n), rates in found.items():
        name = "t(3)" if law == HEAVY else law
        what = f"{images:,}, {name}, {100 * deviation:g}, {100 * share:g} %"
        (helped, harm), *gains = (rates[gain] for gain in GAINS)
        cells = [helped[OURS], harm[OURS], *(seen[OURS] for seen, _ in gains)]
        cells.append(max(helped[BARE], harm[BARE]))
        cells += [seen[BARE] for seen, _ in gains]
        cells.append(max(helped[ALONE], harm[ALONE]))
        rows.append([what, str(n), *(f"{100 * cell:.2f}" for cell in cells)])
    return report.markdown_table(header, rows)


def summary(found, repetitions):
    """The worst cells as lines, percent."""
    error = 100 * np.sqrt(0.025 * 0.975 / repetitions)
    lines = [f"Standard error of a rate of 2.5 %: {error:.2f} %"]
    for rule in RULES:
        false = max(side[rule] for cell in found.values() for side in cell[0.0])
        lines.append(f"Largest false rate, {rule}: {100 * false:.2f} %")
    for rule in (FORMULA, BARE):
        lost = max(
            cell[gain][0][rule] - cell[gain][0][OURS]
            for cell in found.values()
            for gain in GAINS[1:]
        )
        lines.append(f"Power below it at most, {rule}: {100 * lost:.2f} %")
    return "\n".join(lines)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=20_000)
    parser.add_argument("--output", type=pathlib.Path)
    arguments = parser.parse_args(argv)
    if arguments.repetitions < 1:
        parser.error(
            "`--repetitions` must be at least 1. Received: "
            f"{arguments.repetitions}."
        )
    found = {}
    for images in IMAGES:
        cells = simulate(images, arguments.repetitions)
        for (case, n, gain), rates in cells.items():
            found.setdefault((images, case, n), {})[gain] = rates
        print(f"{images:,} images done", flush=True)
    print(table(found))
    print(summary(found, arguments.repetitions))
    rows = digits()
    header = ["images", "n", "false", "+1 point", "+3 points", "margin"]
    cells = [
        [f"{m:,}", str(n), *(f"{100 * value:.2f}" for value in values)]
        for m, n, *values in rows
    ]
    print(f"\nDeviations of a digits run, {DIGITS_DRAWS:,} draws:")
    print(report.markdown_table(header, cells))
    if arguments.output:
        keyed = [
            {"images": m, "case": case, "seeds": n, "rates": rates}
            for (m, case, n), rates in found.items()
        ]
        arguments.output.write_text(
            json.dumps({"cells": keyed, "digits": rows}, indent=1)
        )


if __name__ == "__main__":
    main()
