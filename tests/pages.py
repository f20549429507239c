"""The code on a page of the documentation, and running it as a reader would."""

import contextlib
import functools
import io
import pathlib
import re
from unittest import mock

import keras

ROOT = pathlib.Path(__file__).parents[1]


def text(path):
    """The text of a page.

    Args:
        path: Of a file, relative to the repository.
    """
    return (ROOT / path).read_text()


def code_blocks(text, language="python"):
    """The code in the blocks of a language, in their order."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def run(code, folder, names):
    """Runs code in this process.

    Args:
        code: Python source.
        folder: Where it runs.
        names: The names that it finds, a dict, to which it adds its own.

    Returns:
        What it printed.
    """
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(io.StringIO()) as output,
    ):
        exec(code, names)
    return output.getvalue()


def one_step():
    """Lets `fit` take one step, as a context."""
    fit = keras.Model.fit

    @functools.wraps(fit)
    def short(model, *data, **options):
        options |= {"epochs": 1, "steps_per_epoch": 1}
        if "validation_data" in options:
            options["validation_steps"] = 1
        return fit(model, *data, **options)

    return mock.patch.object(keras.Model, "fit", short)


def links(path):
    """The files that a page links to."""
    found = re.findall(r"\]\((?!https?://)([^)#]+)\)", text(path))
    return [(ROOT / path).parent / link for link in found]
