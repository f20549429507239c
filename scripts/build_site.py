"""Builds the documentation site, and looks through it: see scripts/docs.

Argument: the folder where zensical.toml is and `site` shall be. Defaults to the
repository.
"""

import pathlib
import subprocess
import sys

import site_pages
import site_scan


def build(root):
    """Builds `site/html` from `site/pages`.

    Args:
        root: See above.

    Returns:
        The exit code: 0 if all is well.
    """
    site_pages.assemble(root / "site" / "pages")
    command = ["-m", "zensical", "build", "--strict", "--clean"]
    code = subprocess.run([sys.executable, *command], cwd=root).returncode
    if code:
        return code
    html = root / "site" / "html"
    faults = list(site_scan.faults(html))
    print(*faults, sep="\n", file=sys.stderr)
    if faults:
        return 1
    print(f"Open {html / 'index.html'} in a browser.")
    return 0


if __name__ == "__main__":
    sys.exit(build(pathlib.Path(*sys.argv[1:] or [site_pages.ROOT]).resolve()))
