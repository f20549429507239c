"""
Title: A detector taught where its teacher is sure
Authors: keras_kd developers
Date created: 2026/11/30
Last modified: 2026/11/30
Description: Digits on canvases: soft scores, boxes and features of a teacher.
"""

"""
## In plain words

A detector says what is where: at each place of a grid, the scores of the
classes and a box. Most places are empty. The teacher's box there means nothing,
and its scores say little; yet they are most of what it says. Two losses let a
place count by how sure the teacher is that something is there:

* `losses.BoxSoftTargets` compares scores by their divergence, as [Wang et al.,
  2024](https://arxiv.org/abs/2306.11369), and boxes by how far they are from
  covering each other (GIoU, [Rezatofighi et al., 2019](
  https://arxiv.org/abs/1902.09630)). Only the labels teach the empty places.
* `losses.ScoreWeightedHint` compares features, before the scores and boxes.

The student has few canvases. Its teacher is four times as wide, and has seen
ten times as many. Both losses are used with their defaults.

## Setup
"""

import functools
import itertools
import os
import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers
from keras import ops

import keras_kd

# The small run that the tests make: other data, seconds instead of minutes.
SMOKE = "KERAS_KD_SMOKE" in os.environ
OUTPUT = pathlib.Path("detector")
SIDE, CELLS, SIZES, NOISE = 32, 8, (10, 12, 14), 0.1
MANY, FEW, TESTED = (64, 32, 20) if SMOKE else (4_000, 400, 1_000)
EPOCHS, TEACHER_EPOCHS = (2, 2) if SMOKE else (200, 25)
WIDTH, TEACHER_WIDTH = (2, 4) if SMOKE else (8, 32)
RATE, BATCH, SEEDS = 0.003, 32, range(2 if SMOKE else 3)
SETTINGS = {k: str(v) for k, v in globals().items() if k.isupper()}

"""
## Canvases

Up to three digits of MNIST without its margins, of three sizes, under noise: of
three, those are left out that would cover another. Where MNIST is not to be
had, the small digits of scikit-learn stand in, with other figures.
"""

try:
    options = {} if SMOKE else {"limit": 14_000}
    data = keras_kd.datasets.load("digits" if SMOKE else "mnist", **options)
except ValueError as error:
    print(f"Going on with the embedded digits. {error}")
    data = keras_kd.datasets.load("digits")

"""
The label of a digit stands at the cell of its centre, and its box is around its
ink: the upper and the lower corner, in parts of the canvas.
"""


def canvases(digits, numbers, count, seed):
    digits = digits[:, 4:-4, 4:-4] if digits.shape[1] == 28 else digits
    random = np.random.default_rng(seed)
    x, cells = np.zeros((count, SIDE, SIDE, 1)), (count, CELLS, CELLS)
    y = {"scores": np.zeros((*cells, 10)), "boxes": np.zeros((*cells, 4))}
    for n in np.repeat(np.arange(count), 3):
        which, size = random.integers(len(digits)), random.choice(SIZES)
        corner = random.integers(0, SIDE - size + 1, 2)
        place = (n, *(slice(start, start + size) for start in corner))
        if not x[place].any():
            x[place] = ops.image.resize(digits[which], (size, size))
            ink = np.argwhere(x[place][..., 0] > 0.2) + corner
            low, high = ink.min(axis=0), ink.max(axis=0) + 1
            cell = (n, *((low + high) // 2 * CELLS // SIDE))
            y["scores"][*cell, numbers[which]] = 1
            y["boxes"][cell] = np.concatenate([low, high]) / SIDE
    return x + random.normal(0, NOISE, x.shape), y


"""
Digits of the test canvases are in no other.
"""

many = canvases(data.train_images, data.train_labels, MANY, 0)
few = canvases(data.train_images, data.train_labels, FEW, 1)
test_x, test_y = canvases(data.test_images, data.test_labels, TESTED, 2)

"""
## Detectors

Four convolutions, and two outputs at each of 8x8 cells. The boxes are decoded:
they are corners on the canvas, and not offsets from the cell.
"""


def detector(width):
    image = x = keras.Input((SIDE, SIDE, 1))
    for times, strides in ((1, 2), (2, 2), (2, 1), (4, 1)):
        x = layers.Conv2D(times * width, 3, strides, "same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Identity(name="features")(x)
    scores = layers.Conv2D(10, 1, name="scores")(x)
    centres = np.indices((CELLS, CELLS)).transpose(1, 2, 0) + 0.5
    boxes = layers.Conv2D(4, 1)(x) + np.tile(centres / CELLS, 2)
    return keras.Model(image, {"scores": scores, "boxes": boxes})


"""
Scores have an error at every cell, and boxes where the labels have one.
"""


def box_error(boxes, found):
    error = ops.mean(ops.abs(boxes - found), axis=-1)
    return ops.sum(ops.where(boxes[..., 2] > 0, error, 0), axis=(1, 2))


"""
## The arms

For each seed, all students begin with the same weights, and have the same
canvases, labels and number of updates; they differ in what is added. The errors
of the scores are summed over the cells, as those of the boxes.
"""

OUTPUTS = ("scores", "boxes")
TAPS = {"teacher_tap": OUTPUTS, "student_tap": OUTPUTS, "box_format": "yxyx"}
ARMS = {
    "labels alone": lambda: [],
    "soft targets": lambda: [keras_kd.losses.BoxSoftTargets(**TAPS)],
    "soft targets, features": lambda: [
        keras_kd.losses.BoxSoftTargets(**TAPS),
        keras_kd.losses.ScoreWeightedHint(
            teacher_tap=("features", "scores"), student_tap="features"
        ),
    ],
}


def learn(seed, width, examples, epochs, terms=()):
    keras.utils.set_random_seed(seed)
    trained = net = detector(width)
    if terms:
        trained = keras_kd.Distiller(
            teacher=teacher, student=net, distillation_losses=terms
        )
    steps = epochs * -(-len(examples[0]) // BATCH)
    schedule = keras.optimizers.schedules.CosineDecay(RATE, steps)
    score_error = keras.losses.BinaryCrossentropy(from_logits=True)
    trained.compile(
        keras.optimizers.Adam(schedule),
        {"scores": score_error, "boxes": box_error},
        loss_weights={"scores": CELLS**2, "boxes": 1},
    )
    trained.fit(*examples, batch_size=BATCH, epochs=epochs, verbose=0)
    return net


"""
## How good a detector is

At each cell, a find is the class that scores highest, with its box. It is right
if a digit of that class is there, the two boxes share more than half of what
they cover together, and no surer find has that digit.
"""


def finds(model, of_class=True):
    """Scores, boxes, and what is right, the surest find first."""
    found = model.predict(test_x, verbose=0)
    found = [found[name].reshape(TESTED, CELLS**2, -1) for name in OUTPUTS]
    order = np.argsort(-found[0].max(axis=-1))[..., None]
    scores, boxes = (np.take_along_axis(of, order, axis=1) for of in found)
    right = np.zeros(order.shape[:2], bool)
    for n, *cell, number in np.argwhere(test_y["scores"]):
        box, found = test_y["boxes"][n, *cell], boxes[n]
        low, high = np.minimum(found, box), np.maximum(found, box)
        shared = np.prod((low[:, 2:] - high[:, :2]).clip(0), axis=-1)
        sizes = [(of[..., 2:] - of[..., :2]).clip(0) for of in (found, box)]
        joint = sum(np.prod(size, axis=-1) for size in sizes) - shared
        hits = shared > joint / 2
        hits &= (scores[n].argmax(-1) == number) | (not of_class)
        right[n, hits.argmax()] |= hits.any()
    return scores, boxes, right


"""
The finds of a canvas, in the order of their scores, have an *average
precision*: for each digit, what part of the finds up to its own are right, or 0
if it is never found. A detector counts by the mean over the test canvases: once
so, and once with `of_class=False`, where a box of any class is right. (The mean
over classes, of all canvases in one order, has no interval over canvases.)
"""


def measure(model, of_class):
    right = finds(model, of_class)[-1]
    precision = right.cumsum(axis=1) / np.arange(1, 1 + CELLS**2)
    return (precision * right).sum(1) / test_y["scores"].sum((1, 2, 3))


"""
## Result

Models are kept: a script that was stopped goes on.
"""

settings = SETTINGS | {"data": data.name}
kept = keras_kd.report.Experiment(OUTPUT / "results", settings)
kept.num_runs = 1 + len(ARMS) * len(SEEDS)
make = functools.partial(learn, 100, TEACHER_WIDTH, many, TEACHER_EPOCHS)
teacher = kept.model("teacher", make)
models = {arm: [] for arm in ARMS}
for arm, seed in itertools.product(ARMS, SEEDS):
    make = functools.partial(learn, seed, WIDTH, few, EPOCHS, ARMS[arm]())
    models[arm].append(kept.model(f"{arm}, seed {seed}", make))

"""
Mean and standard deviation of the seeds, then differences: 95 % intervals over
seeds and canvases, corrected for the three comparisons of a measure.
"""

pairs = [*itertools.combinations(ARMS, 2)]
for of_class in (True, False):
    found, reached = {}, measure(teacher, of_class).mean()
    print(f"{of_class=}\n| teacher | {reached:.1%} |")
    for arm, nets in models.items():
        found[arm] = np.stack([measure(net, of_class) for net in nets])
        each = found[arm].mean(axis=1)
        print(f"| {arm} | {each.mean():.1%} +- {each.std(ddof=1):.1%} |")
    gains = keras_kd.report.compare_arms(found, pairs)
    for (control, arm), gain in zip(pairs, gains, strict=True):
        ends = f"({gain.low:+.1%} to {gain.high:+.1%}), side {gain.side}"
        print(f"{arm} over {control}: {gain.mean:+.1%} {ends}")
    assert SMOKE or reached > np.mean([*found.values()])

"""
`detector/finds.png` shows the finds with a score above 1/2 on the first five
test canvases, by students of the first seed; right ones are green, others red.
"""

shown = {"teacher": teacher} | {arm: nets[0] for arm, nets in models.items()}
figure, axes = plt.subplots(4, 5, figsize=(9, 7.5), layout="constrained")
for row, (name, model) in zip(axes, shown.items(), strict=True):
    row[0].set_ylabel(name)
    for axis, canvas, *of in zip(row, test_x, *finds(model), strict=False):
        axis.imshow(canvas, cmap="gray")
        axis.set(xticks=[], yticks=[])
        for score, box, is_right in zip(*of, strict=True):
            y, x, height, width = SIDE * np.append(box[:2], box[2:] - box[:2])
            color = {"color": "lime" if is_right else "red"}
            if score.max() > 0:
                box = plt.Rectangle((x, y), width, height, fill=False, **color)
                axis.add_patch(box)
                axis.text(x, y, score.argmax(), **color)
figure.savefig(OUTPUT / "finds.png", dpi=150)

"""
Average precision in percent, and mean and standard deviation of three seeds;
the teacher is one. It has 132,270 parameters, and the student 8,886:

| | class and box | box of any class |
|---|---|---|
| teacher | 92.8 | 98.1 |
| labels alone | 49.8 ± 1.0 | 84.0 ± 2.4 |
| soft targets | 47.9 ± 6.1 | 93.3 ± 0.3 |
| soft targets, features | 62.2 ± 0.7 | 91.9 ± 0.7 |

**Soft targets teach where the digits are; which they are shows no gain.** Of
boxes alone it is 9.2 points over the labels (95 % interval 0.9 to 16.0). With
the classes the change is -1.9 (-21.2 to 17.4): one seed differs much from
another.

**With features, no gain is sure with three seeds:** 12.4 points over the labels
(-2.3 to 27.1), and 14.3 over the soft targets (-3.4 to 32.1).

In the picture, the students miss most digits: few of their scores are above
1/2. The teacher finds two zeros twice, from neighbouring cells; boxes that
overlap are not suppressed here.

* **Command:** `python tutorials/27_detector.py`
* **Cost:** 7 minutes of one CPU core (Intel Xeon). With `KERAS_KD_SMOKE=1`,
  half a minute.
* **How it was set up:** noise, layers, the weight of the boxes' errors and the
  updates were chosen in trials of the teacher and of a student alone, on other
  canvases; distillation was not tried before, nor was another `box_weight`. The
  measure of boxes alone was added when the first was known.
"""
