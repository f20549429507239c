"""Reads arguments, prints help, runs the work of a command."""

import contextlib
import dataclasses
import importlib
import importlib.util
import logging
import os
import shutil
import sys
import tempfile
import textwrap
import traceback

from absl import flags

from keras_kd.cli._shell.errors import DONE
from keras_kd.cli._shell.errors import FAILED
from keras_kd.cli._shell.errors import INTERRUPTED
from keras_kd.cli._shell.errors import UnusableError
from keras_kd.cli._shell.terminal import WIDTH

HELP = ("--help", "-help", "-h")
COLUMN = 24
BACKENDS = ("tensorflow", "jax", "torch")
# The log level of TensorFlow.
LEVEL = "TF_CPP_MIN_LOG_LEVEL"


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
    if asks_for_help(arguments):
        print(command_help(command, introduction, values))
        return DONE
    parse(command, values, arguments)
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
        return INTERRUPTED
    except Exception:
        traceback.print_exc()
        print(
            f"\nkeras-kd {command} failed. What is finished is kept in {kept}",
            file=sys.stderr,
        )
        return FAILED


def say_reading(settings):
    """Tells, as soon as TensorFlow has started, what is done first."""
    print(f"Reading the images of {settings.dataset}.")


def _choose_backend():
    """Selects TensorFlow over `keras.json`, but not over the variable."""
    backend = os.environ.setdefault("KERAS_BACKEND", BACKENDS[0])
    if backend not in BACKENDS:
        raise UnusableError(
            f"`KERAS_BACKEND` must be {', '.join(BACKENDS[:-1])} or "
            f"{BACKENDS[-1]}, since keras_kd trains on these. Received: "
            f"KERAS_BACKEND={backend}. Unset the variable for {BACKENDS[0]}."
        )
    if importlib.util.find_spec(backend) is None:
        raise UnusableError(
            "`KERAS_BACKEND` must be a backend that is installed. Received: "
            f"KERAS_BACKEND={backend}. Run `pip install {backend}`, or unset "
            f"the variable for {BACKENDS[0]}."
        )
    if backend != BACKENDS[0]:
        # It reads the data there too, and would take all memory of a GPU.
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")


def _wake():
    # Here, so that neither help nor a mistyped flag waits for TensorFlow.
    with quiet_start():
        import keras

        # They take TensorFlow along on each backend.
        importlib.import_module("keras_kd.datasets")
        # The first values start the devices, which print lines of their own.
        keras.ops.cast(keras.ops.zeros(()), "float16")
    # It warns of tracing again for each new model, which is meant here.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


def asks_for_help(arguments):
    """Whether help is requested anywhere in the arguments."""
    return any(argument in HELP for argument in arguments)


def parse(command, values, arguments):
    """Reads flags.

    Args:
        command: Name of the command.
        values: Its `absl.flags.FlagValues`.
        arguments: What follows the command.

    Raises:
        UnusableError: If a flag is unknown, has a value of another type, or
            there is an argument that is no flag.
    """
    try:
        _, *others = values([f"keras-kd {command}", *arguments])
    except flags.IllegalFlagValueError as error:
        raise UnusableError(_illegal(values, error)) from error
    except flags.Error as error:
        raise UnusableError(
            f"{error}. See `keras-kd {command} --help`."
        ) from error
    if others:
        raise UnusableError(
            "Arguments must be flags, --name=value. Received: "
            f"{' '.join(others)}. See `keras-kd {command} --help`."
        )


# What a flag of a type must be, with a value to write.
_RULES = {
    "int": "a whole number, such as --{}=10",
    "float": "a number, such as --{}=0.5",
    "bool": "given alone, or as --{0}=true or --{0}=false",
    "string enum": "one of {1}",
}
_LIST = "names with commas between them"


def _illegal(values, error):
    """Says in a sentence what a value must be."""
    text = str(error).removesuffix(f": {error.__context__}")
    name, value = text.removeprefix("flag --").split("=", 1)
    flag = values[name]
    options = ", ".join(getattr(flag.parser, "enum_values", ()))
    rule = _RULES.get(flag.flag_type(), _LIST).format(name, options)
    return f"`--{name}` must be {rule}. Received: --{name}={value}."


def command_help(command, introduction, values):
    """Text for `keras-kd COMMAND --help`."""
    lines = [introduction, "", f"Usage: keras-kd {command} [--flag=value ...]"]
    lines.append("")
    for name in values:
        flag = values[name]
        lines += _describe(name, flag.default, flag.help)
    return "\n".join(lines)


def _describe(name, default, text):
    if isinstance(default, list):
        default = ",".join(default)
    if default is None or default is False:
        shown = f"--{name}"
    else:
        shown = f"--{name}={default}"
    described = textwrap.wrap(text, min(WIDTH, _columns()) - COLUMN - 2)
    head = f"  {shown}"
    if len(head) < COLUMN:
        head = f"{head:<{COLUMN}}{described.pop(0)}"
    return [head, *(" " * COLUMN + line for line in described)]


def _columns():
    return max(50, shutil.get_terminal_size((WIDTH, 24)).columns)


@contextlib.contextmanager
def quiet_start():
    """Hides what native code writes to standard error while the block runs.

    TensorFlow 2.21 prints some lines about the processor before it reads its
    own log level. After an error they are shown, and they always are with
    `TF_CPP_MIN_LOG_LEVEL=0`.
    """
    if os.environ.setdefault(LEVEL, "2") == "0":
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile("w+") as hidden:
        os.dup2(hidden.fileno(), 2)
        try:
            yield
        except Exception:
            _restore(kept)
            hidden.seek(0)
            shutil.copyfileobj(hidden, sys.stderr)
            raise
        except BaseException:
            _restore(kept)
            raise
        _restore(kept)


def _restore(kept):
    sys.stderr.flush()
    os.dup2(kept, 2)
    os.close(kept)
