"""The program `keras-kd`.

It stands beside the package, since Python imports a package before any module
in it: `keras_kd` sees this module, and imports nothing else until it is asked
for, so that `keras-kd --help` does not wait for TensorFlow.
"""

import sys


def main():
    """Runs `keras-kd` with the arguments of the process.

    Returns:
        The exit code: 0 done, 1 the job failed, 2 unusable arguments, 130
        after Ctrl-C.
    """
    from keras_kd import __main__ as program

    return program.main()


if __name__ == "__main__":
    # Under its own name, by which `keras_kd` sees it.
    import keras_kd_cli

    sys.exit(keras_kd_cli.main())
