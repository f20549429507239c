import pathlib
import re
import tomllib
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from tests import pages
from tests import signatures_test
from tests import support
from tests import tutorial_figures_test
from tests.site_programs import site_api
from tests.site_programs import site_docstrings
from tests.site_programs import site_links
from tests.site_programs import site_pages

ROOT = pathlib.Path(__file__).parents[1]
PLACES = {
    "docs/jobs.md": "jobs.md",
    "README.md": "index.md",
    "README.md#methods": "methods.md",
    "tutorials": "tutorials/index.md",
    "tutorials/22_which_method.py": "tutorials/22_which_method.md",
}


class PagesTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pages = site_pages.pages()

    def test_every_page_is_in_the_navigation_once(self):
        navigation = site_pages.navigation(self.pages)

        found = re.findall(r"\]\((.*)\)$", navigation, re.MULTILINE)
        self.assertCountEqual(found, self.pages)

    def test_every_page_of_the_repository_is_there(self):
        for path in ROOT.glob("docs/*.md"):
            self.assertIn(path.name, self.pages)
        for path in ROOT.glob("tutorials/[0-9]*.py"):
            self.assertIn(f"tutorials/{path.stem}.md", self.pages)

    def test_every_section_of_the_readme_has_a_page(self):
        titles = site_pages.sections(pages.text("README.md"))

        self.assertEqual(list(titles), list(site_pages.README))
        self.assertContainsSubset(site_pages.README.values(), self.pages)

    def test_every_public_name_is_in_the_reference(self):
        for path in signatures_test.MODULES:
            module = keras_kd
            for part in path.split("."):
                module = getattr(module, part)
            page = self.pages[f"api/{path.split('.')[0]}.md"][0]
            for name in signatures_test.names_of(module):
                if f"{path}.{name}" in signatures_test.INNER:
                    continue
                with self.subTest(f"{path}.{name}"):
                    block = rf"^::: keras_kd\.{path}\.({name}\.)?{name}$"
                    self.assertRegex(page, re.compile(block, re.MULTILINE))

    def test_every_public_class_of_the_package_is_in_the_reference(self):
        page = self.pages["api/distiller.md"][0]
        for name in keras_kd.__all__:
            if name not in signatures_test.MODULES:
                self.assertIn(f"::: keras_kd.{name}\n", page)

    def test_a_tutorial_has_its_notebook_and_its_figure(self):
        figure = ("../docs/figures/01_soft_targets.png", "A blurred 2.")
        with mock.patch.object(site_pages, "figure_of", lambda path: figure):
            pages = dict(site_pages._tutorial_pages())

        page = pages["tutorials/01_soft_targets.md"]
        self.assertIn("](01_soft_targets.ipynb)", page)
        self.assertRegex(
            page, r"dpi=150\)\n```\n\n!\[A blurred 2\.\]\(\.\./docs"
        )

    def test_all_is_written(self):
        folder = support.folder(self) / "pages"

        site_pages.assemble(folder)

        written = {
            path.relative_to(folder).as_posix() for path in folder.rglob("*.md")
        }
        self.assertEqual(written, {*self.pages, site_pages.NAVIGATION})
        notebooks = list(folder.glob("tutorials/*.ipynb"))
        self.assertLen(notebooks, len(site_pages.tutorials()))
        self.assertTrue((folder / "figures" / "distillation.svg").exists())


class FiguresTest(absltest.TestCase):
    def test_those_that_are_wanted_are_described(self):
        path = ROOT / "docs" / "figures" / "descriptions.toml"
        described = tomllib.loads(path.read_text())

        numbers = {stem.split("_")[0] for stem in described}
        self.assertEqual(numbers, set(tutorial_figures_test.WITH_FIGURES))
        for stem in described:
            self.assertTrue((ROOT / "tutorials" / f"{stem}.py").exists())


class LinkedTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("file", "[a](jobs.md)", "docs/backends.md", "b.md", "[a](jobs.md)"),
        ("below", "[a](../tutorials/22_which_method.py)", "docs/b.md", "b.md",
         "[a](tutorials/22_which_method.md)"),
        ("above", "[a](../docs/jobs.md#text)", "tutorials/01.py",
         "tutorials/01.md", "[a](../jobs.md#text)"),
        ("section", "[a](../README.md#methods)", "docs/b.md", "b.md",
         "[a](methods.md)"),
        ("its_own", "[a](#methods)", "README.md", "b.md", "[a](methods.md)"),
        ("folder", "[a](tutorials)", "README.md", "index.md",
         "[a](tutorials/index.md)"),
        ("in_two_lines", "[a\nb](\n  jobs.md)", "docs/b.md", "b.md",
         "[a\nb](jobs.md)"),
        ("elsewhere", "[a](https://b.c/d.md)", "docs/b.md", "b.md",
         "[a](https://b.c/d.md)"),
        ("on_no_page", "See [a](benchmarks).", "README.md", "b.md", "See a."),
        ("code", "```\nx[a](b.md)\n```", "docs/b.md", "b.md",
         "```\nx[a](b.md)\n```"),
    )  # fmt: skip
    def test_links_lead_to_pages(self, text, source, page, expected):
        self.assertEqual(
            site_links.linked(text, source, page, PLACES), expected
        )

    def test_a_link_to_nothing_is_refused(self):
        with self.assertRaisesRegex(
            ValueError, "Received: no.md, in docs/b.md"
        ):
            site_links.linked("[a](no.md)", "docs/b.md", "b.md", PLACES)


class ReferencedTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("name", "See `losses.Hint`.", "See [`losses.Hint`](../api/a.md#h)."),
        ("whole", "`keras_kd.losses.Hint`",
         "[`keras_kd.losses.Hint`](../api/a.md#h)"),
        ("call", "`losses.Hint(None)`", "[`losses.Hint(None)`](../api/a.md#h)"),
        ("unknown", "`losses.Hints`", "`losses.Hints`"),
        ("link", "[`losses.Hint`](b.md)", "[`losses.Hint`](b.md)"),
        ("heading", "## `losses.Hint`\n\nText.", "## `losses.Hint`\n\nText."),
        ("code", "```\n`losses.Hint`\n```", "```\n`losses.Hint`\n```"),
    )  # fmt: skip
    def test_names_are_links(self, text, expected):
        places = {"losses.Hint": "api/a.md#h"}
        self.assertEqual(
            site_links.referenced(text, "tutorials/b.md", places), expected
        )

    def test_a_function_in_a_file_of_its_name(self):
        text = "::: keras_kd.teachers.logits.logits\n\n::: keras_kd.Distiller\n"
        self.assertEqual(
            site_api.reference({"api/a.md": text}),
            {
                "teachers.logits": "api/a.md#keras_kd.teachers.logits.logits",
                "Distiller": "api/a.md#keras_kd.Distiller",
            },
        )


class DocstringsTest(absltest.TestCase):
    def test_examples_become_a_section(self):
        text = "Does.\n\nExample:\n>>> f(1)\n2\n>>> f(2)\n3"
        self.assertEqual(
            site_docstrings.rewritten(text),
            "Does.\n\nExamples:\n    >>> f(1)\n    2\n    >>> f(2)\n    3",
        )

    def test_examples_may_begin_with_words(self):
        text = "Does.\n\nExample:\n\nOne more:\n\n>>> f(1)\n2"
        self.assertEqual(
            site_docstrings.rewritten(text),
            "Does.\n\nExamples:\n    One more:\n\n    >>> f(1)\n    2",
        )

    def test_what_a_call_returns_becomes_text(self):
        end = "\n\nRaises:\n    E: If."
        text = f"Does.\n\nReturns:\n    One value,\n    `(batch,)`.{end}"
        plain = f"Does.\n\n**Returns:** One value,\n`(batch,)`.{end}"
        self.assertEqual(site_docstrings.rewritten(text, True), plain)
        self.assertEqual(site_docstrings.rewritten(text), text)

    def test_call_arguments_become_a_section(self):
        self.assertEqual(
            site_docstrings.rewritten("Call arguments:\n    x: A tensor."),
            "Other parameters: Call arguments:\n    x: A tensor.",
        )

    def test_a_reader_is_sent_to_another_entry_by_a_link(self):
        found = {"Hint": "losses.md#h"}
        text = "See `Hint`, see `losses.Hint`. A `Hint`. See `Other`."
        self.assertEqual(
            site_docstrings.linked(text, found),
            "See [`Hint`](losses.md#h), see [`losses.Hint`](losses.md#h). "
            "A `Hint`. See `Other`.",
        )

    def test_every_public_name_has_a_link_of_its_own(self):
        found = site_docstrings.entries()
        self.assertEqual(
            found["DistillationLoss"],
            "losses.md#keras_kd.losses.DistillationLoss",
        )
        reference = site_api.reference(site_api.pages(ROOT / "keras_kd"))
        self.assertLen(found, len(reference))


if __name__ == "__main__":
    absltest.main()
