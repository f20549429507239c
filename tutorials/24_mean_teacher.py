"""
Title: Mean teacher: a student that learns from its own average
Authors: keras_kd developers
Date created: 2026/11/30
Last modified: 2026/11/30
Description: Few images with labels, many without, and no teacher to begin with.
"""

"""
## In plain words

Nobody is there who knows more. There are 60,000 images, and a person labelled
one in fifty. What can the others teach?

That an answer should not change when the image moves by a pixel. A network that
learns from the few labels can be asked about any image twice, each time moved
at random, and be told to agree with itself. But a student that agrees with
itself may agree on nonsense. [Tarvainen and Valpola, 2017](
https://arxiv.org/abs/1703.01780) let it agree with a *mean teacher* instead:
with the average of its own weights over the last updates, which is steadier,
and mostly right more often than the student of any moment. As the student
becomes better, so does its teacher.

The older way to use such images is *pseudo-labels*: a network that has learnt
from the labels labels all others, once, and a new one learns from both.

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
from keras_kd import procedures

# The small run that the tests make: other data, seconds instead of minutes.
SMOKE = "KERAS_KD_SMOKE" in os.environ
OUTPUT = pathlib.Path("mean_teacher")
LABELLED_SHARE = 0.05 if SMOKE else 0.02
WIDTHS = (4, 8) if SMOKE else (16, 32)
UPDATES, RATE = (20, 0.01) if SMOKE else (1_500, 0.01)
LABELLED, UNLABELLED = 50, 50  # In a batch.
DECAY, WEIGHT, RAMP = 0.99, 30.0, 0.4
SEEDS = range(1 if SMOKE else 5)
SETTINGS = {k: str(v) for k, v in globals().items() if k.isupper()}

"""
## Data

MNIST at 14x14 pixels, of which 2 % of the labels are kept, 1,200, drawn anew
for each seed. The 10,000 test images are counted at the end. Where MNIST is not
to be had, the small digits of scikit-learn stand in, with other figures.
"""

try:
    name, size = ("digits", None) if SMOKE else ("mnist", (14, 14))
    data = keras_kd.datasets.load(name, image_size=size)
except ValueError as error:
    print(f"Going on with the embedded digits. {error}")
    data, LABELLED_SHARE = keras_kd.datasets.load("digits"), 0.05
settings = SETTINGS | {"data": data.name, "share": LABELLED_SHARE}
experiment = keras_kd.report.Experiment(
    OUTPUT / "results", settings, num_runs=len(SEEDS)
)


def split(seed):
    """Images with labels, and all the others."""
    order = np.random.default_rng(seed).permutation(len(data.train_images))
    parts = np.split(order, [round(LABELLED_SHARE * len(order))])
    (x, more), (y, _) = (
        [of[part] for part in parts]
        for of in (data.train_images, data.train_labels)
    )
    return (x, y), more


"""
## A network that moves what it sees

In training, the first layer moves each image at random. Student and average
have such a layer each, and so see two versions of an image.
"""


def network(seed):
    keras.utils.set_random_seed(seed)
    net = [keras.Input(data.image_shape)]
    net += [layers.RandomTranslation(0.1, 0.1, "constant")]
    for width in WIDTHS:
        net += [
            layers.Conv2D(width, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.Activation("relu"),
            layers.MaxPooling2D(2),
        ]
    net += [layers.Flatten(), layers.Dropout(0.3), layers.Dense(10)]
    return keras.Sequential(net)


def batches(x, y, size, seed):
    pairs = tf.data.Dataset.from_tensor_slices((x, y))
    pairs = pairs.shuffle(len(x), seed=seed).repeat()
    return pairs.batch(size).take(UPDATES)


def optimizer():
    schedule = keras.optimizers.schedules.CosineDecay(RATE, UPDATES)
    return keras.optimizers.Adam(schedule)


"""
## Three ways to use the images

All begin with the same weights, and make as many updates with as many images
each. The first learns from the labels *alone*:
"""


def learn_alone(labelled, seed):
    student = network(seed)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    student.compile(optimizer(), loss)
    size = LABELLED + UNLABELLED
    student.fit(batches(*labelled, size, seed), shuffle=False, verbose=0)
    return student


"""
The second gets *pseudo-labels* from the first, for all images, in one call of
`procedures.data_distillation`:
"""


def learn_from_pseudo_labels(teacher, labelled, unlabelled, seed):
    return procedures.data_distillation(
        teacher=teacher,
        student=network(seed),
        labelled=labelled,
        unlabelled=unlabelled,
        task=procedures.ClassificationTask(1.0),
        labelled_share=LABELLED / (LABELLED + UNLABELLED),
        updates=UPDATES,
        epochs=1,
        batch_size=LABELLED + UNLABELLED,
        optimizer=optimizer(),
        seed=seed,
        verbose=0,
    ).student


"""
The third has a *mean teacher*. An image without a label has the label -1, which
the loss ignores: it is compared with the teacher's answer, like all others. How
much that counts grows with time, since a teacher that knows nothing has nothing
to say. The published loss is a mean over the classes, and that of
`ProbabilityRegression` half of a sum.
"""


def ramp(step):
    left = 1 - min(float(step) / (RAMP * UPDATES), 1)
    return 2 / data.num_classes * WEIGHT * np.exp(-5 * left**2)


def learn_from_average(labelled, unlabelled, seed):
    student = network(seed)
    distiller = keras_kd.Distiller(
        teacher=keras_kd.teachers.MovingAverageTeacher(student, DECAY),
        student=student,
        distillation_losses=keras_kd.losses.ProbabilityRegression(),
    )
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, ignore_class=-1
    )
    distiller.compile(optimizer(), loss)
    some = batches(*labelled, LABELLED, seed)
    none = np.full(len(unlabelled), -1, labelled[1].dtype)
    others = batches(unlabelled, none, UNLABELLED, seed)
    joined = tf.data.Dataset.zip(some, others).map(
        lambda first, second: tuple(
            tf.concat(both, 0) for both in zip(first, second, strict=True)
        )
    )
    term = "probability_regression.loss_weight"
    grow = keras_kd.callbacks.Anneal(term, ramp)
    distiller.fit(joined, shuffle=False, verbose=0, callbacks=[grow])
    return student, distiller.teacher.model


"""
## Result

A row for each arm, with mean and standard deviation over the seeds, and the
verdict of `report` on each claim. The picture is in `mean_teacher/errors.png`.
"""


def run(seed):
    labelled, unlabelled = split(seed)
    alone = learn_alone(labelled, seed)
    pseudo = learn_from_pseudo_labels(alone, labelled, unlabelled, seed)
    student, average = learn_from_average(labelled, unlabelled, seed)
    nets = {"alone": alone, "pseudo-labels": pseudo}
    nets |= {"mean teacher's student": student, "mean teacher": average}
    return {
        arm: np.argmax(net.predict(data.test_images, verbose=0), -1).tolist()
        for arm, net in nets.items()
    }


runs = [experiment.result(f"seed {s}", lambda seed=s: run(seed)) for s in SEEDS]
right = {a: [r[a] == data.test_labels for r in runs] for a in runs[0]}
errors = {a: 100 * (1 - np.mean(of, axis=1)) for a, of in right.items()}
for arm, of in errors.items():
    spread = of.std(ddof=int(len(SEEDS) > 1))
    print(f"| {arm} | {of.mean():.2f} +- {spread:.2f} |")
CLAIMS = (
    ("pseudo-labels", "alone"),
    ("mean teacher", "alone"),
    ("mean teacher", "pseudo-labels"),
    ("mean teacher", "mean teacher's student"),
)
for arm, control in CLAIMS:
    gain = keras_kd.report.compare(
        right[control], right[arm], comparisons=len(CLAIMS)
    )
    print(keras_kd.report.verdict(gain, arm.capitalize(), control))

figure, axis = plt.subplots(figsize=(7, 2.5), layout="constrained")
for row, of in enumerate(errors.values()):
    axis.plot(of, np.full(len(of), row), "o", color=f"C{row}", alpha=0.6)
    axis.plot(of.mean(), row, "|", color=f"C{row}", markersize=24)
axis.set_yticks(range(len(errors)), list(errors))
axis.set(xlabel="errors on the test images, %; a dot is a seed")
axis.invert_yaxis()
figure.savefig(OUTPUT / "errors.png", dpi=150)

assert SMOKE or errors["mean teacher"].mean() < errors["alone"].mean()
