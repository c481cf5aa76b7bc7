"""What long-lived processes leave out."""

import importlib
import sys


def load_structlog() -> None:
    """Load structlog without rich, which it takes along where that is installed, for tracebacks in colour: 3 MB of the conductor's
    memory. Ours are plain. Does nothing where either is loaded.
    """
    if "structlog" in sys.modules or "rich" in sys.modules:
        return
    sys.modules["rich"] = None  # type: ignore[assignment]  # an import of it fails
    try:
        importlib.import_module("structlog")
    finally:
        del sys.modules["rich"]
