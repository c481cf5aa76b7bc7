"""What goes wrong at a relay on purpose: a sentence, and what to do."""

from __future__ import annotations


class RelayError(Exception):
    """`field` names the setting or argument that is wrong, if one is."""

    def __init__(self, message: str, *, cure: str = "", field: str = "") -> None:
        super().__init__(message)
        self.message, self.cure, self.field = message, cure, field


class Unkept(Exception):
    """The store did not keep what it was given, and has nothing half of it: its disk is full, or the database is away. The message says which."""
