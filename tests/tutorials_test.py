import json
import pathlib
import re
import subprocess
import sys
import tempfile

from absl.testing import absltest
from absl.testing import parameterized

from tests import support
from tests import tutorial_process

ROOT = pathlib.Path(__file__).parents[1]
TUTORIALS = sorted((ROOT / "tutorials").glob("[0-9]*.py"))
MAX_CODE_LINES = 150
# Its small run is the quickest.
QUICK = "12_co_training"
EXAMPLE = '''\
"""
Title: An example
Authors: keras_kd developers
Date created: 2026/11/24
Last modified: 2026/11/24
Description: Shows the format.
"""

"""
## First

Text.
"""

x = 1


def f():
    """One line."""


"""shell
pip install keras-kd
"""

"""invisible
A note.
"""

y = 2
'''


render = support.load_program(ROOT / "tutorials" / "render.py")


class RenderTest(parameterized.TestCase):
    def test_splits_text_code_and_shell_and_drops_the_invisible(self):
        header, cells = render.parse(EXAMPLE)

        self.assertEqual(header["Title"], "An example")
        self.assertEqual(header["Description"], "Shows the format.")
        function = ["x = 1", "", "", "def f():", '    """One line."""']
        self.assertEqual(
            cells,
            [
                ("text", ["## First", "", "Text."]),
                ("code", function),
                ("shell", ["pip install keras-kd"]),
                ("code", ["y = 2"]),
            ],
        )

    def test_markdown_fences_code(self):
        page = render.markdown(EXAMPLE)

        self.assertStartsWith(page, "# An example\n")
        self.assertIn("```shell\npip install keras-kd\n```", page)
        self.assertEndsWith(page, "```python\ny = 2\n```\n")
        self.assertNotIn("A note.", page)

    def test_markdown_shows_the_figure_behind_the_code_that_saves_it(self):
        saves = EXAMPLE.replace("y = 2", 'figure.savefig("y.png")')

        page = render.markdown(saves, ("y.png", "A curve."))

        self.assertEndsWith(page, '"y.png")\n```\n\n![A curve.](y.png)\n')
        self.assertNotIn("![", render.markdown(saves))
        self.assertNotIn("![", render.markdown(EXAMPLE, ("y.png", "A curve.")))

    def test_notebook_has_a_cell_for_each(self):
        cells = render.notebook(EXAMPLE)["cells"]

        kinds = [cell["cell_type"] for cell in cells]
        self.assertEqual(
            kinds, ["markdown", "markdown", "code", "code", "code"]
        )
        self.assertEqual(cells[3]["source"], ["!pip install keras-kd"])

    @parameterized.named_parameters(
        ("title", "Title: An example", "Title:", "Title"),
        ("author", "Authors:", "Writers:", r"Authors\?.*'Writers"),
        ("date", "2026/11/24", "24.11.2026", r"Date created.*24\.11\.2026"),
        ("capital", "Shows", "shows", "Description.*'Description: shows"),
        ("full_stop", "format.", "format", "Description.*format'"),
        ("length", "format.", "x" * 90 + ".", "Description.*xxx"),
        ("trailing_space", "Text.", "Text. ", "trailing spaces.*'Text. '"),
        ("one_line", "\nText.\n", '\n"""Text."""\n', "three quotes.*Text"),
        ("open", 'A note.\n"""', "A note.", "three quotes|open"),
        ("pdf", "Text.", "https://arxiv.org/pdf/1", "abstract.*pdf/1"),
    )
    def test_rejects(self, old, new, message):
        self.assertIn(old, EXAMPLE)
        with self.assertRaisesRegex(ValueError, message):
            render.parse(EXAMPLE.replace(old, new, 1))

    def test_rejects_code_before_the_header(self):
        with self.assertRaisesRegex(ValueError, "Title.*Received: ''"):
            render.parse("x = 1\n" + EXAMPLE)


@parameterized.named_parameters((path.stem, path) for path in TUTORIALS)
class TutorialTest(parameterized.TestCase):
    def test_has_a_valid_header_and_not_too_much_code(self, path):
        text = path.read_text()

        _, cells = render.parse(text)

        code = sum(len(lines) for kind, lines in cells if kind == "code")
        self.assertLessEqual(code, MAX_CODE_LINES)
        self.assertLessEqual(max(map(len, text.splitlines())), 80)

    def test_renders_to_a_page_and_a_notebook(self, path):
        directory = self.enterContext(tempfile.TemporaryDirectory())
        subprocess.run(
            [
                sys.executable,
                ROOT / "tutorials" / "render.py",
                path,
                f"--output={directory}",
            ],
            check=True,
        )

        page = pathlib.Path(directory, f"{path.stem}.md").read_text()
        self.assertRegex(page, r"\A# \w")
        self.assertEqual(page.count("```") % 2, 0)
        self.check_notebook(pathlib.Path(directory, f"{path.stem}.ipynb"))

    def check_notebook(self, path):
        """Checks what the schema of nbformat 4.5 requires."""
        notebook = json.loads(path.read_text())
        self.assertEqual(
            sorted(notebook),
            ["cells", "metadata", "nbformat", "nbformat_minor"],
        )
        self.assertEqual(
            (notebook["nbformat"], notebook["nbformat_minor"]), (4, 5)
        )
        ids = [cell["id"] for cell in notebook["cells"]]
        self.assertLen(set(ids), len(ids))
        for cell in notebook["cells"]:
            self.assertRegex(cell["id"], r"\A[a-zA-Z0-9-_]{1,64}\Z")
            keys = {"cell_type", "id", "metadata", "source"}
            if cell["cell_type"] == "code":
                keys |= {"execution_count", "outputs"}
                if not cell["source"][0].startswith("!"):
                    compile("".join(cell["source"]), cell["id"], "exec")
            self.assertEqual(set(cell), keys)

    def test_runs_in_smoke_mode(self, path):
        code, printed = tutorial_process.run(path, support.folder(self))

        self.assertEqual(code, 0, printed[-2000:])

    def test_asserts_something(self, path):
        self.assertTrue(re.search(r"^ *assert ", path.read_text(), re.M))


support.mark_slow(TutorialTest, "test_runs_in_smoke_mode", but=[QUICK])


if __name__ == "__main__":
    absltest.main()
