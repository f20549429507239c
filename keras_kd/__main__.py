"""The commands of `keras-kd`, also `python -m keras_kd`.

The second imports all of `keras_kd` first, TensorFlow with it.
"""

import difflib
import importlib
import sys

import keras_kd
from keras_kd.cli._shell import launch
from keras_kd.cli._shell import terminal
from keras_kd.cli._shell.errors import DONE
from keras_kd.cli._shell.errors import UNUSABLE
from keras_kd.cli._shell.errors import UnusableError

# Modules with `main(arguments)`, imported when they are called.
COMMANDS = {
    "cache": "store what a teacher says about the images, for `distill`",
    "distill": "train a teacher, students alone and distilled, and compare",
    "export": "write a student as SavedModel, LiteRT and ONNX, and try them",
    "methods": "list the methods of distillation, with their papers",
    "search": "find the method, temperature, weights and learning rate",
}


def main(arguments=None):
    """Runs `keras-kd`.

    Args:
        arguments: What follows the name of the program. Defaults to `None`,
            those of the process.

    Returns:
        The exit code: 0 done, 1 the job failed, 2 unusable arguments,
        130 after Ctrl-C.
    """
    if arguments is None:
        arguments = sys.argv[1:]
    terminal.prepare()
    if not arguments or arguments[0] in (*launch.HELP, "help"):
        print(_help())
        return DONE
    if arguments[0] == "--version":
        print(f"keras_kd {keras_kd.__version__}")
        return DONE
    command, *others = arguments
    try:
        return _command(command)(others)
    except UnusableError as error:
        print(f"keras-kd: {error}", file=sys.stderr)
        return UNUSABLE


def _command(name):
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=3, cutoff=0.4)
        hint = (
            f"Did you mean {' or '.join(near)}?"
            if near
            else "See `keras-kd --help`."
        )
        raise UnusableError(
            f"The command must be one of {', '.join(COMMANDS)}. Received: "
            f"{name}. {hint}"
        )
    return importlib.import_module(f"keras_kd.cli.{name}").main


def _help():
    lines = [f"  {name:<10}{line}" for name, line in COMMANDS.items()]
    return "\n".join(
        [
            f"{keras_kd.__doc__}\n",
            "Usage: keras-kd COMMAND [--flag=value ...]\n",
            *lines,
            "\n`keras-kd COMMAND --help` lists the flags of a command.",
        ]
    )


if __name__ == "__main__":
    import keras_kd_cli

    sys.exit(keras_kd_cli.main())
