"""The program `keras-kd`.

It stands beside the package, since Python imports a package before any module
in it: `keras_kd` sees this module, and imports nothing else until it is asked
for, so that `keras-kd --help` does not wait for TensorFlow.
"""

import os
import sys

# As a shell has it of a process that Ctrl-C ended.
INTERRUPTED = 130


def main():
    """Runs `keras-kd` with the arguments of the process.

    After Ctrl-C it ends the process.

    Returns:
        The exit code: 0 done, 1 the job failed, 2 unusable arguments.
    """
    try:
        from keras_kd import __main__ as program

        code = program.main()
    except KeyboardInterrupt:
        print("\nInterrupted before anything was begun.", file=sys.stderr)
        code = INTERRUPTED
    if code == INTERRUPTED:
        # At once: what Python does at its end may wait for TensorFlow, and ends
        # with another code if a module was being imported (Python 3.11).
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)
    return code


if __name__ == "__main__":
    # Under its own name, by which `keras_kd` sees it.
    import keras_kd_cli

    sys.exit(keras_kd_cli.main())
