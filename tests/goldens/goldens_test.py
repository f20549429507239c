"""Files that version 0.1.0.dev wrote load, and go on as they did then.

The expected numbers are those of that version by purpose: `write.py` made them
and is not to be run on them again.
"""

import re
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from tests import support
from tests.goldens import distiller_goldens
from tests.goldens import golden_numbers

# Each backend draws its own noise, and an `Augmentation` is TensorFlow's.
ON_TENSORFLOW = (
    "test_an_augmentation_makes_the_images_of_then",
    "test_trains_on_as_then_cache_augmented",
    "test_trains_on_as_then_taught_by_noisy",
    "test_trains_on_as_then_taught_by_noisy_ensemble",
)


def load(name, test):
    """Loads a golden as a user does, without `custom_objects`."""
    path = golden_numbers.FOLDER / f"{name}.keras"
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    if golden_numbers.PLACE.encode() in members["config.json"]:
        path = support.folder(test) / path.name
        here = str(golden_numbers.FOLDER.absolute()).encode()
        config = members["config.json"].replace(
            golden_numbers.PLACE.encode(), here
        )
        with zipfile.ZipFile(path, "w") as file:
            for member, content in (members | {"config.json": config}).items():
                file.writestr(member, content)
    return keras.saving.load_model(path)


def assert_close(actual, expected, tolerance):
    """Compares two lists of arrays, each by its own scale."""
    for ours, theirs in zip(actual, expected, strict=True):
        theirs = np.asarray(theirs)
        np.testing.assert_allclose(
            ours, theirs, rtol=tolerance, atol=tolerance * np.abs(theirs).max()
        )


def assert_trains_alike(distiller, recorded, attach=None):
    """Trains some steps more, as they were trained then."""
    history = golden_numbers.train(distiller, recorded["data"], attach)
    for key, values in recorded["history"].items():
        np.testing.assert_allclose(
            history[key], values, rtol=1e-5, atol=1e-7, err_msg=key
        )
    found = golden_numbers.summaries(distiller.weights)
    for ours, theirs in zip(found, recorded["weights"], strict=True):
        path, shape, total, size = theirs
        assert ours[1] == shape, path
        near = 1e-5 * size + 1e-7
        np.testing.assert_allclose(ours[2:], [total, size], 0, near, path)


def named(key):
    """Name of the test, and of the golden, where a number was recorded."""
    return [(name, name) for name in golden_numbers.names(key)]


class GoldensTest(parameterized.TestCase):
    @parameterized.named_parameters(*named("outputs"))
    def test_gives_the_outputs_of_then(self, name):
        recorded = golden_numbers.read(name)
        model = load(name, self)
        found = golden_numbers.outputs(model, recorded["data"])
        assert_close(found, recorded["outputs"], 1e-6)

    @parameterized.named_parameters(*named("history"))
    def test_trains_on_as_then(self, name):
        recorded = golden_numbers.read(name)
        distiller = load(name, self)
        attach = None
        if "teacher" in recorded:
            found = golden_numbers.outputs(distiller.teacher, recorded["data"])
            assert_close(found, recorded["teacher"], 1e-6)
        if "cache" in recorded:
            self.assertEqual(
                golden_numbers.facts(distiller.teacher), recorded["cache"]
            )
            attach = distiller.teacher.attach
        assert_trains_alike(distiller, recorded, attach)

    @pytest.mark.slow
    def test_weights_alone_go_on_as_then(self):
        recorded = golden_numbers.read("distiller")
        teacher = load("distiller", self).teacher
        distiller = distiller_goldens.fresh(teacher)
        # A new optimizer has no momenta before its first step.
        distiller.optimizer.build(distiller.trainable_variables)
        distiller.load_weights(golden_numbers.FOLDER / "distiller.weights.h5")
        assert_trains_alike(distiller, recorded)

    def test_an_augmentation_makes_the_images_of_then(self):
        recorded = golden_numbers.read("augmentation")
        made = keras.saving.deserialize_keras_object(recorded["config"])
        assert_close(
            golden_numbers.augmented(made), recorded["augmented"], 1e-6
        )

    def test_activation_records_are_those_of_then(self):
        recorded = golden_numbers.read("activation_records")
        records = keras_kd.transfer_sets.load_records(
            golden_numbers.FOLDER / "activation_records.npz",
            load(recorded["of"], self),
        )
        self.assertEqual(sorted(records.arrays), sorted(recorded["arrays"]))
        for name, expected in recorded["arrays"].items():
            np.testing.assert_array_equal(records.arrays[name], expected)

    @pytest.mark.slow
    def test_a_fresh_process_loads_a_student_of_a_cache(self):
        # Here, other tests may have imported the class of the cache.
        path = golden_numbers.FOLDER / "cache_masked.keras"
        program = (
            "import pathlib, zipfile, keras, keras_kd, json\n"
            f"with zipfile.ZipFile({str(path)!r}) as file:\n"
            "    text = file.read('config.json').decode()\n"
            f"text = text.replace({golden_numbers.PLACE!r}, "
            f"{str(golden_numbers.FOLDER.absolute())!r})\n"
            "found = keras.saving.deserialize_keras_object(json.loads(text))\n"
            "print(type(found.teacher).__name__)\n"
        )
        run = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
        )
        self.assertEqual(run.stdout.split(), ["CachedTeacher"])

    def test_every_registered_name_is_in_a_golden(self):
        self.assertTrue(keras_kd.teachers.CachedTeacher)  # Registers it.
        texts = [
            path.read_text() for path in golden_numbers.FOLDER.glob("*.json")
        ]
        for path in golden_numbers.FOLDER.glob("*.keras"):
            with zipfile.ZipFile(path) as file:
                texts.append(file.read("config.json").decode())
        found = set(re.findall(r'"(keras_kd>\w+)"', "".join(texts)))
        registered = {
            name
            for name in keras.saving.get_custom_objects()
            if name.startswith("keras_kd>")
        }
        self.assertSetEqual(found, registered)


support.mark_slow(GoldensTest, "test_trains_on", but=["_distiller"])
for name in ON_TENSORFLOW:
    support.on_tensorflow(getattr(GoldensTest, name))


if __name__ == "__main__":
    absltest.main()
