"""Runs programs on the backends that are installed.

A process has one backend, so each has its own.
"""

import concurrent.futures
import importlib.util
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
OTHERS = ("jax", "torch")
BACKENDS = ("tensorflow", *OTHERS)
# Two at a time: that many cores.
AT_ONCE = 2


def installed():
    """Names of the backends that can be imported."""
    return [
        name
        for name in BACKENDS
        if name == "tensorflow" or importlib.util.find_spec(name)
    ]


def run(backend, *arguments):
    """Runs Python on one backend; returns the ended process."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=900,
    )


def run_all(*arguments):
    """Runs Python on every backend that is installed.

    Raises:
        AssertionError: If one fails, with the end of what it said.
    """
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        ended = pool.map(lambda name: run(name, *arguments), installed())
    for name, process in zip(installed(), ended, strict=True):
        if process.returncode:
            raise AssertionError(f"{name}: {process.stderr[-3000:]}")
