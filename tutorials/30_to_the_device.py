"""
Title: From the student to the device
Authors: keras_kd developers
Date created: 2026/11/30
Last modified: 2026/11/30
Description: Accuracy, bytes and time of a student in float32, float16 and int8.
"""

"""
## In plain words

A student can be made smaller once more without training: a weight takes four
bytes, and two or one may do. `keras_kd.export` writes it for other runtimes in
**float16**, weights of two bytes; **int8 dynamic**, weights of one byte; and
**int8** throughout, with activations of one byte too, whose ranges are measured
before. How many answers change, and is it more than distillation gained?

Who finds a loss may train on with the rounding in the network. But training on
may help by itself. So here is the *control* that each such method has to beat:
the same student after *further epochs* in float32, and then int8.

## Setup
"""

import itertools
import os
import pathlib
import timeit

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers

import keras_kd

# The small run that the tests make: other data, seconds instead of minutes.
SMOKE = "KERAS_KD_SMOKE" in os.environ
OUTPUT = pathlib.Path("to_the_device")
# Size of the images, the part of them that students see, the teacher's epochs.
SETS = {"mnist": (None, 1 / 30, 2), "cifar10": ((16, 16), 0.1, 5)}
SETS = {"digits": (None, 0.2, 1)} if SMOKE else SETS
TEACHER, STUDENT = ((32, 64, 128), 256, 0.5), ((16, 32), 32)
EPOCHS, BATCH, RATE = 1 if SMOKE else 20, 64, 0.001
TEMPERATURE, LABELS_WEIGHT = 4.0, 0.1  # The loss of the labels counts little.
PRECISIONS = ("float32", "float16", "int8_dynamic", "int8")
ARMS, SEEDS = ("alone", "distilled", "further"), range(1 if SMOKE else 3)

"""
## Data

MNIST, and CIFAR-10 reduced to 16x16 pixels, from tensorflow-datasets. Students
see 2,000 and 5,000 training images, and the teacher all others.
"""

load = keras_kd.datasets.load
sets = {name: load(name, image_size=SETS[name][0]) for name in SETS}
SETTINGS = {k: str(v) for k, v in globals().items() if k.isupper()}
experiment = keras_kd.report.Experiment(OUTPUT / "results", SETTINGS)
splits = {n: of.validation_split(SETS[n][1]) for n, of in sets.items()}
few = {n: (of.test_images, of.test_labels) for n, of in splits.items()}
tests = {n: (of.test_images, of.test_labels) for n, of in sets.items()}

"""
Teacher and student are alike but for their size.
"""


def network(shape, widths, units, dropout=0.0):
    steps = [keras.Input(shape, name="image")]
    for width in widths:
        steps.append(layers.Conv2D(width, 3, padding="same", use_bias=False))
        steps.append(layers.BatchNormalization(momentum=0.9))
        steps += [layers.ReLU(), layers.MaxPooling2D()]
    steps += [layers.Flatten(), layers.Dropout(dropout)]
    steps += [layers.Dense(units, activation="relu"), layers.Dense(10)]
    return keras.Sequential(steps)


"""
Three arms, with three seeds each: **alone** learns the labels; **distilled**
begins with the same weights, has the same images, updates and optimizer, and
learns from the teacher and a little from the labels; **further** is the
distilled one, which learns as many epochs again in the same way.
"""


def learn(name, arm, seed):
    keras.utils.set_random_seed(seed)
    is_teacher, (x, y) = arm == "teacher", few[name]
    if is_teacher:
        x, y = splits[name].train_images, splits[name].train_labels
    model = net = network(x.shape[1:], *(TEACHER if is_teacher else STUDENT))
    examples = tf.data.Dataset.from_tensor_slices((x, y))
    if arm == "further":
        net.set_weights(trained(name, "distilled", seed).get_weights())
        seed += 100  # Another order of the images.
    if arm in ARMS[1:]:
        teacher, folder = trained(name, "teacher", 0), OUTPUT / f"{name}_cache"
        cached = keras_kd.teachers.cache_teacher(teacher, x, folder, verbose=0)
        examples = cached.attach((x, y))
        model = keras_kd.Distiller(
            teacher=cached,
            student=net,
            distillation_losses=keras_kd.losses.SoftTargets(TEMPERATURE),
            student_loss_weight=LABELS_WEIGHT,
        )
    batches = examples.shuffle(len(x), seed).batch(BATCH)
    epochs = SETS[name][2] if is_teacher else EPOCHS
    rate = keras.optimizers.schedules.CosineDecay(RATE, epochs * len(batches))
    per_image = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), per_image)
    model.fit(batches, epochs=epochs, shuffle=False, verbose=0)
    return net


"""
What was trained is kept, so a second start goes on where this one stopped.
"""


def trained(*run):
    return experiment.model(str(run), lambda: learn(*run))


"""
Keras has a student of float16, and the one that `quantize("int8")` makes: its
dense layers have weights of int8 and round what comes, so it is *dynamic*, and
convolutions stay in float32. It has none that is int8 throughout. The time is
that of a compiled call with one image, not of `predict`. The bytes are those of
the `.keras` file, in which the student alone has its optimizer too.
"""


def in_float16(layer):
    return layer.from_config(layer.get_config() | {"dtype": "float16"})


def in_keras(student, x, precisions):
    clone, found, one = keras.models.clone_model, {}, tf.constant(x[:1])
    half = clone(student, clone_function=in_float16)
    nets = {"float32": clone(student), "float16": half}
    nets["int8_dynamic"] = clone(student)
    for precision in [p for p in nets if p in ("float32", *precisions)]:
        net, path = nets[precision], OUTPUT / "measured.keras"
        net.set_weights(student.get_weights())
        if precision == "int8_dynamic":
            net.quantize("int8")
        net.save(path)
        call = tf.function(net)
        timer = timeit.Timer(lambda call=call: call(one).numpy())
        times = np.quantile(timer.repeat(105, 1)[5:], (0.5, 0.25, 0.75))
        answers = net.predict(x, verbose=0).argmax(-1).tolist()
        found[f"Keras {precision}"] = answers, path.stat().st_size, [*times]
    return found


"""
`export_student` makes a file for each precision and runtime, and runs it on the
test images. The `predict` of a file gives its answers one by one.
"""


def measure(name, arm, seed):
    student, (x, y) = trained(name, arm, seed), tests[name]
    precisions = PRECISIONS if arm == "distilled" else ("int8",)
    found = in_keras(student, x, precisions)
    result = keras_kd.export.export_student(
        student,
        OUTPUT / f"{name}_{arm}_{seed}",
        formats=("litert", "onnx"),
        precisions=precisions,
        calibration=few[name][0][:256],
        test=(x, y),
        final_activation="softmax",
    )
    print(result.table())
    for file in [file for file in result.files if file.path]:
        answers, time = file.predict(x).argmax(-1), file.latency
        assert np.isclose(np.mean(answers == y), file.accuracy)
        times = time.median, time.low, time.high
        found[file.name] = answers.tolist(), file.bytes, times
    return {f"{arm}, {cell}": numbers for cell, numbers in found.items()}


runs = {}
for run in itertools.product(sets, ARMS, SEEDS):
    runs[run] = experiment.result(f"files of {run}", lambda r=run: measure(*r))

"""
## Result

A row for each file of the distilled student, then six of the other arms:
accuracy and standard deviation of the seeds; the difference to the distilled
student in Keras, with a 95 % interval over seeds and test images, corrected for
the ten or six rows; how many answers are its, in percent; kilobytes; and
microseconds for one image, with quartiles. The picture is
`to_the_device/costs.png`: the differences.
"""

START = "distilled, Keras float32"
fig, axes = plt.subplots(1, 2, sharey=True, figsize=(9, 5))
fig.set_layout_engine("constrained")
for axis, (name, (x, y)) in zip(axes, tests.items(), strict=False):
    teacher = trained(name, "teacher", 0)
    reached = np.mean(teacher.predict(x, verbose=0).argmax(-1) == y)
    print(f"{name}: teacher {reached:.2%}, {teacher.count_params():,} weights")
    cells = {}
    for arm in ARMS:
        each = [runs[name, arm, seed] for seed in SEEDS]
        cells |= {of: [run[of] for run in each] for of in each[0]}
    answers = {of: np.stack([c[0] for c in cells[of]]) for of in cells}
    right = {of: answers[of] == y for of in cells}
    files = [of for of in cells if of.startswith("distilled")][1:]
    rest = [of for of in cells if not of.startswith("distilled")]
    points = {START: [0.0] * 3}
    for group in (files, rest):
        arms = {of: right[of] for of in (START, *group)}
        pairs = [(START, of) for of in group]
        gains = keras_kd.report.compare_arms(arms, pairs)
        for of, gain in zip(group, gains, strict=True):
            points[of] = [100 * g for g in (gain.mean, gain.low, gain.high)]
    for of, ends in points.items():
        each = 100 * right[of].mean(axis=1)
        numbers = [each.mean(), each.std(ddof=len(SEEDS) > 1), *ends]
        numbers += [100 * np.mean(answers[of] == answers[START])]
        numbers += [np.mean([c[1] for c in cells[of]]) / 1000]
        numbers += [*1e6 * np.mean([c[2] for c in cells[of]], axis=0)]
        print(of, *(f"{number:.2f}" for number in numbers), sep=" | ")
    mean, low, high = np.transpose([*points.values()])
    axis.errorbar(mean, [*points], xerr=(mean - low, high - mean), fmt="o")
    axis.axvline(0, color="gray", linewidth=0.8)
    axis.set(title=name, xlabel="points of accuracy")
axes[0].invert_yaxis()
fig.savefig(OUTPUT / "costs.png", dpi=150)
"""
Teachers have 99.14 and 65.30 %, and 391,082 and 227,818 weights; students have
55,482 and 21,978. *dynamic* is int8 dynamic. The last six rows are Keras in
float32, and LiteRT and ONNX in int8. Standard deviations are from 0.08 to 0.21
on MNIST, and from 0.24 to 0.77 on CIFAR-10; `docs/deploy.md` lists the files.

| | MNIST | difference | CIFAR-10 | difference |
|---|---|---|---|---|
| Keras float32 | 97.59 | | 53.98 | |
| LiteRT float32 | 97.59 | 0.00 (-0.05, 0.05) | 53.98 | 0.00 (-0.24, 0.24) |
| ONNX float32 | 97.59 | 0.00 (-0.05, 0.05) | 53.98 | 0.00 (-0.24, 0.24) |
| Keras float16 | 97.59 | 0.00 (-0.05, 0.05) | 53.94 | -0.04 (-0.29, 0.20) |
| LiteRT float16 | 97.60 | 0.00 (-0.05, 0.06) | 53.96 | -0.02 (-0.26, 0.23) |
| ONNX float16 | 97.59 | 0.00 (-0.05, 0.05) | 53.96 | -0.02 (-0.26, 0.23) |
| Keras dynamic | 97.60 | 0.01 (-0.04, 0.06) | 53.98 | 0.00 (-0.24, 0.24) |
| LiteRT dynamic | 97.60 | 0.00 (-0.05, 0.06) | 53.98 | 0.00 (-0.24, 0.25) |
| ONNX dynamic | 97.61 | 0.02 (-0.06, 0.10) | 53.68 | -0.30 (-0.76, 0.16) |
| LiteRT int8 | 97.59 | 0.00 (-0.09, 0.09) | 54.06 | 0.08 (-0.19, 0.34) |
| ONNX int8 | 97.61 | 0.01 (-0.05, 0.07) | 53.96 | -0.02 (-0.29, 0.26) |
| alone, Keras | 95.69 | -1.90 (-2.28, -1.52) | 51.50 | -2.48 (-3.79, -1.17) |
| alone, LiteRT | 95.71 | -1.89 (-2.21, -1.56) | 51.33 | -2.65 (-3.97, -1.34) |
| alone, ONNX | 95.71 | -1.88 (-2.21, -1.56) | 51.38 | -2.60 (-3.91, -1.29) |
| further, Keras | 98.13 | 0.53 (0.30, 0.76) | 56.93 | 2.95 (1.37, 4.53) |
| further, LiteRT | 98.10 | 0.51 (0.27, 0.74) | 56.82 | 2.84 (1.18, 4.50) |
| further, ONNX | 98.11 | 0.52 (0.29, 0.75) | 56.93 | 2.95 (1.39, 4.50) |

| | agrees, %: MNIST | CIFAR-10 | kB | | microseconds | |
|---|---|---|---|---|---|---|
| Keras float32 | 100 | 100 | 266 | 132 | 798 (763-875) | 669 (621-774) |
| LiteRT float32 | 100 | 100 | 226 | 92 | 28 (27-29) | 12 (12-13) |
| ONNX float32 | 100 | 100 | 229 | 95 | 41 (38-42) | 27 (23-28) |
| Keras float16 | 99.99 | 99.84 | 155 | 88 | 570 (534-624) | 355 (349-367) |
| LiteRT float16 | 100 | 99.86 | 117 | 50 | 28 (28-29) | 12 (12-13) |
| ONNX float16 | 100 | 99.85 | 121 | 54 | 51 (51-52) | 33 (32-34) |
| Keras dynamic | 99.95 | 99.08 | 116 | 83 | 838 (781-959) | 747 (686-1135) |
| LiteRT dynamic | 99.97 | 99.26 | 63 | 30 | 15 (14-15) | 8 (7-8) |
| ONNX dynamic | 99.91 | 95.83 | 75 | 41 | 173 (170-174) | 84 (82-86) |
| LiteRT int8 | 99.91 | 97.36 | 63 | 30 | 17 (14-18) | 9 (6-9) |
| ONNX int8 | 99.84 | 97.04 | 88 | 55 | 57 (53-59) | 35 (32-37) |

**No file shows a loss.** On MNIST, all are within 0.1 points of the student in
float32, and on CIFAR-10 within 0.4, but for ONNX int8 dynamic, which may have
lost up to 0.8.

**Further epochs are a gain,** of 0.5 and 3.0 points, and int8 keeps it. So a
training with the rounding in the network would have had nothing to repair here;
compared with the student before it, it would have called this gain its own.

**Distillation gains more than a file may lose:** 1.9 and 2.5 points. The last
rows are not to be compared with the student alone, which had fewer epochs.

**Which file?** int8 of LiteRT has 28 to 33 % of the bytes of float32, and takes
half to three quarters of the time; dynamic needs no examples. In ONNX, int8 is
slower than float32 for a student as small as this, dynamic three to four times.

* **Command:** `python tutorials/30_to_the_device.py`
* **Cost:** 14 minutes of CPU time (AMD EPYC), beside other work, which shows in
  the times. With `KERAS_KD_SMOKE=1`, on other data, a minute.
* **Images:** those of CIFAR-10 are JPEG copies of quality 90, made smaller.
* **How it was set up:** the rate was chosen by one seed, on 5,000 training
  images that no network had seen: with 0.003 the student alone had 92.7 % on
  MNIST, with 0.001 95.7. The other numbers were set once. An earlier run gave
  the same accuracies.
"""
