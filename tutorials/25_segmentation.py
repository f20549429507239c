"""
Title: Segmentation, by a student of half the resolution
Authors: keras_kd developers
Date created: 2026/11/30
Last modified: 2026/11/30
Description: Which digit is at each pixel, answered for every second one.
"""

"""
## In plain words

A segmentation names a class for each pixel. What costs is the resolution: every
layer that works on all pixels costs four times one that works on every second
of each row and column. So let the student answer at half the resolution, and
enlarge its answer.

What can a teacher of full resolution say to it? Answers of two sizes cannot be
compared number by number. Either the teacher's is made smaller, and the student
learns it as it is; or the student's is enlarged first, and it learns from each
of the teacher's pixels how its own answers should blend. A loss is told which
by its argument `resize`.

## Setup
"""

import os
import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers
from keras.losses import SparseCategoricalCrossentropy

import keras_kd
from keras_kd.losses import SoftTargets
from keras_kd.teachers import cache_teacher

# The small run that the tests make: other data, seconds instead of minutes.
SMOKE = "KERAS_KD_SMOKE" in os.environ
OUTPUT = pathlib.Path("segmentation")
SIZE, VOID, CLASSES = 32, 255, 11  # The digits, and nothing.
# Of the teacher, the students and the test.
CANVASES = (32, 32, 16) if SMOKE else (4_000, 1_000, 1_000)
EPOCHS, BATCH, RATE = (1, 1) if SMOKE else (6, 18), 32, 0.003
TEMPERATURE = 1.0
SEEDS = range(1 if SMOKE else 5)
SETTINGS = {k: str(v) for k, v in globals().items() if k.isupper()}

"""
## Data

Canvases with MNIST digits of 14x14 pixels, one in each quarter or none, at a
random place of it. The label of a pixel is the digit that is inked there, and
10 where there is none. Faint pixels at the edge of a stroke are nobody's: void,
which counts nowhere. Where MNIST is not to be had, the small digits of
scikit-learn stand in, with other figures.
"""

try:
    name, size = ("digits", None) if SMOKE else ("mnist", (14, 14))
    data = keras_kd.datasets.load(name, image_size=size)
except ValueError as error:
    print(f"Going on with the embedded digits. {error}")
    data = keras_kd.datasets.load("digits")
SETTINGS["data"] = data.name
experiment = keras_kd.report.Experiment(OUTPUT / "results", SETTINGS)


def canvases(digits, classes, count, seed):
    random = np.random.default_rng(seed)
    images = np.zeros((count, SIZE, SIZE, 1), "float32")
    labels = np.zeros((count, SIZE, SIZE), int)
    side, quarter = digits.shape[1], SIZE // 2
    for canvas, *corner in np.argwhere(random.random((count, 2, 2)) > 0.3):
        chosen = random.integers(len(digits))
        shift = random.integers(quarter - side + 1, size=2)
        top, left = quarter * np.array(corner) + shift
        place = np.s_[canvas, top : top + side, left : left + side]
        images[place], labels[place] = digits[chosen], classes[chosen]
    ink = images[..., 0]
    return images, np.where(ink > 0.4, labels, np.where(ink > 0.1, VOID, 10))


"""
The teacher has 4,000 canvases, and the students 1,000 others:
"""

train = data.train_images, data.train_labels
teacher_x, teacher_y = canvases(*train, CANVASES[0], 0)
x, y = canvases(*train, CANVASES[1], 1)
test_x, test_y = canvases(data.test_images, data.test_labels, CANVASES[2], 2)

"""
## Two networks

Both see the same canvas. The teacher looks at it in three resolutions, and
answers in the finest.
"""


def block(width, stride=1):
    first = layers.Conv2D(width, 3, stride, padding="same", use_bias=False)
    norm = layers.BatchNormalization(momentum=0.9)
    return keras.Sequential([first, norm, layers.Activation("relu")])


def teacher_net():
    inputs = keras.Input((SIZE, SIZE, 1))
    fine = block(16)(inputs)
    half = block(32)(block(32, 2)(fine))
    coarse = block(64)(block(64, 2)(half))
    half = layers.Concatenate()([layers.UpSampling2D()(coarse), half])
    half = block(32)(half)
    fine = layers.Concatenate()([layers.UpSampling2D()(half), fine])
    return keras.Model(inputs, layers.Conv2D(CLASSES, 1)(block(16)(fine)))


"""
The student's first layer goes to every second pixel of each row and column; it
looks once more from further away, and answers there. For the score, and where
it learns from all pixels, its answer is enlarged.
"""


def student_net():
    inputs = keras.Input((SIZE, SIZE, 1))
    half = block(16, 2)(inputs)
    coarse = block(32)(block(32)(block(32, 2)(half)))
    half = layers.Concatenate()([layers.UpSampling2D()(coarse), half])
    return keras.Model(inputs, layers.Conv2D(CLASSES, 1)(block(16)(half)))


def enlarged(student):
    larger = layers.UpSampling2D(interpolation="bilinear")
    return keras.Sequential([student.inputs[0], student, larger])


"""
Void pixels are left out of the loss. All trainings are alike:
"""

slices = tf.data.Dataset.from_tensor_slices
per_pixel = SparseCategoricalCrossentropy(from_logits=True, ignore_class=VOID)


def fit(model, pairs, epochs, seed=0):
    batches = pairs.shuffle(max(CANVASES), seed=seed).batch(BATCH)
    updates = epochs * len(batches)
    schedule = keras.optimizers.schedules.CosineDecay(RATE, updates)
    model.compile(keras.optimizers.Adam(schedule), per_pixel)
    model.fit(batches, epochs=epochs, shuffle=False, verbose=0)


"""
## The score

Of each class on a canvas, or in the answer for it, the pixels that are right
divided by all that are one or the other; the mean over these classes is the
score of a canvas. `keras.metrics.MeanIoU` is one number for all canvases.
"""


def scores(model):
    found, answers = [], model.predict(test_x, verbose=0).argmax(-1)
    for answer, label in zip(answers, test_y, strict=True):
        answer, label = answer[label != VOID], label[label != VOID]
        right, classes = answer == label, np.union1d(answer, label)
        of = [right[(answer == c) | (label == c)].mean() for c in classes]
        found.append(float(np.mean(of)))
    return found


"""
## Five ways to train one student

The teacher is asked once, before.
"""


def learnt_teacher():
    keras.utils.set_random_seed(0)
    net = teacher_net()
    fit(net, slices((teacher_x, teacher_y)), EPOCHS[0])
    return net


teacher = experiment.model("teacher", learnt_teacher)
cached = cache_teacher(teacher, x, OUTPUT / "cache", verbose=0)

"""
All students begin with the same weights, see the same canvases in the same
order, and make as many updates. They differ in their *labels*, those of every
second pixel or, for the enlarged answer, of all; and in the side that is
*resized* where the teacher is heard too. In the last, the student's answer is
enlarged for the labels already, and stays as it is. Labels cannot be blended,
so half the resolution has those of single pixels.
"""

some = y[:, ::2, ::2]
ARMS = {
    "some labels": (some, None),
    "some labels, teacher reduced": (some, "teacher"),
    "some labels, student enlarged": (some, "student"),
    "all labels": (y, None),
    "all labels and teacher": (y, "student"),
}


def learn(labels, resize, seed):
    keras.utils.set_random_seed(seed)
    student = student_net()
    model = enlarged(student) if labels is y else student
    pairs = slices((x, labels))
    if resize:
        soft = SoftTargets(TEMPERATURE, resize=resize)
        model = keras_kd.Distiller(
            teacher=cached, student=model, distillation_losses=soft
        )
        pairs = cached.attach((x, labels))
    fit(model, pairs, EPOCHS[1], seed)
    return scores(enlarged(student))


"""
## Result

A row for each arm: the score in percent, mean and standard deviation of the
seeds; and of five pairs of arms the difference, with an interval of 95 % that
counts the luck of seeds and canvases. `segmentation/canvases.png` shows four
test canvases, their labels, in which void is white, and the teacher's answers.
"""

runs = {
    arm: experiment.result(arm, lambda of=of: [learn(*of, s) for s in SEEDS])
    for arm, of in ARMS.items()
}
print(f"| teacher | {100 * np.mean(scores(teacher)):.2f} |")
for arm, of in runs.items():
    of = 100 * np.mean(of, axis=1)
    print(f"| {arm} | {of.mean():.2f} +- {of.std(ddof=len(SEEDS) > 1):.2f} |")
for a, b in ((1, 0), (2, 0), (2, 1), (3, 0), (4, 3)):
    a, b = list(runs)[a], list(runs)[b]
    gain = keras_kd.report.compare(runs[b], runs[a], comparisons=5)
    print(f"{a} - {b}: {gain.mean:.3f} ({gain.low:.3f} to {gain.high:.3f})")

answers = teacher.predict(test_x[:4], verbose=0).argmax(-1)
shown = [*test_x[:4].repeat(3, -1)]  # Grey, as red, green and blue.
shown += [*np.ma.masked_equal(test_y[:4], VOID), *answers]
figure, axes = plt.subplots(3, 4, figsize=(7, 5.4), layout="constrained")
for axis, image in zip(axes.flat, shown, strict=True):
    axis.imshow(image, "tab20", vmin=0, vmax=10)
    axis.axis("off")
figure.savefig(OUTPUT / "canvases.png", dpi=150)

assert SMOKE or np.mean(scores(teacher)) > np.mean(list(runs.values()))

"""
The score on 1,000 test canvases in percent, mean and standard deviation of five
seeds; the teacher is one:

| | score, % |
|---|---|
| teacher | 93.3 |
| some labels | 54.4 ± 2.8 |
| some labels, teacher reduced | 60.5 ± 1.8 |
| some labels, student enlarged | 64.9 ± 1.2 |
| all labels | 71.5 ± 1.4 |
| all labels and teacher | 72.0 ± 0.7 |

**Over the labels of every second pixel the teacher is a gain,** of 6.1 points
if its answer is reduced (95 % interval 3.7 to 8.5, corrected for all five
comparisons, as are those below), and of 10.5 (6.9 to 14.2) if the student's is
enlarged.

**To enlarge the student is better than to reduce the teacher,** by 4.4 points
(2.8 to 6.0), and costs nearly twice the time.

**Over the labels of all pixels it shows no gain:** 0.5 points (-1.9 to 2.9).
These labels alone are 17.1 points (12.4 to 21.7) better than some of them, and
need no teacher. So where all pixels have labels, enlarge the student's answer
and learn from them first; `resize` serves where labels have the student's
resolution. All this is after 576 updates; a longer training may end otherwise.

Two causes may be in these figures, which do not tell them apart: more pixels
have a say, and each at its place. A label of every second pixel is half a pixel
away from the middle of what the student's answer covers.

* **Command:** `python tutorials/25_segmentation.py`
* **Cost:** 8 minutes of one CPU core (Intel Xeon). With `KERAS_KD_SMOKE=1`, on
  other data, half a minute.
* **How it was set up:** a first run, with other canvases, a student of a fifth
  of the weights, 40 epochs, a temperature of 2 and three seeds, had 40 % with
  some labels, 38 with the teacher reduced, 32 with the student enlarged and 46
  with all. The wider student and the temperature were chosen by one seed, on
  500 canvases of training digits: after 30 epochs 63 % with some labels and 80
  with all; with the teacher 70 and 72, or 70 and 75 at a temperature of 1. The
  last arm was added, and epochs given up for two more seeds, before the run.
"""
