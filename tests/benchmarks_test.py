import contextlib
import io
import json
import os
import pathlib
import tempfile
import textwrap
from unittest import mock

import keras
import numpy as np
import pytest
from absl.testing import absltest

from benchmarks import contestants
from benchmarks import measure
from benchmarks import step_cost
from benchmarks import step_ratios
from tests.backend import processes

OTHER = {"tensorflow": "jax", "jax": "torch", "torch": "jax"}
TINY = contestants.Pair(
    title="tiny",
    teacher=lambda: contestants.mlp(12, inputs=8),
    student=lambda: contestants.mlp(6, inputs=8),
    batch=4,
    feature="hidden_2",
    steps=2,
)


def seconds_of(**cpu):
    """Measurements in which wall seconds are twice the CPU seconds."""
    names = {"ours": step_ratios.OURS, "theirs": step_ratios.THEIRS}
    seconds = {}
    for key, values in cpu.items():
        what, _, who = key.partition("_")
        name = f"{what} {names[who]}" if who else what
        values = np.array(values, "float64")
        seconds[name] = {"cpu": values, "wall": 2 * values}
    return seconds


class InterleaveTest(absltest.TestCase):
    def test_every_round_runs_every_contestant_for_the_count(self):
        calls = []
        steps = {name: lambda name=name: calls.append(name) for name in "abc"}

        with contextlib.redirect_stdout(io.StringIO()):
            seconds = measure.interleave(steps, rounds=4, count=2)

        # Three warm-up calls, then four rounds of three times two.
        self.assertLen(calls, 3 + 4 * 3 * 2)
        for first in range(3, len(calls), 6):
            self.assertCountEqual(calls[first : first + 6], "aabbcc")
        self.assertLen(seconds["a"]["cpu"], 4)
        self.assertLen(seconds["c"]["wall"], 4)

    def test_waits_for_the_device_before_each_look_at_the_clock(self):
        calls = []

        def step():
            calls.append("step")
            return "result"

        def synchronize(result):
            calls.append(result)

        with contextlib.redirect_stdout(io.StringIO()):
            measure.interleave({"a": step}, 2, 2, synchronize)

        # One warm-up, then two rounds of two.
        one, two = ["step", "result"], ["step", "step", "result"]
        self.assertEqual(calls, one + two + two)

    def test_the_order_changes_from_round_to_round(self):
        calls = []
        steps = {name: lambda name=name: calls.append(name) for name in "abc"}

        with contextlib.redirect_stdout(io.StringIO()):
            measure.interleave(steps, rounds=3, count=1)

        rounds = {"".join(calls[i : i + 3]) for i in (3, 6, 9)}
        self.assertLen(rounds, 3)


class KeepMemoryTest(absltest.TestCase):
    def test_a_piece_above_the_limit_is_not_mapped_anew(self):
        # In a process of its own, which it changes for good.
        program = """
            import resource
            from benchmarks import measure

            def pages():
                return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

            def new_pages():
                before = pages()
                bytearray(b"1") * 2**26
                return pages() - before

            print(new_pages(), new_pages())
            measure.keep_memory()
            print(new_pages(), new_pages())
        """
        printed = processes.run_well(
            keras.backend.backend(), "-c", textwrap.dedent(program)
        )

        _, anew, _, kept = map(int, printed.split())
        if not anew:
            self.skipTest("The C library keeps memory by itself.")
        self.assertLess(kept, anew / 100)


class CompareTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.seconds = seconds_of(
            student=[2, 4, 2],
            teacher=[1, 2, 2],
            logits_ours=[3, 6, 6],
            logits_theirs=[3, 6, 6],
            feature_ours=[3, 12, 4],
            feature_theirs=[6, 12, 6],
        )

    def test_a_ratio_is_the_median_of_the_ratios_of_the_rounds(self):
        found = step_ratios.compare(self.seconds)

        for clock in ("cpu", "wall"):
            ratios = found[clock]
            # The floor is 3, 6, 4: ratios 1, 2, 1 and 2, 1, 1.5.
            self.assertEqual(ratios[f"feature {step_ratios.OURS}"]["median"], 1)
            self.assertEqual(ratios["feature theirs / ours"]["median"], 1.5)

    def verdicts(self, backend="tensorflow", has_floor=True):
        found = step_ratios.compare(self.seconds)
        return step_ratios.verdicts(found, backend, has_floor)

    def test_a_missed_target_is_called_missed(self):
        lines = self.verdicts()

        self.assertIn("1.00, met", lines[0])
        self.assertIn("1.00, met", lines[1])
        self.assertIn("1.50, met", lines[2])

        self.seconds |= seconds_of(
            logits_ours=[6, 12, 8], feature_theirs=[3, 12, 4]
        )
        lines = self.verdicts()

        self.assertIn("2.00, MISSED", lines[0])
        self.assertIn("1.00, MISSED", lines[2])

    def test_targets_differ_between_backends(self):
        # Theirs cost as much for logits, and 1.5 times as much for a feature.
        lines = self.verdicts("torch", has_floor=False)

        self.assertLen(lines, 2)
        self.assertIn(">= 0.95 x keras_kd: 1.00, met", lines[0])
        self.assertIn(">= 1.15 x keras_kd: 1.50, met", lines[1])

    def test_a_loop_by_hand_is_compared_where_there_is_one(self):
        self.assertNotIn(
            "logits by hand / ours", step_ratios.compare(self.seconds)["cpu"]
        )
        cost = {"cpu": np.array([6, 6, 3.0]), "wall": np.ones(3)}
        self.seconds["logits by hand"] = cost

        found = step_ratios.compare(self.seconds)["cpu"]

        # Ours cost 3, 6, 6.
        self.assertEqual(found["logits by hand / ours"]["median"], 1)

    def test_the_table_fits_80_columns(self):
        found = step_ratios.compare(self.seconds)

        table = step_ratios.table(self.seconds, found)

        self.assertLessEqual(max(map(len, table.splitlines())), 80)


class StepCostTest(absltest.TestCase):
    @pytest.mark.slow
    def test_a_tiny_run_writes_a_table_and_json(self):
        directory = self.enterContext(tempfile.TemporaryDirectory())
        path = pathlib.Path(directory, "step_cost.json")
        printed = io.StringIO()

        with (
            mock.patch.dict(contestants.PAIRS, tiny=TINY),
            contextlib.redirect_stdout(printed),
        ):
            step_cost.main(["--pairs=tiny", "--rounds=2", f"--output={path}"])

        self.assertIn("feature keras.distillation", printed.getvalue())
        pair = json.loads(path.read_text())["pairs"]["tiny"]
        self.assertLen(pair["seconds_a_step"], 6)
        for clock in ("cpu", "wall"):
            floor = [
                pair["ratios"][clock][name]["median"]
                for name in ("student", "teacher")
            ]
            # Of two rounds the median is the mean, so the parts add up.
            self.assertAlmostEqual(sum(floor), 1.0, places=6)

    @pytest.mark.slow
    def test_the_steps_of_both_libraries_train_the_student(self):
        steps = contestants.make_steps(TINY, "momentum")

        for name, step in steps.items():
            if name != "teacher":
                first = float(step()["loss"])
                for _ in range(300):
                    last = float(step()["loss"])
                self.assertLess(last, first, name)

    def test_rejects_wrong_arguments(self):
        for argument, message in (
            ("--rounds=0", "at least 1.*Received: 0"),
            ("--pairs=mlp2", "must be pairs.*Received: .'mlp2'"),
        ):
            error = io.StringIO()
            with (
                contextlib.redirect_stderr(error),
                self.assertRaises(SystemExit),
            ):
                step_cost.main([argument])
            self.assertRegex(error.getvalue(), message)

    def test_rejects_another_backend_than_that_of_the_process(self):
        own = keras.backend.backend()
        self.enterContext(mock.patch.dict(os.environ))
        with self.assertRaisesRegex(
            RuntimeError, f"backend='{OTHER[own]}', where it is '{own}'"
        ):
            step_cost.main([f"--backend={OTHER[own]}"])


class PairsTest(absltest.TestCase):
    def test_depth_and_tap_are_what_the_title_says(self):
        pair = contestants.PAIRS["conv"]
        for model, depth in ((pair.teacher(), 18), (pair.student(), 6)):
            kinds = [type(layer).__name__ for layer in model.layers]
            self.assertEqual(kinds.count("Conv2D"), depth)
            self.assertEqual(
                tuple(model.get_layer(pair.feature).output.shape[1:]),
                (16, 16, 32),
            )


if __name__ == "__main__":
    absltest.main()
