"""Compares `docs/which_method.md` with the package."""

import re

import pytest
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from benchmarks import cifar100_methods
from keras_kd import losses
from keras_kd._core.acronyms import ACRONYMS
from keras_kd.cli._bench import arms
from keras_kd.cli._shell.choice import resolve_each
from keras_kd.cli._shell.settings import Settings
from tests import pages
from tests import support

PAGE = "docs/which_method.md"
TEXT = pages.text(PAGE)
ROWS = re.findall(r"^\| .*\|$", TEXT, re.MULTILINE)
METHODS, COMPARED = pages.code_blocks(TEXT)
COMMAND, PRINTED = pages.code_blocks(TEXT, "text")[0].split("\n\n", 1)


def compared(name):
    """What a loss compares, in the words of the page."""
    loss = getattr(losses, name)
    return ", ".join(
        word
        for word, is_so in (
            ("outputs", loss.expects_logits),
            ("layers", not loss.expects_logits),
            ("labels", "labels" in loss.needs),
            ("batch", loss.compares_examples),
        )
        if is_so
    )


def settings(loss):
    return loss.get_config() | {"name": None}


class WhichMethodPageTest(parameterized.TestCase):
    def test_every_name_exists(self):
        modules = "losses|procedures|teachers"
        names = set(re.findall(rf"`({modules})\.(\w+)", TEXT))
        self.assertGreater(len(names), len(ACRONYMS))
        for module, name in names:
            self.assertIn(name, getattr(keras_kd, module).__all__)

    @parameterized.parameters(*ACRONYMS)
    def test_every_acronym_has_a_row(self, acronym):
        (row,) = [row for row in ROWS if row.startswith(f"| {acronym} |")]
        self.assertIn(f"`{ACRONYMS[acronym].name}`", row)

    def test_says_what_each_loss_compares(self):
        rows = [row for row in ROWS if "`losses." in row]
        self.assertGreaterEqual(len(rows), len(ACRONYMS) - 1)
        for row in rows:
            _, _, names, found, *_ = (part.strip() for part in row.split("|"))
            for name in re.findall(r"`losses\.(\w+)", names):
                self.assertEqual(found, compared(name), name)

    def test_every_row_has_all_cells(self):
        for row in ROWS:
            self.assertEqual(row.count("|"), ROWS[0].count("|"), row)

    def test_the_command_line_takes_every_method(self):
        found = re.findall(r"--method=([\w,]+)", TEXT)
        self.assertGreaterEqual(len(found), 2)
        for names in found:
            self.assertNotEmpty(resolve_each(Settings(method=names)))

    def test_its_settings_are_those_of_the_benchmark(self):
        names = {}
        exec(METHODS, names)
        found = names["methods"]()
        names = {"LS": "KD, logits standardised"}
        known = cifar100_methods.methods()
        for name, (loss, weight) in found.items():
            if name != "DIST":
                expected, expected_weight = known[names.get(name, name)]
                self.assertEqual(weight, expected_weight)
                self.assertEqual(settings(loss), settings(expected))

    @pytest.mark.slow
    def test_its_code_runs_with_one_seed(self):
        names, seeds = {}, "range(3)"
        self.assertIn(seeds, COMPARED)
        code = METHODS + COMPARED.replace(seeds, "range(1)")
        printed = pages.run(code, support.folder(self), names)
        for name in names["methods"]():
            self.assertIn(f"{name} ", printed)
        means = names["ranking"].means
        # Ten classes: chance is 0.1.
        self.assertGreater(means["alone"], 0.5)
        self.assertGreater(max(means.values()), means["alone"])

    def test_linked_files_exist(self):
        for link in pages.links(PAGE):
            self.assertTrue(link.exists(), link)


class PrintedTableTest(absltest.TestCase):
    """The table that the command has printed."""

    def test_it_has_every_arm_of_the_command(self):
        (names,) = re.findall(r"--method=([\w,]+)", COMMAND)
        several = resolve_each(Settings(method=names))
        expected = {one.method for one in several}
        self.assertEqual(
            set(self.accuracies()), expected | {arms.ALONE, arms.SMOOTHING}
        )

    def accuracies(self):
        return {
            name: float(mean)
            for name, mean in re.findall(
                r"^(\w[\w ]*?) +(\d+\.\d) ± ", PRINTED, re.MULTILINE
            )
        }

    def test_its_gains_are_the_differences_of_its_accuracies(self):
        found = self.accuracies()
        gains = re.findall(
            r"^(\w[\w ]*?) +\d+\.\d ± +\d+\.\d +([+-]\d+\.\d) ",
            PRINTED,
            re.MULTILINE,
        )
        gains = {name: gain for name, gain in gains if name != arms.ALONE}
        self.assertLen(gains, len(found) - 1)
        for name, gain in gains.items():
            difference = found[name] - found[arms.ALONE]
            # Each of the three is rounded to a tenth.
            self.assertAlmostEqual(float(gain), difference, delta=0.151)


if __name__ == "__main__":
    absltest.main()
