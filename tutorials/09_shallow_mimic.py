"""
Title: A shallow net learns what a deep one has found
Authors: keras_kd developers
Date created: 2026/11/25
Last modified: 2026/11/25
Description: One hidden layer on CIFAR-10, taught by labels and by deep nets.
"""

"""
## In plain words

Deep networks beat shallow ones. Perhaps a net with a single hidden layer cannot
express what a deep one does. Or it could, but does not find it in the labels.

[Ba and Caruana, 2014](https://arxiv.org/abs/1312.6184) tell the two apart by a
simple trick. They train a deep net on labels. Then they put the labels away,
and let a shallow net copy the deep one: for each image, it learns to give the
same ten scores. The copy, a *mimic*, was far better than the same shallow net
trained on labels. So a good part of what keeps shallow nets back is how they
learn, not what they can be.

The mimic learns the *logits*, the scores before the softmax, by the squared
distance of ten numbers. A label says *cat*. Scores say *cat, rather a dog than
a frog, no ship at all*. And a deep net gives them to any image, so the mimic
can learn from many more images than have labels.

"Shallow" means, for images, one convolution and one hidden layer. A wide layer
over many inputs is slow to train, so its matrix is written as a product of two
thin ones, a *bottleneck*. Afterwards they are multiplied, and one is left.

## Setup
"""

import os
import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers

import keras_kd
from keras_kd import models

# The small run that the tests make: other data, seconds instead of minutes.
SMOKE = "KERAS_KD_SMOKE" in os.environ
OUTPUT = pathlib.Path("shallow_mimic")
try:
    options = {} if SMOKE else {"image_size": (16, 16)}  # The paper: 32x32.
    data = keras_kd.datasets.load("digits" if SMOKE else "cifar10", **options)
except ValueError as error:
    print(f"Going on with the embedded digits. {error}")
    data = keras_kd.datasets.load("digits")
SMALL = data.name == "digits"
LABELLED, VALIDATION = ((100, 150), 200) if SMALL else ((4_000, 10_000), 5_000)
TRANSFER = (100, 1_000) if SMALL else (4_000, 12_000, 40_000)
ENSEMBLE, DEEP_SIZE = (2, (10, 1)) if SMALL else (4, (10, 2))  # Table 2: four.
DEEP_RATE, DEEP_UPDATES = 0.003, 60 if SMALL else 1_200
# Table 2: 64 channels, bottleneck 1200 and 30,000 hidden units: 54M parameters.
CHANNELS, BOTTLENECK, HIDDEN = (8, 16, 100) if SMALL else (32, 64, 2_000)
DROPOUT, RATES = 0.5, (0.01,) if SMALL else (0.001, 0.003)
UPDATES, BATCH_SIZE = (20, 32) if SMOKE else (60 if SMALL else 3_000, 128)
SEEDS, TUNING_SEED = (range(2), 0) if SMALL else (range(3), 100)
SETTINGS = {k: str(v) for k, v in globals().items() if k.isupper()}

"""
## Data

CIFAR-10 at half its size, or, without tensorflow-datasets, the small digits of
scikit-learn, which give other figures. 5,000 training images are for validation
and 40,000 the *transfer set*, to which the deep nets give scores. Only the
first 4,000 of these have labels, 10,000 for one comparison.
"""

order = np.random.default_rng(0).permutation(len(data.train_images))
images, labels = data.train_images[order], data.train_labels[order]
center, spread = images[: LABELLED[0]].mean(), images[: LABELLED[0]].std()
images = (images - center) / spread
transfer = images[: TRANSFER[-1]]
held_out = {"validation": (images[-VALIDATION:], labels[-VALIDATION:])}
held_out["test"] = (data.test_images - center) / spread, data.test_labels
supervised = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

"""
All nets are trained for a number of updates, with a rate that falls to zero.
What learns from labels sees its images shifted and mirrored at random.
"""


def fit(model, examples, loss, rate, updates):
    schedule = keras.optimizers.schedules.CosineDecay(rate, updates)
    model.compile(keras.optimizers.Adam(schedule), loss)
    batches = examples.shuffle(len(examples)).repeat().batch(BATCH_SIZE)
    model.fit(batches.prefetch(2), steps_per_epoch=updates, verbose=0)


def fit_to_labels(net, count, rate, updates):
    steps = [keras.Input(data.image_shape)]
    steps += [layers.RandomTranslation(1 / 8, 1 / 8)]
    steps += [] if SMALL else [layers.RandomFlip("horizontal")]
    examples = images[:count], labels[:count]
    examples = tf.data.Dataset.from_tensor_slices(examples)
    fit(keras.Sequential([*steps, net]), examples, supervised, rate, updates)


def accuracy(model, part):
    x, y = held_out[part]
    logits = model.predict(x, batch_size=500, verbose=0)
    return 100 * float(np.mean(logits.argmax(-1) == y))


"""
## The deep nets

Residual nets of ten layers. Four of them, trained on 4,000 labels from
different beginnings, form the ensemble, whose scores are the averages of
theirs. One more, of 10,000 labels, is a better teacher. Results are kept in
`shallow_mimic`: a script that was stopped goes on.
"""

settings = SETTINGS | {"data": data.name}
runs = (5 + len(TRANSFER)) * (len(RATES) + len(SEEDS))
experiment = keras_kd.report.Experiment(OUTPUT, settings, num_runs=runs)
some, many = LABELLED
shape = data.image_shape, data.num_classes


def deep(count, seed=0):
    def train_net():
        keras.utils.set_random_seed(1_000 + seed)
        net = models.wide_resnet(*shape, *DEEP_SIZE)
        fit_to_labels(net, count, DEEP_RATE, DEEP_UPDATES)
        return net

    return experiment.model(f"deep, {count} labels, seed {seed}", train_net)


members = [deep(some, seed) for seed in range(ENSEMBLE)]
teachers = {"one": members[0]}
teachers["ensemble"] = keras_kd.teachers.EnsembleTeacher(members, "geometric")
teachers["many"] = deep(many)
cached = {}
for name, teacher in teachers.items():
    cached[name] = keras_kd.teachers.cache_teacher(
        teacher, transfer, OUTPUT / name, dtype="float32", verbose=0
    )

"""
## The shallow net

`shallow_mimic` builds it: a convolution, a pooling, a matrix of 2048 x 2000 in
two factors of rank 64, and 2000 hidden units. It has about as many parameters
as one deep net. With k for the rank, H for the hidden units and D for their
inputs, the factors have k(H + D) numbers where the matrix has H D.
"""


sizes = {"bottleneck": BOTTLENECK, "conv_channels": CHANNELS, "kernel_size": 3}
for net in (models.shallow_mimic(*shape, HIDDEN, **sizes), members[0]):
    print(f"{net.name}: {net.count_params():,} weights")

"""
## What it is taught

The same net is trained with the same number of updates on

* **labels**, without and with dropout, of images that are shifted and mirrored
  at random, as for the deep nets;
* **scores of the ensemble**, for the 4,000 labelled images, for 12,000 and for
  all 40,000;
* **scores of one deep net** of 4,000 or of 10,000 labels, for all images.

The mimics see the images as they are, and no label.
"""

ARMS = {"labels": (None, some, 0.0), "labels, dropout": (None, some, DROPOUT)}
ARMS["mimic of one net"] = ("one", TRANSFER[-1], 0.0)
ARMS |= {f"mimic, {n:,}": ("ensemble", n, 0.0) for n in TRANSFER}
ARMS["mimic of a better net"] = ("many", TRANSFER[-1], 0.0)
ARMS["more labels, dropout"] = (None, many, DROPOUT)

"""
A run gives accuracies, and how far the answers are off when the two factors are
multiplied, after training, into one `Dense` layer: it is *folded*.
"""


def train(arm, seed, rate):
    teacher, count, dropout = ARMS[arm]
    keras.utils.set_random_seed(seed)
    net = models.shallow_mimic(*shape, HIDDEN, dropout=dropout, **sizes)
    if teacher is None:
        fit_to_labels(net, count, rate, UPDATES)
    else:
        distiller = keras_kd.Distiller(
            teacher=cached[teacher],
            student=net,
            distillation_losses=keras_kd.losses.LogitRegression(),
        )
        scored = cached[teacher].attach(transfer).take(count)
        fit(distiller, scored, None, rate, UPDATES)
    answers = net(images[:100])
    folded = models.fold_bottleneck(net)(images[:100])
    folding = float(np.abs(folded - answers).max() / np.abs(answers).max())
    return {"folding": folding} | {p: accuracy(net, p) for p in held_out}


"""
The rate is chosen for each by its accuracy on the validation images, with
another seed than those that count.

## Result
"""


def result(arm, seed, rate):
    name = f"{arm}, rate {rate}, seed {seed}"
    return experiment.result(name, lambda: train(arm, seed, rate))


tests = {}
for arm in ARMS:
    rate = max(RATES, key=lambda r: result(arm, TUNING_SEED, r)["validation"])
    results = [result(arm, seed, rate) for seed in SEEDS]
    folding = max(one["folding"] for one in results)
    tests[arm] = np.array([one["test"] for one in results])
    row = f"{tests[arm].mean():.1f} +- {tests[arm].std(ddof=1):.1f}"
    print(f"| {arm} | {row} | rate {rate}, error of folding {folding:.1e} |")
    assert folding < 1e-5
singles = np.array([accuracy(net, "test") for net in members])
print(f"| one deep net | {singles.mean():.1f} +- {singles.std(ddof=1):.1f} |")
taught_by = {name: accuracy(net, "test") for name, net in teachers.items()}
print("The teachers:", taught_by)
best, better = f"mimic, {TRANSFER[-1]:,}", "mimic of a better net"
pairs = [("labels", best, "ensemble"), ("labels, dropout", best, "ensemble")]
for control, arm, name in (*pairs, ("more labels, dropout", better, "many")):
    gain = keras_kd.report.compare(tests[control] / 100, tests[arm] / 100)
    part = gain.mean / (taught_by[name] / 100 - tests[control].mean() / 100)
    print(arm, "less", control, gain.mean, "seeds:", gain.low, gain.high, part)

"""
The picture is written to `shallow_mimic/mimics.png`: the accuracy of mimics of
40,000 images against that of their teachers, and against the number of images.
"""

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
arms = ("mimic of one net", best, better)
mimics = dict(zip(taught_by.values(), arms, strict=True))
counts = {n: f"mimic, {n:,}" for n in TRANSFER}
for axis, arms in ((left, mimics), (right, counts)):
    seeds = np.array([tests[arm] for arm in arms.values()])
    axis.errorbar(list(arms), seeds.mean(1), seeds.std(1, ddof=1), fmt="o-")
    for name, style in (("labels, dropout", "--"), ("labels", ":")):
        axis.axhline(tests[name].mean(), color="0.4", ls=style, label=name)
left.set(xlabel="accuracy of the teacher, %", ylabel="of the shallow net, %")
right.set(xlabel="images with scores")
right.axhline(taught_by["ensemble"], color="0.4", label="the ensemble")
right.legend()
fig.savefig(OUTPUT / "mimics.png", dpi=150)

"""
Percent of the 10,000 test images that are right: mean and standard deviation of
three seeds. The paper's nets saw 50,000 images of 32x32 pixels, its deep nets
all labels, and its shallow ones have 54 and 70 million weights. It does not say
in this table which have dropout. Compare the pattern.

| | `paper` | `ours` |
|---|---|---|
| shallow, labels | 78.2 | 55.2 ± 0.4 |
| shallow, labels, dropout | - | 58.0 ± 0.3 |
| mimic of one net | 84.6 | 60.4 ± 0.1 |
| mimic of the ensemble, 4,000 images | - | 57.5 ± 0.8 |
| mimic of the ensemble, 12,000 images | - | 60.5 ± 0.3 |
| mimic of the ensemble, all images | 85.8 | 61.7 ± 0.1 |
| one deep net | 88.0 | 61.0 ± 0.6 |
| ensemble of deep nets | 89.0 | 65.0 |
| 10,000 labels: shallow, dropout | - | 63.0 ± 0.2 |
| 10,000 labels: mimic of one net | - | 63.0 ± 0.1 |
| 10,000 labels: one deep net | - | 65.7 (one run) |

**The mimic of the ensemble closes 66 %** of the distance from labels to the
ensemble, and 52 % of that from labels with dropout, than which it is better by
3.7 points (95 % interval over the seeds 3.1 to 4.2). **The images without
labels do most of it:** of the 4,000 labelled ones alone a mimic, which sees
them unchanged, has no more than labels teach with shifts and dropout. And where
10,000 images have labels, the mimic of one net gains nothing over that
(-0.7 to +0.7).

* **Command:** `python tutorials/09_shallow_mimic.py`
* **Cost:** 33 minutes of one CPU core (AMD EPYC). With `KERAS_KD_SMOKE=1`, on
  other data, under a minute.
* **How it was set up:** the number of labels was lowered from 10,000 after
  first trials, where the mimics gained little; sizes and updates are guesses.
"""
