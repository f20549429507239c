"""Model under attack, and checks of the images and labels."""

import keras
import numpy as np
from keras import ops

from keras_kd import backend
from keras_kd._core import ensemble_logits
from keras_kd._core import model_specs
from keras_kd._core import tapped_model
from keras_kd._core.arguments import as_float
from keras_kd._core.arguments import check_count
from keras_kd._core.kinds import as_array
from keras_kd._core.kinds import check_pair
from keras_kd._core.predictions import logits_of
from keras_kd.losses.shapes import shapes_agree


class Victim:
    """A model under attack, in inference mode and in float32.

    Args:
        model: A built `keras.Model` of one input that gives logits.
        x: Images, `(images, ...)`.
        labels: Class numbers, `(images,)`.
        bounds: Lowest and highest value of a feature.
        batch_size: Images in a batch.
        argument: What the caller calls `labels`, for errors.

    Raises:
        TypeError: If `model` is not a `keras.Model`.
        ValueError: If the model cannot be attacked, or the data do not fit.
    """

    def __init__(self, model, x, labels, bounds, batch_size, argument="labels"):
        shape = ensemble_logits.logits_shape(
            ensemble_logits.shape(logits_of(model, "model"))
        )
        if len(shape) != 2 or shape[-1] < 2:
            raise ValueError(
                "`model` must give logits of shape (batch, classes) for at "
                "least two classes, since an attack goes from one to another. "
                f'Received: model="{model.name}" with {tuple(shape)}.'
            )
        self.model = model
        self.num_classes = shape[-1]
        self.bounds = _checked_bounds(bounds)
        self.x = _checked_images(model, x, self.bounds)
        self.labels = _checked_labels(
            labels, argument, len(self.x), self.num_classes
        )
        check_count("batch_size", batch_size, "images in a batch")
        self.batch_size = batch_size
        self._classes = backend.compiled(
            lambda images: ops.argmax(self.logits(images), axis=-1),
            model.variables,
        )

    def logits(self, images):
        """Logits of a batch in float32, `(batch, classes)`."""
        output = tapped_model.run(self.model, images, training=False)
        return ensemble_logits.as_logits(output, dtype="float32")

    def classes(self, images):
        """Class that the model gives to each of many images."""
        return np.concatenate(
            [as_numpy(self._classes(images[part])) for part in self.batches()]
        )

    def batches(self):
        """Slices of the images, each a batch."""
        starts = range(0, len(self.x), self.batch_size)
        return [slice(start, start + self.batch_size) for start in starts]

    def gradients(self, objectives):
        """Compiles gradients by the image.

        Args:
            objectives: Dict from a name to a function of the logits of a batch
                and of its labels one-hot, `(batch, classes)` each, that
                returns one value per image.

        Returns:
            A function from images and one-hot labels to `(logits, gradients)`:
            arrays, the gradients in a dict of these names.
        """

        def run(images, wanted):
            return backend.input_gradients(
                self.logits,
                images,
                {
                    name: lambda logits, of=of: of(logits, wanted)
                    for name, of in objectives.items()
                },
            )

        run = backend.compiled(run, self.model.variables)
        return lambda *inputs: keras.tree.map_structure(as_numpy, run(*inputs))

    def one_hot(self, part):
        """Labels of some images, `(images, classes)`, float32."""
        return np.eye(self.num_classes, dtype="float32")[self.labels[part]]


def as_numpy(tensor):
    """A tensor as an array that can be written to."""
    return np.array(ops.convert_to_numpy(tensor))


def _checked_bounds(bounds):
    low, high = (
        as_float(bound)
        for bound in check_pair(
            "bounds", bounds, "the lowest and the highest value"
        )
    )
    if not low < high:
        raise ValueError(
            "`bounds` must be the lowest and the highest value of a feature. "
            f"Received: bounds={bounds!r}."
        )
    return low, high


def _checked_images(model, x, bounds):
    if keras.tree.is_nested(model_specs.input_spec(model)):
        raise ValueError(
            "`model` must have one input, since that is what is changed. "
            f'Received: model="{model.name}" with several.'
        )
    x = _as_images(model, x)
    low, high = bounds
    if not (x.size and np.all((low <= x) & (x <= high))):
        found = f"from {x.min()} to {x.max()}" if x.size else "none"
        raise ValueError(
            f"`x` must be at least one image with features from {low} to "
            f"{high}, since an attack stays within the bounds. Received: "
            f"{found}. Scale the images, or give their `bounds`."
        )
    return x


def _as_images(model, x):
    """An array of images, float32, after a check of its shape."""
    x = as_array("x", x, "the images", "float32")
    shape = model_specs.input_spec(model).shape
    if not shapes_agree(x.shape[1:], shape[1:]) or x.ndim != len(shape):
        raise ValueError(
            f"`x` must be images of shape {tuple(shape)}, since the model "
            f"takes those. Received: x of shape {x.shape}. Write one image as "
            "`x[None]`."
        )
    return x


def _checked_labels(labels, argument, count, num_classes):
    labels = np.asarray(labels)
    is_number = labels.dtype.kind in "iu" and labels.shape == (count,)
    if not is_number or labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(
            f"`{argument}` must be a class number from 0 to {num_classes - 1} "
            f"for each of the {count} images. Received: dtype {labels.dtype}, "
            f"shape {labels.shape}, {labels.ravel().tolist()[:5]} ..."
        )
    return labels
