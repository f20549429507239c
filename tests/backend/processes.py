"""Runs programs on each backend that is installed: a process has one."""

import importlib.util
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
OTHERS = ("jax", "torch")
BACKENDS = ("tensorflow", *OTHERS)


def run(backend, *arguments, **environment):
    """Runs Python.

    Args:
        backend: Name of Keras's backend.
        *arguments: Of the command line.
        **environment: Further variables.

    Returns:
        A `subprocess.CompletedProcess` with text.
    """
    own = {
        "KERAS_BACKEND": backend,
        "PYTHONPATH": str(ROOT),
        # Small programs take longer to optimize than to run.
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    }
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | own | environment,
        capture_output=True,
        text=True,
        timeout=1200,
    )


def run_well(backend, *arguments, **environment):
    """The same for what must not fail; returns what it printed.

    Raises:
        AssertionError: If it fails, with the end of what it wrote.
    """
    process = run(backend, *arguments, **environment)
    if process.returncode:
        raise AssertionError(f"{backend}: {process.stderr[-3000:]}")
    return process.stdout


def installed():
    """Names of the backends that are installed."""
    return [
        name
        for name in BACKENDS
        if name == "tensorflow" or importlib.util.find_spec(name)
    ]


def require(test, backend):
    """Skips a test for a backend that is not installed."""
    if backend not in installed():
        test.skipTest(f"{backend} is not installed.")
