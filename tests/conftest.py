"""Splits the CPU before any test module can touch a device."""

import gc

import pytest

from tests import replicas

__all__ = ["replicas"]

# A process of its own, and so a group of its own: see `scripts/test`.
ALONE = "::test_runs_in_smoke_mode_"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Groups the tests for `--dist loadgroup`, and puts long ones first."""
    for item in items:
        file, _, _ = item.nodeid.partition("::")
        group = item.name if ALONE in item.nodeid else file
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: ALONE not in item.nodeid)


def pytest_collection_finish():
    # All modules are imported now, and stay. Without this, the collector reads
    # them through again and again while models are traced: a tenth of the time.
    gc.collect()
    gc.freeze()
