"""Makes inputs from activation records (Lopes, Fenu and Starner, 2017)."""

import dataclasses
import math
import os
import pathlib

import keras
import numpy as np

from keras_kd import whole_files
from keras_kd.losses.distillation_loss import check_positive
from keras_kd.transfer_sets import array_files
from keras_kd.transfer_sets import inputs
from keras_kd.transfer_sets.dropout import FixedDropout
from keras_kd.transfer_sets.pixels import Pixels
from keras_kd.transfer_sets.records import ActivationRecords
from keras_kd.transfer_sets.records import family


@dataclasses.dataclass(frozen=True, eq=False)
class Reconstruction:
    """Inputs that `reconstruct` made.

    Attributes:
        x: float32, `(inputs, ...)`, in the order of their classes.
        y: The class that each was made for, int32 `(inputs,)`.
        history: Mean objective of each batch, `"first_loss"` before and
            `"loss"` after the optimisation.
    """

    x: np.ndarray
    y: np.ndarray
    history: dict[str, list[float]]


def reconstruct(
    *,
    teacher,
    records: ActivationRecords,
    images_per_class: int,
    steps: int = 1000,
    learning_rate: float = 0.07,
    pixel_mean: float = 0.15,
    pixel_stddev: float = 0.1,
    dropout: float = 0.0,
    rectified: bool = True,
    batch_size: int = 64,
    seed: int = 0,
    directory: str | os.PathLike | None = None,
    verbose: int = 1,
) -> Reconstruction:
    """Makes inputs that a teacher reacts to as it did to its training data.

    An input begins as noise. Then Adam changes its pixels, and nothing else,
    so that the teacher's units come near to what the records ask for:

    * `TopLayer`: logits drawn for the class. The objective is the mean squared
      difference, both behind a ReLU.
    * `AllLayers`: units of each layer, drawn for the class. The objective is
      the sum over layers of that mean, each divided by the layer's units.
      Behind a ReLU, there is no gradient by a unit that is below zero: an
      input may never come to a logit that began there. See `rectified`.
    * `SpectralAllLayers`, `SpectralLayerPairs`: the activations of a recorded
      example, as far as the kept coefficients tell. The objective is the sum
      of the squared differences.

    The result is no set of training images, and need not look like one.

    Reference: [Lopes et al., 2017](https://arxiv.org/abs/1710.07535). What is
    drawn goes through the Cholesky factor of the covariance; the authors'
    released code multiplies by the covariance itself, and its spectral
    objectives are that of all layers.

    Args:
        teacher: The teacher of the records. It runs in inference mode and is
            not changed.
        records: `ActivationRecords`.
        images_per_class: Number of inputs for each class.
        steps: Updates of each input. Defaults to `1000`, the paper's.
        learning_rate: Float > 0. Defaults to `0.07`, the authors' for MNIST.
        pixel_mean: Mean of the noise to begin with. Defaults to `0.15`, the
            paper's for MNIST, whose pixels are from 0 to 1.
        pixel_stddev: Float > 0, its standard deviation. Defaults to `0.1`.
        dropout: Number >= 0 and below 1, which part of the hidden units is
            left out, others for each batch. Defaults to `0.0`.
        rectified: Whether units and what is drawn for them go through a ReLU
            before they are compared, as in the paper. Does not matter for
            spectral records. Defaults to `True`.
        batch_size: Inputs that are optimised together. Defaults to `64`.
        seed: Integer >= 0, for the same inputs in each run. Defaults to `0`.
        directory: Folder for finished batches, so that a run that was
            interrupted goes on. `None`, the default, keeps nothing.
        verbose: `0` for no progress bar. Defaults to `1`.

    Returns:
        A `Reconstruction`.

    Raises:
        TypeError: If `records` are no `ActivationRecords`.
        ValueError: If the records are of another teacher, an argument is not
            as above, the objective is no longer finite, or the directory holds
            another run or a damaged file.

    Example:

    >>> teacher = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> x, y = np.random.default_rng(0).normal(size=(20, 4)), [0, 1] * 10
    >>> records = keras_kd.transfer_sets.activation_records(
    ...     teacher=teacher, data=(x, np.array(y)))
    >>> made = keras_kd.transfer_sets.reconstruct(
    ...     teacher=teacher, records=records, images_per_class=3, steps=50,
    ...     verbose=0)
    >>> made.x.shape, made.y.tolist()
    ((6, 4), [0, 0, 0, 1, 1, 1])
    """
    counts = {
        "images_per_class": (images_per_class, 1),
        "steps": (steps, 1),
        "batch_size": (batch_size, 1),
        "seed": (seed, 0),
    }
    check_arguments(counts, dropout)
    check_positive("learning_rate", learning_rate, "a rate")
    check_positive("pixel_stddev", pixel_stddev, "a standard deviation")
    check_records(records, teacher)
    plan = {
        "teacher": records.teacher,
        "records": records.digest(),
        "images_per_class": images_per_class,
        "steps": steps,
        "learning_rate": learning_rate,
        "pixels": [pixel_mean, pixel_stddev],
        "dropout": dropout,
        "rectified": rectified,
        "batch_size": batch_size,
        "seed": seed,
    }
    maker = _Maker(teacher, records, plan)
    folder = _open_folder(directory, plan)
    return _assemble(maker, folder, verbose)


def check_arguments(counts, dropout):
    """Refuses what is no number of things, and no part of units.

    Args:
        counts: `(value, lowest)` by name.
        dropout: As in `reconstruct`.
    """
    for name, (value, low) in counts.items():
        if isinstance(value, bool) or not (
            isinstance(value, int) and value >= low
        ):
            raise ValueError(
                f"`{name}` must be an integer of at least {low}. Received: "
                f"{name}={value!r}."
            )
    if isinstance(dropout, str) or not 0 <= dropout < 1:
        raise ValueError(
            "`dropout` must be at least 0 and below 1, since it is the part "
            f"of the units that is left out. Received: dropout={dropout!r}."
        )


def check_records(records, teacher):
    """Refuses what are no records of a teacher."""
    if not isinstance(records, ActivationRecords):
        raise TypeError(
            "`records` must be `ActivationRecords`, made by "
            "`activation_records` or read by `load_records`. Received: records "
            f"of type {type(records).__name__}."
        )
    inputs.check_teacher(teacher)
    records.check_teacher(teacher)


class _Maker:
    """Makes one batch after the other."""

    def __init__(self, teacher, records, plan):
        self.plan = plan
        self.num_classes = records.num_classes
        self._shape, _ = inputs.check_teacher(teacher)
        self._objective = family(records.content).Objective(
            records, teacher, plan["rectified"]
        )
        self._dropout = FixedDropout(teacher, plan["dropout"])
        self._pixels = {}

    def batches(self):
        """Yields `(class, number of the batch, inputs in it)`."""
        total, size = self.plan["images_per_class"], self.plan["batch_size"]
        for label in range(self.num_classes):
            for index in range(math.ceil(total / size)):
                yield label, index, min(size, total - index * size)

    def make(self, label, index, count):
        """Makes a batch.

        What is drawn depends on its place alone, not on batches before it.

        Returns:
            `(x, first, last)`, as `Pixels.optimise`.
        """
        plan = self.plan
        random = np.random.default_rng((plan["seed"], label, index))
        mean, stddev = plan["pixels"]
        start = random.normal(mean, stddev, (count, *self._shape))
        first = index * plan["batch_size"]
        targets = self._objective.targets(label, first, count, random)
        masks = self._dropout.draw(random)
        if count not in self._pixels:
            self._pixels[count] = Pixels(
                self._objective,
                self._dropout,
                start.shape,
                plan["learning_rate"],
            )
        made = self._pixels[count].optimise(
            start.astype("float32"), targets, masks, plan["steps"]
        )
        if not all(np.all(np.isfinite(array)) for array in made):
            raise ValueError(
                "`learning_rate` must be small enough for the objective to "
                "stay finite. Received: learning_rate="
                f"{plan['learning_rate']}, and nan or infinity in the batch "
                f"{index} of class {label}."
            )
        return made


def _open_folder(directory, plan):
    """The folder for finished batches, refused if it is of another run."""
    if directory is None:
        return None
    folder = pathlib.Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    found = whole_files.read_json(folder / "settings.json")
    if found not in (None, plan):
        raise ValueError(
            "`directory` must be empty or hold the same run, since it goes on "
            f"where it stopped. Received: directory={str(directory)!r} with "
            f"{found}, now {plan}. Choose another directory."
        )
    whole_files.write_json(folder / "settings.json", plan)
    return folder


def _assemble(maker, folder, verbose):
    """Makes the batches that are not there, and puts all together."""
    batches = list(maker.batches())
    bar = keras.utils.Progbar(len(batches), unit_name="batch", verbose=verbose)
    x, y, history = [], [], {"first_loss": [], "loss": []}
    for done, (label, index, count) in enumerate(batches, start=1):
        made = _make_or_read(maker, folder, label, index, count)
        x.append(made["x"])
        y += [label] * count
        for key in history:
            history[key].append(float(np.mean(made[key], dtype="float64")))
        bar.update(done, [("loss", history["loss"][-1])])
    return Reconstruction(np.concatenate(x), np.array(y, "int32"), history)


def _make_or_read(maker, folder, label, index, count):
    """The arrays of a batch, from its file or made and written to it."""
    path = folder and folder / f"class_{label}_batch_{index}.npz"
    if path and path.exists():
        return array_files.read(path)[1]
    names = ("x", "first_loss", "loss")
    made = dict(zip(names, maker.make(label, index, count), strict=True))
    if path:
        array_files.write(path, {}, made)
    return made
