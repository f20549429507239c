"""Runs a tutorial in a process of its own, for a test.

The process is forked from a server that has imported Keras and keras_kd, which
is most of what a small run would take. TensorFlow has not touched a device
there, and nothing else has run.
"""

import multiprocessing
import os
import runpy

import keras  # noqa: F401
import matplotlib

import keras_kd  # noqa: F401
from tests import xla  # noqa: F401


def run(path, folder):
    """Runs a tutorial in small mode.

    Args:
        path: Of the tutorial.
        folder: Where it runs, and what it prints is kept.

    Returns:
        Its exit code, and what it printed.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    printed = folder / "printed.txt"
    process = context.Process(target=_run, args=(str(path), str(printed)))
    process.start()
    process.join()
    return process.exitcode, printed.read_text()


def _run(path, printed):
    file = os.open(printed, os.O_WRONLY | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.chdir(os.path.dirname(printed))
    os.environ["KERAS_KD_SMOKE"] = "1"
    matplotlib.use("Agg")
    runpy.run_path(path, run_name="__main__")
