"""The command line: one file a command, loaded when it is used, so that `guardian --help` imports nothing heavy."""

from guardian.cli._main import main

__all__ = ["main"]
