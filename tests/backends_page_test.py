"""Compares the errors that `docs/backends.md` quotes with the package's."""

import pathlib
import re

from absl.testing import absltest

from tests import pages

ROWS = re.findall(r"^\| .*\|$", pages.text("docs/backends.md"), re.MULTILINE)


def source():
    """All code of the package, with texts over several lines in one."""
    files = sorted((pages.ROOT / "keras_kd").rglob("*.py"))
    code = "".join(map(pathlib.Path.read_text, files))
    return re.sub(r"""(["'])\s+f?(["'])""", "", code)


class BackendsPageTest(absltest.TestCase):
    def test_every_row_has_a_cell_for_each_backend(self):
        for row in ROWS:
            self.assertLen(row.strip("|").split("|"), 4, row)

    def test_every_error_that_is_quoted_is_one_of_ours(self):
        quoted = re.findall(r'\| "(.*?)" (?=\|)', "\n".join(ROWS))
        self.assertLen(quoted, 9)
        code = source()
        for error in quoted:
            self.assertIn(error, code)


if __name__ == "__main__":
    absltest.main()
