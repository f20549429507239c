"""Keeps TensorFlow's start-up messages off the terminal."""

import contextlib
import os
import shutil
import sys
import tempfile

LEVEL = "TF_CPP_MIN_LOG_LEVEL"


@contextlib.contextmanager
def start():
    """Hides what native code writes to standard error while the block runs.

    TensorFlow 2.21 prints some lines about the processor before it reads its
    own log level. After an exception they are shown, and they always are with
    `TF_CPP_MIN_LOG_LEVEL=0`.
    """
    if os.environ.setdefault(LEVEL, "2") == "0":
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile("w+") as hidden:
        os.dup2(hidden.fileno(), 2)
        try:
            yield
        except BaseException:
            _restore(kept)
            hidden.seek(0)
            shutil.copyfileobj(hidden, sys.stderr)
            raise
        _restore(kept)


def _restore(kept):
    sys.stderr.flush()
    os.dup2(kept, 2)
    os.close(kept)
