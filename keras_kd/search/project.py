"""Repairs the folder of a search after an interruption or damage."""

import json
import os
import pathlib

from keras_kd._core import files
from keras_kd._core import own_files
from keras_kd.search import chief
from keras_kd.search import journal

ORACLE = "oracle.json"
TRIAL = "trial.json"
COMPLETED = "COMPLETED"
# What a search writes, keras-tuner or we: see `own_files.strange`.
OURS_OF_TRIAL = {
    r"trial\.json": own_files.begins('{"trial_id":'),
    # Keras-tuner 1.4.8: what the model was built from, and its weights.
    r"build_config\.json": own_files.anything,
    r"checkpoint\.weights\.h5|": own_files.anything,
}
OURS = {
    r"oracle\.json": own_files.begins('{"ongoing_trials":'),
    r"journal\.json": own_files.begins('{"digest":'),
    # Of the command line, which notes whose search it is.
    r"job\.json": own_files.begins('{"dataset":'),
    # The state of a tuner, one file for each process.
    r"[^/]+\.json": own_files.begins("{}"),
} | {rf"trial_[^/]+/({name})": check for name, check in OURS_OF_TRIAL.items()}


def mend(directory, project_name):
    """Brings the files of a search to one state, before a tuner reads them.

    Args:
        directory: Folder of the search.
        project_name: Name of the folder within.

    Returns:
        List of lines for the user: what was cut off, what was restored.

    Raises:
        ValueError: If a file is damaged that nothing can restore.
    """
    folder = pathlib.Path(directory, project_name)
    if not folder.is_dir():
        return []
    check_is_search(folder)
    state = journal.read(folder / journal.NAME)
    if state is None:
        if any(folder.glob("trial_*")):
            _check_files(folder)
            _let_reload(folder)
        else:
            # Cut off before its first trial: there is nothing to resume.
            for name in (ORACLE, f"{chief.own_id()}.json"):
                (folder / name).unlink(missing_ok=True)
        return []
    lines = []
    for trial_id, kept in state["trials"].items():
        found, damaged = _read(_trial_file(folder, trial_id))
        if damaged:
            lines.append(
                f"{_trial_file(folder, trial_id)} was damaged: restored."
            )
        elif found["status"] == COMPLETED and kept["status"] != COMPLETED:
            # The trial had ended before the kill.
            _end(state, trial_id, found)
    oracle = state["oracle"]
    waiting = [*oracle["ongoing_trials"].values(), *oracle["retry_queue"]]
    lines += [
        f"Trial {trial_id} was cut off: it starts again with the same values."
        for trial_id in dict.fromkeys(waiting)
    ]
    if (folder / ORACLE).exists() and _read(folder / ORACLE)[1]:
        lines.append(f"{folder / ORACLE} was damaged: restored.")
    _write(folder, state)
    return lines


def _end(state, trial_id, found):
    """Notes in a state that a trial has ended."""
    oracle = state["oracle"]
    state["trials"][trial_id] = found
    oracle["ongoing_trials"] = {
        tuner_id: other
        for tuner_id, other in oracle["ongoing_trials"].items()
        if other != trial_id
    }
    oracle["retry_queue"] = [
        other for other in oracle["retry_queue"] if other != trial_id
    ]
    oracle["end_order"].append(trial_id)
    oracle["run_times"][trial_id] = oracle["run_times"].get(trial_id, 0) + 1


def _write(folder, state):
    """Writes the files that keras-tuner reads."""
    for path in folder.glob("trial_*"):
        if path.name.removeprefix("trial_") not in state["trials"]:
            # It had only begun, and will be made again under this name.
            own_files.remove_folder(path, OURS_OF_TRIAL)
    for trial_id, trial in state["trials"].items():
        path = _trial_file(folder, trial_id)
        path.parent.mkdir(exist_ok=True)
        files.write_json(path, trial)
    files.write_json(folder / ORACLE, state["oracle"])
    _let_reload(folder)
    files.write_json(folder / journal.NAME, journal.sealed(state))


def check_is_search(folder):
    """Validates that a folder holds nothing but a search.

    Args:
        folder: A `pathlib.Path` of a folder, or of nothing.

    Raises:
        ValueError: If there is such a thing in it, or a link.
    """
    if not os.path.lexists(folder):
        return
    own_files.check_no_links(folder)
    strange = own_files.strange(folder, OURS)
    if strange:
        raise ValueError(
            "The folder of a search must be new, or hold a search and nothing "
            "else, since files of a search are written and deleted there. "
            f"Received: {folder} with {own_files.listed(strange)}. Name "
            "another `directory` or `project_name`."
        )


def _let_reload(folder):
    """Makes keras-tuner resume the search in the folder.

    It starts from scratch where this file is missing, as it is if the last call
    had another role: alone, and not among several processes.
    """
    files.write_json(folder / f"{chief.own_id()}.json", {})


def _trial_file(folder, trial_id):
    return folder / f"trial_{trial_id}" / TRIAL


def _read(path):
    """Returns `(content, damaged)`; a missing file is damaged too."""
    try:
        return json.loads(path.read_text(encoding="utf-8")), False
    except (OSError, ValueError):
        return None, True


def _check_files(folder):
    """Names damaged files of a search without a journal."""
    paths = [*folder.glob("trial_*")]
    files = [*(path / TRIAL for path in paths), folder / ORACLE]
    damaged = [str(path) for path in files if _read(path)[1]]
    if damaged:
        raise ValueError(
            "The files of a search must be as keras-tuner wrote them, but "
            f"{', '.join(damaged)} cannot be read. Remove the folder of that "
            "trial, or begin anew with `overwrite=True`."
        )
