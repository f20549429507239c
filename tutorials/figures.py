"""Runs tutorials whole, and keeps the figure that each of them saves.

    python tutorials/figures.py tutorials/01_soft_targets.py

Each runs in a process and in a folder of its own, which is deleted in the end.
The figure becomes `docs/figures/01_soft_targets.png`, of 60 kB at most. With
`--printed DIRECTORY`, what the run printed is kept there.
"""

import argparse
import io
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from PIL import Image

from keras_kd._core import files

ROOT = pathlib.Path(__file__).parents[1]
FIGURES = ROOT / "docs" / "figures"
MAX_BYTES = 60_000
# The name of the file in `figure.savefig(OUTPUT / "curves.png", dpi=150)`.
SAVED = re.compile(r"\.savefig\(.*?([\w-]+\.png)\"")


def saved_name(text):
    """The file name of the figure that a tutorial saves.

    Args:
        text: Content of the tutorial.

    Raises:
        ValueError: If it does not save exactly one.
    """
    found = SAVED.findall(text)
    if len(found) != 1:
        raise ValueError(
            "A tutorial must save one figure, as in `figure.savefig(OUTPUT / "
            f'"curves.png")`. Received: {found}.'
        )
    return found[0]


def run(tutorial, folder, output=None):
    """Runs a tutorial whole, as its reader would.

    Args:
        tutorial: Its path.
        folder: An empty folder where it runs.
        output: A file that takes what it prints. Defaults to `None`, which
            shows it.

    Returns:
        Path of the figure that it has saved.

    Raises:
        RuntimeError: If it fails, or saves no figure.
    """
    tutorial = pathlib.Path(tutorial).resolve()
    name = saved_name(tutorial.read_text())
    environment = os.environ | {"MPLBACKEND": "Agg", "PYTHONUNBUFFERED": "1"}
    environment.pop("KERAS_KD_SMOKE", None)
    path = [str(ROOT), *filter(None, [environment.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(path)
    code = subprocess.run(
        [sys.executable, tutorial],
        cwd=folder,
        env=environment,
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
    ).returncode
    found = sorted(pathlib.Path(folder).rglob(name))
    if code or len(found) != 1:
        raise RuntimeError(
            f"{tutorial.name} must end with exit code 0 and one file {name}. "
            f"Received: exit code {code}, files {found}."
        )
    return found[0]


def reduced(path):
    """A picture as the bytes of a PNG file of at most `MAX_BYTES`.

    Args:
        path: Of the picture.

    Returns:
        The file at its full size if a palette is enough, or else a smaller
        one.
    """
    with Image.open(path) as file:
        picture = file.convert("RGB")
    for scale in (1, 0.85, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1):
        size = [max(1, round(side * scale)) for side in picture.size]
        smaller = picture.resize(size, Image.Resampling.LANCZOS)
        for colours in (256, 64):
            # Without dithering, whose noise PNG cannot compress.
            palette = smaller.quantize(colours, dither=Image.Dither.NONE)
            content = io.BytesIO()
            palette.save(content, "PNG", optimize=True)
            if content.tell() <= MAX_BYTES:
                return content.getvalue()
    raise ValueError(
        f"{path} must be a picture that fits into {MAX_BYTES} bytes at a "
        f"tenth of its size. Received: {picture.size} pixels."
    )


def keep_figure(tutorial, figures, printed=None):
    """Runs a tutorial, and writes its figure.

    Args:
        tutorial: Its path.
        figures: Folder of the figure, which has the tutorial's name.
        printed: Folder for what it prints, or `None`.

    Returns:
        Path of the figure.
    """
    tutorial = pathlib.Path(tutorial)
    target = pathlib.Path(figures, f"{tutorial.stem}.png")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        if printed is None:
            content = reduced(run(tutorial, folder))
        else:
            pathlib.Path(printed).mkdir(parents=True, exist_ok=True)
            with open(pathlib.Path(printed, f"{tutorial.stem}.txt"), "wb") as f:
                content = reduced(run(tutorial, folder, f))
    with files.written(target) as partial:
        partial.write_bytes(content)
    return target


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tutorials", nargs="+", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path, default=FIGURES)
    parser.add_argument("--printed", type=pathlib.Path)
    options = parser.parse_args()
    for tutorial in options.tutorials:
        saved_name(tutorial.read_text())  # Now, not after the runs before it.
    for tutorial in options.tutorials:
        target = keep_figure(tutorial, options.output, options.printed)
        print(f"{target}: {target.stat().st_size} bytes", flush=True)


if __name__ == "__main__":
    main()
