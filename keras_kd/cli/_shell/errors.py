"""Exit codes of the command line, and errors in its words."""

import re

DONE = 0
FAILED = 1
UNUSABLE = 2
# As a shell has it of a process that Ctrl-C ended.
INTERRUPTED = 130


class UnusableError(ValueError):
    """Arguments, files or data that the job cannot use.

    Raised before anything is trained, with a message for the user.
    """


def in_flags(text, flags):
    """Rewrites the error of a function in terms of flags.

    Args:
        text: The error.
        flags: Dict from an argument of the function to the flag that gives it.
    """
    for argument, flag in flags.items():
        text = text.replace(f"`{argument}`", f"`--{flag}`")
        # Of a value, and not of a word that ends alike.
        given = rf"(?<![\w-]){argument}=(?=[\[('\"\dN])"
        text = re.sub(given, f"--{flag}=", text)
    return text
