"""Whether what a cache rounds or leaves out can be seen in the student.

One teacher (784-1200-1200-10, dropout) labels MNIST once in float32, and the
same answers are stored in float16 and as the two and three highest logits with
the log-sum-exp of the rest. Students of 784-300-300-10 learn from each at a
temperature of 4, without labels, with the same first weights and the same
order of images for a seed. The table has the test accuracy of each format and
its paired difference to float32 over the seeds.

    python -m benchmarks.cache_formats --output cache_formats.json

takes some fifteen minutes on two cores, with all training images. MNIST comes
from tensorflow-datasets (`TFDS_DATA_DIR`). With fewer images, say `--images
10000`, every answer counts for more, and more is lost without the small ones.
"""

import argparse
import json
import pathlib
import tempfile

import keras
import numpy as np
import tensorflow as tf
from keras import layers

import keras_kd

FORMATS = {
    "float32": {"dtype": "float32"},
    "float16": {"dtype": "float16"},
    "top 2": {"dtype": "float32", "top_k": 2},
    "top 3": {"dtype": "float32", "top_k": 3},
}
TEMPERATURE = 4.0
BATCH = 128


def mlp(image_shape, units, dropout=0.0):
    return keras.Sequential(
        [
            keras.Input(image_shape),
            layers.Flatten(),
            layers.Dense(units, activation="relu"),
            layers.Dropout(dropout),
            layers.Dense(units, activation="relu"),
            layers.Dropout(dropout),
            layers.Dense(10),
        ]
    )


def train_teacher(data, epochs):
    keras.utils.set_random_seed(1000)
    teacher = mlp(data.image_shape, 1200, dropout=0.5)
    teacher.compile(
        "adam",
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    teacher.fit(data.train_images, data.train_labels, BATCH, epochs, verbose=0)
    return teacher


def train_student(cached, images, image_shape, seed, epochs):
    keras.utils.set_random_seed(seed)
    student = mlp(image_shape, 300)
    distiller = keras_kd.Distiller(
        teacher=cached,
        student=student,
        distillation_losses=keras_kd.losses.SoftTargets(TEMPERATURE),
    )
    steps = epochs * -(-len(images) // BATCH)
    distiller.compile(
        keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(0.001, steps)
        )
    )
    rows = tf.data.Dataset.from_tensor_slices(images)
    rows = cached.attach(rows).shuffle(len(images), seed=seed).batch(BATCH)
    distiller.fit(rows, epochs=epochs, verbose=0)
    return student


def accuracy(model, data):
    logits = model.predict(data.test_images, batch_size=1000, verbose=0)
    return float(np.mean(logits.argmax(axis=-1) == data.test_labels))


def run(data, images, seeds, epochs, teacher_epochs):
    """Test accuracies by format, one for each seed, and the teacher's."""
    teacher = train_teacher(data, teacher_epochs)
    print(f"teacher: {accuracy(teacher, data):.4f}", flush=True)
    results = {name: [] for name in FORMATS}
    for name, options in FORMATS.items():
        with tempfile.TemporaryDirectory() as directory:
            cached = keras_kd.teachers.cache_teacher(
                teacher, images, directory, verbose=0, **options
            )
            for seed in range(seeds):
                student = train_student(
                    cached, images, data.image_shape, seed, epochs
                )
                results[name].append(accuracy(student, data))
                print(
                    f"{name}, seed {seed}: {results[name][-1]:.4f}", flush=True
                )
    return results


def table(results):
    rows = []
    for name, values in results.items():
        cell = ""
        if name != "float32":
            interval = keras_kd.report.paired_interval(
                np.subtract(values, results["float32"])
            )
            cell = (
                f"{100 * interval.mean:+.2f} "
                f"[{100 * interval.low:+.2f}, {100 * interval.high:+.2f}]"
            )
        spread = np.std(values, ddof=1)
        rows.append(
            [name, f"{100 * np.mean(values):.2f} ± {100 * spread:.2f}", cell]
        )
    return keras_kd.report.text_table(
        ["cache", "accuracy %", "minus float32, 95 % interval"], rows
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--teacher_epochs", type=int, default=6)
    parser.add_argument("--output", type=pathlib.Path)
    arguments = parser.parse_args()
    data = keras_kd.datasets.load(arguments.dataset)
    results = run(
        data,
        data.train_images[: arguments.images],
        arguments.seeds,
        arguments.epochs,
        arguments.teacher_epochs,
    )
    print("\n" + table(results))
    if arguments.output:
        arguments.output.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
