"""A used folder is taken up by the same run, and refused to any other."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import transfer_sets
from tests import support
from tests.conformance import procedure_rows
from tests.conformance import procedure_runs as runs

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


def seeded(make, **kwargs):
    """A model whose first weights are those of `procedure_runs`."""
    keras.utils.set_random_seed(0)
    return make(**kwargs)


def with_activation(model, activation):
    """The same weights, and another function behind the first of them."""
    config = model.get_config()
    config["layers"][1]["config"]["activation"] = activation
    other = type(model).from_config(config)
    other.set_weights(model.get_weights())
    return other


def dense(activation="relu", features=4):
    made = seeded(support.dense, width=4, name="student", features=features)
    return with_activation(made, activation)


def moved(model):
    """A model with other weights."""
    model.set_weights([w + 1 for w in model.get_weights()])
    return model


def batched(x, y, size=8):
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(size)


def pairs(x, size=8):
    both = {"teacher": x, "student": x[:, :3]}
    return tf.data.Dataset.from_tensor_slices(both).batch(size)


def tanh_net():
    return with_activation(runs.dropout_net(), "tanh")


def specialist(classes):
    return runs.dropout_net(classes=len(classes) + 1)


def other_records():
    x, y = support.data(60)
    return transfer_sets.activation_records(
        teacher=runs.teacher(), data=(-x, y)
    )


X, Y = support.data()
OTHER_Y = (Y + 1) % 3
WIDE_X, WIDE_Y = support.data(classes=4)
KNOWN = np.where(np.arange(len(Y)) < 9, Y, -1)
OPTIMIZER = {"optimizer": lambda: keras.optimizers.SGD(0.3)}
SMALLER = {"batch_size": lambda: 4}
LONGER = {"epochs": lambda: 4}
# For each procedure what makes another run of its row, and the arguments that
# the error names: those that change, if it does not say otherwise.
OTHERS = {
    "co_training": {
        "data": {"views": lambda: (X, X + 1)},
        "labels": {"labels": lambda: np.where(KNOWN < 0, -1, (KNOWN + 1) % 3)},
        "student": {"learners": lambda: [tanh_net(), tanh_net()]},
        "batch_size": SMALLER,
        "epochs": LONGER,
        "optimizer": OPTIMIZER,
    },
    "compress": {
        "data": {"x": lambda: X + 1},
        "labels": {"validation_data": lambda: (X, OTHER_Y)},
        "student": {"student": lambda: dense("tanh")},
        "batch_size": SMALLER,
        "epochs": LONGER,
        "optimizer": OPTIMIZER,
    },
    "defensive_distillation": {
        "data": {"data": lambda: batched(X + 1, Y)},
        "labels": {"data": lambda: batched(X, OTHER_Y)},
        "student": {"build_network": lambda: tanh_net},
        "batch_size": {"data": lambda: batched(X, Y, 4)},
        "epochs": LONGER,
        "optimizer": OPTIMIZER,
        "validation": {"validation_data": lambda: (X, OTHER_Y)},
    },
    "fitnets": {
        "data": {"data": lambda: batched(X + 1, Y)},
        "labels": {"data": lambda: batched(X, OTHER_Y)},
        "student": {"student": lambda: dense("tanh")},
        "first_weights": {"student": lambda: moved(dense())},
        "batch_size": {"data": lambda: batched(X, Y, 4)},
        "epochs": LONGER,
        "optimizer": OPTIMIZER,
        "validation": {"validation_data": lambda: (X, OTHER_Y)},
        "regressor": {"regressor": lambda: keras.layers.Dense(8)},
        "loss": {
            "loss": lambda: keras.losses.SparseCategoricalCrossentropy(
                from_logits=True, ignore_class=1
            )
        },
    },
    "data_distillation": {
        "data": {"unlabelled": lambda: X[9:] + 1},
        "labels": {"labelled": lambda: (X[:9], OTHER_Y[:9])},
        "student": {"student": tanh_net},
        "first_weights": {"student": lambda: moved(seeded(runs.dropout_net))},
        "batch_size": SMALLER,
        "epochs": LONGER,
        "optimizer": OPTIMIZER,
        "metrics": {"metrics": lambda: ["accuracy"]},
        "transforms": {
            "transforms": lambda: [transfer_sets.transforms.Scale(1.5)]
        },
    },
    "data_free": {
        "data": {"records": other_records},
        "labels": {"validation_data": lambda: (X, OTHER_Y)},
        "student": {"student": lambda: dense("tanh")},
        "first_weights": {"student": lambda: moved(dense())},
        "batch_size": SMALLER,
        "epochs": LONGER,
        "optimizer": OPTIMIZER,
    },
    "specialists": {
        "data": {"data": lambda: (WIDE_X + 1e-6, WIDE_Y)},
        "labels": {"data": lambda: (WIDE_X, np.roll(WIDE_Y, 1))},
        "student": {"build_specialist": lambda: specialist},
        "batch_size": SMALLER,
        "epochs": LONGER,
        "optimizer": OPTIMIZER,
    },
    "supervision_transfer": {
        "data": {"pairs": lambda: pairs(X + 1)},
        "labels": {
            "labelled": lambda: tf.data.Dataset.from_tensors(
                (X[:, :3], OTHER_Y)
            ).repeat(3)
        },
        "student": {"student": lambda: dense("tanh", 3)},
        "first_weights": {"student": lambda: moved(dense(features=3))},
        "batch_size": {"pairs": lambda: pairs(X, 4)},
        "epochs": LONGER,
        "optimizer": OPTIMIZER,
    },
}
CASES = [
    (f"{row}_{what}", row, changes)
    for row, cases in OTHERS.items()
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
        self.assertSetEqual(set(OTHERS), set(ROWS))
        always = {"data", "labels", "student", "batch_size", "epochs"}
        for cases in OTHERS.values():
            self.assertContainsSubset(always | {"optimizer"}, cases)

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

    def test_takes_up_the_same_run_in_another_process(self):
        folder, histories = self.used("fitnets")
        printed, _ = in_a_process("fitnets", folder).communicate()
        self.assertIn(f"histories {json.dumps(histories)}\n", printed)

    def test_of_two_processes_at_once_one_ends_and_the_other_is_refused(self):
        expected = f"histories {json.dumps(self.used('fitnets')[1])}\n"
        folder = support.folder(self)
        both = [in_a_process("fitnets", folder) for _ in range(2)]
        results = [process.communicate() for process in both]
        ended = [printed for printed, _ in results if expected in printed]
        refused = [
            error
            for printed, error in results
            if "`directory` must be used by one process" in error
        ]
        self.assertNotEmpty(ended)
        # The second may begin when the first has ended.
        self.assertLen(ended + refused, 2)

    def test_a_folder_of_an_older_version_is_refused(self):
        folder = support.folder(self)
        (folder / "settings.json").write_text('{"procedure": "fitnets"}')
        with self.assertRaisesRegex(ValueError, "directory.*older version"):
            run("fitnets", folder)

    def test_the_first_weights_can_be_loaded_to_go_on(self):
        folder, histories = self.used("fitnets")
        student = moved(dense())
        with self.assertRaisesRegex(ValueError, r"`student.load_weights\('"):
            run("fitnets", folder, student=student)
        student.load_weights(folder / "first_student.weights.h5")
        self.assertEqual(run("fitnets", folder, student=student), histories)


support.mark_slow(EveryRunFolderTest, "test_takes_up_the_same_run_in_another")


if __name__ == "__main__":
    absltest.main()
