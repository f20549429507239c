"""Folder of a search: its owner, its lock, and the files in it."""

import contextlib
import pathlib

import keras

from keras_kd._core import locks
from keras_kd._core import own_files
from keras_kd._core import run_folder
from keras_kd.search import journal
from keras_kd.search import limits as of_limits

TRIAL = "trial.json"
# What the model of a trial was built from, and its weights: of keras-tuner.
MODEL_FILES = ("build_config.json", "checkpoint.weights.h5")
# Of these two, in the folder of the trial.
DIGESTS = "digests"
# Of keras-tuner alone, and of searches of older versions.
ORACLE = "oracle.json"

# What a search writes, keras-tuner or we: see `own_files.strange`.
_WRITTEN = {
    r"journal\.json": own_files.begins('{"content":'),
    r"trial_[^/]+/trial\.json": own_files.begins('{"trial_id":'),
    rf"trial_[^/]+/({DIGESTS}|{of_limits.FILE})": own_files.begins(
        '{"content":'
    ),
    # Keras-tuner 1.4.8: what the model was built from, and its weights.
    r"trial_[^/]+/build_config\.json": own_files.anything,
    r"trial_[^/]+/(checkpoint\.weights\.h5)?": own_files.anything,
}
OURS = _WRITTEN | run_folder.OURS
OURS |= {
    r"settings\.json": own_files.begins('{"identity":'),
    # Of older versions.
    r"oracle\.json": own_files.begins('{"ongoing_trials":'),
    r"job\.json": own_files.begins('{"dataset":'),
    # The state of a tuner, one file for each process.
    r"[^/]+\.json": own_files.begins("{}"),
}


def open_folder(
    directory, project_name, identity=None, overwrite=False, limits=None
):
    """Opens the folder of a search, for one process at a time.

    Args:
        directory: Folder of the search.
        project_name: Name of the folder within.
        identity: Dict that JSON can hold: what tells this search from others,
            beside its knobs. Defaults to `None`.
        overwrite: Whether to delete the search that is there. Defaults to
            `False`.
        limits: A `Limits`, or `None`, the default.

    Returns:
        A `RunFolder`, whose lock ends with it.

    Raises:
        ValueError: If another process searches there; if the folder holds
            another search, one of an older version, a damaged journal or, with
            `overwrite`, anything else than a search. Nothing is deleted then.
    """
    path = own_files.make_folder(directory, "directory") / project_name
    own_files.check_no_links(path)
    if overwrite:
        # Whoever comes in between must not lose what it has begun.
        with removable(directory, project_name) as is_there:
            if is_there:
                own_files.clear_folder(path, (own_files.LOCK,))
            return open_folder(directory, project_name, identity, limits=limits)
    if (path / ORACLE).exists():
        raise ValueError(
            "`directory` must be empty or hold a search of this version, since "
            "it goes on where it stopped. Received: directory="
            f"{str(path)!r} with a search that an older version of keras_kd, "
            "or keras-tuner alone, wrote. Finish it with that, begin anew with "
            "`overwrite=True`, or choose another directory."
        )
    # A backend has random numbers of its own.
    settings = {"identity": identity, "backend": keras.backend.backend()}
    if limits is not None:
        # Without, searches of older versions are the same search.
        settings["limits"] = of_limits.as_dict(limits)
    folder = run_folder.RunFolder(
        path,
        settings,
        argument="directory",
        names=_WRITTEN,
        other=lambda *_: " Or begin anew with `overwrite=True`.",
    )
    # Damage raises now, and not after a teacher was trained.
    journal.read(path / journal.NAME)
    return folder


@contextlib.contextmanager
def removable(directory, project_name):
    """Keeps others out of a search that `overwrite` is to delete.

    Args:
        directory: See `open_folder`.
        project_name: See `open_folder`.

    Returns:
        A context manager, in which this thread may call `open_folder`, of
        whether there is a folder.

    Raises:
        ValueError: If there is anything else, or another process uses it.
    """
    path = pathlib.Path(directory, project_name)
    own_files.check_removable(path, OURS)
    if not path.exists():
        yield False
        return
    lock = locks.taken(path, "directory")
    try:
        yield True
    finally:
        lock.release()
