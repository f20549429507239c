"""Splits the CPU before any test module can touch a device."""

import gc

import keras
import pytest

from tests import replicas
from tests.backend import everywhere

__all__ = ["replicas"]

# Each is a process of its own, and need not stay with its file.
ALONE = "::test_runs_in_smoke_mode_"
# What takes a minute or more at a time.
LONG = (
    ALONE,
    "/damage_test.py::",
    "/two_processes_test.py::",
    "/workers_test.py::",
)


def pytest_ignore_collect(collection_path, config):
    """Leaves out what is tested on TensorFlow alone, on another backend."""
    name = collection_path.relative_to(config.rootpath).as_posix()
    is_elsewhere = keras.backend.backend() != "tensorflow"
    is_left_out = is_elsewhere and name not in everywhere.FILES
    return True if is_left_out and collection_path.is_file() else None


def pytest_collection_modifyitems(items):
    """Puts what takes long first, so that no process waits for it at the end.

    With `--no-loadscope-reorder`; xdist would begin with the largest files.
    """
    items.sort(key=lambda item: not any(part in item.nodeid for part in LONG))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Keeps the tests of a file together, but for the tutorials.

    `--dist loadgroup` would do, but xdist 3.8 sees no group with pytest 9.
    """
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid):
            return nodeid if ALONE in nodeid else super()._split_scope(nodeid)

    return (
        Scheduling(config, log)
        if config.getvalue("dist") == "loadfile"
        else None
    )


def pytest_collection_finish():
    # All modules are imported now, and stay. Without this, the collector reads
    # them through again and again while models are traced: a tenth of the time.
    gc.collect()
    gc.freeze()
