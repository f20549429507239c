"""Runs the work of a command, and tells its end in an exit code."""

import logging
import os
import sys
import traceback

from keras_kd.cli import quiet
from keras_kd.cli.errors import DONE
from keras_kd.cli.errors import FAILED
from keras_kd.cli.errors import UnusableError


def run(command, folder, work):
    """Runs a command.

    Args:
        command: Its name.
        folder: Where it keeps what is finished.
        work: The function to call, once TensorFlow is awake.

    Returns:
        The exit code.

    Raises:
        UnusableError: If the work cannot use what it was given.
    """
    _choose_backend()
    kept = f"{folder}: the same command goes on from there."
    try:
        _wake()
        work()
        return DONE
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
    """Takes TensorFlow, whatever `keras.json` says, but not the variable."""
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

        # The first values wake the devices, each type with lines of its own.
        keras.ops.cast(keras.ops.zeros(()), "float16")
    # It warns of tracing again for each new model, which is meant here.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
