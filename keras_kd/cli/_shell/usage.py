"""Reads arguments and prints help, without loading anything slow."""

import shutil
import textwrap

from absl import flags

from keras_kd.cli._shell.errors import UnusableError

HELP = ("--help", "-help", "-h")
WIDTH = 80
COLUMN = 24


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
    except flags.Error as error:
        raise UnusableError(
            f"{error}. See `keras-kd {command} --help`."
        ) from error
    if others:
        raise UnusableError(
            "Arguments must be flags, --name=value. Received: "
            f"{' '.join(others)}. See `keras-kd {command} --help`."
        )


def command_help(command, introduction, values):
    """Text for `keras-kd COMMAND --help`."""
    lines = [introduction, "", f"Usage: keras-kd {command} [--flag=value ...]"]
    lines.append("")
    for name in values:
        flag = values[name]
        lines += _describe(name, flag.default, flag.help)
    return "\n".join(lines)


def _describe(name, default, text):
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
