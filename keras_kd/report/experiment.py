"""Results of an experiment, kept in a folder to resume it."""

import hashlib
import os
import time
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import keras

from keras_kd._core.arguments import check_count
from keras_kd._core.kinds import check_callable
from keras_kd._core.kinds import check_json
from keras_kd._core.kinds import check_model
from keras_kd._core.run_folder import RunFolder
from keras_kd.report.tables import duration

_FILES = (r".+_[0-9a-f]{8}\.(json|keras)",)


class Experiment:
    """Keeps each finished run of an experiment in a folder.

    An experiment is many runs: arms times seeds. Each is asked for by name, and
    is computed only if no earlier call with the same settings has finished it,
    so that after Ctrl-C or a kill a second start of the script resumes with the
    first missing run. On the way it prints the name of each run, the result,
    and an estimate of the remaining time. A damaged result is computed again,
    with a warning.

    Args:
        folder: Where to keep it; made if it is not there.
        settings: Dict that JSON can hold: all that decides the results, such
            as the number of images and epochs.
        num_runs: Number of runs of the whole experiment, for the estimate of
            the remaining time. Defaults to `None`, no estimate.
        say: Takes a line for the user. Defaults to `print`.

    Raises:
        TypeError: If an argument is not of the type above.
        ValueError: If the folder has results of other settings or of an older
            version, is used by another process, or has files of these names
            without any settings.

    Example:

    >>> import tempfile
    >>> experiment = keras_kd.report.Experiment(
    ...     tempfile.mkdtemp(), {"epochs": 2}, say=lambda line: None)
    >>> experiment.result("alone, seed 0", lambda: {"errors": 12})
    {'errors': 12}
    >>> experiment.result("alone, seed 0", lambda: {"errors": 13})
    {'errors': 12}
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        settings: Mapping[str, Any],
        *,
        num_runs: int | None = None,
        say: Callable[[str], None] = print,
    ):
        check_count("num_runs", num_runs, "runs", is_optional=True)
        check_json("settings", settings)
        check_callable("say", say, "of a line of text")
        self._run = RunFolder(folder, settings, argument="folder", names=_FILES)
        self.folder = self._run.path
        self.num_runs = num_runs
        self._say = say
        self._asked = 0
        self._seconds = []

    def result(self, name: str, function: Callable[[], Any]) -> Any:
        """A result, from an earlier call or from the function.

        Args:
            name: Unique name of this run.
            function: Takes nothing and returns what JSON can hold: numbers,
                strings, lists and dicts of them.

        Returns:
            What the function returned, as JSON has it: a tuple is a list.
        """
        _check_run(name, function)
        self._asked += 1
        file = f"{_file_name(name)}.json"
        kept = self._run.read_json(file)
        if kept is None:
            begun = time.monotonic()
            kept = {"name": name, "result": function()}
            check_json("function()", {"result": kept["result"]})
            self._run.write_json(file, kept)
            self._report(name, kept["result"], time.monotonic() - begun)
            kept = self._run.read_json(file)
        return kept["result"]

    def model(
        self, name: str, function: Callable[[], keras.Model]
    ) -> keras.Model:
        """A trained model, from an earlier call or from the function.

        Args:
            name: Unique name of this model.
            function: Takes nothing and returns a built `keras.Model`.

        Returns:
            The model that the function returned, or the one that an earlier
            call kept, loaded from its file.
        """
        _check_run(name, function)
        file = f"{_file_name(name)}.keras"
        if self._run.has(file):
            return keras.saving.load_model(self.folder / file, compile=False)
        begun = time.monotonic()
        model = function()
        check_model("function()", model)
        with self._run.written(file) as partial:
            model.save(partial)
        self._say(f"{name}: {duration(time.monotonic() - begun)}")
        return model

    def _report(self, name, result, seconds):
        self._seconds.append(seconds)
        place = f"[{self._asked}"
        place += f"/{self.num_runs}] " if self.num_runs else "] "
        line = f"{place}{name}: {_shown(result)} ({duration(seconds)}"
        left = (self.num_runs or 0) - self._asked
        if left > 0:
            mean = sum(self._seconds) / len(self._seconds)
            line += f", about {duration(left * mean)} left"
        self._say(line + ")")


def _check_run(name, function):
    if not isinstance(name, str):
        raise TypeError(
            f"`name` must be a string, that of a run. Received: name={name!r}."
        )
    check_callable("function", function, "that takes nothing")


def _file_name(name):
    """A name for files that keeps different names apart."""
    readable = "".join(c if c.isalnum() else "_" for c in name)[:60]
    return f"{readable}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _shown(result):
    """A result for a line, with no more digits than one reads."""
    if isinstance(result, dict):
        parts = (f"{k} {_shown(v)}" for k, v in result.items())
        return ", ".join(parts)
    if isinstance(result, list | tuple):
        return f"{len(result)} values"
    return f"{result:.4g}" if isinstance(result, float) else str(result)
