"""Measures things that run on a machine that others use too.

CPU seconds are not stretched by other programs as wall seconds are, and what
still differs from minute to minute cancels in the ratios of interleaved runs.
"""

import ctypes
import os
import pathlib
import re
import resource
import time

import numpy as np

# Parameters of `mallopt` in the GNU C library.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4


def keep_memory():
    """Makes this process keep the memory that it frees, where it can.

    The GNU C library maps each piece of more than 32 MiB anew, and the system
    clears its pages again. A compiled step of JAX asks for its temporary memory
    as one piece: of two programs neither may pay that while one program that
    does the work of both does, and all that is measured is on which side of
    the limit they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, 2**31 - 1)


def choose_backend(name):
    """Makes Keras use a backend; before anything else imports Keras.

    Raises:
        RuntimeError: If Keras was imported with another one.
    """
    os.environ["KERAS_BACKEND"] = name
    import keras

    if keras.backend.backend() != name:
        raise RuntimeError(
            "`backend` must be the one that Keras has in this process, since "
            f"it cannot change. Received: backend={name!r}, where it is "
            f"{keras.backend.backend()!r}. Start a new process."
        )


def cpu_seconds():
    """CPU time of this process so far, of all its threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def interleave(steps, rounds, count, synchronize=lambda result: None):
    """Runs rounds in which every contestant does some steps.

    Args:
        steps: Functions by name.
        rounds: Number of rounds.
        count: Steps of each contestant in a round.
        synchronize: Called with what a step returned before each look at the
            clock: waits for a device. Defaults to nothing.

    Returns:
        Dict from each name to `{"cpu": seconds, "wall": seconds}`, seconds
        for one step, one number a round.
    """
    seconds = {name: {"cpu": [], "wall": []} for name in steps}
    names = list(steps)
    for step in steps.values():
        synchronize(step())
    for index in range(rounds):
        shift = index % len(names)
        order = names[shift:] + names[:shift]
        # Reversed every other time: each follows now one, now another.
        for name in order[:: 1 if index % 2 else -1]:
            wall, cpu = time.perf_counter(), cpu_seconds()
            for _ in range(count):
                result = steps[name]()
            synchronize(result)
            seconds[name]["cpu"].append((cpu_seconds() - cpu) / count)
            seconds[name]["wall"].append((time.perf_counter() - wall) / count)
        print(f"  round {index + 1} of {rounds}", flush=True)
    return seconds


def giving_back():
    """Environment in which a process gives back all memory that it frees.

    The GNU C library keeps pieces below a limit, and TensorFlow, with oneDNN,
    what it once had. It has one thread: each has memory of its own.
    """
    return os.environ | {
        "MALLOC_MMAP_THRESHOLD_": "65536",
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


def peak(step, synchronize=lambda result: None):
    """Bytes at most that a step needs besides its arguments.

    Args:
        step: A function.
        synchronize: See `interleave`.
    """
    # Compiles it, and loads what any call needs.
    synchronize(step())
    # The high-water mark of this process begins anew.
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    result = step()
    synchronize(result)
    after = _status("VmHWM")
    del result
    return after - before


def _status(key):
    status = pathlib.Path("/proc/self/status").read_text()
    return 1024 * int(re.search(rf"{key}:\s+(\d+) kB", status)[1])


def spread(values):
    """Median and quartiles."""
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    return {"median": median, "quartiles": [low, high]}
