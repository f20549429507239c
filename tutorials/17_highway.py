"""
Title: Thin nets with shared gates, for speech
Authors: keras_kd developers
Date created: 2026/11/25
Last modified: 2026/11/25
Description: Highway nets hear digits, learn from a large net, meet new voices.
"""

"""
## In plain words

A recogniser for a phone must be small, so its layers are *thin*. Thin nets need
many layers, and those are hard to train. A *highway* layer lets a part of its
input pass unchanged: one *gate* says how much of that, another how much of what
is new. [Lu, Guo and Renals, 2017](https://arxiv.org/abs/1610.05812) use the
same two in all layers: two more matrices, however deep the net is. Then,

* **a large net teaches the thin one:** for each short piece of speech, a
  *frame*, it learns the large one's probabilities, not the label;
* **the net is adapted to a new speaker:** it labels unlabelled speech by itself
  and is trained on. If only the gates may change, there is less to spoil;
* **it learns whole recordings:** who is right about frames may be wrong about
  what was said. So in the end it is trained on that, and on its teacher too.

## Setup
"""

import os
import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers

import keras_kd

SMOKE = "KERAS_KD_SMOKE" in os.environ
OUTPUT = pathlib.Path("highway")
FRAMES, CONTEXT = 16, 7
WIDTHS, MIDDLE, DEPTH = ((8,), 8, 2) if SMOKE else ((128, 64, 32), 64, 10)
TEACHER = "large, labels", 64 if SMOKE else 512, 1_000, 0.001
PASSES, FINE_PASSES, BATCH_SIZE = 1 if SMOKE else 30, 1 if SMOKE else 5, 20
RATES = (0.01,) if SMOKE else (0.002, 0.004, 0.008)
FINE_RATES = (0.001,) if SMOKE else (0.0003, 0.001, 0.003, 0.01)
SEEDS, TUNING_SEED = (range(2), 0) if SMOKE else (range(3), 100)
SETTINGS = {k: str(v) for k, v in globals().items() if k.isupper()}

"""
## Data

Five people say the ten digits, fifty times each: `spoken_digit` of
tensorflow-datasets. The sound becomes 40 *mel bands*, the loudness at 40
pitches, in windows of 25 ms, one every 10 ms. From each recording we take 16
frames, evenly spaced: a window and seven on either side. The label of a frame
is the digit of its recording. Of each speaker and digit, recordings 30 to 49
are for training, 20 to 29 for validation, 0 to 19 for tests. Where the set is
not to be had, rows of scikit-learn's small digits stand in, with other figures.
"""


def speech():
    mel = layers.MelSpectrogram(256, 80, 200, "hann", 8000, 40, 60, 4000)
    for row in tfds.load("spoken_digit", split="train").as_numpy_iterator():
        digit, speaker, take = row["audio/filename"].decode()[:-4].split("_")
        bands = np.array(mel(row["audio"][None].astype("float32") / 2**15)[0])
        places = np.linspace(0, bands.shape[1] - 1, FRAMES).round().astype(int)
        bands = (bands - bands.mean()) / bands.std()
        bands = np.pad(bands, ((0, 0), (CONTEXT, CONTEXT)), "edge")
        frames = [bands[:, p : p + 2 * CONTEXT + 1].ravel() for p in places]
        yield frames, int(digit), speaker, int(take)


data = keras_kd.datasets.load("digits")
number = np.arange(len(data.train_images))
columns = data.train_images, data.train_labels, number % 5, number // 5 % 50
try:
    import tensorflow_datasets as tfds

    columns = columns if SMOKE else zip(*speech(), strict=True)
except Exception as error:
    print(f"Going on with the embedded digits. {error}")
x, digit, speaker, take = map(np.array, columns)
x = x.reshape(len(x), x.shape[1], -1)
train, test, validation = take >= 30, take < 20, (take >= 20) & (take < 30)
experiment = keras_kd.report.Experiment(OUTPUT, SETTINGS | {"data": x.shape})

"""
## The nets

The teacher is *large*: three wide layers of rectifiers (ReLU), with dropout.
Thin nets have ten layers; plain ones of sigmoids, as in the paper, or of ReLUs.
"""


def build(kind, width):
    shape = x.shape[1:]
    if kind == "highway":
        return keras_kd.models.highway(shape, 10, hidden=width, depth=DEPTH)
    depth, dropout = (3, 0.5) if kind == "large" else (DEPTH, 0.0)
    net = keras.Sequential([keras.Input(shape)])
    for _ in range(depth):
        net.add(layers.Dense(width, "sigmoid" if kind == "plain" else "relu"))
        net.add(layers.Dropout(dropout))
    net.add(layers.Dense(10))
    return net


"""
A recording is taken for the digit with the highest mean log-probability of its
frames, and so of logits. Errors are percentages of recordings and of frames.
"""


def errors(net, part):
    logits = np.array(net(x[part]))
    guesses = logits.mean(axis=1).argmax(-1), logits.argmax(-1).T
    return [100 * float(np.mean(each != digit[part])) for each in guesses]


"""
## What to learn from

From *labels*; from the *teacher*, with temperature 1 and no label, as in the
paper; or by a *sequence criterion*. The paper's is sMBR, the expected number of
wrong sounds in what may have been said. One digit is no sequence of words, so
ours is an *analogue*, the expected error of the recording: its frames' log-
probabilities, added up and halved, are logits, and wrong digits shall get less.
"""


def expected_error(labels, logits):
    p = keras.ops.softmax(keras.ops.sum(logits, axis=1) / 2)
    labels = keras.ops.one_hot(keras.ops.cast(labels[:, 0], "int32"), 10)
    return 1 - keras.ops.sum(p * labels, axis=-1)


"""
Each lesson is a loss of labels, and a weight of the teacher: the paper's 0.2.
"""

supervised = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
LESSONS = {"labels": (supervised, 0), "teacher": (None, 1)}
LESSONS |= {"criterion": (expected_error, 0), "both": (expected_error, 0.2)}


def fit(net, part, labels, lesson, rate, passes, absent, seed):
    model, (loss, weight) = net, LESSONS[lesson]
    if weight:
        pair = {"teacher": trained(*TEACHER, absent), "student": net}
        soft = keras_kd.losses.SoftTargets(1, loss_weight=weight)
        model = keras_kd.Distiller(**pair, distillation_losses=soft)
    keras.utils.set_random_seed(seed)
    updates = passes * part.sum() // BATCH_SIZE
    rate = keras.optimizers.schedules.CosineDecay(rate, updates)
    model.compile(keras.optimizers.Adam(rate), loss, steps_per_execution=5)
    labels = np.repeat(labels[part, None], x.shape[1], axis=1)
    model.fit(x[part], labels, BATCH_SIZE, passes, verbose=0)
    return net


"""
An `absent` speaker is one whom neither teacher nor student have heard.
"""


def trained(arm, width, seed, rate, absent=None):
    (kind, lesson), part = arm.split(", "), train & (speaker != absent)
    keras.utils.set_random_seed(seed)
    task = build(kind, width), part, digit, lesson, rate, PASSES, absent, seed
    name = f"{arm}, {width}, {seed}, {rate}, without {absent}"
    return experiment.model(name, lambda: fit(*task))


"""
## Small nets

All make the same number of updates. `show` compares errors with a control's.
"""


def show(name, wrong, control):
    print(name, wrong.mean(0).round(1), "+-", wrong.std(0, ddof=1).round(1))
    for unit in range(2):
        more = keras_kd.report.compare(control[:, unit], wrong[:, unit])
        print(f"   {more.mean:+.1f} [{more.low:+.1f}, {more.high:+.1f}]")


"""
The rate of each arm is chosen on validation frames, with the middle width and
another seed. Gates are counted once, though nine layers use them.
"""

ARMS = ["highway, labels", "highway, teacher", "ReLU, labels", "plain, labels"]
scores, sizes, rates = {}, {}, {}
for arm in ARMS:
    tuned = [trained(arm, MIDDLE, TUNING_SEED, rate) for rate in RATES]
    rates[arm] = RATES[np.argmin([errors(n, validation)[1] for n in tuned])]
    for width in WIDTHS:
        nets = [trained(arm, width, seed, rates[arm]) for seed in SEEDS]
        scores[arm, width] = np.array([errors(net, test) for net in nets])
        sizes[arm, width] = nets[0].count_params()
        name = f"{arm}, {sizes[arm, width]:,}, rate {rates[arm]}:"
        show(name, scores[arm, width], scores[ARMS[0], width])
assert all(sizes[ARMS[0], w] - sizes[ARMS[2], w] == 2 * w**2 for w in WIDTHS)

"""
## The thinnest taught net goes on

Five more passes, in one of two ways. *With a new speaker:* each of the five is
left out once, and the others teach a teacher and a student. The new speaker's
recordings 20 to 49 are labelled by what the student understood, or by the
teacher's probabilities. The rate for a speaker is what was best for the other
four. *With whole recordings* of all speakers: the sequence criterion.
"""


def go_on(arm, rate, seed, absent=None):
    net = trained(ARMS[1], WIDTHS[-1], seed, rates[ARMS[1]], absent)
    old, part, own, labels = net.get_weights(), train, take >= 0, digit
    if absent is not None:
        own, labels = speaker == absent, np.array(net(x))
        part, labels = own & ~test, labels.mean(axis=1).argmax(-1)
    wrong = [errors(net, own & test)]
    lesson, weights = arm.split(", ")
    for layer in net.layers:
        is_gate = layer.name in ("transform", "carry")
        layer.trainable = is_gate or weights == "all"
    task = net, part, labels, lesson, rate, FINE_PASSES, absent, seed
    net = experiment.model(f"{arm, rate, seed, absent}", lambda: fit(*task))
    same = sum(map(np.array_equal, old, net.get_weights()))
    assert same == (len(old) - 2 if weights == "gates" else 0)
    return [*wrong, errors(net, own & test), errors(net, own & validation)]


voices = np.unique(speaker).tolist()[: 2 if SMOKE else 5]
places, adapted = range(len(voices)), {}
for arm in ("labels, gates", "labels, all", "teacher, gates", "teacher, all"):
    runs = np.array([[go_on(arm, r, 0, v) for v in voices] for r in FINE_RATES])
    others = [np.delete(runs[:, :, 1, 0], i, 1).mean(1) for i in places]
    wrong = runs[np.argmin(others, axis=1), places]
    adapted |= {"before": wrong[:, 0], arm: wrong[:, 1]}
    show(arm, wrong[:, 1], wrong[:, 0])
for arm in ("teacher, all", "criterion, all", "both, all"):
    tuned = [go_on(arm, rate, TUNING_SEED)[2] for rate in FINE_RATES]
    rate = min(zip(tuned, FINE_RATES, strict=True))[1]
    wrong = np.array([go_on(arm, rate, seed) for seed in SEEDS])
    show(f"{arm}, rate {rate}:", wrong[:, 1], wrong[:, 0])

"""
## Result

The picture is written to `highway/highway.png`: on the left, frames against the
size of the net, without plain sigmoids; on the right, each new speaker.
"""

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for arm in ARMS[:3]:
    good = 100 - np.array([scores[arm, width][:, 1] for width in WIDTHS])
    at, spread = [sizes[arm, width] for width in WIDTHS], good.std(1, ddof=1)
    left.errorbar(at, good.mean(1), spread, fmt="o-", label=arm)
print("The teacher:", wrong := errors(trained(*TEACHER), test))
left.axhline(100 - wrong[1], color="0.4", ls=":", label="teacher")
left.set(xlabel="numbers in the net", ylabel="frames right, %")
left.legend()
good = 100 - np.array([wrong[:, 0] for wrong in adapted.values()])
right.plot([arm.replace(", ", "\n") for arm in adapted], good, "o-")
right.set(ylabel="recordings of new speakers right, %", ylim=(0, 101))
right.legend(voices, loc="lower center", ncols=3)
fig.savefig(OUTPUT / "highway.png", dpi=150)

"""
Errors in percent, for three widths: `paper` has words of meetings, `ours`
recordings, then `frames`. Means of three seeds, or of five new speakers.

| | `paper` | `ours` | frames |
|---|---|---|---|
| highway, labels | 27.2 / 28.6 / 32.0 | 2.1 / 2.3 / 3.0 | 15.5 / 17.8 / 23.5 |
| highway, teacher | - / - / 31.3 | 1.7 / 2.3 / 2.8 | 14.9 / 17.2 / 22.4 |
| plain, sigmoids | 28.0 / 30.4 / 34.1 | 83 / 67 / 65 | 87 / 78 / 79 |
| plain, ReLUs | - | 0.8 / 1.1 / 2.6 | 11.5 / 13.8 / 19.5 |
| the large net | 26.8 | 0.7 | 9.6 |
| the thinnest, more of the teacher | - | 2.7 | 21.5 |
| by the criterion alone | - | 5.0 | 31.2 |
| by the criterion and the teacher | 28.4 | 2.9 | 22.3 |
| new speaker, before | 28.4 | 32.4 | 53.2 |
| own labels: gates / all weights | 27.1 / 27.7 | 36.9 / 34.0 | 53.3 / 46.4 |
| teacher: gates / all weights | 27.8 / 27.5 | 23.7 / 23.1 | 47.4 / 43.9 |

**Gates** let ten layers of sigmoids learn here; ReLUs err less, by 4.0 points
of frames. **The teacher** gains about 1, within the spread; of **new voices'**
frames 5.8 (4.1 to 7.5) by gates, 9.2 (5.4 to 13.1) by all. Own labels give
nothing sure. **The criterion** gains nothing, and alone it spoils frames.

* **Command:** `python tutorials/17_highway.py`
* **Cost:** 23 minutes of one CPU core (AMD EPYC); small run: under a minute.
* **Scale:** nets of a twentieth of the size, 16,000 frames and not 28 million.
* **What differs:** the paper has 3927 sounds, and adapts after the criterion.
  Here a speaker has one run; intervals of new recordings contain 0.
"""
