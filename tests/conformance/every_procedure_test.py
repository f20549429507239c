"""Runs every procedure through the checks that hold for all of them."""

import dataclasses
import functools
import inspect
import pathlib
import tempfile

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import procedures
from tests import support
from tests.conformance import procedure_rows

ROWS = dict(procedure_rows.NAMED_ROWS)


class Count(keras.callbacks.Callback):
    """Counts the epochs of all stages."""

    def __init__(self):
        super().__init__()
        self.epochs = 0

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1


@dataclasses.dataclass(frozen=True)
class Finished:
    """An uninterrupted run, what it did to the teacher, and its epochs."""

    result: object
    teacher: keras.Model | None
    before: list[np.ndarray]
    was_trainable: bool | None
    epochs: int


@functools.cache
def finished(name):
    """Runs a row, once for all tests, which only read what it made."""
    row = ROWS[name]
    teacher = row.make_teacher()
    before = support.values(teacher.variables) if teacher else []
    was_trainable = teacher.trainable if teacher else None
    count = Count()
    result = row.run(teacher, callbacks=[count])
    return Finished(result, teacher, before, was_trainable, count.epochs)


def weights_of(row, result):
    return [
        value
        for student in row.students(result)
        for value in support.values(student.weights)
    ]


class RowsTest(absltest.TestCase):
    def test_every_public_procedure_has_a_row(self):
        tested = {row.procedure for row in procedure_rows.ROWS}
        exceptions = set(procedure_rows.EXCEPTIONS)
        self.assertSetEqual(tested | exceptions, set(procedures.__all__))
        self.assertEmpty(tested & exceptions)


@support.eager_tests
@parameterized.named_parameters(*procedure_rows.NAMED_ROWS)
class EveryProcedureTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.folder = pathlib.Path(folder)

    def run_row(self, row, **kwargs):
        return row.run(row.make_teacher(), **kwargs)

    def resumed(self, row):
        """The folder of a run that was interrupted, and what it ended with.

        It is run once for all tests: a finished run goes on from its end.
        """
        folder = self.folder / row.name
        if not folder.exists():
            epochs = finished(row.name).epochs
            for epoch in range(1, epochs + 1, max(1, epochs // 4)):
                left = epoch if epoch == 1 else 2
                with self.assertRaises(KeyboardInterrupt):
                    # Each goes on where the last was backed up, one epoch
                    # before.
                    self.run_row(
                        row,
                        directory=folder,
                        callbacks=[support.Interrupt(left)],
                    )
        return folder, self.run_row(row, directory=folder)

    def assert_equal_results(self, row, first, second):
        self.assertEqual(dict(first.histories), dict(second.histories))
        for ours, theirs in zip(
            weights_of(row, first), weights_of(row, second), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)

    def test_takes_keywords_only(self, row):
        function = getattr(procedures, row.procedure)
        for parameter in inspect.signature(function).parameters.values():
            self.assertEqual(parameter.kind, parameter.KEYWORD_ONLY)

    def test_returns_students_and_one_history_per_stage(self, row):
        result = finished(row.name).result
        self.assertTrue(dataclasses.is_dataclass(result))
        self.assertTrue(type(result).__dataclass_params__.frozen)
        self.assertEqual(tuple(result.histories), row.stages)
        for history in result.histories.values():
            self.assertTrue(np.all(np.isfinite(history["loss"])))
        for student in row.students(result):
            self.assertIsInstance(student, keras.Model)

    def test_changes_nothing_of_the_teacher(self, row):
        run = finished(row.name)
        if run.teacher is None:
            self.skipTest("It has no teacher.")
        after = support.values(run.teacher.variables)
        self.assertEqual(support.largest_difference(run.before, after), 0)
        self.assertEqual(run.teacher.trainable, run.was_trainable)

    def test_interrupted_anywhere_it_ends_as_uninterrupted(self, row):
        expected = finished(row.name).result
        folder, resumed = self.resumed(row)
        self.assert_equal_results(row, expected, resumed)
        count = Count()
        again = self.run_row(row, directory=folder, callbacks=[count])
        self.assertEqual(count.epochs, 0)
        self.assert_equal_results(row, expected, again)

    def test_students_can_be_saved_without_this_library(self, row):
        result = finished(row.name).result
        for index, student in enumerate(row.students(result)):
            path = support.folder(self) / f"{index}.keras"
            student.save(path)
            loaded = keras.saving.load_model(path)
            for ours, theirs in zip(
                support.values(student.weights),
                support.values(loaded.weights),
                strict=True,
            ):
                np.testing.assert_array_equal(ours, theirs)


support.mark_slow(
    EveryProcedureTest,
    "test_interrupted",
    but=["_fitnets"],
)


if __name__ == "__main__":
    absltest.main()
