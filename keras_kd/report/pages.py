"""Reports as pages: one file that opens without network."""

import base64
import html
import os
import pathlib

_STYLE = """
:root { color-scheme: light dark; }
body { margin: auto; max-width: 54rem; padding: 1rem; overflow-wrap: anywhere;
  font: 1rem/1.5 system-ui, sans-serif; }
h1, h2 { line-height: 1.2; }
table { display: block; overflow-x: auto; border-collapse: collapse;
  font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid #8886;
  white-space: nowrap; }
img { display: block; max-width: 100%; height: auto; background: white; }
"""


def html_page(text: str, folder: str | os.PathLike[str]) -> str:
    r"""Turns a report in Markdown into one HTML page.

    Its pictures are inside it and it needs nothing else, so it can be sent. It
    is readable on a phone: wide tables scroll by themselves.

    Args:
        text: Markdown with GitHub's tables, such as `markdown_table` gives. Its
            first line is the title. HTML in it is shown, and not obeyed.
        folder: Where the pictures are that it shows, PNG files by their names.

    Returns:
        The page. Write it in UTF-8.

    Raises:
        TypeError: If `text` is no text.
        ValueError: If a picture is not a file in the folder.

    Example:

    >>> page = keras_kd.report.html_page("# Did it help?\n\nBy *2* points.",
    ...                                  ".")
    >>> "<title>Did it help?</title>" in page, "<em>2</em>" in page
    (True, True)
    """
    # Few need them, and they take time.
    import markdown
    from markdown.treeprocessors import Treeprocessor

    class Pictures(Treeprocessor):
        """Puts pictures into the page."""

        def run(self, root):
            for image in root.iter("img"):
                image.set("src", _picture(folder, image.get("src")))

    if not isinstance(text, str):
        raise TypeError(
            f"`text` must be text in Markdown. Received: {text!r} of type "
            f"{type(text).__name__}. Join its paragraphs with empty lines."
        )
    converter = markdown.Markdown(extensions=["tables"], output_format="html")
    converter.preprocessors.deregister("html_block")
    converter.inlinePatterns.deregister("html")
    converter.treeprocessors.register(Pictures(converter), "pictures", 0)
    body = converter.convert(text)
    title = html.escape(text.partition("\n")[0].lstrip("# "))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"\n<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"{body}\n</body>\n</html>\n"
    )


def _picture(folder, name):
    """The address of a picture that holds all of it."""
    path = pathlib.Path(folder, name)
    if pathlib.PurePath(name).name != name or not path.is_file():
        raise ValueError(
            "`text` must show pictures that are files in `folder`, since they "
            f"become part of the page. Received: {name!r} in folder="
            f"{os.fspath(folder)!r}. Save it there first, under this name."
        )
    encoded = base64.b64encode(path.read_bytes()).decode("ascii")
    return f"data:image/png;base64,{encoded}"
