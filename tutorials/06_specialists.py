"""
Title: Specialists for what one network confuses
Authors: keras_kd developers
Date created: 2026/11/25
Last modified: 2026/11/25
Description: Ten specialists help a generalist with the classes of CIFAR-100.
"""

"""
## In plain words

A network that knows a hundred classes makes most of its mistakes between a few
that look alike: it takes an oak for a maple, hardly ever for a bus. One could
train ten such networks from the beginning and average them. But that takes ten
times as long, and all ten would spend most of it on telling oaks from buses.

[Hinton, Vinyals and Dean, 2015](https://arxiv.org/abs/1503.02531), section 5,
train *specialists* instead. The network that is there, the *generalist*, tells
by its own answers which classes it mixes up: those that it often thinks
probable together. Each group of such classes gets a specialist, a copy of the
generalist that goes on learning, with a new last layer: one output for each
class of its group, and one more for everything else, the *dustbin*. Half of the
images that it learns from are of its group, so that it soon knows this group
well, and it forgets nothing that it could confuse it with.

A specialist that sees few classes overfits easily. So it begins with what the
generalist knows, and learns from its answers as well as from the labels.

For a new image the generalist is asked first, and then those specialists whose
group has the generalist's favourite in it. Each gives a distribution over other
classes than the others; the final answer is the distribution over all classes
that differs least from all of them.

## Setup
"""

import functools
import os
import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers

import keras_kd

# The small run that the tests make: other data, seconds instead of minutes.
SMOKE = "KERAS_KD_SMOKE" in os.environ
OUTPUT = pathlib.Path("specialists")
SEEDS = range(2 if SMOKE else 3)

"""
## Data

CIFAR-100: 50,000 images of 100 classes for training and 10,000 to test, shrunk
to 16x16 pixels. Where they can be neither found nor downloaded, the digits of
scikit-learn stand in; the figures below are then others.
"""

try:
    options = {} if SMOKE else {"image_size": (16, 16)}
    data = keras_kd.datasets.load("digits" if SMOKE else "cifar100", **options)
except ValueError as error:
    print(f"Going on with the embedded digits. {error}")
    data = keras_kd.datasets.load("digits")
IS_CIFAR = data.name == "cifar100"
NUM_SPECIALISTS = 20 if IS_CIFAR else 2  # Section 5.5 has 61,
CLASSES_PER_SPECIALIST = 12 if IS_CIFAR else 4  # each with 300 classes.
NUM_TOP_CLASSES = 1  # Section 5.4.
TEMPERATURE, SOFT_WEIGHT, HARD_WEIGHT = 1.0, 1.0, 1.0  # Not in the paper.
WIDTHS = (32, 64, 128) if IS_CIFAR else (8, 16)
BATCH_SIZE = 128 if IS_CIFAR else 32
EPOCHS, SPECIALIST_EPOCHS = (24, 8) if IS_CIFAR else (8, 4)
RATE, SPECIALIST_RATE = 0.003 if IS_CIFAR else 0.01, 0.001
SETTINGS = {k: str(v) for k, v in globals().items() if k.isupper()}
x_train, y_train = data.train_images, data.train_labels
x_test, y_test = data.test_images, data.test_labels

"""
## The generalist
"""


def network():
    """Three convolutions with batch normalisation, and the mean of places."""
    steps = [keras.Input(x_train.shape[1:])]
    if IS_CIFAR:
        steps += [layers.RandomFlip("horizontal")]
    for stage, width in enumerate(WIDTHS):
        if stage:
            steps += [layers.MaxPooling2D()]
        steps += [layers.Conv2D(width, 3, padding="same", use_bias=False)]
        steps += [layers.BatchNormalization(momentum=0.9), layers.ReLU()]
    steps += [layers.GlobalAveragePooling2D(), layers.Dense(data.num_classes)]
    return keras.Sequential(steps)


def cosine(rate, updates):
    schedule = keras.optimizers.schedules.CosineDecay(rate, updates)
    return keras.optimizers.Adam(schedule)


def train(model, epochs, rate):
    """Trains a network on all images and their labels."""
    updates = epochs * -(-len(x_train) // BATCH_SIZE)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(cosine(rate, updates), loss)
    model.fit(x_train, y_train, batch_size=BATCH_SIZE, epochs=epochs, verbose=0)
    return model


"""
## What it is compared with

Specialists learn after the generalist has finished, and the last word is an
average of several networks. Either may help for reasons that have nothing to do
with specialists. So the generalist is also trained *further*: on all classes,
with at least as many updates as a specialist, at the same rates. Its answers
are judged alone, and *averaged* with those of the generalist that it came from.
"""

SPECIAL_IMAGES = CLASSES_PER_SPECIALIST * len(x_train) // data.num_classes
SPECIALIST_UPDATES = SPECIALIST_EPOCHS * -(-SPECIAL_IMAGES // (BATCH_SIZE // 2))
FURTHER_EPOCHS = -(-SPECIALIST_UPDATES // -(-len(x_train) // BATCH_SIZE))


def train_further(generalist):
    further = keras.models.clone_model(generalist)
    further.set_weights(generalist.get_weights())
    return train(further, FURTHER_EPOCHS, SPECIALIST_RATE)


def probabilities(model):
    logits = model.predict(x_test, batch_size=500, verbose=0)
    return keras.ops.convert_to_numpy(keras.ops.softmax(logits))


"""
## One seed

The paper has two measures. *Accuracy* is that of all test images. *Conditional
accuracy* is that of the images whose class is in at least one group, with the
answer restricted to classes that are. A third tells how many more images are
right, by the number of specialists that know the true class.
"""


def run(seed):
    """Trains everything for one seed and measures it on the test images."""
    keras.utils.set_random_seed(seed)
    generalist = experiment.model(
        f"generalist, seed {seed}", lambda: train(network(), EPOCHS, RATE)
    )
    further = experiment.model(
        f"further, seed {seed}", lambda: train_further(generalist)
    )
    team = keras_kd.procedures.specialists(
        generalist=generalist,
        num_specialists=NUM_SPECIALISTS,
        classes_per_specialist=CLASSES_PER_SPECIALIST,
        data=(x_train, y_train),
        temperature=TEMPERATURE,
        loss_weight=SOFT_WEIGHT,
        student_loss_weight=HARD_WEIGHT,
        epochs=SPECIALIST_EPOCHS,
        batch_size=BATCH_SIZE,
        optimizer=cosine(SPECIALIST_RATE, SPECIALIST_UPDATES),
        seed=seed,
        directory=OUTPUT / f"specialists_{seed}",
        verbose=0,
    )
    answers = {
        "generalist": probabilities(generalist),
        "further": probabilities(further),
        "specialists": team.predict(x_test, 500, NUM_TOP_CLASSES),
    }
    answers["averaged"] = (answers["generalist"] + answers["further"]) / 2
    covering = np.bincount(
        np.concatenate(team.class_sets), minlength=data.num_classes
    )
    is_known = covering[y_test] > 0
    among = {arm: np.where(covering > 0, p, -1) for arm, p in answers.items()}
    right = {arm: p.argmax(-1) == y_test for arm, p in answers.items()}
    known = {arm: p.argmax(-1) == y_test for arm, p in among.items()}
    counts = [(covering[y_test] == n) for n in range(NUM_SPECIALISTS + 1)]
    return {
        "accuracy": {arm: hits.mean() for arm, hits in right.items()},
        "conditional": {a: hits[is_known].mean() for a, hits in known.items()},
        # By number of covering specialists: images, right before and after.
        "by_covering": [
            [
                int(np.sum(one)),
                int(np.sum(right["generalist"][one])),
                int(np.sum(right["specialists"][one])),
            ]
            for one in counts
        ],
        "class_sets": team.class_sets,
        "asked": team.active(x_test, 500, NUM_TOP_CLASSES).sum(-1).mean(),
    }


experiment = keras_kd.report.Experiment(
    OUTPUT, SETTINGS | {"data": data.name}, num_runs=len(SEEDS)
)
results = [
    experiment.result(f"seed {seed}", functools.partial(run, seed))
    for seed in SEEDS
]

"""
## Who knows what

The picture is written to `specialists/groups.png`: a row for each specialist of
the first seed, with one image of each class of its group. No label was used to
find the groups. They are what the generalist mixes up.
"""

class_sets = results[0]["class_sets"]
fig, axes = plt.subplots(
    NUM_SPECIALISTS,
    CLASSES_PER_SPECIALIST,
    figsize=(CLASSES_PER_SPECIALIST, 1.2 * NUM_SPECIALISTS),
    layout="constrained",
)
for row, classes in zip(axes, class_sets, strict=True):
    for axis, label in zip(row, classes, strict=True):
        image = data.train_images[np.argmax(y_train == label)]
        axis.imshow(image, cmap="gray_r")
        axis.set_title(data.class_names[label].replace("_", "\n"), fontsize=7)
        axis.set(xticks=[], yticks=[])
for number, row in enumerate(axes, start=1):
    row[0].set_ylabel(f"specialist {number}", fontsize=7)
fig.savefig(OUTPUT / "groups.png", dpi=150)
plt.close(fig)

"""
## Result
"""


def column(measure, arm):
    return 100 * np.array([result[measure][arm] for result in results])


def shown(values):
    return f"{values.mean():.2f} +- {values.std(ddof=1):.2f}"


ARMS = ("generalist", "specialists", "further", "averaged")
for arm in ARMS:
    both = [shown(column(m, arm)) for m in ("accuracy", "conditional")]
    print(f"| {arm} | {both[0]} | {both[1]} |")
for number, (count, before, after) in enumerate(
    np.sum([result["by_covering"] for result in results], axis=0)
):
    if count:
        print(
            f"| {number} | {count} | {after - before:+d} | "
            f"{100 * (after - before) / before:+.1f} % |"
        )
for measure in ("accuracy", "conditional"):
    for arm in ("generalist", "further", "averaged"):
        gains = column(measure, "specialists") - column(measure, arm)
        gain = keras_kd.report.paired_interval(gains)
        interval = f"{gain.mean:+.2f} [{gain.low:+.2f}, {gain.high:+.2f}]"
        print(f"{measure}, specialists - {arm}: {interval}")
print("asked:", np.mean([result["asked"] for result in results]))
