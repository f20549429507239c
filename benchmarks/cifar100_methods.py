"""Four ways to train ResNet-20 on CIFAR-100, with ResNet-56 as the teacher.

    python -m benchmarks.cifar100_methods prepare cifar100.npz
    python -m benchmarks.cifar100_methods train cifar100.npz --minutes 10

The first needs TensorFlow Datasets and may run on another machine. The second
is made for a machine with one GPU and Keras on JAX or PyTorch; TensorFlow and a
network are not needed. The student alone, soft targets (KD), decoupled soft
targets (DKD) and soft targets of standardised logits share teacher, first
weights, images and a schedule of 30 epochs. Seeds are trained one after another
for as long as another of them will fit into the time, at least one. What is
finished is kept in the folder of `--output`, and another start goes on after
it.

`prepare --size 16` makes smaller images, of 44 MB; to them fits `train
--teacher 20 --student 8`. With `--images 2560 --epochs 1 --seeds 1` that is a
try on CPU cores, of a minute on JAX and of four on PyTorch.

Images are moved and mirrored at random. Weights and temperatures are those of
the papers, for 240 epochs; nothing is tuned, and DKD's weight does not grow.
"""

import argparse
import functools
import hashlib
import itertools
import os
import pathlib
import time

import numpy as np

from benchmarks import measure

ALONE = "student alone"
BATCH_SIZE = 128
RATE = 0.1
CHANNELS = 16


def prepare(path, size):
    """Writes images and labels of CIFAR-100 into one file of NumPy."""
    from keras_kd import datasets

    shape = None if size is None else (size, size)
    data = datasets.load("cifar100", image_size=shape)
    images, labels = (
        {name: getattr(data, name) for name in (f"train_{of}", f"test_{of}")}
        for of in ("images", "labels")
    )
    images = {name: np.rint(255 * of) for name, of in images.items()}
    arrays = {
        name: of.astype("uint8") for name, of in (images | labels).items()
    }
    np.savez_compressed(path, **arrays)
    print(f"{path}: {path.stat().st_size / 1e6:.0f} MB")


def residual_network(image_shape, num_classes, depth):
    """A network of `6n + 2` layers, as its authors made them for CIFAR.

    Each of three groups has n blocks of two convolutions, with 16, 32 and 64
    channels. Where a group halves the image, a convolution of one place makes
    the shortcut fit.
    """
    import keras
    from keras import layers

    def convolution(x, channels, size, strides):
        x = layers.Conv2D(
            channels,
            size,
            strides=strides,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
        )(x)
        return layers.BatchNormalization(momentum=0.9)(x)

    images = keras.Input(image_shape)
    x = layers.ReLU()(convolution(images, CHANNELS, 3, 1))
    for group, block in itertools.product(range(3), range((depth - 2) // 6)):
        channels = CHANNELS * 2**group
        strides = 2 if group and not block else 1
        inner = layers.ReLU()(convolution(x, channels, 3, strides))
        inner = convolution(inner, channels, 3, 1)
        if strides > 1:
            x = convolution(x, channels, 1, strides)
        x = layers.ReLU()(layers.Add()([x, inner]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, layers.Dense(num_classes)(x))


def batches(images, labels, seed):
    """A `PyDataset` of whole batches, shuffled, moved and mirrored anew."""
    import keras

    margin = images.shape[1] // 8
    padded = np.pad(images, ((0, 0), (margin,) * 2, (margin,) * 2, (0, 0)))
    size = images.shape[1]

    class Crops(keras.utils.PyDataset):
        epoch = 0

        def __len__(self):
            return len(images) // BATCH_SIZE

        def __getitem__(self, index):
            order = np.random.default_rng((seed, self.epoch))
            order = order.permutation(len(images))
            rows = order[index * BATCH_SIZE :][:BATCH_SIZE]
            random = np.random.default_rng((seed, self.epoch, 1 + index))
            top, left = random.integers(2 * margin + 1, size=(2, BATCH_SIZE, 1))
            places = np.arange(size)
            mirrored = random.integers(2, size=(BATCH_SIZE, 1)).astype(bool)
            columns = np.where(mirrored, places[::-1], places) + left
            found = padded[
                rows[:, None, None],
                (top + places)[:, :, None],
                columns[:, None],
            ]
            return found.astype("float32") / 255, labels[rows]

        def on_epoch_end(self):
            self.epoch += 1

    return Crops()


def methods():
    """Losses and weight of the labels, by the name of the method."""
    from keras_kd import losses

    standardised = losses.SoftTargets(
        2.0, standardize_logits=True, loss_weight=9.0
    )
    decoupled = losses.DecoupledSoftTargets(4.0, non_target_weight=2.0)
    return {
        "KD": (losses.SoftTargets(4.0, loss_weight=0.9), 0.1),
        "DKD": (decoupled, 1.0),
        "KD, logits standardised": (standardised, 0.1),
    }


class Training:
    """Trainings under one budget, on the arrays of a file."""

    def __init__(self, path, options):
        self.digest = hashlib.sha256(path.read_bytes()).hexdigest()
        arrays = np.load(path)
        count = options.images
        self.images = arrays["train_images"][:count]
        self.labels = arrays["train_labels"][:count].astype("int32")
        self.test_images = arrays["test_images"].astype("float32") / 255
        self.test_labels = arrays["test_labels"].astype("int32")
        self.options = options

    def network(self, depth):
        shape = self.images.shape[1:]
        return residual_network(shape, 1 + int(self.labels.max()), depth)

    def fit(self, model, seed):
        """Trains a model or a Distiller for all epochs."""
        import keras

        examples = batches(self.images, self.labels, seed)
        epochs = self.options.epochs
        steps = epochs * len(examples)
        rate = keras.optimizers.schedules.CosineDecay(RATE, steps)
        model.compile(
            keras.optimizers.SGD(rate, momentum=0.9, weight_decay=5e-4),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        model.fit(examples, epochs=epochs, verbose=2)

    def teacher(self):
        import keras

        keras.utils.set_random_seed(0)
        model = self.network(self.options.teacher)
        self.fit(model, 0)
        return model

    def right(self, model):
        scores = model.predict(self.test_images, batch_size=500, verbose=0)
        return (scores.argmax(-1) == self.test_labels).astype(int).tolist()

    def arm(self, teacher, name, seed):
        """Trains a student, and tests it.

        Returns:
            Dict of `right`, 1 for each test image that it gets right and else
            0, and of the seconds of the training.
        """
        import keras

        import keras_kd

        start = time.monotonic()
        keras.utils.set_random_seed(1 + seed)
        student = trained = self.network(self.options.student)
        if name != ALONE:
            found, weight = methods()[name]
            trained = keras_kd.Distiller(
                teacher=teacher,
                student=student,
                distillation_losses=found,
                student_loss_weight=weight,
            )
        self.fit(trained, 1 + seed)
        seconds = time.monotonic() - start
        return {"right": self.right(student), "seconds": seconds}


def train(path, options):
    """Trains the teacher and as many seeds as the time allows."""
    import keras

    from keras_kd import report

    start = time.monotonic()
    training = Training(path, options)
    settings = {
        "epochs": options.epochs,
        "teacher": options.teacher,
        "student": options.student,
        "arrays": training.digest,
        "images": len(training.images),
        "backend": keras.backend.backend(),
    }
    experiment = report.Experiment(options.output, settings)
    teacher = experiment.model("teacher", training.teacher)
    taught = experiment.result("tested", lambda: training.right(teacher))
    right, longest = {name: [] for name in (ALONE, *methods())}, 0.0
    for seed in range(options.seeds):
        if seed and time.monotonic() - start + longest > 60 * options.minutes:
            break
        seconds = 0.0
        for name in right:
            student = functools.partial(training.arm, teacher, name, seed)
            found = experiment.result(f"{name}, seed {seed}", student)
            right[name].append(found["right"])
            seconds += found["seconds"]
        longest = max(longest, seconds)
    print(f"\nTeacher: {100 * np.mean(taught):.2f} %\n")
    print(table(right))


def table(right):
    """The arms, the best first, each with its gain over the student alone."""
    from keras_kd import report

    ranking = report.rank_arms(right, ALONE)
    seeds = len(right[ALONE])
    rows = []
    for name, mean in ranking.means.items():
        spread = np.std(np.mean(right[name], axis=1), ddof=int(seeds > 1))
        gain = ranking.gains.get(name)
        ends = [gain.mean, gain.low, gain.high] if gain else [0.0] * 3
        minus = "{:+.2f} [{:+.2f}, {:+.2f}]".format(*100 * np.array(ends))
        accuracy = f"{100 * mean:.2f} ± {100 * spread:.2f}"
        rows.append((name, accuracy, minus, str(seeds)))
    header = ["", "accuracy %", "minus alone", "seeds"]
    return report.markdown_table(header, rows)


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description="Compares ways to distil on CIFAR-100."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    first = commands.add_parser("prepare", help="write the file of arrays")
    first.add_argument("path", type=pathlib.Path)
    first.add_argument("--size", type=int, help="pixels a side; 32 by default")
    second = commands.add_parser("train", help="train on a file of arrays")
    second.add_argument("path", type=pathlib.Path)
    second.add_argument(
        "--backend",
        choices=("jax", "torch", "tensorflow"),
        default=os.environ.get("KERAS_BACKEND", "jax"),
    )
    second.add_argument("--minutes", type=float, default=10.0)
    second.add_argument("--seeds", type=int, default=5, help="at most")
    second.add_argument("--epochs", type=int, default=30)
    second.add_argument("--teacher", type=int, default=56, help="layers")
    second.add_argument("--student", type=int, default=20, help="layers")
    second.add_argument("--images", type=int, help="all by default")
    second.add_argument(
        "--output", type=pathlib.Path, default="cifar100_methods"
    )
    options = parser.parse_args(arguments)
    if options.command == "prepare":
        prepare(options.path, options.size)
    else:
        measure.choose_backend(options.backend)
        train(options.path, options)


if __name__ == "__main__":
    main()
