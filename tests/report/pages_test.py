import base64
import html.parser
import pathlib

from absl.testing import absltest

from keras_kd import report
from tests import support

# A PNG of one pixel.
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA"
    "WjR9awAAAABJRU5ErkJggg=="
)
TEXT = """# Did it help?

By *2* points, `a|b` <script>alert(1)</script> & more.

| arm | accuracy |
|:--|--:|
| alone | 81.2 |

![Curves of the arms](curves.png)
"""


class Elements(html.parser.HTMLParser):
    """The elements of a page, each with its attributes, and its text."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def of(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


class HtmlPageTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        folder = pathlib.Path(support.folder(self))
        (folder / "curves.png").write_bytes(PIXEL)
        self.page = Elements(report.html_page(TEXT, folder))

    def test_pictures_are_inside(self):
        (picture,) = self.page.of("img")
        kind, _, content = picture["src"].partition(",")
        self.assertEqual(kind, "data:image/png;base64")
        self.assertEqual(base64.b64decode(content), PIXEL)
        self.assertEqual(picture["alt"], "Curves of the arms")

    def test_asks_for_nothing_else(self):
        tags = {tag for tag, _ in self.page.found}
        self.assertTrue(tags.isdisjoint(("script", "link", "iframe")))
        sources = [a for _, a in self.page.found if "src" in a or "href" in a]
        self.assertLen(sources, 1)

    def test_tables_become_tables(self):
        cells = self.page.of("th") + self.page.of("td")
        self.assertLen(cells, 4)
        self.assertIn("right", cells[1]["style"])
        self.assertIn("81.2", self.page.text)

    def test_the_title_is_the_first_line(self):
        self.assertLen(self.page.of("title"), 1)
        self.assertEqual(self.page.text.count("Did it help?"), 2)

    def test_html_is_shown(self):
        self.assertIn("<script>alert(1)</script> & more", self.page.text)

    def test_fits_a_phone(self):
        viewport = [a for a in self.page.of("meta") if "name" in a]
        self.assertEqual(viewport[0]["name"], "viewport")
        self.assertIn("device-width", viewport[0]["content"])


if __name__ == "__main__":
    absltest.main()
