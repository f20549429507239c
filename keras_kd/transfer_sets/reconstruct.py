"""Makes inputs from activation records (Lopes, Fenu and Starner, 2017)."""

import dataclasses
import math
import os

import keras
import numpy as np

from keras_kd._core.arguments import as_float
from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_part
from keras_kd._core.arguments import check_positive
from keras_kd._core.kinds import check_flag
from keras_kd.transfer_sets._activations import inputs
from keras_kd.transfer_sets._activations.maker import Maker
from keras_kd.transfer_sets._activations.maker import open_folder
from keras_kd.transfer_sets._activations.records import ActivationRecords


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
    teacher: keras.Model,
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
    directory: str | os.PathLike[str] | None = None,
    verbose: int = 1,
) -> Reconstruction:
    """Makes inputs that reproduce recorded activations of a teacher.

    An input begins as noise. Then Adam changes its pixels, and nothing else,
    so that the teacher's units come near to targets from the records:

    * `TopLayer`: logits drawn for the class. The objective is the mean squared
      difference, both behind a ReLU.
    * `AllLayers`: units of each layer, drawn for the class. The objective is
      the sum over layers of that mean, each divided by the layer's units.
      Behind a ReLU, there is no gradient by a unit that is below zero: an
      input may never come to a logit that began there. See `rectified`.
    * `SpectralAllLayers`, `SpectralLayerPairs`: the activations of a recorded
      example, as far as the kept coefficients determine them. The objective is
      the sum of the squared differences.

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
        directory: Folder for finished batches, from which an interrupted run
            resumes; what was damaged is made again, with a warning. `None`, the
            default, keeps nothing.
        verbose: `0` for no progress bar. Defaults to `1`.

    Returns:
        A `Reconstruction`.

    Raises:
        TypeError: If `records` are no `ActivationRecords`.
        ValueError: If the records are of another teacher, an argument is not
            as above, the objective is no longer finite, or the directory holds
            another run.

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
    plan = make_plan(
        teacher,
        records,
        images_per_class=images_per_class,
        steps=steps,
        learning_rate=learning_rate,
        pixel_mean=pixel_mean,
        pixel_stddev=pixel_stddev,
        dropout=dropout,
        rectified=rectified,
        batch_size=batch_size,
        seed=seed,
    )
    maker = Maker(teacher, records, plan, open_folder(directory, plan))
    return _assemble(maker, verbose)


def make_plan(teacher, records, **arguments):
    """Plans the inputs: all settings that they depend on.

    Args:
        teacher: As in `reconstruct`.
        records: The same.
        **arguments: The numbers that `reconstruct` takes.

    Returns:
        A dict that JSON can hold.
    """
    for name, counted in (
        ("images_per_class", "inputs to make"),
        ("steps", "updates of each input"),
        ("batch_size", "inputs that are made together"),
    ):
        check_count(name, arguments[name], counted)
    check_count("seed", arguments["seed"], "one sequence of numbers", 0)
    for name, meaning in (
        ("learning_rate", "a rate"),
        ("pixel_stddev", "a standard deviation"),
    ):
        check_positive(name, arguments[name], meaning)
    mean = arguments["pixel_mean"]
    if not math.isfinite(as_float(mean)):
        raise ValueError(
            "`pixel_mean` must be a finite number, since noise is drawn around "
            f"it. Received: pixel_mean={mean!r}."
        )
    dropout = arguments["dropout"]
    check_part("dropout", dropout, "a part of the units", zero=True)
    check_flag("rectified", arguments["rectified"], "what is compared")
    _check_records(records, teacher)
    kept = {"teacher": records.teacher, "records": records.digest()}
    return kept | arguments


def _check_records(records, teacher):
    """Validates that records belong to a teacher."""
    if not isinstance(records, ActivationRecords):
        raise TypeError(
            "`records` must be `ActivationRecords`, made by "
            "`activation_records` or read by `load_records`. Received: records "
            f"of type {type(records).__name__}."
        )
    inputs.check_teacher(teacher)
    records.check_teacher(teacher)


def _assemble(maker, verbose):
    """Makes the missing batches, and joins all."""
    batches = list(maker.batches())
    bar = keras.utils.Progbar(len(batches), unit_name="batch", verbose=verbose)
    x, y, history = [], [], {"first_loss": [], "loss": []}
    for done, (label, index, count) in enumerate(batches, start=1):
        made = maker.make_or_read(label, index, count)
        x.append(made["x"])
        y += [label] * count
        for key in history:
            history[key].append(float(np.mean(made[key], dtype="float64")))
        bar.update(done, [("loss", history["loss"][-1])])
    return Reconstruction(np.concatenate(x), np.array(y, "int32"), history)
