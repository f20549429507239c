"""Calls of the command line."""

import contextlib
import io

from keras_kd import __main__ as program


def call(*arguments):
    """Runs a command in this process.

    Returns:
        The exit code, and what went to standard output and standard error.
    """
    with (
        contextlib.redirect_stdout(io.StringIO()) as output,
        contextlib.redirect_stderr(io.StringIO()) as errors,
    ):
        code = program.main(list(arguments))
    return code, output.getvalue(), errors.getvalue()
