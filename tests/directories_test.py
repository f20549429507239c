"""Folders that cannot be used, given to all that keeps something in one."""

from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from tests import support

WRITERS = {
    "BackupWorkers": keras_kd.callbacks.BackupWorkers,
    "Experiment": lambda path: keras_kd.report.Experiment(path, {}),
    "cache_teacher": lambda path: keras_kd.teachers.cache_teacher(
        support.dense(3), support.data()[0], path, verbose=0
    ),
    "fitnets": lambda path: keras_kd.procedures.fitnets(
        teacher=support.dense(3),
        student=support.dense(3),
        data=support.data(),
        hint_tap="hidden",
        guided_tap="hidden",
        hint_epochs=1,
        epochs=1,
        directory=path,
    ),
    "make_tuner": lambda path: keras_kd.search.make_tuner(
        "random", lambda hp: None, objective="val_loss", directory=path
    ),
}
READERS = {
    "CachedTeacher": keras_kd.teachers.CachedTeacher,
    "results": keras_kd.search.results,
}


class DirectoriesTest(parameterized.TestCase):
    def bad(self):
        """A file, a place in a file, and a name that is too long."""
        folder = support.folder(self)
        (folder / "file").write_text("")
        return folder / "file", folder / "file" / "a", folder / ("a" * 300)

    @parameterized.named_parameters(WRITERS.items())
    def test_writers_refuse(self, write):
        for path in self.bad():
            with self.assertRaisesRegex(
                ValueError, "` must be a folder that can be written.*Received: "
            ):
                write(path)

    @parameterized.named_parameters(READERS.items())
    def test_readers_refuse(self, read):
        for path in self.bad():
            with self.assertRaisesRegex(ValueError, "` must .*Received"):
                read(path)
        with self.assertRaisesRegex(
            (TypeError, ValueError), "Received: (directory|source)=3"
        ):
            read(3)


if __name__ == "__main__":
    absltest.main()
