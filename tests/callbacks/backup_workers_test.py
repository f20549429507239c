import keras
import pytest
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd.callbacks import backup_workers
from tests import support
from tests.replicas import two_replicas


class Stop(BaseException):
    """As a kill."""


def stop_in(epoch):
    """Stops a training in the middle of an epoch."""
    return keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda now, logs: _raise(now == epoch)
    )


def _raise(is_time):
    if is_time:
        raise Stop


def train(folder, *others, epochs=4, seed=0):
    """Trains a Distiller; another seed begins with other weights."""
    keras.utils.set_random_seed(seed)
    made = support.distiller(teacher=TEACHER)
    made.compile(keras.optimizers.Adam(0.05), support.cross_entropy())
    backup = keras_kd.callbacks.BackupWorkers(folder)
    history = made.fit(
        *support.data(),
        epochs=epochs,
        shuffle=False,
        callbacks=[backup, *others],
        verbose=0,
    )
    return made, history.epoch


TEACHER = support.dense(8, name="teacher")


@support.eager_tests
class FilesTest(absltest.TestCase):
    def test_other_files_are_left_alone(self):
        folder = support.folder(self)
        (folder / "alone").mkdir()
        names = ["epoch-1.weights.h5", "partial.weights.h5", "notes.txt"]
        for name in names:
            (folder / "alone" / name).write_text("mine")
        train(folder, epochs=3)
        for name in names:
            self.assertEqual((folder / "alone" / name).read_text(), "mine")

    def test_links_are_refused_and_not_followed(self):
        folder, elsewhere = support.folder(self), support.folder(self)
        (folder / "alone").symlink_to(elsewhere)
        with self.assertRaisesRegex(ValueError, "alone' must be no link"):
            train(folder)
        self.assertEmpty(list(elsewhere.iterdir()))


@support.eager_tests
class BackupWorkersTest(parameterized.TestCase):
    def assert_resumes(self):
        whole, _ = train(support.folder(self))
        folder = support.folder(self)
        with self.assertRaises(Stop):
            train(folder, stop_in(2))

        made, epochs = train(folder, seed=1)

        self.assertEqual(epochs, [2, 3])
        self.assertEqual(
            support.largest_difference(
                support.values(made.weights), support.values(whole.weights)
            ),
            0,
        )

    def test_goes_on_to_the_same_bits(self):
        self.assert_resumes()

    @pytest.mark.slow
    def test_goes_on_with_two_replicas(self):
        with two_replicas().scope():
            self.assert_resumes()

    def test_keeps_the_last_two_epochs(self):
        folder = support.folder(self)
        train(folder)
        self.assertEqual(
            sorted(path.name for path in (folder / "alone").glob("epoch*")),
            ["epoch-000003.weights.h5", "epoch-000004.weights.h5"],
        )

    def test_goes_on_with_what_all_workers_have(self):
        folder = support.folder(self)
        train(folder, epochs=3)
        # As if another worker had not come to the third epoch.
        (folder / "alone" / "epoch-000003.weights.h5").unlink()
        _, epochs = train(folder)
        self.assertEqual(epochs, [2, 3])

    def test_goes_on_with_the_last_whole_one(self):
        folder = support.folder(self)
        whole, _ = train(support.folder(self))
        train(folder, epochs=3)
        last, before = (
            folder / "alone" / f"epoch-00000{epoch}.weights.h5"
            for epoch in (3, 2)
        )
        last.write_bytes(before.read_bytes())
        with self.assertWarnsRegex(UserWarning, "epoch-000003.weights.h5"):
            made, epochs = train(folder)
        self.assertEqual(epochs, [2, 3])
        difference = support.largest_difference(
            support.values(made.weights), support.values(whole.weights)
        )
        self.assertEqual(difference, 0)

    @parameterized.parameters(
        ([[]], None),
        ([[2, 3]], 3),
        ([[2, 3], [3, 4]], 3),
        ([[2, 3], [1, 2], [2]], 2),
        ([[], []], None),
        # The first was killed within its first epoch.
        ([[], [1]], None),
        ([[6], []], None),
    )
    def test_the_newest_common(self, epochs, expected):
        self.assertEqual(backup_workers.newest_common(epochs), expected)

    @parameterized.parameters([[[2, 3], []]], [[[2, 3], [4, 5]]])
    def test_refuses_workers_without_a_common_epoch(self, epochs):
        with self.assertRaisesRegex(
            ValueError, r"All workers must have.*Received.*\[2, 3\]"
        ):
            backup_workers.newest_common(epochs)

    def test_half_a_file_is_none(self):
        folder = support.folder(self)
        train(folder, epochs=1)
        (folder / "alone" / "partial.weights.h5").write_bytes(b"half")
        _, epochs = train(folder, epochs=2)
        self.assertEqual(epochs, [1])

    def test_a_further_fit_of_the_same_model_begins_at_its_beginning(self):
        folder = support.folder(self)
        train(folder, epochs=2)
        made, epochs = train(folder, epochs=2)
        self.assertEqual(epochs, [])
        history = made.fit(*support.data(), epochs=1, verbose=0)
        self.assertEqual(history.epoch, [0])


if __name__ == "__main__":
    absltest.main()
