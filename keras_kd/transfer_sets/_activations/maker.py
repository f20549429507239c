"""Makes batches of inputs, or reads finished ones."""

import math

import numpy as np

from keras_kd._core.run_folder import RunFolder
from keras_kd.transfer_sets._activations import inputs
from keras_kd.transfer_sets._activations.dropout import FixedDropout
from keras_kd.transfer_sets._activations.pixels import Pixels
from keras_kd.transfer_sets._activations.records import family


def open_folder(directory, plan):
    """Opens the folder for finished batches of this run.

    Args:
        directory: Where, or `None` to keep nothing.
        plan: As in `Maker`.

    Returns:
        A `RunFolder` or `None`.
    """
    if directory is None:
        return None
    names = (r"class_\d+_batch_\d+\.npz",)
    return RunFolder(directory, plan, argument="directory", names=names)


class Maker:
    """Makes batches of inputs, each by itself.

    Args:
        teacher: The teacher of the records.
        records: `ActivationRecords`.
        plan: Dict of all that decides the inputs, as `reconstruct` makes it.
        folder: Where finished batches are kept, a `RunFolder` or `None`.
    """

    def __init__(self, teacher, records, plan, folder):
        self.folder = folder
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

    def make_or_read(self, label, index, count):
        """Returns the arrays of a batch, from its file or newly made.

        Args:
            label: Its class.
            index: Its number in the class.
            count: Inputs in it.

        Returns:
            Dict of arrays: `x`, and `first_loss` and `loss` of each input.
        """
        name = f"class_{label}_batch_{index}.npz"
        made = self.folder and self.folder.read_arrays(name)
        if made is None:
            names = ("x", "first_loss", "loss")
            arrays = self._make(label, index, count)
            made = dict(zip(names, arrays, strict=True))
            if self.folder is not None:
                self.folder.write_arrays(name, made)
        return made

    def _make(self, label, index, count):
        # What is drawn depends on its place alone, not on batches before it.
        plan = self.plan
        random = np.random.default_rng((plan["seed"], label, index))
        start = random.normal(
            plan["pixel_mean"], plan["pixel_stddev"], (count, *self._shape)
        )
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
