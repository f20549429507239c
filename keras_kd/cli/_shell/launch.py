"""Runs the work of a command, and returns an exit code."""

import dataclasses
import logging
import os
import sys
import traceback

from keras_kd.cli._shell import quiet
from keras_kd.cli._shell import usage
from keras_kd.cli._shell.errors import DONE
from keras_kd.cli._shell.errors import FAILED
from keras_kd.cli._shell.errors import UnusableError


def main(command, introduction, values, arguments, prepare):
    """Reads the flags of a command and runs it, or prints its help.

    Args:
        command: Its name.
        introduction: Text for the top of its help.
        values: Its `absl.flags.FlagValues`.
        arguments: What follows the command.
        prepare: From these values to what follows the command in `run`; checks
            what can be checked without TensorFlow.

    Returns:
        The exit code.

    Raises:
        UnusableError: If the command cannot use the arguments.
    """
    if usage.asks_for_help(arguments):
        print(usage.command_help(command, introduction, values))
        return DONE
    usage.parse(command, values, arguments)
    return run(command, *prepare(values))


def given(values, settings):
    """Values of the flags, for the fields of a dataclass of settings."""
    return {
        field.name: getattr(values, field.name)
        for field in dataclasses.fields(settings)
    }


def run(command, folder, work, wakes=True):
    """Runs a command.

    Args:
        command: Its name.
        folder: Where it keeps what is finished.
        work: The function to call, which returns `None` or an exit code.
        wakes: Whether to start TensorFlow first. Defaults to `True`.

    Returns:
        The exit code.

    Raises:
        UnusableError: If the work cannot use what it was given.
    """
    _choose_backend()
    kept = f"{folder}: the same command goes on from there."
    try:
        if wakes:
            _wake()
        return work() or DONE
    except UnusableError:
        raise
    except KeyboardInterrupt:
        print(
            f"\nInterrupted. What is finished is kept in {kept}",
            file=sys.stderr,
        )
    except Exception:
        traceback.print_exc()
        print(
            f"\nkeras-kd {command} failed. What is finished is kept in {kept}",
            file=sys.stderr,
        )
    return FAILED


def _choose_backend():
    """Selects TensorFlow over `keras.json`, but not over the variable."""
    backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if backend != "tensorflow":
        raise UnusableError(
            "`KERAS_BACKEND` must be tensorflow, since keras_kd has no "
            f"training step for others yet. Received: KERAS_BACKEND={backend}."
            " Unset the variable."
        )


def _wake():
    # Here, so that neither help nor a mistyped flag waits for TensorFlow.
    with quiet.start():
        import keras

        # The first values start the devices, which print lines of their own.
        keras.ops.cast(keras.ops.zeros(()), "float16")
    # It warns of tracing again for each new model, which is meant here.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
