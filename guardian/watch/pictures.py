"""Keeps events' pictures: JPEG in memory, sealed to the vault's public key on disk, replaced whole by a better one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import structlog

from guardian.model.messages import CropSeen
from guardian.model.picture import PictureWish
from guardian.model.segment import ContentKind, Sealer, SegmentHeader
from guardian.model.vision import Box
from guardian.platform.clock import Clock, new_id
from guardian.platform.files import make_private_dir, replace_file
from guardian.watch.decode import Picture

WIDEST = 1280
CROP_WIDEST, CROP_QUALITY = 800, 92  # a number plate across a car's crop keeps letters some 20 pixels high; about 100 KB
CROP_AROUND = 0.05  # of the box's size on each side: boxes cut off hats and bumpers
QUALITY = 85  # at 1280 x 720 about 150 KB; above 90 files double and nobody sees it

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_log = structlog.get_logger(__name__)


def picture_path(camera: str, wish: PictureWish) -> str:
    """Return where an event's picture lies, relative to the data folder's `pictures/`: CAMERA/DATE/EVENT.pgp."""
    day = (_EPOCH + timedelta(microseconds=wish.start_us)).strftime("%Y-%m-%d")
    return f"{camera}/{day}/{wish.event_id}.pgp"


def jpeg(picture: Picture) -> bytes:
    """Return the whole picture as JPEG, at most `WIDEST` wide; made once."""
    if picture.jpeg is not None:
        return picture.jpeg
    # An event is told once its picture is there: made smaller before it is colour, it takes a third of the time.
    if picture.width > WIDEST:
        high = max(2, round(picture.height * WIDEST / picture.width) & ~1)
        colour = picture.scaled((0, 0, picture.width, picture.height), WIDEST, high)
    else:
        colour = picture.bgr()
    _, data = cv2.imencode(".jpg", colour, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    picture.jpeg = data.tobytes()
    return picture.jpeg


def crop_jpeg(picture: Picture, box: Box) -> bytes:
    """Return a box with some of what is around it as JPEG, at most `CROP_WIDEST` wide and high."""
    x, y = box.width * CROP_AROUND, box.height * CROP_AROUND
    left, top = int(max(0.0, box.x1 - x) * picture.width) & ~1, int(max(0.0, box.y1 - y) * picture.height) & ~1
    right = min(picture.width, max(left + 2, round((box.x2 + x) * picture.width)))
    bottom = min(picture.height, max(top + 2, round((box.y2 + y) * picture.height)))
    colour = picture.bgr((left, top, right, bottom))
    scale = CROP_WIDEST / max(colour.shape[:2])
    if scale < 1:
        size = (max(1, round(colour.shape[1] * scale)), max(1, round(colour.shape[0] * scale)))
        colour = cv2.resize(colour, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    _, data = cv2.imencode(".jpg", colour, [cv2.IMWRITE_JPEG_QUALITY, CROP_QUALITY])
    return data.tobytes()


class PictureKeeper:
    """Seals pictures of one camera. `sealer` may be exchanged when the vault gets a new key. `seen`, for classifiers, is given
    the part of each picture that the event is of; it is never written."""

    def __init__(
        self,
        camera: str,
        sealer: Sealer,
        folder: Path,
        clock: Clock,
        seen: Callable[[CropSeen, bytes], None] | None = None,
    ) -> None:
        self._camera, self.sealer, self._folder, self._clock, self._seen = camera, sealer, folder, clock, seen

    def keep(self, wish: PictureWish, picture: Picture) -> str:
        """Store a picture in place of the event's last one; return its path, or nothing when the disk refuses."""
        header = SegmentHeader(
            segment_id=new_id(self._clock),
            run_id=wish.event_id,
            camera=self._camera,
            stream="",
            kind=ContentKind.PICTURE,
            start_utc_us=picture.utc_us,
            start_mono_us=self._clock.now().mono_us,
            start_90k=0,
            width=picture.width,
            height=picture.height,
        )
        sealing = self.sealer.begin(header)
        _, record = sealing.seal(
            jpeg(picture), start_90k=0, duration_90k=0, start_utc_us=picture.utc_us, is_key=True, video_frames=0
        )
        path = picture_path(self._camera, wish)
        try:
            make_private_dir((self._folder / path).parent)
            replace_file(self._folder / path, sealing.header_bytes + record + sealing.finish())
        except OSError as error:
            _log.warning("picture_not_kept", camera=self._camera, reason=error.strerror)
            return ""
        if self._seen is not None:
            self._seen(CropSeen(wish.event_id, wish.label, wish.quality), crop_jpeg(picture, wish.box))
        return path
