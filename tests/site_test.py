"""Builds the documentation site, and looks through it."""

import pathlib
import shutil
import subprocess
import sys

import pytest
from absl.testing import absltest
from absl.testing import parameterized

from tests import pages
from tests import support
from tests.site_programs import site_scan

ROOT = pathlib.Path(__file__).parents[1]


def without_network():
    """The beginning of a command that runs without, where that is allowed."""
    prefix = ["unshare", "--net"]
    try:
        code = subprocess.run([*prefix, "true"], capture_output=True).returncode
    except FileNotFoundError:
        code = 1
    return [] if code else prefix


class BuildTest(absltest.TestCase):
    @pytest.mark.slow
    def test_builds_without_a_network(self):
        root = support.folder(self)
        shutil.copy(ROOT / "zensical.toml", root)
        for name in ("keras_kd", "scripts"):
            (root / name).symlink_to(ROOT / name)
        command = [sys.executable, ROOT / "scripts" / "build_site.py", root]

        process = subprocess.run(
            [*without_network(), *command], capture_output=True, text=True
        )

        self.assertEqual(process.returncode, 0, process.stderr[-3000:])
        html = root / "site" / "html"
        self.assertIn(str(html / "index.html"), process.stdout)
        self.assertIn("temperature", (html / "search.json").read_text())
        page = (html / "api" / "losses.html").read_text()
        self.assertIn('id="keras_kd.losses.SoftTargets"', page)
        self.assertIn("Call arguments:", page)
        self.assertNotIn("__all__", page)
        link = '"losses.html#keras_kd.losses.DistillationLoss"'
        self.assertIn(f"See <a href={link}>", page)
        self.assertIn('src="../assets/tables.js"', page)


class ScanTest(parameterized.TestCase):
    def faults(self, body, **files):
        site = support.folder(self)
        (site / "a.html").write_text(f"<html><body>{body}</body></html>")
        (site / "b.html").write_text('<h2 id="here">B</h2>')
        (site / "c.png").write_bytes(b"")
        for name, text in files.items():
            (site / name.replace("_", ".")).write_text(text)
        return list(site_scan.faults(site))

    @parameterized.parameters(
        '<a href="b.html">b</a>',
        '<a href="b.html#here">b</a>',
        '<a href="https://arxiv.org/abs/1503.02531">paper</a>',
        '<p id="x"><a href="#x">x</a>',
        '<img src="c.png" alt="C">',
        '<img src="data:image/png;base64,AA" alt="D">',
    )
    def test_finds_nothing_in(self, body):
        self.assertEmpty(self.faults(body))

    @parameterized.parameters(
        ('<a href="no.html">b</a>', "a.html names no.html: no such file."),
        (
            '<a href="b.html#no">b</a>',
            "a.html names b.html#no: no such anchor.",
        ),
        ('<img src="no.png" alt="N">', "a.html names no.png: no such file."),
        ('<img src="c.png">', "a.html has no text for c.png."),
        (
            '<script src="//cdn.org/x.js"></script>',
            "a.html loads //cdn.org/x.js from elsewhere.",
        ),
        (
            '<link rel="stylesheet" href="https://f.org/x.css">',
            "a.html loads https://f.org/x.css from elsewhere.",
        ),
    )
    def test_finds(self, body, fault):
        self.assertEqual(self.faults(body), [fault])

    def test_refuses_a_folder_without_pages(self):
        with self.assertRaisesRegex(ValueError, "pages.*Received"):
            list(site_scan.faults(support.folder(self)))

    def test_finds_what_styles_load(self):
        style = "p { background: url(https://f.org/x.png) } b { src: url(y) }"
        (fault,) = self.faults("", style_css=style)
        self.assertStartsWith(fault, "style.css loads url(https://f.org")


class HomePageTest(absltest.TestCase):
    """A stranger finds in two clicks what they came for."""

    HOME = pages.text("docs/index.md")

    def test_names_the_page_for_each_question(self):
        for page in (
            "jobs.md#a-segmenter-with-void",
            "which_method.md#decide",
            "deploy.md",
            "migration.md",
        ):
            self.assertIn(f"]({page})", self.HOME)

    @pytest.mark.slow
    def test_its_code_runs_as_it_stands(self):
        (code,) = pages.code_blocks(self.HOME)
        names = {}
        pages.run(code, support.folder(self), names)
        accuracy = names["distiller"].evaluate(
            names["data"].test_images,
            names["data"].test_labels,
            verbose=0,
            return_dict=True,
        )["accuracy"]
        # Ten classes: chance is 0.1.
        self.assertGreater(accuracy, 0.8)


if __name__ == "__main__":
    absltest.main()
