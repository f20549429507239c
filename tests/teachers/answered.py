"""Answers, their examples, and a cache of them, for several tests."""

import pathlib
import shutil
import tempfile

import keras
import numpy as np
from absl.testing import parameterized

import keras_kd
from keras_kd.teachers import CachedTeacher
from keras_kd.teachers import cache_answers
from tests import reference
from tests import support

X, Y = support.data(43)
LOGITS = np.random.default_rng(1).normal(size=(43, 5)).astype("float32") * 3


def highest(logits, k):
    """The highest log-probabilities and their classes, in a random order."""
    p = np.log(reference.softmax(logits))
    classes = np.argsort(-p, axis=-1)[..., :k]
    order = np.random.default_rng(0).permuted(
        np.broadcast_to(np.arange(k), classes.shape), axis=-1
    )
    classes = np.take_along_axis(classes, order, axis=-1)
    return {
        "top_log_probabilities": np.take_along_axis(p, classes, axis=-1),
        "top_classes": classes,
    }


def numbered():
    """Inputs whose first entry is the number of the example."""
    x = X.copy()
    x[:, 0] = np.arange(43)
    return x


class Answered(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.whole = pathlib.Path(
            cls.enterClassContext(tempfile.TemporaryDirectory())
        )

    def setUp(self):
        super().setUp()
        self.folder = support.folder(self)

    def cache(self, answers, data=None, folder=None, **kwargs):
        kwargs = {"batch_size": 8, "examples_per_shard": 16} | kwargs
        return cache_answers(
            answers,
            data=numbered() if data is None else data,
            directory=folder or self.folder,
            verbose=0,
            **kwargs,
        )

    def finished(self):
        """What `cache(LOGITS)` writes, copied from one for all tests."""
        if not any(self.whole.iterdir()):
            self.cache(LOGITS, folder=self.whole)
        shutil.copytree(self.whole, self.folder, dirs_exist_ok=True)
        return CachedTeacher(self.folder)

    def shards(self, folder=None):
        return sorted((folder or self.folder).glob("*.tfrecord"))


def read(cached):
    """What a Distiller gets of a cache, `(examples, classes)`."""
    (x,) = cached.attach(numbered()).batch(43)
    output, _ = cached.read(keras_kd.batch.split(x)[1]["teacher"])
    return keras.ops.convert_to_numpy(output)
