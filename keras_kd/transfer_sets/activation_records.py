"""Records a teacher's activations (Lopes, Fenu and Starner, 2017)."""

import keras

from keras_kd._core.arguments import check_count
from keras_kd._core.identity import fingerprint
from keras_kd._types import Data
from keras_kd.transfer_sets._activations import contents
from keras_kd.transfer_sets._activations import inputs
from keras_kd.transfer_sets._activations.contents import AllLayers
from keras_kd.transfer_sets._activations.contents import SpectralAllLayers
from keras_kd.transfer_sets._activations.contents import SpectralLayerPairs
from keras_kd.transfer_sets._activations.contents import TopLayer
from keras_kd.transfer_sets._activations.records import ActivationRecords
from keras_kd.transfer_sets._activations.records import family


def activation_records(
    *,
    teacher: keras.Model,
    data: Data,
    content: TopLayer
    | AllLayers
    | SpectralAllLayers
    | SpectralLayerPairs
    | None = None,
    batch_size: int = 256,
) -> ActivationRecords:
    """Records a teacher's activations on its training data.

    Training data often cannot be passed on with a network: they are large, or
    private. These records are small: the activations of the teacher's units for
    each class. With the teacher and the records, `reconstruct` makes inputs
    that give such activations, to train a student on.

    "Data-free" means that the student needs no data. The records are made from
    them, and are no promise of privacy: a spectral record in particular holds
    the activations of single examples.

    Reference: [Lopes et al., 2017](https://arxiv.org/abs/1710.07535).

    Args:
        teacher: A built `keras.Model` with one input of fixed shape that gives
            logits `(batch, classes)`.
        data: What it was trained on: arrays `(x, y)` or a `tf.data.Dataset` of
            such batches, with class numbers.
        content: What to record: `TopLayer`, `AllLayers`, `SpectralAllLayers`
            or `SpectralLayerPairs`. `None`, the default, is `TopLayer()`.
        batch_size: Examples in a batch, if the data are arrays. Defaults to
            `256`.

    Returns:
        `ActivationRecords`. Save them beside the teacher.

    Raises:
        TypeError: If the teacher is no `keras.Model`, or the data or the
            content are something else.
        ValueError: If the teacher gives no logits, the data do not fit it, or
            a class has too few examples; for spectral records also if the
            teacher is no chain of layers.

    Example:

    >>> teacher = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> x, y = np.random.default_rng(0).normal(size=(20, 4)), [0, 1] * 10
    >>> records = keras_kd.transfer_sets.activation_records(
    ...     teacher=teacher, data=(x, np.array(y)))
    >>> sorted(records.arrays)
    ['factor.0.0', 'factor.1.0', 'mean.0.0', 'mean.1.0']
    >>> records.sample(label=1, count=3)["logits"].shape
    (3, 2)
    """
    check_count("batch_size", batch_size, "examples in a batch")
    content = contents.TopLayer() if content is None else content
    module = family(content)
    input_shape, num_classes = inputs.check_teacher(teacher)
    batches = inputs.batches(data, input_shape, num_classes, batch_size)
    layers, arrays = module.measure(content, teacher, batches, num_classes)
    return ActivationRecords(
        content=content,
        teacher=fingerprint(teacher).hex(),
        num_classes=num_classes,
        layers=tuple(layers),
        arrays=arrays,
    )
