"""Writes a cache of a teacher's outputs."""

import os
from collections.abc import Callable
from collections.abc import Sequence

import keras

from keras_kd._core import own_files
from keras_kd._core.arguments import check_count
from keras_kd._core.locks import locked
from keras_kd._types import Data
from keras_kd._types import Entries
from keras_kd._types import Tensor
from keras_kd.teachers import FunctionTeacher
from keras_kd.teachers._cache import arguments
from keras_kd.teachers._cache import elements
from keras_kd.teachers._cache import forward as forwards
from keras_kd.teachers._cache import positions
from keras_kd.teachers._cache import records
from keras_kd.teachers._cache import shards
from keras_kd.teachers._cache.layout import bytes_of
from keras_kd.teachers._cache.layout import stored_arrays
from keras_kd.teachers._cache.records import MANIFEST
from keras_kd.teachers._cache.writer import Writer
from keras_kd.teachers._cache.writer import first_batch
from keras_kd.teachers.cached import CachedTeacher


def cache_teacher(
    teacher: keras.Model | FunctionTeacher,
    dataset: Data,
    directory: str | os.PathLike[str],
    *,
    taps: Sequence[str] = (),
    top_k: int | None = None,
    dtype: str = "float16",
    views: int = 1,
    augmentation: Callable[[Tensor, Tensor], Tensor] | None = None,
    seed: int = 0,
    teacher_inputs: Entries = None,
    batch_size: int = 128,
    examples_per_shard: int | None = None,
    verbose: int = 1,
) -> CachedTeacher:
    """Stores a teacher's outputs for each example of a data set.

    A run that is stopped, however that happens, resumes after the last whole
    shard when it is called again. If the folder holds the finished cache, it
    is opened. A second process that writes the same cache waits for the first.

    Args:
        teacher: A built `keras.Model` that gives logits, or a
            `FunctionTeacher`.
        dataset: `tf.data.Dataset` of single examples (not batched) in a fixed
            order: `x`, `(x, y)` or `(x, y, sample_weight)`; or arrays of that
            structure; or batches of it: a `keras.utils.PyDataset`, which is
            read by index, a `DataLoader` of PyTorch that does not shuffle, or
            a function that makes a generator. A generator itself cannot be
            read again.
        directory: Folder of the cache; made if it does not exist.
        taps: Names of taps to store beside the output.
        top_k: Integer >= 1. Stores only so many of the highest logits of an
            example, and the log-sum-exp of the others, over which a loss then
            spreads their probability evenly. `None`, the default, stores all.
        dtype: `"float16"` or `"float32"`, for what is stored. Defaults to
            `"float16"`.
        views: Integer >= 1, how many versions of each example the teacher
            sees, each augmented with a seed of its own. Defaults to `1`.
        augmentation: A function from one example `x` and a seed, two int32
            numbers, to the changed `x`; the same numbers must give the same
            `x`. See `teachers.Augmentation`. `None`, the default, shows the
            examples as they are. Where labels belong to places, as masks, boxes
            and points do, moving pixels is an error, and changing colours is
            not, but for labels that an `Augmentation` moves with them.
        seed: Integer >= 0, from which all seeds of views follow. Defaults to
            `0`.
        teacher_inputs: Entries of a dict `x` that the teacher sees; see
            `Distiller`.
        batch_size: Integer >= 1. With the batch size of the training, float32
            and no batch that is not full, a student learns from the same bits
            as with the teacher itself. Defaults to `128`.
        examples_per_shard: A multiple of `batch_size`: at most so much work
            is done twice after a stop. `None`, the default, is about 4096, or
            less for large tensors.
        verbose: 0 for no output, 1 for the expected size and a progress bar.
            Defaults to `1`.

    Returns:
        A `CachedTeacher`.

    Raises:
        TypeError: If an argument is not of the type above.
        ValueError: If an argument cannot be used; if `augmentation` moves
            pixels, or may do so, and labels have two axes or more for an
            example, or a name like `boxes`; if the folder holds a cache of
            another teacher, data set or plan, or a damaged shard; if the
            teacher gives nan, or numbers beyond the range of `dtype`.

    Example:

    >>> import tempfile
    >>> teacher = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> cached = keras_kd.teachers.cache_teacher(
    ...     teacher, np.ones((10, 4)), tempfile.mkdtemp(), verbose=0
    ... )
    >>> cached.num_examples, cached.bytes_per_example
    (10, 14)
    """
    arguments.check(teacher, taps, dtype, top_k, views, augmentation)
    check_count("batch_size", batch_size, "examples")
    check_count(
        "examples_per_shard", examples_per_shard, "examples", is_optional=True
    )
    check_count("seed", seed, "one sequence of numbers", 0)
    data = elements.dataset(dataset, "dataset")
    positions.check(augmentation, data, "dataset")
    first = first_batch(data, augmentation, batch_size, seed)
    forward = forwards.make(
        teacher, tuple(taps), teacher_inputs, dtype, top_k, first
    )
    return fill(
        directory,
        teacher,
        forward,
        data,
        augmentation=augmentation,
        batch_size=batch_size,
        examples_per_shard=examples_per_shard,
        seed=seed,
        teacher_inputs=teacher_inputs,
        verbose=verbose,
        views=views,
    )


def fill(
    directory,
    teacher,
    forward,
    data,
    *,
    batch_size,
    examples_per_shard,
    verbose,
    augmentation=None,
    seed=0,
    teacher_inputs=None,
    views=1,
):
    """Writes a cache, or what is missing of it, and opens it.

    Args:
        directory: Folder of the cache.
        teacher: What has the fingerprint of the answers.
        forward: What gives them, such as a `ModelForward`.
        data: `tf.data.Dataset` of single examples.
        batch_size: See `cache_teacher`; so are all others.
        examples_per_shard: See there.
        verbose: See there.
        augmentation: See there.
        seed: See there.
        teacher_inputs: See there.
        views: See there.

    Returns:
        A `CachedTeacher`.
    """
    row_bytes = bytes_of(stored_arrays(forward.layout, augmentation))
    examples_per_shard, block = arguments.sizes(
        row_bytes, elements.num_bytes(data), batch_size, examples_per_shard
    )
    options = {
        "augmentation": arguments.describe_augmentation(augmentation),
        "batch_size": batch_size,
        "block": block,
        "examples_per_shard": examples_per_shard,
        "seed": seed,
        "teacher_inputs": teacher_inputs,
        "views": views,
    }
    plan = arguments.make_plan(teacher, forward.layout, data, options)
    directory = own_files.make_folder(directory, "directory")
    with locked(directory, print if verbose else silent):
        arguments.agree(directory, plan)
        shards.clear_unfinished(directory)
        writer = Writer(directory, plan, data, augmentation, forward)
        writer.check_teacher()
        if not is_complete(directory):
            writer.write(
                Progress(data, views, row_bytes, directory)
                if verbose
                else silent
            )
    return CachedTeacher(directory, augmentation=augmentation)


def is_complete(directory):
    """Whether the manifest is there, and all shards that it names."""
    path = directory / MANIFEST
    return path.exists() and all(
        (directory / name).exists() for name, _ in records.read(path)["shards"]
    )


class Progress:
    """The expected size, then a progress bar of examples.

    Args:
        data: `tf.data.Dataset` of single examples.
        views: Number of views.
        row_bytes: Bytes that are stored for an example.
        directory: Folder of the cache.
    """

    def __init__(self, data, views, row_bytes, directory):
        count = int(data.cardinality())
        self.total = count * views if count >= 0 else None
        self.done = 0
        print(describe_size(self.total, row_bytes, directory))
        self.bar = keras.utils.Progbar(self.total, unit_name="example")

    def __call__(self, count):
        """Adds examples that are done."""
        self.done += count
        self.bar.update(self.done, finalize=self.done == self.total)


def describe_size(total, row_bytes, directory):
    """A sentence on the size of a cache.

    Args:
        total: Number of examples times views, or `None` if it is not known.
        row_bytes: Bytes that are stored for an example.
        directory: Folder of the cache.
    """
    if total is None:
        size = f"{row_bytes} bytes an example, of an unknown number"
    else:
        size = (
            f"about {total * row_bytes / 2**20:,.1f} MiB: {total:,} examples "
            f"of {row_bytes:,} bytes"
        )
    return f"Caching the teacher in {str(directory)!r}, {size}."


def silent(*_):
    """Shows nothing, in place of progress and messages."""
