"""The identity of a job: what tells it from others, and how two differ."""

import hashlib
import os
import re

import keras
import numpy as np

from keras_kd._core import files


def of_job(bench):
    """Describes a job, as a dict for JSON.

    The number of seeds is no part of it: more can be added to a finished job.
    """
    settings = bench.settings
    found = {
        name: getattr(settings, name)
        for name in (
            "dataset",
            "method",
            "temperature",
            "loss_weight",
            "student_loss_weight",
            "epochs",
            "batch_size",
            "fraction",
        )
    }
    for name in (
        "image_size",
        "limit",
        "noise_stddev",
        "noise_probability",
        "learning_rate",
    ):
        # Where there are none, jobs of older versions are the same job.
        if getattr(settings, name) is not None:
            found[name] = getattr(settings, name)
    # Each has its own random numbers, which one table must not mix.
    found["backend"] = keras.backend.backend()
    found["data"] = of_data(bench.data)
    for role in ("teacher", "student"):
        path = getattr(settings, role)
        found[role] = path and _digest_of(path)
    if settings.cache:
        found["cache"] = _cache_kind(bench)
    return found


def of_data(data):
    """Digest of an `ImageSet`: of its images and labels."""
    digest = hashlib.blake2b(digest_size=16)
    for name in ("train_images", "train_labels", "test_images", "test_labels"):
        array = np.ascontiguousarray(getattr(data, name))
        digest.update(f"{array.shape}{array.dtype}".encode())
        digest.update(array)
    return digest.hexdigest()


def of_teacher(bench):
    """Describes the settings of a teacher that is trained by default."""
    found = of_job(bench)
    return {name: found[name] for name in ("epochs", "batch_size", "data")}


def _cache_kind(bench):
    """Storage format of the teacher's output in the cache."""
    if bench.answers is None:
        return ["float16", None]
    output, *_ = bench.answers.teacher.layout.fields.values()
    return [output.dtype, output.top_k]


def _digest_of(path):
    return f"{os.path.basename(path)} {files.digest(path)[:16]}"


def refusal(folder, flag, found, now, overwrite):
    """The text of the error where another job is in a folder.

    Args:
        folder: The folder.
        flag: Name of the flag that gives it.
        found: The identity of the job that is there.
        now: The identity of this one.
        overwrite: Whether to offer that; `None` if there is no such choice.
    """
    folder = str(folder)
    number = 2
    is_same = found.get("dataset") == now.get("dataset")
    suffix = number if is_same else _word(now["dataset"])
    free = name = f"{folder.rstrip(os.sep)}_{suffix}"
    while os.path.lexists(free):
        free = f"{name}_{number}"
        number += 1
    remedy = f"Choose another folder, such as --{flag}={free}"
    if overwrite is not None:
        remedy += ", or add --overwrite, which deletes that job's results"
    return (
        f"`--{flag}` must be an empty folder or one with the same job, since "
        f"that goes on where it stopped. Received: --{flag}={folder}, where "
        f"there is a job {_difference(found, now)}. {remedy}."
    )


def _word(dataset):
    return re.sub(r"\W+", "_", os.path.basename(os.path.normpath(str(dataset))))


def _difference(found, now):
    """Names a difference to this job, in words that follow "a job"."""
    if found.get("command") != now.get("command"):
        return "of another command"
    if found.get("dataset") != now.get("dataset"):
        return f"with --dataset={found['dataset']}, not {now['dataset']}"
    # Flags of a search that are not searched stand by themselves.
    found, now = (one | one.get("fixed", {}) for one in (found, now))
    names = [n for n in {**found, **now} if found.get(n) != now.get(n)]
    # Other methods have other defaults.
    unsaid = {"fixed"} | ({"defaults"} if "method" in names else set())
    parts = [
        _part(name, found.get(name), now.get(name))
        for name in names
        if name not in unsaid
    ]
    return f"with {'; '.join(parts)}"


# What has no value that a user knows.
_OTHERS = {
    "data": "other images",
    "cache": "another kind of --cache",
    "defaults": "other defaults of these methods",
}


def _part(name, old, new):
    if name in _OTHERS:
        return _OTHERS[name]
    if name == "backend":
        return f"KERAS_BACKEND={old}, now {new}"
    if name in ("teacher", "student"):
        # The name of a file, and the digest of what is in it.
        old, new = (one and one.rsplit(" ", 1)[0] for one in (old, new))
    if old == new:
        return f"another model in --{name}={old}"
    return f"--{name}={_value(old)}, now {_value(new)}"


def _value(value):
    if isinstance(value, list):
        return ",".join(map(str, value))
    return "none" if value is None else value
