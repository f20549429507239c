"""Runs the examples in the docstrings of every module."""

import contextlib
import doctest
import importlib.util
import io
import pathlib
import pkgutil

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from tests import support

MODULES = ["keras_kd"] + [
    module.name
    for module in pkgutil.walk_packages(keras_kd.__path__, "keras_kd.")
]


def has_examples(name):
    """Whether the file of a module has any: others need no import."""
    path = importlib.util.find_spec(name).origin
    return ">>> " in pathlib.Path(path).read_text()


class DoctestTest(parameterized.TestCase):
    @parameterized.named_parameters(
        (name, name) for name in MODULES if has_examples(name)
    )
    def test_examples(self, name):
        keras.utils.set_random_seed(0)
        with contextlib.redirect_stdout(io.StringIO()) as report:
            result = doctest.testmod(
                importlib.import_module(name),
                extraglobs={"keras": keras, "keras_kd": keras_kd, "np": np},
                optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
            )
        self.assertEqual(result.failed, 0, report.getvalue())


support.mark_slow(DoctestTest, "test_examples_keras_kd.procedures.")


if __name__ == "__main__":
    absltest.main()
