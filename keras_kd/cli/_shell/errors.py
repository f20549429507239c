"""Exit codes of the command line."""

DONE = 0
FAILED = 1
UNUSABLE = 2
# As a shell has it of a process that Ctrl-C ended.
INTERRUPTED = 130


class UnusableError(ValueError):
    """Arguments, files or data that the job cannot use.

    Raised before anything is trained, with a message for the user.
    """
