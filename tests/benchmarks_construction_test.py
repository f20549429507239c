"""The benchmark of making a Distiller, on tiny models."""

import contextlib
import io
import json
import pathlib
import tempfile
from unittest import mock

import keras
from absl.testing import absltest

from benchmarks import construction_cost


def tiny():
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(5, name=construction_cost.TAP),
            keras.layers.Dense(3),
        ]
    )


def seconds_of(**cpu):
    names = {
        "teacher": "pass of the teacher",
        "student": "pass of the student",
        "soft": "Distiller, soft targets",
        "hint": "Distiller, with a hint",
    }
    return {names[key]: {"cpu": values} for key, values in cpu.items()}


class CompareTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.seconds = seconds_of(
            teacher=[1, 2, 4],
            student=[1, 2, 4],
            soft=[2, 5, 10],
            hint=[3, 6, 8],
        )

    def test_a_ratio_is_the_median_of_the_ratios_of_the_rounds(self):
        found = construction_cost.compare(self.seconds)
        # The floor is 2, 4, 8: ratios 1, 1.25, 1.25 and 1.5, 1.5, 1.
        medians = {name: value["median"] for name, value in found.items()}
        self.assertEqual(
            medians,
            {"Distiller, soft targets": 1.25, "Distiller, with a hint": 1.5},
        )

    def test_a_missed_target_is_called_missed(self):
        found = construction_cost.compare(self.seconds)
        *_, soft, hint = construction_cost.table(
            self.seconds, found
        ).splitlines()
        self.assertRegex(soft, r"5\.00  1\.25 .*, met$")
        self.assertRegex(hint, r"6\.00  1\.50 .*, MISSED$")
        self.assertLessEqual(max(len(soft), len(hint)), 80)


class ConstructionCostTest(absltest.TestCase):
    def test_a_tiny_run_writes_a_table_and_json(self):
        directory = self.enterContext(tempfile.TemporaryDirectory())
        path = pathlib.Path(directory, "construction_cost.json")
        printed = io.StringIO()
        with (
            mock.patch.object(construction_cost, "efficientnet", tiny),
            contextlib.redirect_stdout(printed),
        ):
            construction_cost.main(["--rounds=2", f"--output={path}"])
        self.assertIn("Distiller, with a hint", printed.getvalue())
        result = json.loads(path.read_text())
        self.assertLen(result["seconds"], 4)
        self.assertLen(result["ratios"], 2)

    def test_the_floor_is_a_whole_pass(self):
        calls = []

        class Noted(keras.layers.Layer):
            def call(self, x):
                calls.append(self.name)
                return x

        def noted():
            x = keras.Input((4,))
            tapped = keras.layers.Dense(3, name=construction_cost.TAP)(x)
            return keras.Model(x, Noted()(tapped))

        steps = construction_cost.make_steps(noted)
        calls.clear()
        steps["pass of the teacher"]()
        self.assertLen(calls, 1)

    def test_rejects_a_benchmark_without_rounds(self):
        error = io.StringIO()
        with (
            contextlib.redirect_stderr(error),
            self.assertRaises(SystemExit),
        ):
            construction_cost.main(["--rounds=0"])
        self.assertRegex(error.getvalue(), "at least 1.*Received: 0")


if __name__ == "__main__":
    absltest.main()
