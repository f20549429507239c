"""Writes the goldens: files that each later version must load.

Written once, by version 0.1.0.dev as of the commit that added them; never run
again on the existing files. A golden that does not load any more, or gives
other numbers, shows that the code has broken the files of its users. New
goldens get new names: this script leaves alone what is there.

Run it as `python -m tests.goldens.write`.
"""

import json
import zipfile

import keras

import keras_kd
from tests.goldens import golden_numbers
from tests.goldens.cache_goldens import CACHES
from tests.goldens.cache_goldens import augmentation
from tests.goldens.distiller_goldens import DISTILLERS
from tests.goldens.model_goldens import MODELS
from tests.goldens.model_goldens import TEACHERS

# Bytes of a .keras file that is left as Keras writes it.
LARGEST = 40_000


def pack(path, before="", after=""):
    """Compresses a .keras file, and replaces text of its config."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    config = members["config.json"].decode()
    members["config.json"] = config.replace(before, after).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)


def save(model, path):
    """Saves as Keras does; what is large then is compressed."""
    model.save(path)
    if path.stat().st_size > LARGEST:
        pack(path)


def record(name, **found):
    text = json.dumps(found, separators=(",", ":"))
    (golden_numbers.FOLDER / f"{name}.json").write_text(text + "\n")


def write_model(name, make, kind):
    path = golden_numbers.FOLDER / f"{name}.keras"
    model = make()
    save(model, path)
    record(name, data=kind, outputs=golden_numbers.outputs(model, kind))


def write_distiller(name, make, kind, is_cached=False):
    """Trains, saves, and records what happens after that."""
    path = golden_numbers.FOLDER / f"{name}.keras"
    distiller = make()
    attached = distiller.teacher.attach if is_cached else None
    golden_numbers.train(distiller, kind, attached)
    save(distiller, path)
    if name == "distiller":
        distiller.save_weights(path.with_suffix(".weights.h5"))
    found = {"data": kind, "outputs": golden_numbers.outputs(distiller, kind)}
    if is_cached:
        here = str(golden_numbers.FOLDER.absolute())
        pack(path, here, golden_numbers.PLACE)
        found["cache"] = golden_numbers.facts(distiller.teacher)
    elif hasattr(distiller, "teacher"):
        found["teacher"] = golden_numbers.outputs(distiller.teacher, kind)
    found["history"] = golden_numbers.train(distiller, kind, attached)
    found["weights"] = golden_numbers.summaries(distiller.weights)
    record(name, **found)


def write_augmentation():
    made = augmentation()
    record(
        "augmentation",
        config=keras.saving.serialize_keras_object(made),
        augmented=golden_numbers.augmented(made),
    )


def write_records():
    of = "fold_bottleneck"
    records = keras_kd.transfer_sets.activation_records(
        teacher=keras.saving.load_model(golden_numbers.FOLDER / f"{of}.keras"),
        data=golden_numbers.batch("vectors"),
    )
    records.save(golden_numbers.FOLDER / "activation_records.npz")
    arrays = {name: array.tolist() for name, array in records.arrays.items()}
    record("activation_records", of=of, arrays=arrays)


def main():
    makers = [(write_augmentation, "augmentation", ())]
    for table, write, flags in (
        (MODELS, write_model, ()),
        (DISTILLERS, write_distiller, ()),
        (CACHES, write_distiller, (True,)),
    ):
        for name, row in table.items():
            makers.append((write, name, (name, *row, *flags)))
    for name, make in TEACHERS.items():
        makers.append((write_model, name, (name, make, "vectors")))
    makers.append((write_records, "activation_records", ()))
    for write, name, arguments in makers:
        if any(golden_numbers.FOLDER.glob(f"{name}.*")):
            continue
        keras.utils.set_random_seed(0)
        write(*arguments)
        print(name)


if __name__ == "__main__":
    main()
