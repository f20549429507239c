"""Files of arrays with checksums, which reveal any change.

They are NumPy's compressed `.npz`, which `numpy.load` reads too, with a header
and a digest of everything among the arrays.
"""

import hashlib
import io
import json
import pathlib

import numpy as np

from keras_kd._core import files

_HEADER = "header"
_DIGEST = "digest"


def digest(header, arrays):
    """Hexadecimal digest of a header and arrays.

    Args:
        header: What JSON can hold.
        arrays: Dict of arrays.
    """
    found = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(arrays):
        array = arrays[name]
        found.update(f"{name}{array.shape}{array.dtype.str}".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def write(path, header, arrays):
    """Writes a file that `read` checks.

    Args:
        path: Where to.
        header: What JSON can hold.
        arrays: Dict of arrays with neither `"header"` nor `"digest"`.
    """
    own = {
        _HEADER: np.array(json.dumps(header)),
        _DIGEST: np.array(digest(header, arrays)),
    }
    # A file object, since NumPy would add a suffix to a name.
    with files.written(path) as partial, open(partial, "wb") as file:
        np.savez_compressed(file, **own, **arrays)


def read(path):
    """Reads what `write` has written.

    Args:
        path: A file.

    Returns:
        `(header, arrays)`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not as it was written.
    """
    path = pathlib.Path(path)
    content = b"" if path.is_dir() else path.read_bytes()
    try:
        with np.load(io.BytesIO(content)) as opened:
            arrays = {name: opened[name] for name in opened.files}
        header = json.loads(str(arrays.pop(_HEADER)))
        written = str(arrays.pop(_DIGEST))
        problem = None
        if digest(header, arrays) != written:
            problem = "other content than its digest tells"
    # Readers of zip files and arrays fail in a dozen ways on foreign bytes.
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    if problem is not None:
        raise ValueError(
            f"The file {str(path)!r} must be as it was written, since what it "
            f"holds is relied on. Received: {len(content)} bytes; {problem}. "
            "Delete it; copy it again from where it came from, or let it be "
            "made again."
        )
    return header, arrays
