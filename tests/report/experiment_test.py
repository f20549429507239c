"""An experiment that was interrupted computes only what is missing."""

import numpy as np
from absl.testing import absltest

import keras_kd
from tests import support


class ExperimentTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = support.folder(self)
        self.lines = []

    def experiment(self, settings=None, **kwargs):
        return keras_kd.report.Experiment(
            self.folder,
            settings or {"epochs": 2},
            say=self.lines.append,
            **kwargs,
        )

    def test_a_finished_run_is_not_computed_again(self):
        first = self.experiment().result("a, seed 0", lambda: (1, 2.5))
        self.assertEqual(first, [1, 2.5])
        again = self.experiment()
        self.assertEqual(again.result("a, seed 0", self.fail), [1, 2.5])
        self.assertEqual(again.result("a, seed 1", lambda: None), None)
        self.assertEqual(again.result("a, seed 1", self.fail), None)

    def test_names_that_look_alike_are_kept_apart(self):
        experiment = self.experiment()
        names = ["a b", "a_b", "a/b", "x" * 80, "x" * 81]
        for index, name in enumerate(names):
            self.assertEqual(experiment.result(name, lambda i=index: i), index)

    def test_a_run_that_fails_is_computed_again(self):
        experiment = self.experiment()

        def fail():
            raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            experiment.result("a", fail)
        self.assertEqual(self.experiment().result("a", lambda: 3), 3)

    def test_a_model_is_kept_with_its_weights(self):
        model = support.dense(4)
        kept = self.experiment().model("teacher", lambda: model)
        loaded = self.experiment().model("teacher", self.fail)
        x, _ = support.data()
        np.testing.assert_array_equal(
            kept.predict(x, verbose=0), loaded.predict(x, verbose=0)
        )

    def test_says_what_came_out_and_what_is_left(self):
        experiment = self.experiment(num_runs=2)
        experiment.result("a", lambda: {"errors": 12, "rate": 0.123456})
        experiment.result("b", lambda: 0.5)
        self.assertRegex(
            self.lines[0],
            r"^\[1/2\] a: errors 12, rate 0\.1235 \(1 s, about 1 s left\)$",
        )
        self.assertEqual(self.lines[1], "[2/2] b: 0.5 (1 s)")

    def test_other_settings_are_refused(self):
        self.experiment({"epochs": 2})
        with self.assertRaisesRegex(ValueError, "folder.*same run.*=2, now 3"):
            self.experiment({"epochs": 3})

    def test_a_damaged_result_is_computed_again(self):
        # The last is a digit that another one could stand for.
        for damage in (b"", b"{", b'{"name": "a", "result": 0.4125}'):
            self.experiment().result("a", lambda: 0.9125)
            (path,) = self.folder.glob("a_*.json")
            path.write_bytes(damage)
            with self.assertWarnsRegex(UserWarning, f"{path.name}.*made again"):
                found = self.experiment().result("a", lambda: 0.9125)
            self.assertEqual(found, 0.9125)
            self.assertEqual(self.experiment().result("a", self.fail), 0.9125)

    def test_a_damaged_model_is_made_again(self):
        self.experiment().model("teacher", lambda: support.dense(4))
        (path,) = self.folder.glob("*.keras")
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(bytes(content))
        with self.assertWarnsRegex(UserWarning, f"{path.name}.*made again"):
            made = self.experiment().model("teacher", lambda: support.dense(5))
        self.assertEqual(made.layers[0].units, 5)

    def test_a_folder_of_an_older_version_is_refused(self):
        (self.folder / "settings.json").write_text('{"epochs": 2}')
        with self.assertRaisesRegex(ValueError, "folder.*older version"):
            self.experiment()

    def test_a_file_of_its_names_that_is_not_its_own_is_refused(self):
        (self.folder / "teacher_0123abcd.keras").write_text("mine")
        with self.assertRaisesRegex(ValueError, "folder.*with teacher_0123ab"):
            self.experiment()


if __name__ == "__main__":
    absltest.main()
