"""Assembles the pages of the documentation site from the repository.

They are `docs/`, the sections of README, CHANGELOG, CONTRIBUTING, and the
tutorials, each with its notebook and figure. The pages of the API name what
mkdocstrings is to read from the sources. Links between files of the repository
become links between pages.
"""

import importlib.util
import json
import pathlib
import re
import shutil
import tomllib

import site_api
import site_links

ROOT = pathlib.Path(__file__).parents[1]
NAVIGATION = ".navigation.md"

# Where the sections of README stand. Of the others there is a page in `docs`.
README = {
    "Install": "install.md",
    "Quick start": "quick_start.md",
    "A teacher that runs once": "caches.md",
    "Which temperature, which weights, which layers?": "search.md",
    "More than one fit, more than one student": "procedures.md",
    "The command line": "command_line.md",
    "To the device": "deploy.md",
    "Methods": "methods.md",
    "A loss of your own": "own_loss.md",
    "Limits": "limits.md",
    "Coming from another library": "migration.md",
    "More": "index.md",
}
# Their code goes on from that of the quick start.
GOES_ON = ("caches.md", "search.md", "procedures.md")

# Tabs, and the pages in each, in the order of the navigation.
TABS = {
    "Start": (
        "install.md",
        "quick_start.md",
        "which_method.md",
        "methods.md",
        "migration.md",
    ),
    "Guides": (
        "jobs.md",
        "function_matching.md",
        "caches.md",
        "search.md",
        "procedures.md",
        "own_loss.md",
        "command_line.md",
        "deploy.md",
        "backends.md",
        "limits.md",
    ),
}


def load(path):
    """A program of the repository, which is in no package, as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


render = load(ROOT / "tutorials" / "render.py")


def sections(text):
    """The second-level sections of a page, without headings, by heading."""
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _readme_pages():
    """Yields path and text of each page that is a section of README."""
    for title, text in sections((ROOT / "README.md").read_text()).items():
        page = README[title]
        if (ROOT / "docs" / page).exists():
            continue
        note = "The code goes on from the [quick start](#quick-start)."
        begin = f"{note}\n\n" if page in GOES_ON else ""
        yield page, f"# {title}\n\n{begin}{text.strip()}\n"


def tutorials():
    """Paths of the tutorials, in their order."""
    return sorted((ROOT / "tutorials").glob("[0-9]*.py"))


def figure_of(tutorial):
    """Path relative to the tutorial and description of its committed figure.

    Args:
        tutorial: Path of the tutorial.

    Returns:
        `None` if there is none.
    """
    figures = ROOT / "docs" / "figures"
    if not (figures / f"{tutorial.stem}.png").exists():
        return None
    described = tomllib.loads((figures / "descriptions.toml").read_text())
    title = render.parse(tutorial.read_text())[0]["Title"]
    text = described.get(tutorial.stem, f"The figure of: {title}")
    return f"../docs/figures/{tutorial.stem}.png", text


def _tutorial_pages():
    """Yields path and text of the tutorials and of the page that lists them."""
    index = ["# Tutorials", "", "Each is a program, a page and a notebook.", ""]
    for path in tutorials():
        text = path.read_text()
        header, _ = render.parse(text)
        page = f"tutorials/{path.stem}.md"
        notebook = f'[As a notebook]({path.stem}.ipynb){{download=""}}'
        title, rest = render.markdown(text, figure_of(path)).split("\n\n", 1)
        yield page, f"{title}\n\n{notebook}\n\n{rest}"
        number = int(path.stem.split("_")[0])
        index.append(
            f"* {number:02}: [{header['Title']}]({path.stem}.py)<br>"
            f"{header['Description']}"
        )
    yield "tutorials/index.md", "\n".join(index) + "\n"


def pages():
    """All pages: text and the file of the repository it stands in, by path."""
    found = {}
    for path in sorted((ROOT / "docs").glob("*.md")):
        found[path.name] = path.read_text(), f"docs/{path.name}"
    for page, text in _readme_pages():
        found[page] = text, "README.md"
    for page, text in _tutorial_pages():
        found[page] = text, f"tutorials/{pathlib.Path(page).stem}.py"
    for name in ("CHANGELOG.md", "CONTRIBUTING.md"):
        found[name.lower()] = (ROOT / name).read_text(), name
    for page, text in site_api.pages(ROOT / "keras_kd").items():
        found[page] = text, None  # Its links are between pages.
    return found


def _places():
    """Pages by the files and folders of the repository they stand for."""
    places = {
        f"README.md#{site_links.anchor(t)}": page for t, page in README.items()
    }
    places |= {f"docs/{p.name}": p.name for p in (ROOT / "docs").glob("*.md")}
    places |= {
        f"tutorials/{p.name}": f"tutorials/{p.stem}.md" for p in tutorials()
    }
    places |= {
        "CHANGELOG.md": "changelog.md",
        "CONTRIBUTING.md": "contributing.md",
        "README.md": "index.md",
        "docs": "index.md",
        "keras_kd": "api/index.md",
        "tutorials": "tutorials/index.md",
    }
    return places


def navigation(found):
    """The navigation: nested lists of links to the pages.

    Args:
        found: Text and source of each page, by its path.
    """

    def entry(page, depth=1):
        title = re.search(r"^# (.+)", found[page][0], re.MULTILINE)[1]
        return f"{'    ' * depth}* [{title.replace('`', '')}]({page})"

    lines = ["* [Home](index.md)"]
    for tab, inside in TABS.items():
        lines += [f"* {tab}", *map(entry, inside)]
    for tab, folder in (("Tutorials", "tutorials/"), ("API", "api/")):
        index = f"{folder}index.md"
        inside = [p for p in found if p.startswith(folder) and p != index]
        lines += [f"* {tab}", entry(index), *map(entry, inside)]
    lines += ["* Project", entry("changelog.md"), entry("contributing.md")]
    return "\n".join(lines) + "\n"


def assemble(folder):
    """Writes all that the site is built from.

    Args:
        folder: Where the pages stand; what is there of an earlier call is
            deleted.
    """
    shutil.rmtree(folder, ignore_errors=True)
    found, places = pages(), _places()
    reference = site_api.reference(
        {page: text for page, (text, source) in found.items() if not source}
    )
    for page, (text, source) in found.items():
        path = folder / page
        path.parent.mkdir(parents=True, exist_ok=True)
        if source:
            text = site_links.linked(text, source, page, places)
            text = site_links.referenced(text, page, reference)
        path.write_text(text)
    for path in tutorials():
        notebook = json.dumps(render.notebook(path.read_text()), indent=1)
        (folder / "tutorials" / f"{path.stem}.ipynb").write_text(notebook)
    for name in ("figures", "assets"):
        shutil.copytree(ROOT / "docs" / name, folder / name)
    (folder / NAVIGATION).write_text(navigation(found))
