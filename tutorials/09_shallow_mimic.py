"""
Title: A shallow net learns what a deep one has found
Authors: keras_kd developers
Date created: 2026/11/25
Last modified: 2026/11/25
Description: One hidden layer on CIFAR-10, taught by labels and by deep nets.
"""

"""
## In plain words

Deep networks beat shallow ones, and one asks why. Perhaps a net with a single
hidden layer cannot express what a deep one does. Or it could, but does not
find it when it is trained on labels.

[Ba and Caruana, 2014](https://arxiv.org/abs/1312.6184) tell the two apart by a
simple trick. They train a deep net on labels. Then they put the labels away,
and let a shallow net copy the deep one: for each image, it learns to give the
same ten scores. If it could not express the function, it would fail at that
too. It did not fail. The copy, a *mimic*, was far better than the same shallow
net trained on labels. So a good part of what keeps shallow nets back is how
they learn, not what they can be.

Three things make it work:

* **Scores, not classes.** The mimic learns the *logits*, the scores before the
  softmax, by plain regression: the squared distance of ten numbers. A label
  says *cat*. Scores say *cat, rather a dog than a frog, no ship at all*.
* **Images without labels.** The deep net gives scores to any image, so the
  mimic can learn from many more images than have labels.
* **A bottleneck.** A wide layer over many inputs is slow to train. Its matrix
  is written as a product of two thin ones, with nothing between them. After
  the training they are multiplied, and one layer is left.

"Shallow" means, for images, one convolution and one hidden layer.

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
LABELLED, VALIDATION = (100, 200) if SMALL else (10_000, 5_000)
TRANSFER = (1_000,) if SMALL else (10_000, 20_000, 40_000)
ENSEMBLE = 2 if SMALL else 4  # Table 2: four nets.
DEEP_WIDTHS = (16,) if SMALL else (32, 64, 128)
DEEP_RATE, DEEP_UPDATES = 0.003, 60 if SMALL else 1_500
# Table 2: 64 channels, bottleneck 1200 and 30,000 hidden units: 54M parameters.
CHANNELS, BOTTLENECK, HIDDEN = (8, 16, 100) if SMALL else (32, 64, 2_000)
DROPOUT = 0.5
RATES = (0.01,) if SMALL else (0.001, 0.003)
UPDATES, BATCH_SIZE = 60 if SMALL else 2_500, 128
SEEDS = range(2 if SMALL else 3)

"""
## Data

CIFAR-10 at half its size, or, where it can be neither found nor downloaded, the
small digits of scikit-learn, which give other figures. Of the 50,000 training
images, the last 5,000 are for validation. The first 40,000 are the *transfer
set*: the deep nets give scores to them. Of these, only the first 10,000 have
labels. The other 30,000 labels are never looked at.
"""

order = np.random.default_rng(0).permutation(len(data.train_images))
images, labels = data.train_images[order], data.train_labels[order]
center, spread = (f(images[:LABELLED], (0, 1, 2)) for f in (np.mean, np.std))
images, test_images = (
    (part - center) / spread for part in (images, data.test_images)
)
transfer = images[: TRANSFER[-1]]
with_labels = tf.data.Dataset.from_tensor_slices(
    (images[:LABELLED], labels[:LABELLED])
)
held_out = {
    "validation": (images[-VALIDATION:], labels[-VALIDATION:]),
    "test": (test_images, data.test_labels),
}
supervised = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def fit(model, examples, loss, rate, updates):
    """Trains for a number of updates with a rate that falls to zero."""
    schedule = keras.optimizers.schedules.CosineDecay(rate, updates)
    model.compile(keras.optimizers.Adam(schedule), loss)
    batches = examples.shuffle(len(examples)).repeat().batch(BATCH_SIZE)
    model.fit(batches.prefetch(2), steps_per_epoch=updates, verbose=0)


def fit_to_labels(net, rate, updates):
    """On labelled images that are shifted and mirrored at random."""
    changed = [layers.RandomTranslation(1 / 8, 1 / 8)]
    if not SMALL:
        changed += [layers.RandomFlip("horizontal")]
    model = keras.Sequential([keras.Input(data.image_shape), *changed, net])
    fit(model, with_labels, supervised, rate, updates)


def accuracy(model, part):
    x, y = held_out[part]
    logits = model.predict(x, batch_size=500, verbose=0)
    return 100 * float(np.mean(logits.argmax(-1) == y))


"""
## The deep nets

Six convolutions with batch normalisation and dropout, trained on the labels.
Four of them, from other random beginnings, form the ensemble, whose scores are
the averages of theirs. All that is trained or computed below is kept in the
folder `shallow_mimic`: a script that was stopped goes on where it was.
"""

experiment = keras_kd.report.Experiment(
    OUTPUT,
    {
        "data": [data.name, LABELLED, VALIDATION, TRANSFER],
        "deep": [DEEP_WIDTHS, DEEP_RATE, DEEP_UPDATES, ENSEMBLE],
        "shallow": [CHANNELS, BOTTLENECK, HIDDEN, DROPOUT],
        "training": [RATES, UPDATES, BATCH_SIZE],
    },
    num_runs=(3 + len(TRANSFER)) * (len(RATES) + len(SEEDS)),
)


def deep_net(seed):
    keras.utils.set_random_seed(1_000 + seed)
    net = keras.Sequential([keras.Input(data.image_shape)])
    for width in DEEP_WIDTHS:
        for _ in range(2):
            net.add(layers.Conv2D(width, 3, padding="same", use_bias=False))
            net.add(layers.BatchNormalization(momentum=0.95))
            net.add(layers.ReLU())
        net.add(layers.MaxPooling2D())
        net.add(layers.Dropout(0.2))
    net.add(layers.Flatten())
    net.add(layers.Dropout(0.4))
    net.add(layers.Dense(data.num_classes))
    fit_to_labels(net, DEEP_RATE, DEEP_UPDATES)
    return net


deep = [
    experiment.model(f"deep net {seed}", lambda seed=seed: deep_net(seed))
    for seed in range(ENSEMBLE)
]

"""
`EnsembleTeacher` averages the scores. `cache_teacher` asks once for each image
and stores the answers, and `attach` puts them beside the images.
"""

ensemble = keras_kd.teachers.EnsembleTeacher(deep, combine="geometric")
cached = {
    name: keras_kd.teachers.cache_teacher(
        teacher, transfer, OUTPUT / name, dtype="float32", batch_size=500
    )
    for name, teacher in {"one net": deep[0], "ensemble": ensemble}.items()
}
scored = {name: cache.attach(transfer) for name, cache in cached.items()}

"""
## The shallow net

`shallow_mimic` builds it: a convolution, a pooling, a matrix of 2048 x 2000 in
two factors of rank 64, and 2000 hidden units. It has about as many parameters
as one deep net. With k for the rank, H for the hidden units and D for their
inputs, the factors have k(H + D) numbers where the matrix has H D.
"""


def shallow_net(dropout=0.0):
    return keras_kd.models.shallow_mimic(
        data.image_shape,
        data.num_classes,
        HIDDEN,
        bottleneck=BOTTLENECK,
        conv_channels=CHANNELS,
        kernel_size=3,
        dropout=dropout,
    )


net = shallow_net()
inputs = net.get_layer("bottleneck").input.shape[-1]
factors = [net.get_layer(n).kernel.shape for n in ("bottleneck", "hidden")]
numbers = sum(rows * columns for rows, columns in factors)
assert numbers == BOTTLENECK * (HIDDEN + inputs)
print(f"Factors: {numbers:,} numbers for a matrix of {HIDDEN * inputs:,}.")
print(f"Shallow {net.count_params():,}, deep {deep[0].count_params():,}.")

"""
## What it is taught

The same net is trained with the same number of updates on

* **labels**, without and with dropout, on images that are shifted and mirrored at
  random, as for the deep nets;
* **the scores of one deep net**, of all images of the transfer set;
* **the scores of the ensemble**, of a quarter, a half and all of them. The quarter
  are the images that have labels.

The mimics see the images as they are, and no label. A `Distiller` with
`LogitRegression`, half the squared distance of the scores, needs none.
"""

ARMS = {
    "labels": ("labels", None, 0.0),
    "labels, dropout": ("labels", None, DROPOUT),
    "mimic of one net": ("one net", TRANSFER[-1], 0.0),
} | {f"mimic, {n:,}": ("ensemble", n, 0.0) for n in TRANSFER}


def train(arm, seed, rate):
    """Trains a shallow net; returns accuracies and the error of folding."""
    source, count, dropout = ARMS[arm]
    keras.utils.set_random_seed(seed)
    net = shallow_net(dropout)
    if source == "labels":
        fit_to_labels(net, rate, UPDATES)
    else:
        distiller = keras_kd.Distiller(
            teacher=cached[source],
            student=net,
            distillation_losses=keras_kd.losses.LogitRegression(),
        )
        fit(distiller, scored[source].take(count), None, rate, UPDATES)
    few = images[:100]
    folded = keras_kd.models.fold_bottleneck(net)(few) - net(few)
    error = np.max(np.abs(folded)) / np.max(np.abs(net(few)))
    scores = {part: accuracy(net, part) for part in held_out}
    return scores | {"folding": float(error)}


def result(arm, seed, rate):
    return experiment.result(
        f"{arm}, rate {rate}, seed {seed}", lambda: train(arm, seed, rate)
    )


"""
The rate is chosen for each by its accuracy on the validation images, with another
seed than those that count.
"""

results = {}
for arm in ARMS:
    tried = {rate: result(arm, 100, rate)["validation"] for rate in RATES}
    best = max(tried, key=tried.get)
    print(f"{arm}: rate {best} of {tried}")
    results[arm] = [result(arm, seed, best) for seed in SEEDS]

"""
## Result
"""

tests = {arm: np.array([r["test"] for r in results[arm]]) for arm in ARMS}
tests["one deep net"] = np.array([accuracy(net, "test") for net in deep])
tests["ensemble of deep nets"] = np.array([accuracy(ensemble, "test")] * 2)
for arm, values in tests.items():
    print(f"| {arm} | | {values.mean():.1f} +- {values.std(ddof=1):.1f} |")

mimic, teacher = tests[f"mimic, {TRANSFER[-1]:,}"], accuracy(ensemble, "test")
for arm in ("labels", "labels, dropout", "mimic of one net"):
    gain = keras_kd.report.compare(tests[arm], mimic)
    closed = (mimic - tests[arm]).mean() / (teacher - tests[arm]).mean()
    print(keras_kd.report.verdict(gain, "The mimic", arm))
    print(f"It closes {closed:.0%} of the distance to the ensemble.")
errors = [r["folding"] for arm in ARMS for r in results[arm]]
print(f"Largest relative error of folding: {max(errors):.1e}.")
assert max(errors) < 1e-5

"""
The picture is written to `shallow_mimic/unlabelled.png`.
"""

fig, axis = plt.subplots(figsize=(7.5, 4), layout="constrained")
curve = np.array([tests[f"mimic, {n:,}"] for n in TRANSFER])
axis.errorbar(
    TRANSFER, curve.mean(1), curve.std(1, ddof=1), marker="o", capsize=4
)
levels = ("ensemble of deep nets", "one deep net", "labels, dropout", "labels")
for name, style in zip(levels, ("-", "--", "-.", ":"), strict=True):
    level = tests[name].mean()
    axis.axhline(level, color="0.4", linestyle=style, label=name)
fig.legend(loc="outside right upper")
fig.savefig(OUTPUT / "unlabelled.png", dpi=150)
