"""What goes wrong at a relay on purpose: a sentence, and what to do."""


class RelayError(Exception):
    """`field` names the setting or argument that is wrong, if one is."""

    def __init__(self, message: str, *, cure: str = "", field: str = "") -> None:
        super().__init__(message)
        self.message, self.cure, self.field = message, cure, field
