"""A stage that was interrupted ends as one that was not."""

from unittest import mock

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd._runs import stages
from tests import support


class Stop(keras.callbacks.Callback):
    """Interrupts at the end of an epoch, before it is backed up."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            raise KeyboardInterrupt


class Count(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.epochs = 0

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1


def model(seed=0):
    keras.utils.set_random_seed(seed)
    made = support.dense(4)
    made.compile(
        keras.optimizers.Adam(0.05), support.cross_entropy(), jit_compile=False
    )
    return made


def flip(path):
    """Changes a bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def fit(directory, made, settings=None, **kwargs):
    x, y = support.data()
    return stages.Stages(directory, settings or {}).fit(
        "only",
        made,
        (x, y),
        validation_data=support.data(seed=1),
        batch_size=8,
        shuffle=False,
        verbose=0,
        **{"epochs": 6} | kwargs,
    )


class StagesTest(parameterized.TestCase):
    def assert_equal_models(self, first, second):
        difference = support.largest_difference(
            support.values(first.weights), support.values(second.weights)
        )
        self.assertEqual(difference, 0)

    @parameterized.parameters(None, 2, 100)
    @pytest.mark.slow
    def test_an_interrupted_stage_ends_as_another(self, patience):
        expected = model()
        history = fit(None, expected, patience=patience)
        folder = support.folder(self)
        for epoch in (0, 1, 3):
            with self.assertRaises(KeyboardInterrupt):
                fit(
                    folder,
                    model(seed=epoch // 2),
                    patience=patience,
                    callbacks=[Stop(epoch)],
                )
        resumed = model(seed=2)
        self.assertEqual(fit(folder, resumed, patience=patience), history)
        self.assert_equal_models(resumed, expected)

    def test_a_finished_stage_is_not_run_again(self):
        folder = support.folder(self)
        first = model()
        history = fit(folder, first)
        again, count = model(seed=1), Count()
        self.assertEqual(fit(folder, again, callbacks=[count]), history)
        self.assertEqual(count.epochs, 0)
        self.assert_equal_models(again, first)

    @pytest.mark.slow
    def test_patience_puts_the_best_weights_back(self):
        x, y = support.data(seed=1)
        stopped = model()
        history = fit(None, stopped, epochs=60, patience=3)["val_loss"]
        self.assertLess(len(history), 60)
        self.assertEqual(np.argmin(history), len(history) - 4)
        loss = stopped.evaluate(x, y, batch_size=8, verbose=0)
        self.assertAlmostEqual(loss, min(history), places=6)

    @pytest.mark.slow
    def test_a_stage_that_had_stopped_stays_stopped(self):
        folder = support.folder(self)
        expected = model()
        history = fit(folder, expected, epochs=60, patience=3)
        # As if killed between the last epoch and the end of the stage.
        (folder / "only" / "history.json").unlink()
        resumed, count = model(seed=1), Count()
        self.assertEqual(
            fit(folder, resumed, epochs=60, patience=3, callbacks=[count]),
            history,
        )
        self.assertEqual(count.epochs, 0)
        self.assert_equal_models(resumed, expected)

    @parameterized.parameters("finished.weights.h5", "history.json")
    @pytest.mark.slow
    def test_a_damaged_stage_is_made_again(self, name):
        folder = support.folder(self)
        first = model()
        history = fit(folder, first)
        flip(folder / "only" / name)
        again, count = model(), Count()
        with self.assertWarnsRegex(UserWarning, f"{name}.*made again"):
            found = fit(folder, again, callbacks=[count])
        self.assertEqual(count.epochs, 6)
        self.assertEqual(found, history)
        self.assert_equal_models(again, first)

    @parameterized.parameters(
        "backup_4.weights.h5", "backup.json", "log.json", "best.weights.h5"
    )
    @pytest.mark.slow
    def test_a_stage_whose_backup_is_damaged_begins_again(self, name):
        folder = support.folder(self)
        expected = model()
        history = fit(None, expected, patience=100)
        with self.assertRaises(KeyboardInterrupt):
            fit(folder, model(), patience=100, callbacks=[Stop(4)])
        flip(folder / "only" / name)
        again, count = model(), Count()
        with self.assertWarnsRegex(UserWarning, f"{name}.*made again"):
            found = fit(folder, again, patience=100, callbacks=[count])
        self.assertEqual(count.epochs, 6)
        self.assertEqual(found, history)
        self.assert_equal_models(again, expected)

    def test_of_a_finished_stage_no_backup_is_left(self):
        folder = support.folder(self)
        fit(folder, model())
        self.assertSetEqual(
            {path.name for path in (folder / "only").iterdir()},
            {"finished.weights.h5", "history.json", "log.json"},
        )

    @pytest.mark.slow
    def test_a_resumed_model_begins_its_next_fit_at_the_first_epoch(self):
        folder = support.folder(self)
        with self.assertRaises(KeyboardInterrupt):
            fit(folder, model(), callbacks=[Stop(1)])
        resumed, count = model(seed=1), Count()
        fit(folder, resumed)
        x, y = support.data()
        resumed.fit(x, y, epochs=2, verbose=0, callbacks=[count])
        self.assertEqual(count.epochs, 2)

    def test_other_settings_are_refused(self):
        folder = support.folder(self)
        fit(folder, model(), {"temperature": 2})
        with self.assertRaisesRegex(ValueError, "directory.*same run.*3"):
            fit(folder, model(), {"temperature": 3})

    def test_a_run_of_another_backend_is_refused(self):
        folder = support.folder(self)
        stages.Stages(folder, {"epochs": 2}).run.close()
        other = mock.patch.object(keras.backend, "backend", lambda: "other")
        regex = 'directory.*same run.* with backend=".*", now "other"'
        with other, self.assertRaisesRegex(ValueError, regex):
            stages.Stages(folder, {"epochs": 2})

    def test_a_file_of_its_names_that_is_not_its_own_is_refused(self):
        folder = support.folder(self)
        (folder / "first_student.weights.h5").write_text("mine")
        with self.assertRaisesRegex(ValueError, "directory.*with first_stud"):
            fit(folder, model())

    def test_links_are_refused_and_not_followed(self):
        for name in ("backup", "finished.weights.h5", "log.json"):
            folder, elsewhere = support.folder(self), support.folder(self)
            stages.Stages(folder, {})
            (folder / "only").mkdir()
            (folder / "only" / name).symlink_to(elsewhere)
            with self.assertRaisesRegex(ValueError, f"{name}' must be no link"):
                fit(folder, model())
            self.assertEmpty(list(elsewhere.iterdir()))

    def test_patience_without_validation_is_refused(self):
        with self.assertRaisesRegex(ValueError, "validation.*val_loss"):
            stages.Stages(None, {}).fit(
                "only", model(), support.data(), epochs=1, patience=1, verbose=0
            )


support.mark_slow(StagesTest, "test_an_interrupted", but=["1"])


if __name__ == "__main__":
    absltest.main()
