"""The wish for a picture: between the rules of events, which know the moment, and watching, which has the pixels."""

from dataclasses import dataclass

from guardian.model.vision import Box


@dataclass(frozen=True, slots=True)
class PictureWish:
    """An event wants the frame that was just looked at as its picture. `start_us`: when the event began (UTC).

    `first`: it has none yet, and is not told before.
    """

    event_id: str
    start_us: int
    box: Box
    quality: float
    label: str = ""
    first: bool = False
