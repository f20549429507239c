"""Looks through the built site for what a reader would find broken."""

import html.parser
import pathlib
import re
import urllib.parse

# Where a browser goes by itself; it goes to `href` of `a` when it is clicked.
LOADED = {"src", "srcset", "data", "poster", "href"}
IN_STYLE = re.compile(
    r"url\(\s*[\"']?(?!data:)([^)\"']+)|@import\s+[\"']([^\"']+)"
)


class _Page(html.parser.HTMLParser):
    """What a page links to, what it loads, and its anchors."""

    def __init__(self):
        super().__init__()
        self.links, self.loaded, self.anchors = [], [], {""}
        self.without_text = []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        for name in ("id", "name"):
            self.anchors.add(attributes.get(name))
        if tag == "img" and not attributes.get("alt"):
            self.without_text.append(attributes.get("src"))
        for name in LOADED & set(attributes):
            is_link = tag == "a" or attributes.get("rel") in ("next", "prev")
            target = attributes[name] or ""
            (self.links if is_link else self.loaded).append(target)


def _read(path):
    page = _Page()
    page.feed(path.read_text())
    return page


def _is_elsewhere(target):
    parts = urllib.parse.urlsplit(target)
    return bool(parts.scheme not in ("", "data") or parts.netloc)


def _fault(site, path, target, found):
    """What is wrong with a target within the site, or `None`."""
    parts = urllib.parse.urlsplit(target)
    if parts.scheme or parts.netloc:
        return None
    goal = path
    if parts.path:
        goal = (path.parent / urllib.parse.unquote(parts.path)).resolve()
        goal = goal / "index.html" if goal.is_dir() else goal
    if not goal.is_relative_to(site) or not goal.is_file():
        return "no such file"
    anchor = urllib.parse.unquote(parts.fragment)
    if goal.suffix == ".html" and anchor not in found[goal].anchors:
        return "no such anchor"
    return None


def faults(site):
    """Sentences about broken links, and about what is loaded from elsewhere.

    Args:
        site: Folder of the built site.

    Raises:
        ValueError: If there is no page.
    """
    site = pathlib.Path(site).resolve()
    found = {path: _read(path) for path in sorted(site.rglob("*.html"))}
    if not found:
        raise ValueError(
            f"A site must have pages. Received: {site}, with none."
        )
    for path, page in found.items():
        where = path.relative_to(site)
        for target in page.links + page.loaded:
            # The page of errors is shown at any address, with paths from `/`.
            fault = where.name != "404.html" and _fault(
                site, path, target, found
            )
            if fault:
                yield f"{where} names {target}: {fault}."
        for target in filter(_is_elsewhere, page.loaded):
            yield f"{where} loads {target} from elsewhere."
        for target in page.without_text:
            yield f"{where} has no text for {target}."
    for path in sorted(site.rglob("*.css")):
        for match in IN_STYLE.finditer(path.read_text()):
            if _is_elsewhere(match[1] or match[2]):
                yield f"{path.relative_to(site)} loads {match[0]}."
