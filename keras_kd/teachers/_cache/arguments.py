"""Validates arguments of `cache_teacher`, and writes a plan of them."""

import keras

from keras_kd._core import files
from keras_kd._core.arguments import check_count
from keras_kd._core.identity import fingerprint
from keras_kd._core.teacher_protocol import TeacherProtocol
from keras_kd._core.teacher_protocol import check_stays
from keras_kd.teachers._cache import elements
from keras_kd.teachers._cache import records
from keras_kd.teachers.augmentation import Augmentation

FORMAT = 1
_MOST_EXAMPLES = 4096
_MOST_SHARD_BYTES = 2**28
_BLOCK_EXAMPLES = 1024
_BLOCK_BYTES = 2**22

# What differs if an entry of the plan does.
_MEANING = {
    "augmentation": "`augmentation`",
    "batch_size": "`batch_size`",
    "block": "`examples_per_shard`",
    "elements": "data set",
    "examples_per_shard": "`examples_per_shard`",
    "format": "version of keras_kd",
    "layout": "`taps`, `dtype`, `top_k`, or the teacher's output",
    "seed": "`seed`",
    "teacher": "teacher, or `answers`",
    "teacher_inputs": "`teacher_inputs`",
    "views": "`views`",
}


def check(teacher, taps, dtype, top_k, views, augmentation):
    """Validates the arguments of `cache_teacher` before data are read."""
    if isinstance(teacher, keras.Model):
        check_built(teacher)
        check_stays(teacher, "teacher", "a cache keeps what it says once")
    elif not (
        isinstance(teacher, TeacherProtocol) and hasattr(teacher, "predict")
    ):
        raise TypeError(
            "`teacher` must be a `keras.Model` or a `FunctionTeacher`. "
            f"Received: teacher={teacher!r} of type {type(teacher).__name__}. "
            "Wrap functions, classifiers and regressors in "
            "`teachers.FunctionTeacher`."
        )
    if isinstance(taps, str):
        raise TypeError(
            f"`taps` must be a list of names. Received: taps={taps!r}. Write "
            f"taps=[{taps!r}]."
        )
    check_storage(dtype, top_k)
    check_count("views", views, "the stored versions of an example")
    if augmentation is None and views > 1:
        raise ValueError(
            "`augmentation` must be given for several views, since they would "
            f"all be equal. Received: views={views}, augmentation=None."
        )
    if augmentation is not None and not callable(augmentation):
        raise TypeError(
            "`augmentation` must be a function of `(x, seed)`. Received: "
            f"augmentation={augmentation!r}. Wrap layers of Keras in "
            "`teachers.Augmentation`."
        )


def check_storage(dtype, top_k):
    """Validates what is stored of logits."""
    if dtype not in ("float16", "float32"):
        raise ValueError(
            '`dtype` must be "float16" or "float32", since those are what is '
            f"stored. Received: dtype={dtype!r}."
        )
    check_count("top_k", top_k, "the logits to keep", is_optional=True)


def check_built(teacher):
    """Validates that a teacher is built."""
    if not teacher.built:
        raise ValueError(
            "`teacher` must be built, since its taps are found by shape. "
            f'Received: teacher="{teacher.name}", built=False. Call it once on '
            "a batch, or give it an `Input` layer."
        )


def describe_augmentation(augmentation):
    """Describes an augmentation for JSON, equal for equal ones."""
    if augmentation is None:
        return None
    if isinstance(augmentation, Augmentation):
        config = keras.saving.serialize_keras_object(augmentation)
        return {"config": _without_names(config)}
    kind = augmentation
    if not hasattr(kind, "__qualname__"):
        kind = type(kind)
    return {"function": f"{kind.__module__}.{kind.__qualname__}"}


def find_augmentation(described, given):
    """Finds the augmentation of a cache.

    Args:
        described: What `describe_augmentation` returned then.
        given: A function, or `None`.

    Raises:
        ValueError: If it is another one, or there is none and must be.
    """
    if given is None and described and "config" in described:
        return keras.saving.deserialize_keras_object(described["config"])
    found = describe_augmentation(given)
    if files.digest_of(found) != files.digest_of(described):
        raise ValueError(
            "`augmentation` must be the one that the cache was made with, "
            "since the student is to see what the teacher saw. Received: "
            f"augmentation={given!r}, and a cache with {_short(described)}."
        )
    return given


def _without_names(config):
    """Removes names that differ from process to process from a config."""
    if isinstance(config, list):
        return [_without_names(entry) for entry in config]
    if not isinstance(config, dict):
        return config
    return {
        key: _without_names(value)
        for key, value in config.items()
        if key not in ("build_config", "name", "seed")
    }


def sizes(row_bytes, example_bytes, batch_size, per_shard):
    """Chooses the number of examples in a shard and in a record.

    Args:
        row_bytes: Bytes that are stored for an example.
        example_bytes: Bytes of an example in memory, 0 if unknown.
        batch_size: Number of examples in a batch of the teacher.
        per_shard: What the caller wants, or `None`.

    Returns:
        `(examples_per_shard, block)`. Shards hold whole batches, so that a
        resumed run makes the same ones, and whole records.
    """
    if per_shard is None:
        fits = min(_MOST_EXAMPLES, _MOST_SHARD_BYTES // row_bytes)
        per_shard = batch_size * max(1, fits // batch_size)
    if per_shard % batch_size:
        raise ValueError(
            "`examples_per_shard` must be a multiple of `batch_size`, since a "
            "run that is taken up again must make the same batches. Received: "
            f"examples_per_shard={per_shard}, batch_size={batch_size}."
        )
    fits = max(1, _BLOCK_BYTES // (row_bytes + example_bytes))
    most = min(_BLOCK_EXAMPLES, fits)
    block = max(n for n in range(1, most + 1) if per_shard % n == 0)
    return per_shard, block


def make_plan(teacher, layout, data, options):
    """Plans a cache: all settings that its bytes depend on.

    Args:
        teacher: See `cache_teacher`.
        layout: The `Layout` of its outputs.
        data: `tf.data.Dataset` of single examples.
        options: Dict of other entries.

    Returns:
        A dict that JSON can hold.
    """
    return options | {
        "elements": elements.spec(data),
        "format": FORMAT,
        "layout": layout.to_json(),
        "teacher": fingerprint(teacher).hex(),
    }


def agree(directory, plan):
    """Writes the plan, or compares it with the stored one.

    Args:
        directory: A `pathlib.Path`.
        plan: What `make_plan` returned.

    Raises:
        ValueError: If the folder holds a cache with another plan.
    """
    path = directory / records.PLAN
    if not path.exists():
        records.write(path, plan)
        return
    before = records.read(path)
    differing = [
        key
        for key in sorted(before.keys() | plan.keys())
        if files.digest_of(before.get(key)) != files.digest_of(plan.get(key))
    ]
    if differing:
        named = " and ".join(_MEANING.get(key, key) for key in differing)
        key = differing[0]
        raise ValueError(
            "`directory` must be empty or hold a cache of the same teacher, "
            "data and arguments, since both would be mixed. Received: "
            f"directory={str(directory)!r}, begun with another {named}: "
            f"{_short(before.get(key))} before, {_short(plan.get(key))} now. "
            "Use another folder, or delete this one."
        )


def _short(value):
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
