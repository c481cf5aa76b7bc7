"""Where footage is, up to the last second."""

from __future__ import annotations

from guardian.model.errors import BadRequest
from guardian.model.time import Span
from guardian.model.views import RecordingSpan
from guardian.services.recordings import RecordingService

STREAM = "main"


class TimelineService:
    """Implements `contract.Timeline`."""

    def __init__(self, recordings: RecordingService) -> None:
        self._recordings = recordings

    async def spans(self, camera: str, start_us: int, end_us: int) -> tuple[RecordingSpan, ...]:
        """Footage in a span and cut to it, oldest first. `size_bytes` is of whole segments."""
        if end_us <= start_us:
            raise BadRequest("end must be after start", field="end")
        return await self._recordings.spans(camera, STREAM, start_us, end_us)

    async def bounds(self, camera: str) -> Span | None:
        """First and last moment of footage, or None."""
        return await self._recordings.bounds(camera, STREAM)
