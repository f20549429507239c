"""Folders in which a run is kept, and taken up again."""

import json

# Characters of a value in an error.
_SHOWN = 40


def differences(found, now):
    """Lists in which values two dicts of `of_arguments` differ.

    Args:
        found: A dict, or a part of one.
        now: Another.

    Returns:
        Texts such as `"data=1f3a, now 77b0"`, the argument first, and dots
        between the parts of a value.
    """
    return [
        f"{path}={_shown(old)}, now {_shown(new)}"
        for path, old, new in _differing("", found, now)
    ]


def _differing(path, found, now):
    if found == now:
        return
    if isinstance(found, list) and isinstance(now, list):
        if len(found) == len(now):
            found, now = (dict(enumerate(part)) for part in (found, now))
    if not (isinstance(found, dict) and isinstance(now, dict)):
        yield path, found, now
        return
    for key in {**found, **now}:
        inner = f"{path}.{key}" if path else str(key)
        yield from _differing(inner, found.get(key), now.get(key))


def _shown(value):
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
