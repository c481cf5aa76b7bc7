"""How the documents become HTML: `tox -e docs`."""

import re
from pathlib import Path

_package = Path(__file__).parent.parent / "guardian" / "__init__.py"
_version = re.search(r'__version__ = "([^"]+)"', _package.read_text(encoding="utf-8"))

project = "The Private AI Guardian"
author = "The Private AI Guardian authors"
release = _version.group(1) if _version else ""

extensions = ["myst_parser", "sphinxcontrib.mermaid"]
source_suffix = {".md": "markdown"}
root_doc = "index"
exclude_patterns = ["requirements.txt"]

myst_heading_anchors = 3
myst_fence_as_directive = ["mermaid"]

html_theme = "furo"
html_title = project
html_show_sphinx = False
