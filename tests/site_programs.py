"""The programs that make the documentation site, which are in no package."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "scripts"))

import build_site  # noqa: E402, F401
import site_api  # noqa: E402, F401
import site_docstrings  # noqa: E402, F401
import site_links  # noqa: E402, F401
import site_pages  # noqa: E402, F401
import site_scan  # noqa: E402, F401
