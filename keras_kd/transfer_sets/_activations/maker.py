"""Makes batches of inputs, or reads finished ones."""

import contextlib
import math

import keras
import numpy as np
from keras import ops

from keras_kd import backend
from keras_kd import taps
from keras_kd._core.call_hooks import hooked
from keras_kd._core.run_folder import RunFolder
from keras_kd.transfer_sets._activations import inputs
from keras_kd.transfer_sets._activations.records import family
from keras_kd.transfer_sets._activations.units import hidden_layers

# That of the paper's TensorFlow. Keras's own is ten times as large, and an
# objective that is a mean over many units has gradients of that size.
_EPSILON = 1e-8


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
        self._teacher = teacher
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
                self._teacher,
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


class FixedDropout:
    """Leaves out units of a teacher, the same ones for a whole batch.

    The units that are left have to give what is wanted without the others, so
    that an input cannot rely on few of them. What is left is multiplied by
    `1 / (1 - rate)`, so that the layer behind it gets as much as without
    dropout, which is how the records were made.

    Args:
        teacher: A built `keras.Model`.
        rate: Number >= 0 and below 1, which part of the units of each hidden
            layer with a kernel is left out.
    """

    def __init__(self, teacher, rate):
        self._rate = rate
        self._shapes = hidden_layers(teacher) if rate else {}
        self._layers = [taps.find(teacher, path) for path in self._shapes]

    def draw(self, random):
        """Chooses units.

        Args:
            random: A NumPy generator.

        Returns:
            A list of float32 arrays, one for each layer.
        """
        return [
            (
                (random.random((1, *shape)) >= self._rate) / (1 - self._rate)
            ).astype("float32")
            for shape in self._shapes.values()
        ]

    @contextlib.contextmanager
    def applied(self, masks):
        """Applies the drawn choice to the layers' outputs in a block."""
        with contextlib.ExitStack() as hooks:
            for layer, mask in zip(self._layers, masks, strict=True):
                hooks.enter_context(hooked(layer, "call", _times(mask)))
            yield


def _times(mask):
    def hook(call, *args, **kwargs):
        output = call(*args, **kwargs)
        return output * ops.cast(mask, output.dtype)

    return hook


class Pixels:
    """A batch of inputs, and Adam to change them.

    Args:
        teacher: The teacher that the objective asks.
        objective: Has a method `values(x, targets)`.
        dropout: A `FixedDropout`.
        shape: Shape of the batch.
        learning_rate: Of Adam.
    """

    def __init__(self, teacher, objective, dropout, shape, learning_rate):
        self._objective = objective
        self._dropout = dropout
        self._x = keras.Variable(np.zeros(shape), dtype="float32")
        self._optimizer = keras.optimizers.Adam(learning_rate, epsilon=_EPSILON)
        self._optimizer.build([self._x])
        # Copies, since a device may write into what is converted.
        self._fresh = [
            np.array(ops.convert_to_numpy(v)) for v in self._optimizer.variables
        ]
        variables = [self._x, *self._optimizer.variables, *teacher.variables]
        # One trace for all batches: they differ in what they are called with.
        self._evaluate = backend.compiled(self._values, variables)
        self._step = backend.compiled(self._take_step, variables)

    def optimise(self, start, targets, masks, steps):
        """Optimises from a start, with a fresh optimizer.

        Args:
            start: float32 array of the batch's shape.
            targets: Arrays for the objective.
            masks: Arrays for the dropout.
            steps: Number of updates.

        Returns:
            `(x, first, last)`: the optimised array, and the objective of each
            input before and after, `(batch,)`.
        """
        self._x.assign(start)
        for variable, value in zip(
            self._optimizer.variables, self._fresh, strict=True
        ):
            variable.assign(value)
        tensors = keras.tree.map_structure(
            ops.convert_to_tensor, (targets, masks)
        )
        first = self._evaluate(*tensors)
        for _ in range(steps):
            self._step(*tensors)
        found = self._x, first, self._evaluate(*tensors)
        return [np.array(ops.convert_to_numpy(tensor)) for tensor in found]

    def _values(self, targets, masks):
        return self._values_of(self._x.value, targets, masks)

    def _values_of(self, x, targets, masks):
        with self._dropout.applied(masks):
            return self._objective.values(x, targets)

    def _take_step(self, targets, masks):
        # Of their sum: what happens to an input does not depend on the others.
        _, gradients = backend.input_gradients(
            lambda x: self._values_of(x, targets, masks),
            self._x.value,
            {"x": lambda values: values},
        )
        self._optimizer.apply([gradients["x"]], [self._x])
