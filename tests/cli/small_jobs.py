"""Jobs that take seconds: little data, one learning rate, one epoch."""

import contextlib
import io
from unittest import mock

import keras
import numpy as np

from keras_kd import datasets
from keras_kd import teachers
from keras_kd.cli._bench import answers
from keras_kd.cli._bench import arms
from keras_kd.cli._bench import cache_job
from keras_kd.cli._bench import data_sets
from keras_kd.cli._bench import job
from keras_kd.cli._bench import prepare
from keras_kd.cli._search import job as search_job
from keras_kd.cli._search.settings import SearchSettings
from keras_kd.cli._shell.settings import Settings
from keras_kd.cli.cache import CacheSettings
from tests import support


def images(count, seed):
    """Images of 3 classes: a bright row tells which."""
    random = np.random.default_rng(seed)
    labels = np.arange(count, dtype="int32") % 3
    x = random.uniform(0, 0.6, size=(count, 6, 6, 1)).astype("float32")
    x[np.arange(count), 2 * labels] += 0.3
    return x, labels


def data(num_train=60, class_names=("a", "b", "c")):
    x, y = images(num_train, 0)
    x_test, y_test = images(30, 1)
    return datasets.ImageSet("rows", x, y, x_test, y_test, class_names)


def net(classes=3, shape=(6, 6, 1), activation=None, name="net"):
    return keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.Flatten(),
            keras.layers.Dense(8, activation="relu", name="hidden"),
            keras.layers.Dense(classes, activation=activation, name="head"),
        ],
        name=name,
    )


def save(folder, model, name="model.keras"):
    """Saves a model. Returns its path."""
    path = str(folder / name)
    model.save(path)
    return path


@contextlib.contextmanager
def small(the_data=None):
    """Lets what runs within have little data, and learn from it quickly."""
    with (
        support.eagerly(),
        mock.patch.object(datasets, "load", return_value=the_data or data()),
        mock.patch.object(arms, "RATES", (0.01,)),
        # Each trial collects garbage twice, in all of TensorFlow.
        mock.patch("gc.collect"),
        # The library prints how far a cache is.
        contextlib.redirect_stdout(io.StringIO()),
    ):
        yield


def bench(**given):
    """A `Bench` of small data and nets, with the settings of a search.

    Args:
        **given: `alternatives`, settings of which the first are the bench's,
            and other attributes.
    """
    the_data = data()
    tuning = data_sets.hold_out(the_data)
    given["alternatives"] = tuple(
        data_sets.fill_in(one, tuning) for one in given["alternatives"]
    )
    return arms.Bench(
        settings=given["alternatives"][0],
        data=the_data,
        tuning=tuning,
        num_classes=3,
        teacher=net(name="teacher"),
        student=net(name="student"),
        **given,
    )


def with_answers(test, bench):
    """A `Bench` that has asked its teacher."""
    with contextlib.redirect_stdout(io.StringIO()):
        cached = teachers.cache_teacher(
            bench.teacher,
            bench.data.train_images,
            support.folder(test),
            taps=answers.taps_of(bench.cached_losses()),
        )
    return prepare.with_answers(bench, cached)


def cache(folder, the_data=None, **settings):
    """Writes a cache for small data.

    Returns:
        The `CachedTeacher`, and the lines that the user saw.
    """
    lines = []
    given = {"epochs": 1, "batch_size": 24}
    with small(the_data):
        cached = cache_job.run(
            CacheSettings(output=str(folder), **given | settings),
            say=lines.append,
        )
    return cached, "\n".join(lines)


def run(folder, the_data=None, overwrite=False, **settings):
    """Runs a job on small data.

    Returns:
        The `Outcome`, and the lines that the user saw.
    """
    lines = []
    given = {"epochs": 1, "seeds": 2, "fraction": 0.5, "batch_size": 24}
    with small(the_data):
        outcome = job.run(
            Settings(output=str(folder), **given | settings),
            overwrite=overwrite,
            say=lines.append,
        )
    return outcome, "\n".join(lines)


def search(folder, the_data=None, **settings):
    """Runs a search on small data.

    Returns:
        The `Found`, and the lines that the user saw.
    """
    lines = []
    given = {"epochs": 1, "fraction": 0.5, "batch_size": 24, "tuner": "random"}
    with small(the_data):
        found = search_job.run(
            SearchSettings(output=str(folder), **given | settings),
            say=lines.append,
        )
    return found, "\n".join(lines)
