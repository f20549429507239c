"""Results of an export: its files, and how they answer."""

import dataclasses
import pathlib
import textwrap

from keras_kd._core.latency import ROUNDS
from keras_kd._core.latency import Latency
from keras_kd._types import Data
from keras_kd._types import Tensor
from keras_kd.export import _data
from keras_kd.export import _examples
from keras_kd.export import _inference
from keras_kd.export import _runtimes
from keras_kd.report.tables import WIDTH
from keras_kd.report.tables import markdown_table
from keras_kd.report.tables import text_table

_HEADER = (
    "",
    "kB",
    "accuracy",
    "agrees",
    "difference",
    "microseconds",
)


@dataclasses.dataclass(frozen=True)
class ExportedFile:
    """One file, and how it answers by its own runtime.

    Attributes:
        format: `"saved_model"`, `"litert"` or `"onnx"`.
        precision: `"float32"`, `"float16"`, `"int8_dynamic"` or `"int8"`.
        path: The file, or the folder of a SavedModel; `None` if there is none.
        reason: Why there is none, and what to do; `None` if there is one.
        bytes: Its size.
        accuracy: Part of the labels that it gets right; `None` without labels.
        agreement: Part of the examples, or of their positions, where it chooses
            the class that the student chooses; `None` where nothing is chosen.
        largest_difference: Largest absolute difference of its outputs from
            those of the student.
        latency: A `Latency` in seconds for one example, or for as many as the
            file takes: median, and quartiles `low` and `high`.
    """

    format: str
    precision: str
    path: pathlib.Path | None = None
    reason: str | None = None
    bytes: int | None = None
    accuracy: float | None = None
    agreement: float | None = None
    largest_difference: float | None = None
    latency: Latency | None = None

    @property
    def name(self) -> str:
        """Format and precision, such as `"onnx float16"`."""
        return f"{self.format} {self.precision}"

    def predict(self, x: Data) -> Tensor:
        """Answers of the file, by its own runtime in this process.

        Args:
            x: Examples, as the student takes them: an array, or a dict of them
                by the names of its inputs; or batches of these, as for
                `export_student`.

        Returns:
            Array with a row for each example, or a dict of them by the names of
            its outputs if it has several. Floats also of int8.

        Raises:
            TypeError: If `x` is of another type.
            ValueError: If there is no file, or `x` is not for it.

        Example:

        ```python
        file = result.files[-1]
        wrong = file.predict(images).argmax(axis=-1) != labels
        ```
        """
        if self.path is None:
            raise ValueError(
                "`path` must be that of a file, since it is run. Received: "
                f"path=None for {self.name}. {self.reason}"
            )
        loaded = _runtimes.load(self.format, self.path)
        x = _data.read("x", x)
        signature = _inference.Signature.of_tensors(
            loaded.inputs, isinstance(x, dict)
        )
        arrays = _examples.named_arrays(
            "x", x, signature, pathlib.Path(self.path).name
        )
        answers = loaded.answers(arrays)
        return answers if len(answers) > 1 else next(iter(answers.values()))


@dataclasses.dataclass(frozen=True)
class ExportResult:
    """Result of `export_student`.

    Attributes:
        directory: The folder with the files.
        files: Tuple of an `ExportedFile` for each format and precision.
        student_accuracy: Accuracy of the student in Keras, or `None`.
        examples: How many examples the files were run on.
        is_random: Whether these were random numbers, since none were given.
    """

    directory: pathlib.Path
    files: tuple[ExportedFile, ...]
    student_accuracy: float | None
    examples: int
    is_random: bool

    def table(self) -> str:
        """The files and their figures, for a terminal."""
        lines = [*self._reasons(), self._legend()]
        folded = [textwrap.fill(line, WIDTH) for line in lines]
        return "\n".join([text_table(_HEADER, self._rows()), *folded])

    def markdown(self) -> str:
        """The same as the text of `export.md`."""
        parts = ["# Exported student", markdown_table(_HEADER, self._rows())]
        parts += [f"* {reason}" for reason in self._reasons()]
        return "\n\n".join([*parts, self._legend()]) + "\n"

    def _rows(self):
        student = ("student in Keras", "", _percent(self.student_accuracy))
        rows = [(*student, "", "", "")]
        return rows + [_row(file) for file in self.files if file.path]

    def _reasons(self):
        return [
            f"{file.name}: {file.reason}" for file in self.files if file.reason
        ]

    def _legend(self):
        data = (
            f"{self.examples:,} random inputs, on which agreement says little"
            if self.is_random
            else f"{self.examples:,} examples"
        )
        return (
            f"Each file was run by its own runtime on {data}: accuracy, and "
            "agreement with the student, in %; the largest difference from its "
            "outputs. Microseconds are of the runtime's call alone, on one "
            f"thread of the processor: median and quartiles of {ROUNDS} calls, "
            "the files in turn."
        )


def _row(file):
    time = file.latency
    return (
        file.name,
        f"{file.bytes / 1000:,.1f}",
        _percent(file.accuracy),
        _percent(file.agreement),
        f"{file.largest_difference:.1e}",
        "" if time is None else _microseconds(time),
    )


def _microseconds(time):
    median, low, high = (
        f"{1e6 * seconds:,.0f}"
        for seconds in (time.median, time.low, time.high)
    )
    return f"{median} ({low}-{high})"


def _percent(part):
    return "" if part is None else f"{100 * part:.1f}"
