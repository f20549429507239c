"""Has jobs done in another process, however that ends."""

import json
import os
import signal
import subprocess
import sys

_CHILD = "keras_kd.export._child"
# Characters of what it printed, for an error.
_SHOWN = 1000


def run(work, jobs, place):
    """Does jobs in a process of its own; where it ends, another one goes on.

    Args:
        work: Dict of what the jobs need: see `_child.main`.
        jobs: List of dicts, each with an `id`.
        place: `pathlib.Path` of a folder for what both processes write.

    Returns:
        Dict from each id to a dict with its `error`, text or `None`, and its
        `value`.

    Raises:
        RuntimeError: If the process cannot start.
    """
    results, orders = place / "results.jsonl", place / "jobs.json"
    done, left = {}, jobs
    while left:
        failed = [
            job["file"]
            for job in jobs
            if job["id"] in done and done[job["id"]]["error"]
        ]
        rest = {"jobs": left, "failed": failed, "results": str(results)}
        orders.write_text(json.dumps(work | rest), encoding="utf-8")
        code = _start(orders, place / "log")
        done |= _read(results)
        left = [job for job in jobs if job["id"] not in done]
        if left and code > 0:
            log = (place / "log").read_text(encoding="utf-8", errors="replace")
            raise RuntimeError(
                "The process that converts must start. Received: exit code "
                f"{code}, after it printed: {log.strip()[-_SHOWN:]}"
            )
        if left:
            # It ended within this job, which is not tried again.
            done[left[0]["id"]] = {"error": _ended(code), "value": None}
            left = left[1:]
    return done


def _start(orders, log):
    with open(log, "a", encoding="utf-8") as file:
        return subprocess.run(
            [sys.executable, "-m", _CHILD, str(orders)],
            env=os.environ | _variables(),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode


def _variables():
    return {
        "KERAS_BACKEND": "tensorflow",
        # What this process can import, the modules of the user among it.
        "PYTHONPATH": os.pathsep.join(p or os.getcwd() for p in sys.path),
        # All runtimes are compared on the processor.
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


def _read(results):
    if not results.exists():
        return {}
    lines = results.read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    return {line.pop("id"): line for line in found}


def _ended(code):
    """Says how a process ended that has not ended itself."""
    if code == 0:
        return "the process left a job out"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"the converter or runtime ended its process ({name})"
