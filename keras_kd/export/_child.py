"""The process that converts files and runs them: `python -m` this module.

It reads jobs from a JSON file, and writes a line for each that is done: if a
converter ends the process, its parent knows which one it was.
"""

import importlib
import json
import pathlib
import sys

import numpy as np

from keras_kd._core import latency
from keras_kd.export import _convert
from keras_kd.export import _runtimes


def main(path):
    """Does the jobs of a file.

    Args:
        path: JSON of a dict: `jobs`, the list of them, each with its `kind` and
            `file`, the name of what it is about; `failed`, the names with which
            nothing more is done; `results`, the path for the lines; and what
            several jobs need.
    """
    work = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    with open(work["results"], "a", encoding="utf-8") as results:
        for job in work["jobs"]:
            line = {"id": job["id"], "error": None, "value": None}
            try:
                if job["file"] not in work["failed"]:
                    line["value"] = _JOBS[job["kind"]](work, job)
            except _convert.UnfitError as error:
                line["error"] = str(error)
                work["failed"].append(job["file"])
            except Exception as error:  # Converters raise all kinds.
                line["error"] = f"{type(error).__name__}: {error}"
                work["failed"].append(job["file"])
            results.write(json.dumps(line) + "\n")
            results.flush()


def _rebuild(work, job):
    """Loads a Keras file, that of another backend, and writes a SavedModel."""
    import keras

    from keras_kd.export import _inference

    for module in job["modules"]:
        importlib.import_module(module)
    # Written by the parent, with the functions that the student has.
    student = keras.saving.load_model(
        job["source"], compile=False, safe_mode=False
    )
    copy = _inference.InferenceCopy(student, job["final_activation"])
    copy.write(work["saved_model"], work["batch_size"])


def _convert_file(work, job):
    _convert.convert(
        job["format"],
        job["precision"],
        work["saved_model"],
        job["path"],
        _arrays(work["calibration"]) if job["precision"] == "int8" else None,
        work["batch_size"] or 1,
    )


def _run(work, job):
    """Writes the answers of a file to the examples for testing."""
    loaded = _runtimes.load(job["format"], job["path"])
    np.savez(job["answers"], **loaded.answers(_arrays(work["test"])))


def _time(work, job):
    """Times all files in turn, on one example or the fewest that they take."""
    arrays = {
        name: _runtimes.filled(array[:1], work["batch_size"])
        for name, array in _arrays(work["test"]).items()
    }
    files = [f for f in job["files"] if f["file"] not in work["failed"]]
    calls = [
        _runtimes.timed_call(file["format"], file["path"], arrays)
        for file in files
    ]
    times = latency.in_turn(calls)
    return {
        file["file"]: [time.median, time.low, time.high]
        for file, time in zip(files, times, strict=True)
    }


def _arrays(path):
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


_JOBS = {
    "rebuild": _rebuild,
    "convert": _convert_file,
    "run": _run,
    "time": _time,
}

if __name__ == "__main__":
    main(sys.argv[1])
