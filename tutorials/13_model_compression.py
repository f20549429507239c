"""
Title: Model compression: a small net in place of a large ensemble
Authors: keras_kd developers
Date created: 2026/11/25
Last modified: 2026/11/25
Description: Made-up rows, labelled by an ensemble, teach a network.
"""

"""
## In plain words

The best answers often come from a crowd: trees, nets and neighbours by the
dozen, each with a vote. Such an ensemble is good, slow and large. One small
network could give the same answers, if somebody asked the ensemble often enough
and let the network listen.

About what, though? There are a few thousand examples. But the ensemble answers
any question, so one can make examples up. They should look like real ones: a
pensioner of seventeen is no use. [Buciluă, Caruana and Niculescu-Mizil,
2006](https://doi.org/10.1145/1150402.1150464) compare three ways:

* **RANDOM** draws age, occupation and so on from those that there are, each by
  itself. It gets the pensioner of seventeen.
* **NBE** fits a mixture of simple densities to the examples, and draws from it.
* **MUNGE** takes an example and its nearest neighbour, and lets them exchange
  values. Two real people nearly alike make two more that could be real.

## Setup
"""

import csv
import functools
import gzip
import os
import pathlib
import pickle
import time

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn import ensemble
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier

import keras_kd
from keras_kd.transfer_sets import synthetic

# The small run that the tests make: other data, seconds instead of minutes.
SMOKE = "KERAS_KD_SMOKE" in os.environ
PATH = os.environ.get("KERAS_KD_ADULT_CSV")
OUTPUT = pathlib.Path("model_compression")
# Section 4: 4000 rows to train on and 1000 that choose the ensemble, 256 hidden
# units in the last table. The paper's sets have up to 400,000 rows.
SIZES = {"adult": (4000, 1000), "digits": (1000, 300)}
COUNTS = {
    "adult": (0, 4000, 20_000, 100_000),
    "digits": (0, 1000, 5000, 25_000),
}
UNITS, UPDATES, BATCH_SIZE = 32 if SMOKE else 256, 20 if SMOKE else 10_000, 128
# Not in the paper. The first that is best on the 1000 rows counts.
MUNGING = [(0.3, 5.0)] if SMOKE else [(0.2, 5.0), (0.5, 1.0), (0.5, 5.0)]
SEEDS = range(2 if SMOKE else 3)
SETTINGS = {k: str(v) for k, v in globals().items() if k.isupper()}

"""
## Data

*Adult*: who earns more than 50,000 dollars, by age, education, occupation and
so on: six numbers and eight words. Set `KERAS_KD_ADULT_CSV` to its path; where
it is not set, the page goes on without. *Digits*: the embedded images of 8x8
pixels as rows of 64 numbers, to see what MUNGE is worth for images.
"""


def load_adult():
    unpack = gzip.open if PATH.endswith(".gz") else open
    with unpack(PATH, "rt") as file:
        _, *rows = csv.reader(file)
    rows = np.array([[cell.strip() for cell in row] for row in rows])
    nominal = [1, 3, 5, 6, 7, 8, 9, 13]
    x = np.empty((len(rows), 14))
    for place in range(14):
        column = rows[:, place]
        if place in nominal:
            column = np.unique(column, return_inverse=True)[1]
        x[:, place] = column.astype(float)
    return x, (rows[:, -1] == ">50K").astype(int), nominal


def load_digits():
    data = keras_kd.datasets.load("digits")
    x = np.concatenate([data.train_images, data.test_images])
    y = np.concatenate([data.train_labels, data.test_labels])
    return x.reshape(len(x), -1).astype(float), y, []


SETS = {"digits": load_digits}
if PATH and not SMOKE:
    SETS["adult"] = load_adult


def encoder(x, nominal):
    """Scales numbers, and gives a column to each value of a word."""
    numbers = [place for place in range(x.shape[1]) if place not in nominal]
    mean, spread = x[:, numbers].mean(0), x[:, numbers].std(0) + 1e-9
    widths = [int(x[:, place].max()) + 1 for place in nominal]

    def encode(rows):
        parts = [(rows[:, numbers] - mean) / spread]
        for place, width in zip(nominal, widths, strict=True):
            parts.append(np.eye(width)[rows[:, place].astype(int)])
        return np.concatenate(parts, axis=1).astype("float32")

    return encode


"""
## The ensemble

Fourteen models of five kinds are trained, and then chosen from: again and again
that one is added, also a second time, with which the average of probabilities
is nearest to the labels of the 1000 other rows. That is *ensemble selection*,
which the paper uses with a far larger library.
"""


def library(seed):
    forest, boosting = (
        functools.partial(kind, random_state=seed)
        for kind in (
            ensemble.RandomForestClassifier,
            ensemble.HistGradientBoostingClassifier,
        )
    )
    extra = functools.partial(ensemble.ExtraTreesClassifier, random_state=seed)
    net = functools.partial(
        MLPClassifier, random_state=seed, early_stopping=True, max_iter=60
    )
    small = 20 if SMOKE else 200
    return [
        forest(small),
        forest(small, min_samples_leaf=4),
        extra(small),
        extra(small, min_samples_leaf=4),
        boosting(max_iter=small // 4),
        boosting(learning_rate=0.03),
        boosting(max_leaf_nodes=8),
        boosting(l2_regularization=10.0),
        LogisticRegression(C=0.1, max_iter=500),
        LogisticRegression(max_iter=500),
        KNeighborsClassifier(10),
        KNeighborsClassifier(50, weights="distance"),
        net((64,)),
        net((128, 64), alpha=0.01),
    ][:: 4 if SMOKE else 1]


def rmse(probabilities, labels):
    truth = np.eye(probabilities.shape[-1])[labels]
    return np.sqrt(0.5 * np.square(probabilities - truth).sum(-1).mean())


def select(answers, labels, rounds=30):
    """How often each model is in the ensemble."""
    votes, total = np.zeros(len(answers), int), 0.0
    for round_ in range(1, rounds + 1):
        errors = [rmse((total + a) / round_, labels) for a in answers]
        votes[np.argmin(errors)] += 1
        total = total + answers[np.argmin(errors)]
    return votes


def network(width, num_classes):
    return keras.Sequential(
        [
            keras.Input((width,)),
            keras.layers.Dense(UNITS, "relu"),
            keras.layers.Dense(num_classes),
        ]
    )


"""
## One seed of one set

`compress` makes the rows, asks the teacher, trains a network for each number of
rows, all with the same number of updates, and judges each on the test rows,
which choose nothing.
"""


def run(name, seed):
    x, y, nominal = SETS[name]()
    order = np.random.default_rng(seed).permutation(len(x))
    train, choose, test = np.split(order, np.cumsum(SIZES[name]))
    encode = encoder(x[train], nominal)
    models = [m.fit(encode(x[train]), y[train]) for m in library(seed)]
    answers = [m.predict_proba(encode(x[choose])) for m in models]
    votes = select(answers, y[choose])

    def vote(rows):
        parts = zip(votes, models, strict=True)
        inputs = encode(rows)
        return sum(n * m.predict_proba(inputs) for n, m in parts if n) / 30

    teacher = keras_kd.teachers.FunctionTeacher(
        vote, num_classes=int(y.max()) + 1, identity=f"{name} {seed}"
    )
    keras.utils.set_random_seed(seed)
    compress = functools.partial(
        keras_kd.procedures.compress,
        teacher=teacher,
        student=network(encode(x[:1]).shape[1], teacher.num_classes),
        x=x[train],
        encode=encode,
        updates=UPDATES,
        batch_size=BATCH_SIZE,
        seed=seed,
        verbose=0,
    )
    counts = [count for count in COUNTS[name] if not SMOKE or count < 2000]
    munge = functools.partial(synthetic.munge, nominal=nominal, verbose=0)
    mixing = [
        functools.partial(munge, probability=p, local_variance=v)
        for p, v in MUNGING
    ]
    judged = [
        compress(
            num_synthetic=counts[1],
            generator=generator,
            validation_data=(x[choose], y[choose]),
        ).scores[counts[1]]
        for generator in mixing
    ]
    best = int(np.argmin([one.rmse_to_labels for one in judged]))
    generators = {
        "RANDOM": synthetic.random,
        "NBE": functools.partial(synthetic.naive_bayes, nominal=nominal),
        "MUNGE": mixing[best],
    }
    result = {"munging": MUNGING[best]}
    for key, generator in generators.items():
        made = compress(
            num_synthetic=counts[1:] if key != "RANDOM" else counts,
            generator=generator,
            validation_data=(x[test], y[test]),
        )
        for count, one in made.scores.items():
            result[f"{key} {count}"] = [
                one.rmse_to_labels,
                one.rmse_to_teacher,
                one.accuracy,
            ]
    # The best single model by the rows that choose.
    single = models[int(np.argmin([rmse(a, y[choose]) for a in answers]))]
    found = single.predict_proba(encode(x[test]))
    hits = found.argmax(-1) == y[test]
    result["single"] = [rmse(found, y[test]), 0.0, hits.mean()]
    chosen = [m for n, m in zip(votes, models, strict=True) if n]
    rows = x[test][:1000]
    student = made.students[counts[-1]]
    result["size"] = [len(pickle.dumps(chosen)), 4 * student.count_params()]
    result["seconds"] = [
        seconds(vote, rows),
        seconds(student.predict_on_batch, encode(rows)),
    ]
    return result


def seconds(function, rows):
    """Of the fastest of five calls."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        function(rows)
        times.append(time.perf_counter() - start)
    return min(times)


experiment = keras_kd.report.Experiment(
    OUTPUT, SETTINGS | {"sets": list(SETS)}, num_runs=len(SETS) * len(SEEDS)
)
results = {
    name: [
        experiment.result(
            f"{name}, seed {seed}", functools.partial(run, name, seed)
        )
        for seed in SEEDS
    ]
    for name in SETS
}

"""
## Result

The picture is written to `model_compression/rmse.png`: the error against the
number of made-up rows.
"""

fig, axes = plt.subplots(
    1,
    len(SETS),
    figsize=(5 * len(SETS), 3.4),
    layout="constrained",
    squeeze=False,
)
for axis, (name, done) in zip(axes[0], results.items(), strict=True):
    table = {
        key: np.array([one[key] for one in done])
        for key in done[0]
        if key != "munging"
    }
    for key in ("RANDOM", "NBE", "MUNGE"):
        mine = [k.split()[1] for k in table if k.startswith(key)]
        counts = [int(count) for count in mine if count.isdigit()]
        errors = np.array([table[f"{key} {count}"][:, 0] for count in counts])
        axis.errorbar(counts, errors.mean(1), errors.std(1, ddof=1), label=key)
    for key, style in (("teacher", "-"), ("single", "--")):
        where = "RANDOM teacher" if key == "teacher" else key
        axis.axhline(table[where][:, 0].mean(), color="gray", ls=style)
    axis.set(title=name, xlabel="made-up rows", ylabel="RMSE on the test rows")
    axis.legend()
    for key, values in table.items():
        mean, spread = values.mean(0), values.std(0, ddof=1)
        cells = [
            f"{m:.4g} +- {s:.2g}" for m, s in zip(mean, spread, strict=True)
        ]
        print(f"| {name}, {key} |", " | ".join(cells), "|")
fig.savefig(OUTPUT / "rmse.png", dpi=150)
