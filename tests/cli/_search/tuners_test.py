from unittest import mock

import pytest
from absl.testing import absltest

import keras_kd
from tests import support
from tests.cli import small_jobs
from tests.replicas import two_replicas


class TunersTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = support.folder(self)
        self.output = self.folder / "output"
        net = small_jobs.save(self.folder, small_jobs.net())
        self.given = {
            "teacher": net,
            "student": net,
            "methods": ("soft_targets",),
        }

    def search(self, **settings):
        return small_jobs.search(self.output, **self.given | settings)

    @pytest.mark.slow
    def test_hyperband_in_a_place_of_its_own(self):
        tuner = self.folder / "tuner"
        found, text = self.search(
            tuner="hyperband",
            epochs=3,
            max_trials=4,
            directory=str(tuner),
        )
        epochs = [one.epochs for one in found.results]
        # The best of the first three goes on from its checkpoint.
        self.assertEqual(sorted(epochs), [1, 1, 1, 3])
        self.assertFalse((self.output / "search").exists())
        self.assertIn("epochs", text)

    @pytest.mark.slow
    def test_hyperband_says_that_the_best_was_not_trained_to_the_end(self):
        _, text = self.search(tuner="hyperband", epochs=3, max_trials=2)
        self.assertRegex(text.replace("\n", " "), "trained for 1 of 3 epochs")

    @pytest.mark.slow
    def test_a_grid_on_two_replicas_begins_with_the_defaults(self):
        # A process can have one strategy over several devices only.
        with mock.patch.object(
            keras_kd.distribution, "strategy", lambda name: two_replicas()
        ):
            found, _ = self.search(
                tuner="grid", max_trials=2, strategy="mirrored"
            )
        rates = {
            one.number: one.knobs["learning_rate"] for one in found.results
        }
        self.assertEqual(rates, {1: 0.01, 2: 0.001})


if __name__ == "__main__":
    absltest.main()
