"""A used folder is taken up by the same run, and refused to any other."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import pytest
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import transfer_sets
from tests import support
from tests.conformance import procedure_rows
from tests.conformance import run_folder_rows

ROOT = pathlib.Path(__file__).parents[2]
ROWS = dict(procedure_rows.NAMED_ROWS)
# Prints the histories of a row that is run in a folder.
FRESH = """
import json, sys
from tests import support
from tests.conformance import every_run_folder_test as test
with support.eagerly():
    print("histories", json.dumps(test.run(sys.argv[1], sys.argv[2])))
"""


CASES = [
    (f"{row}_{what}", row, changes)
    for row, cases in run_folder_rows.OTHERS.items()
    for what, changes in cases.items()
]
WITH_TEACHER = [
    (name, row)
    for name, row in procedure_rows.NAMED_ROWS
    if row.make_teacher() is not None
]


def run(name, folder, **kwargs):
    """Runs a row in a folder, and returns its histories."""
    row = ROWS[name]
    teacher = row.make_teacher()
    return dict(row.run(teacher, directory=folder, **kwargs).histories)


def in_a_process(name, folder):
    """Begins to run a row in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", FRESH, name, str(folder)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@support.eager_tests
class EveryRunFolderTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.histories = {}

    def used(self, name):
        """A folder with a finished run, one for all tests, and its logs."""
        folder = pathlib.Path(self.root, name)
        if name not in self.histories:
            self.histories[name] = run(name, folder)
        return folder, self.histories[name]

    def test_every_procedure_has_its_cases(self):
        self.assertSetEqual(set(run_folder_rows.OTHERS), set(ROWS))
        always = {"data", "labels", "student", "batch_size", "epochs"}
        for cases in run_folder_rows.OTHERS.values():
            self.assertContainsSubset(always | {"optimizer", "setting"}, cases)

    @parameterized.named_parameters(*CASES)
    def test_refuses_another_run(self, name, changes):
        folder, _ = self.used(name)
        before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        (argument,) = changes
        with self.assertRaisesRegex(
            ValueError, rf"`directory` must .*same run.*with .*\b{argument}\b"
        ):
            run(name, folder, **{k: make() for k, make in changes.items()})
        after = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        self.assertEqual(before, after)

    @parameterized.named_parameters(*WITH_TEACHER)
    def test_refuses_another_teacher(self, row):
        folder, _ = self.used(row.name)
        teacher = row.make_teacher()
        teacher.set_weights([1.01 * w for w in teacher.get_weights()])
        kwargs = {}
        if row.name == "data_free":
            kwargs["records"] = transfer_sets.activation_records(
                teacher=teacher, data=support.data(60)
            )
        with self.assertRaisesRegex(
            ValueError, r"`directory` must .*(teacher|generalist)\.weights="
        ):
            row.run(teacher, directory=folder, **kwargs)

    @parameterized.named_parameters(*procedure_rows.NAMED_ROWS)
    def test_takes_up_the_same_run(self, row):
        folder, histories = self.used(row.name)
        self.assertEqual(run(row.name, folder), histories)

    @pytest.mark.slow
    def test_takes_up_the_same_run_in_another_process(self):
        folder, histories = self.used("fitnets")
        printed, _ = in_a_process("fitnets", folder).communicate()
        self.assertIn(f"histories {json.dumps(histories)}\n", printed)

    def test_a_folder_of_an_older_version_is_refused(self):
        folder = support.folder(self)
        (folder / "settings.json").write_text('{"procedure": "fitnets"}')
        with self.assertRaisesRegex(ValueError, "directory.*older version"):
            run("fitnets", folder)

    def test_the_first_weights_can_be_loaded_to_go_on(self):
        folder, histories = self.used("fitnets")
        student = run_folder_rows.moved(run_folder_rows.dense())
        with self.assertRaisesRegex(ValueError, r"`student.load_weights\('"):
            run("fitnets", folder, student=student)
        student.load_weights(folder / "first_student.weights.h5")
        self.assertEqual(run("fitnets", folder, student=student), histories)


support.mark_slow(EveryRunFolderTest, "test_takes_up", but=["_fitnets"])
support.mark_slow(
    EveryRunFolderTest, "test_refuses_another_teacher", but=["_fitnets"]
)
# Each procedure has arguments of its own; most share the way to compare them.
support.mark_slow(
    EveryRunFolderTest,
    "test_refuses_another_run",
    but=[f"_fitnets_{what}" for what in run_folder_rows.OTHERS["fitnets"]],
)


if __name__ == "__main__":
    absltest.main()
