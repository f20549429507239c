"""Damages to files that the library has written."""

import json
import re
import shutil
import zipfile

import h5py
import numpy as np
import tensorflow as tf

# Name of the folder that is attacked.
USED = "used"


def flip(path, chance, others):
    """Changes one bit."""
    del others
    content = bytearray(path.read_bytes())
    bit = chance.randrange(8 * len(content))
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(bytes(content))


def cut(path, chance, others):
    """Leaves the beginning."""
    del others
    content = path.read_bytes()
    path.write_bytes(content[: chance.randrange(1, len(content))])


def empty(path, chance, others):
    """Leaves an empty file."""
    del chance, others
    path.write_bytes(b"")


def delete(path, chance, others):
    """Leaves nothing."""
    del chance, others
    path.unlink()


def delete_folder(path, chance, others):
    """Leaves no folder."""
    del chance, others
    shutil.rmtree(path)


def file_for_folder(path, chance, others):
    """Puts a file in place of a folder."""
    del chance, others
    shutil.rmtree(path)
    path.write_text("mine")


def link_folder(path, chance, others):
    """Puts a link to the folder in its place."""
    del chance, others
    target = _elsewhere(path)
    shutil.move(path, target)
    path.symlink_to(target)


def folder(path, chance, others):
    """Puts a folder in place of a file."""
    del others
    path.unlink()
    path.mkdir()
    if chance.random() < 0.5:
        (path / "mine.txt").write_text("mine")


def link(path, chance, others):
    """Puts a link in place of a file: to the file, elsewhere, or to nothing."""
    del others
    target = _elsewhere(path)
    if chance.random() < 0.5:
        shutil.move(path, target)
    else:
        path.unlink()
    path.symlink_to(target)


def _elsewhere(path):
    """A free path outside of the folder that is attacked."""
    used = next(above for above in path.parents if above.name == USED)
    return used.with_name("elsewhere")


def swap(path, chance, others):
    """Exchanges two files of the same kind."""
    del chance
    mine, its = path.read_bytes(), others[0].read_bytes()
    path.write_bytes(its)
    others[0].write_bytes(mine)


def other_time(path, chance, others):
    """Puts a file in its place that the same run wrote there at its end."""
    del chance
    path.write_bytes(others[0].read_bytes())


def wrong(path, chance, others):
    """Leaves a file of the right syntax with other content."""
    del others
    change = next(
        change for end, change in _WRONG.items() if re.search(end, path.name)
    )
    change(path, chance)


def _wrong_json(path, chance):
    value = json.loads(path.read_text(encoding="utf-8"))
    if chance.random() < 0.2:
        unsealed = value.get("content") if isinstance(value, dict) else {}
        value = chance.choice([{}, [], None, 0, {"content": {}}, unsealed])
    else:
        value = _changed(value, chance)
    path.write_text(json.dumps(value), encoding="utf-8")


def _changed(value, chance):
    """A value with another leaf."""
    if isinstance(value, dict) and value:
        # The seal stays that of what was there.
        keys = [key for key in value if key != "sha256"]
        key = chance.choice(keys)
        return value | {key: _changed(value[key], chance)}
    if isinstance(value, list) and value:
        place = chance.randrange(len(value))
        return [
            _changed(one, chance) if number == place else one
            for number, one in enumerate(value)
        ]
    if isinstance(value, int | float):
        return value + 1
    return "other"


def _wrong_weights(path, chance):
    with h5py.File(path, "r+") as file:
        found = []
        file.visititems(
            lambda name, item: (
                found.append(name) if isinstance(item, h5py.Dataset) else None
            )
        )
        name = chance.choice(sorted(found))
        file[name][...] = np.asarray(file[name]) + 1


def _wrong_arrays(path, chance):
    with np.load(path) as file:
        arrays = dict(file)
    name = chance.choice(sorted(arrays))
    array = arrays[name]
    is_text = array.dtype.kind == "U"
    arrays[name] = np.array(f"{array}0") if is_text else array + 1
    np.savez(path, **arrays)


def _wrong_model(path, chance):
    with zipfile.ZipFile(path) as file:
        content = {name: file.read(name) for name in file.namelist()}
    beside = path.with_name("beside.weights.h5")
    beside.write_bytes(content["model.weights.h5"])
    _wrong_weights(beside, chance)
    content["model.weights.h5"] = beside.read_bytes()
    beside.unlink()
    with zipfile.ZipFile(path, "w") as file:
        for name, data in content.items():
            file.writestr(name, data)


def _wrong_records(path, chance):
    del chance
    records = [r.numpy() for r in tf.data.TFRecordDataset(str(path))]
    with tf.io.TFRecordWriter(str(path)) as file:
        for record in [*records, records[0]]:
            file.write(record)


def _wrong_text(path, chance):
    del chance
    path.write_bytes(path.read_bytes() + b"\n")


_WRONG = {
    r"\.json$|^digests$|^lock$": _wrong_json,
    r"\.h5$": _wrong_weights,
    r"\.npz$": _wrong_arrays,
    r"\.keras$": _wrong_model,
    r"\.tfrecord$": _wrong_records,
    "": _wrong_text,
}
FILES = (flip, cut, empty, delete, folder, link, swap, other_time, wrong)
FOLDERS = (delete_folder, link_folder, file_for_folder)
