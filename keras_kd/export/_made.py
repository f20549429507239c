"""Makes the files of an export, tries them, and delivers what is right."""

import dataclasses
import pathlib
import re
import shutil
from typing import Any

import keras
import numpy as np

from keras_kd._core.latency import Latency
from keras_kd.export import _inference
from keras_kd.export import _jobs
from keras_kd.export._examples import CLOSE
from keras_kd.export._examples import Examples
from keras_kd.export.results import ExportedFile

SAVED_MODEL = "student_saved_model"
_SUFFIXES = {"litert": ".tflite", "onnx": ".onnx"}
# Characters of a converter's own words.
_SHOWN = 300
_LACKING = (
    "The runtime lacks an operation: leave the format out, or make the student "
    "without it."
)
# What a converter says, and what helps.
_REMEDIES = {
    r"\bSIG[A-Z]+": "Leave it out; if the student has a recurrent layer, make "
    "that with unroll=True.",
    r"TensorList\w*|tf\.While": "LiteRT runs recurrent layers of unroll=True, "
    "or with batch_size=1 and an `Input` of known length: export it so.",
    r"'tf\.\w+' op|No Op registered for \w+": _LACKING,
    r"ERROR_NEEDS_\w+|InvalidGraph|NotImplemented": _LACKING,
}
_OTHERWISE = "Leave it out of the export."


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Results of the other process.

    Attributes:
        wanted: List of `ExportedFile`s, of which format and precision count.
        done: What `_jobs.run` returned.
    """

    wanted: list[ExportedFile]
    done: dict[str, Any]

    def error_of(self, file):
        """The error that a file ended with, or `None`."""
        for step in ("convert", "run"):
            found = self.done.get(f"{step} {file.name}")
            if found and found["error"]:
                return found["error"]
        return None

    def latency_of(self, file):
        """The `Latency` of a file, or `None`."""
        seconds = (self.done["time"]["value"] or {}).get(file.name)
        return seconds and Latency(*seconds)


@dataclasses.dataclass(frozen=True)
class Making:
    """One call of `export_student`, when all was checked.

    Attributes:
        copy: The `InferenceCopy`.
        examples: The `Examples`.
        batch_size: The caller's argument.
        place: A folder for what is not finished.
    """

    copy: _inference.InferenceCopy
    examples: Examples
    batch_size: int | None
    place: pathlib.Path

    def convert(self, formats, precisions):
        """Makes and runs all files, in the place of what is not finished.

        Args:
            formats: List of names.
            precisions: Likewise.

        Returns:
            `Outcome`.

        Raises:
            ValueError: If TensorFlow cannot load the student.
        """
        wanted = [
            ExportedFile(kind, precision)
            for kind in formats
            for precision in (
                ["float32"] if kind == "saved_model" else precisions
            )
        ]
        work, before = self._work()
        jobs = [*before, *self._jobs(wanted)]
        done = _jobs.run(work, jobs, self.place)
        if before and done["rebuild"]["error"]:
            raise ValueError(
                "`student` must be a model that TensorFlow can load, since "
                "that exports it. Received: "
                f'student="{self.copy.student.name}" '
                f"({done['rebuild']['error']}). Write its `get_config`, and "
                "register its classes."
            )
        return Outcome(wanted, done)

    def delivered(self, outcome, run):
        """Brings what is right to its folder.

        Args:
            outcome: The `Outcome`.
            run: The `RunFolder`.

        Returns:
            List of `ExportedFile`s.
        """
        return [self._delivered(file, outcome, run) for file in outcome.wanted]

    def _work(self):
        """Settings that the jobs share, and the jobs that come first."""
        work = {
            "saved_model": str(self.place / SAVED_MODEL),
            "batch_size": self.batch_size,
            "test": self._kept("test", self.examples.test),
            "calibration": self._kept("calibration", self.examples.calibration),
        }
        if keras.backend.backend() == "tensorflow":
            # Here, where the classes of the student are.
            self.copy.write(work["saved_model"], self.batch_size)
            return work, []
        source = self.place / "student.keras"
        modules = _inference.modules_of(self.copy.student)
        self.copy.student.save(source)
        activation = self.copy.activation
        rebuild = {
            "id": "rebuild",
            "file": "rebuild",
            "kind": "rebuild",
            "source": str(source),
            "modules": modules,
            "final_activation": activation and activation.__name__,
        }
        return work, [rebuild]

    def _kept(self, name, arrays):
        if arrays is None:
            return None
        path = self.place / f"{name}.npz"
        np.savez(path, **arrays)
        return str(path)

    def _jobs(self, wanted):
        """Jobs for the other process: all conversions, all runs, the times."""
        convert, run, files = [], [], []
        for file in wanted:
            path = self.place / _name_of(file)
            job = {"file": file.name, "format": file.format, "path": str(path)}
            files.append(job)
            answers = str(self._answers(file))
            run.append(
                job
                | {"id": f"run {file.name}", "kind": "run", "answers": answers}
            )
            if file.format != "saved_model":
                convert.append(
                    job
                    | {"id": f"convert {file.name}", "kind": "convert"}
                    | {"precision": file.precision}
                )
        time = {"id": "time", "file": "time", "kind": "time", "files": files}
        return [*convert, *run, time]

    def _answers(self, file):
        return self.place / f"{_name_of(file)}.npz"

    def _delivered(self, file, outcome, run):
        """The file in its folder with its figures, or the reason for none."""
        error = outcome.error_of(file)
        if error:
            return dataclasses.replace(file, reason=_reason(error))
        with np.load(self._answers(file), allow_pickle=False) as found:
            answers = {name: found[name] for name in found.files}
        reason = self._fault(file, answers)
        if reason:
            return dataclasses.replace(file, reason=reason)
        name = _name_of(file)
        path = run.path / name
        _move(self.place / name, name, run)
        return dataclasses.replace(
            file,
            path=path,
            bytes=_size(path),
            accuracy=self.examples.accuracy(answers),
            agreement=self.examples.agreement(answers),
            largest_difference=self.examples.difference(answers),
            latency=outcome.latency_of(file),
        )

    def _fault(self, file, answers):
        """Says what is wrong with the answers of a file, or `None`."""
        try:
            difference = self.examples.difference(answers)
        except ValueError as error:
            return f"{error} {_OTHERWISE}"
        if not np.isfinite(difference):
            return f"Its answers are nan or infinity. {_OTHERWISE}"
        if file.precision == "float32" and not self.examples.is_close(answers):
            return (
                f"Its answers differ by {difference:.2g} from the student's, "
                f"where {CLOSE:g} of the largest may be rounding. {_OTHERWISE}"
            )
        return None


def _move(source, name, run):
    """Brings a file, or a folder of files, to its place."""
    if source.is_file():
        with run.written(name) as partial:
            shutil.copyfile(source, partial)
        return
    inner = [p for p in sorted(source.rglob("*")) if p.is_file()]
    # The graph last: without it there is no SavedModel.
    for path in sorted(inner, key=lambda p: p.name == "saved_model.pb"):
        inside = f"{name}/{path.relative_to(source).as_posix()}"
        (run.path / inside).parent.mkdir(parents=True, exist_ok=True)
        with run.written(inside) as partial:
            shutil.copyfile(path, partial)


def _name_of(file):
    if file.format == "saved_model":
        return SAVED_MODEL
    return f"student_{file.precision}{_SUFFIXES[file.format]}"


def _size(path):
    if path.is_file():
        return path.stat().st_size
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file())


def _reason(error):
    """A converter's words, as far as they are for users, and what helps."""
    if error.endswith("."):
        return error  # Ours.
    words = " ".join(error.split())
    for pattern, remedy in _REMEDIES.items():
        found = re.search(pattern, words)
        if found:
            kind = words.partition(":")[0]
            named = "" if found[0] in kind else f": {found[0]}"
            return f"{kind}{named}. {remedy}"
    if len(words) > _SHOWN:
        words = f"{words[:_SHOWN]}..."
    return f"{words}. {_OTHERWISE}"
