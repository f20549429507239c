"""Pages of the API reference, from the sources of the package.

Each names the objects for mkdocstrings, which reads them too: nothing is
imported.
"""

import re

import griffe

# Classes that stand in no public package.
CLASSES = ("Distiller", "MutualDistiller")


def names_of(module):
    """Public names of a module, read from its `__all__` or its own objects."""
    if module.exports is not None:
        return [str(name) for name in module.exports]
    return [
        name
        for name, member in module.members.items()
        if not name.startswith("_")
        and not member.is_alias
        and (member.is_class or member.is_function)
    ]


def _public(module, name):
    """A public object of a module.

    Not the file of the same name that it is imported from, as of `fitnets`.
    """
    path = module.imports.get(name, f"{module.path}.{name}")
    return module.modules_collection[path]


def _path(module, name):
    """The shortest path at which mkdocstrings finds a public object."""
    one = _public(module, name)
    found = module.members[name]
    is_file = found.is_module and not one.is_module
    return one.path if is_file else f"{module.path}.{name}"


def _summary(one):
    """The first line of what an object says of itself."""
    return one.docstring.value.strip().splitlines()[0]


def _listed(names, module):
    """A list of names with a line each, and then all that is said of them."""
    lines = [
        f"* [`{name}`](#{_path(module, name)}): "
        f"{_summary(_public(module, name))}"
        for name in names
    ]
    blocks = [f"::: {_path(module, name)}" for name in names]
    return "\n".join(lines) if len(names) > 1 else "", blocks


def _module_page(module):
    """The page of a package, with the modules in it that are public too."""
    names = names_of(module)
    inner = [n for n in names if _public(module, n).is_module]
    lines, blocks = _listed([n for n in names if n not in inner], module)
    parts = [
        f"# keras_kd.{module.name}",
        module.docstring.value,
        lines,
        *blocks,
    ]
    for name in inner:
        below = _public(module, name)
        lines, blocks = _listed(names_of(below), below)
        title = f"## {module.name}.{name}"
        blocks = [f"{b}\n    options:\n      heading_level: 3" for b in blocks]
        parts += [title, below.docstring.value, lines, *blocks]
    return "\n\n".join(filter(None, parts)) + "\n"


def reference(found):
    """Page and anchor of each public name, as of `"losses.Hint"`.

    Args:
        found: Text of each page of the reference by its path.
    """
    places = {}
    for page, text in found.items():
        for path in re.findall(r"^::: (\S+)", text, re.MULTILINE):
            *outer, last = path.split(".")[1:]
            if outer[-1:] == [last]:  # Of the file that it stands in.
                outer.pop()
            places[".".join([*outer, last])] = f"{page}#{path}"
    return places


def pages(package):
    """Text of each page by its path.

    Args:
        package: Folder of the package.
    """
    kd = griffe.load(package.name, search_paths=[package.parent])
    lines, blocks = _listed(CLASSES, kd)
    found = {
        "api/distiller.md": "\n\n".join(["# Distiller", lines, *blocks]) + "\n"
    }
    index = [
        f"* [`{name}`](distiller.md#keras_kd.{name}): "
        f"{_summary(_public(kd, name))}"
        for name in CLASSES
    ]
    for name in names_of(kd):
        if name not in CLASSES:
            module = _public(kd, name)
            found[f"api/{name}.md"] = _module_page(module)
            index.append(f"* [`{name}`]({name}.md): {_summary(module)}")
    lines = "\n".join(index)
    return {"api/index.md": f"# API reference\n\n{lines}\n"} | found
