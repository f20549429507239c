"""Cost of a distilled step of a small language model.

    python -m benchmarks.language_model

compares a step of `keras_kd.Distiller` with one that is written by hand on
TensorFlow, of the same losses, on a pair like GPT-2: 256 and 128 wide, of 2
blocks each, 32,000 classes, 8 texts of 64 tokens, the output layer tied to the
embedding, by Adam. A minute on two CPU cores.

Both start from the same weights, and the benchmark fails if they do not report
the same losses. CPU seconds are those of interleaved rounds, their ratio is
formed within a round. It and that of the memory, of a process each, are to be
1.05 at most.
"""

import argparse
import subprocess
import sys

import keras
import numpy as np
from keras import layers
from keras import ops

import keras_kd
from benchmarks import contestants
from benchmarks import measure

MOST = 1.05
OURS = "keras_kd"
BY_HAND = "by hand"
TEMPERATURE = 2.0


class Positions(layers.Layer):
    """Adds a vector of each position."""

    def build(self, shape):
        self.table = self.add_weight(shape=shape[1:], name="table")

    def call(self, x):
        return x + self.table


def writer(width, tokens, steps, blocks=2, heads=4):
    """A model of the next token, like GPT-2."""
    inputs = keras.Input((steps,), dtype="int32")
    embedding = layers.ReversibleEmbedding(tokens, width)
    x = Positions()(embedding(inputs))
    for _ in range(blocks):
        normal = layers.LayerNormalization()(x)
        attention = layers.MultiHeadAttention(heads, width // heads)
        x = x + attention(normal, normal, use_causal_mask=True)
        inner = layers.Dense(4 * width, activation="gelu")
        x = x + layers.Dense(width)(inner(layers.LayerNormalization()(x)))
    x = layers.LayerNormalization()(x)
    return keras.Model(inputs, embedding(x, reverse=True))


def cross_entropy():
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def our_step(teacher, student, x, y):
    distiller = keras_kd.Distiller(
        teacher=teacher,
        student=student,
        distillation_losses=keras_kd.losses.SoftTargets(
            TEMPERATURE, loss_weight=0.5
        ),
        student_loss_weight=0.5,
    )
    step, first = contestants.training_step(distiller, x, y, "adam")
    return step, first


def step_by_hand(teacher, student, x, y):
    import tensorflow as tf

    optimizer = contestants.OPTIMIZERS["adam"]()
    soft = keras_kd.losses.SoftTargets(TEMPERATURE)
    of_labels = cross_entropy()
    x, y = tf.constant(x), tf.constant(y)

    @tf.function
    def run(x, y):
        taught = teacher(x, training=False)
        with tf.GradientTape() as tape:
            logits = student(x, training=True)
            total = 0.5 * of_labels(y, logits)
            total += 0.5 * ops.mean(soft(taught, logits))
        variables = student.trainable_variables
        gradients = tape.gradient(total, variables)
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return total

    return lambda: run(x, y), float(run(x, y))


STEPS = {OURS: our_step, BY_HAND: step_by_hand}


def make_steps(names, widths=(256, 128), tokens=32_000, steps=64, batch=8):
    """Functions by name, each of which does one step."""
    keras.utils.set_random_seed(0)
    teacher, student = (writer(width, tokens, steps) for width in widths)
    random = np.random.default_rng(0)
    x, y = random.integers(0, tokens, (2, batch, steps)).astype("int32")
    made, losses = {}, []
    for name in names:
        twin = writer(widths[1], tokens, steps)
        twin.set_weights(student.get_weights())
        made[name], first = STEPS[name](teacher, twin, x, y)
        losses.append(first)
    np.testing.assert_allclose(losses, losses[0], rtol=1e-4)
    return made


def measure_memory(name):
    """Peak memory of a step in a process of its own, in MiB."""
    found = subprocess.run(
        [sys.executable, "-m", "benchmarks.language_model", f"--peak={name}"],
        env=measure.giving_back(),
        capture_output=True,
        text=True,
        check=True,
    )
    return float(found.stdout.split()[-1]) / 2**20


def verdict(name, ratio):
    is_met = "met" if ratio <= MOST else "MISSED"
    return f"{name} <= {MOST} x by hand: {ratio:.3f}, {is_met}"


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description="Measures what a distilled step of a language model costs."
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument(
        "--peak",
        choices=STEPS,
        help="print the bytes that one step needs, and measure nothing else",
    )
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error(f"--rounds must be at least 1. Received: {options.rounds}")
    if options.peak:
        (step,) = make_steps([options.peak]).values()
        print(measure.peak(step))
        return
    mebibytes = {name: measure_memory(name) for name in STEPS}
    seconds = measure.interleave(make_steps(STEPS), options.rounds, 1)
    cpu = {name: np.array(found["cpu"]) for name, found in seconds.items()}
    for name in STEPS:
        median = 1000 * np.median(cpu[name])
        print(f"{name:10}{median:7.0f} CPU ms {mebibytes[name]:7.0f} MiB")
    time = np.median(cpu[OURS] / cpu[BY_HAND])
    print(verdict("CPU seconds", time))
    print(verdict("memory", mebibytes[OURS] / mebibytes[BY_HAND]))


if __name__ == "__main__":
    main()
