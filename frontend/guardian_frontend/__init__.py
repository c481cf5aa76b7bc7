"""Templates, styles, scripts and pictures of the web pages. Data only: `guardian.web` is who renders and serves them.

`TEMPLATES` holds Jinja2 templates, `STATIC` what is served below /static: `css/` and `js/` are ours, `img/` too, and
`vendor/` is what `frontend/vendor.py` copied from npm packages, each with its licence.
"""

from pathlib import Path
from typing import Final

_HERE = Path(__file__).resolve().parent
TEMPLATES: Final = _HERE / "templates"
STATIC: Final = _HERE / "static"
