"""
Title: One training, two workers
Authors: keras_kd developers
Date created: 2026/11/25
Last modified: 2026/11/25
Description: Two processes distil together, and one of them is killed.
"""

"""
## In plain words

A large student takes long to train. Two machines can share the work: each takes
half of every batch, and before each update they add up what they found. Both
then have the same student, and it is the one that a single machine would have
made, only sooner. This is `tf.distribute`'s *multi-worker* training, and the
`fit` of Keras 3 itself cannot do it; that of a `keras_kd.Distiller` can.

Each machine runs the same program. The environment variable `TF_CONFIG` tells
it the addresses of all, and which of them it is. Where a program is to run on
two machines, this page uses two processes of one machine, which differ in
nothing but the addresses.

With two machines, twice as much can go wrong. When one dies in the middle, the
other cannot go on alone. So each backs up its training after every epoch, and
when all of them are started again they go on with the last epoch that all have.
The page kills one, and looks whether the student is the same in the end.

## Setup
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers

import keras_kd

SMOKE = "KERAS_KD_SMOKE" in os.environ
OUTPUT = pathlib.Path("two_workers")
IMAGES = 500 if SMOKE else 6000
UNITS, EPOCHS, BATCH_SIZE, RATE = 64, 3 if SMOKE else 8, 128, 0.05
ROLE = os.environ.get("ROLE", "starter")

"""
## The program that each worker runs

TensorFlow asks that the strategy is made before anything else. Student and
Distiller are made in its scope. Data is given as always: each worker takes its
part of each batch. The images stay in one order here, since a training that is
taken up again would otherwise see them in another one.
"""


def train(name, folder):
    """Trains a student with a strategy, and writes down what came out."""
    strategy = keras_kd.distribution.strategy(name)
    keras.utils.set_random_seed(0)
    data = keras_kd.datasets.load(os.environ["DATA"])
    images, labels = data.train_images[:IMAGES], data.train_labels[:IMAGES]
    teacher = keras.saving.load_model(OUTPUT / "teacher.keras")
    with strategy.scope():
        distiller = keras_kd.Distiller(
            teacher=teacher,
            student=perceptron(data, UNITS),
            distillation_losses=keras_kd.losses.SoftTargets(4.0),
            student_loss_weight=0.1,
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        sgd = keras.optimizers.SGD(RATE, momentum=0.9)
        distiller.compile(sgd, loss, metrics=["accuracy"])
    callbacks = [keras_kd.callbacks.BackupWorkers(folder)]
    if "DIES" in os.environ:
        callbacks.append(DieInTheMiddle())
    history = distiller.fit(
        images,
        labels,
        batch_size=BATCH_SIZE,
        epochs=EPOCHS,
        shuffle=False,
        validation_data=(data.test_images, data.test_labels),
        callbacks=callbacks,
        verbose=0,
    )
    logs = {"epochs": history.epoch} | history.history
    if keras_kd.distribution.is_chief():
        distiller.student.save(folder / "student.keras")
        (folder / "logs.json").write_text(json.dumps(logs, default=float))


class DieInTheMiddle(keras.callbacks.Callback):
    """Ends the second worker, as a power cut would, before the third epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2 and not keras_kd.distribution.is_chief():
            os.kill(os.getpid(), signal.SIGKILL)


def perceptron(data, units):
    hidden = [layers.Dense(units, "relu"), layers.Dense(units, "relu")]
    first = [keras.Input(data.image_shape), layers.Flatten()]
    return keras.Sequential([*first, *hidden, layers.Dense(data.num_classes)])


if ROLE != "starter":
    train(ROLE, pathlib.Path(os.environ["FOLDER"]))
    sys.exit()

"""
## Starting it

On two machines, one would type the same line in each, with another `index`:

    TF_CONFIG='{"cluster": {"worker": ["10.0.0.1:12345", "10.0.0.2:12345"]},
    "task": {"type": "worker", "index": 0}}' python train.py

Here a function does it.
"""


def start(name, **more):
    """Starts the program as two workers."""
    (OUTPUT / name).mkdir(exist_ok=True)
    more |= {"ROLE": "multi_worker", "FOLDER": str(OUTPUT / name)}
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    addresses = [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]
    for one in sockets:
        one.close()
    processes = []
    for index in range(2):
        task = {"type": "worker", "index": index}
        config = {"cluster": {"worker": addresses}, "task": task}
        more["TF_CONFIG"] = json.dumps(config)
        command = [sys.executable, os.path.abspath(__file__)]
        processes.append(subprocess.Popen(command, env=os.environ | more))
    return processes


def finish(processes, name):
    """Waits for the end, and reads what the chief has written."""
    codes = [process.wait() for process in processes]
    assert codes == [0] * len(codes), codes
    logs = json.loads((OUTPUT / name / "logs.json").read_text())
    student = keras.saving.load_model(OUTPUT / name / "student.keras")
    return logs, student.get_weights()


try:
    data = keras_kd.datasets.load("digits" if SMOKE else "mnist")
except ValueError as error:
    print(f"Going on with the embedded digits. {error}")
    data = keras_kd.datasets.load("digits")
OUTPUT.mkdir(exist_ok=True)
keras.utils.set_random_seed(1000)
teacher = perceptron(data, 8 * UNITS)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
teacher.compile("adam", loss)
teacher.fit(data.train_images, data.train_labels, epochs=4, verbose=0)
teacher.save(OUTPUT / "teacher.keras")

"""
## Alone, together, and with a kill
"""

(OUTPUT / "alone").mkdir(exist_ok=True)
os.environ["DATA"] = data.name
train("one_device", OUTPUT / "alone")
found = {"alone": finish([], "alone")}
found["together"] = finish(start("together"), "together")
workers = start("killed", DIES="yes")
assert workers[1].wait() == -signal.SIGKILL
workers[0].kill()  # It has failed, or waits for the other in vain.
workers[0].wait()
found["killed"] = finish(start("killed"), "killed")

"""
## Result

The picture, `two_workers/two_workers.png`, has the accuracy after each epoch.
The three curves are one; that of the killed training begins where it went on.
"""

figure, axis = plt.subplots(figsize=(5, 3.2), layout="constrained")
for (name, (logs, _)), marker in zip(found.items(), "osx", strict=True):
    epochs = np.array(logs["epochs"]) + 1
    accuracy = 100 * np.array(logs["val_accuracy"])
    axis.plot(epochs, accuracy, marker, ls="-", mfc="none", label=name)
axis.set(xlabel="epoch", ylabel="test images right, %")
axis.legend()
figure.savefig(OUTPUT / "two_workers.png", dpi=150)
expected = found["alone"][1]
for name, (logs, weights) in found.items():
    gap = max(
        np.abs(a - b).max() for a, b in zip(weights, expected, strict=True)
    )
    right, epochs = 100 * logs["val_accuracy"][-1], len(logs["epochs"])
    print(f"| {name} | {right:.2f} | {gap:.0e} | {epochs} |")
    assert gap < 1e-3
assert 0 < len(found["killed"][0]["epochs"]) < EPOCHS

"""
MNIST, 6000 images, 8 epochs of 47 updates: percent of the test images that are
right, the largest difference of a weight to the training alone, and the epochs
that the last start had to do.

| | `ours` | difference | epochs |
|---|---|---|---|
| alone | 93.20 | 0 | 8 |
| together | 93.20 | 7e-06 | 8 |
| killed | 93.20 | 7e-06 | 6 |

There is no paper to compare with. The two workers are the one process up to
rounding: their gradients are added up in another order. The killed pair went on
with the third epoch, and came to the same student.

* **Command:** `python tutorials/20_two_workers.py`
* **Cost:** 4 minutes of one CPU core (AMD EPYC), most of them for seven starts
  of TensorFlow. With `KERAS_KD_SMOKE=1`, on other data, a minute.
* **What is not shown:** speed. On one machine, two workers share its cores and
  pay for talking to each other. With several machines, two things decide: how
  long a step takes, and how fast they can send a gradient. `benchmarks/scaling`
  measures what the sharing costs.
"""
