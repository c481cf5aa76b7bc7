"""Replay: footage, from a file or sealed, through the whole of watching under one or more settings. Reads like its way:

file → camera source → normalise ┐
sealed segment → vault.open ─────┴→ samples → watcher (as in the camera's process) → events.

Plain footage stays in memory. Nothing is written: no picture, no event.
"""

from __future__ import annotations

import resource
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from guardian.capture.normalise import NewRun, Normaliser, Step
from guardian.detect.client import LocalInference
from guardian.detect.engine import Engine
from guardian.interfaces import CameraSource
from guardian.media.fmp4_read import samples
from guardian.media.init_read import video_track
from guardian.model.errors import BadSetting, EndOfSource, NotAVideo, NotFound
from guardian.model.media import VIDEO_TIMESCALE, Sample, StreamInfo
from guardian.model.segment import SealingSegment, SegmentHeader
from guardian.model.time import SECOND_US, to_rfc3339
from guardian.model.views import Playlist
from guardian.platform.clock import Clock, SystemClock
from guardian.platform.local_zone import local_zone
from guardian.pluginhost.registry import ContextMaker, PluginRegistry
from guardian.processes.engines import engine_for
from guardian.processes.watching import make_watcher
from guardian.services.footage import Footage, SegmentOnDisk
from guardian.services.open_segments import OpenSegments
from guardian.services.playlist import plan
from guardian.settings.schema import DetectSettings, Settings
from guardian.vault.keyring import Keyring
from guardian.watch.pipeline import Infer
from guardian.watch.replay import FootageClock, Keep, Replay, Replayed, Report
from guardian.watch.watcher import Watcher

FILE_BEGINS_US = 946_684_800 * SECOND_US  # 2000-01-01T00:00:00Z: a file does not say when it was recorded
READ_S = 1.0
FILE_KIND = "file"  # the kind of camera that reads files, whichever plugin brings it


@dataclass(frozen=True, slots=True)
class RunBegins:
    """What follows has this form, and its times count from this moment."""

    info: StreamInfo
    start_us: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of the footage has been read, 0..1."""

    share: float


Item = RunBegins | Sample | Progress


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to watch. `name`: how it is called beside another. `camera`: whose settings for watching are used."""

    name: str
    camera: str
    settings: Settings

    @property
    def detect(self) -> DetectSettings:
        """The camera's; the defaults where it has none."""
        own = self.settings.cameras.get(self.camera)
        return own.detect if own is not None else DetectSettings()


@dataclass(slots=True)
class Outcome:
    """What a setting made of the footage, and what it cost. `wall_s`, `cpu_s`: of watching alone, without reading."""

    setting: Setting
    replayed: Replayed = field(default_factory=Replayed)
    cpu_s: float = 0.0
    wall_s: float = 0.0

    @property
    def footage_s(self) -> float:
        """Seconds of footage, without its gaps."""
        return self.replayed.footage_us / SECOND_US

    @property
    def cpu_s_per_camera_minute(self) -> float:
        """What watching this camera would take."""
        return self.cpu_s / self.footage_s * 60 if self.footage_s else 0.0

    @property
    def real_time_factor(self) -> float:
        """How many times as fast as it was recorded."""
        return self.footage_s / self.wall_s if self.wall_s else 0.0


class _SealsNothing:
    """Implements `model.segment.Sealer` for a watcher whose pictures are kept nowhere."""

    def begin(self, header: SegmentHeader) -> SealingSegment:
        raise AssertionError("a replay keeps no pictures")


# footage


def file_footage(path: Path, data_dir: Path, settings: Settings) -> Iterator[Item]:
    """Yield a video file's footage. NotAVideo, with the cure, where it is none."""
    registry = PluginRegistry(settings.plugins, ContextMaker(data_dir))
    kind = registry.camera(FILE_KIND)
    options = kind.config_model.model_validate({"path": path, "loop": False, "realtime": False})
    return _from_source(kind.make(options, "main"), path)


def _from_source(source: CameraSource, path: Path) -> Iterator[Item]:
    try:
        normaliser = Normaliser(source.open(threading.Event()), paced=False)
        size, done, ended = max(1, path.stat().st_size), 0, False
        start_us = end_us = FILE_BEGINS_US
        while not ended:
            steps: Sequence[Step] = ()
            try:
                if (packet := source.read(READ_S)) is not None:
                    steps, done = normaliser.push(packet), done + len(packet.data)
            except EndOfSource:
                steps, done, ended = normaliser.flush(), size, True
            for step in steps:
                if isinstance(step, NewRun):
                    start_us = end_us
                    yield RunBegins(step.info, start_us)
                    continue
                yield step
                if step.kind == "video":
                    end_us = start_us + (step.dts + step.duration) * SECOND_US // VIDEO_TIMESCALE
            yield Progress(min(1.0, done / size))
        if end_us == FILE_BEGINS_US:
            raise NotAVideo(f"{path}: no picture in it can be read", cure="Choose another file.")
    finally:
        source.close()


def streams_to_watch(detect: DetectSettings) -> tuple[str, ...]:
    """Return the recorded streams to look for, the one that the camera is watched on first."""
    return ("main",) if detect.stream == "main" else ("sub", "main")


async def find_footage(
    footage: Footage, camera: str, streams: tuple[str, ...], start_us: int, end_us: int
) -> tuple[Playlist, dict[str, SegmentOnDisk]]:
    """Return the fragments of a span, of the first stream that has any, and the segments they are in. NotFound."""
    for stream in streams:
        found = await footage.segments(camera, stream, start_us, end_us)
        playlist = plan(camera, stream, start_us, end_us, found)
        if playlist.entries:
            return playlist, {one.header.segment_id: one for one in found}
    raise NotFound(
        f"there is no footage of {camera} from {to_rfc3339(start_us)} to {to_rfc3339(end_us)}",
        field="SPAN",
        cure="Choose a time that the camera's timeline shows footage of.",
    )


def sealed_footage(playlist: Playlist, segments: dict[str, SegmentOnDisk], keyring: Keyring) -> Iterator[Item]:
    """Yield sealed footage, opened in memory. VaultLocked, Damaged."""
    opened = OpenSegments(keyring)
    try:
        for done, entry in enumerate(playlist.entries, start=1):
            path = segments[entry.segment_id].path
            if entry.new_init or entry.discontinuity or done == 1:
                run_start_us = entry.start_utc_us - entry.start_90k * SECOND_US // VIDEO_TIMESCALE
                yield RunBegins(StreamInfo(video_track(opened.read(path, 0))), run_start_us)
            yield from samples(opened.read(path, entry.index))
            yield Progress(done / len(playlist.entries))
    finally:
        opened.close()


# watching


def replay(
    footage: Iterator[Item],
    settings: list[Setting],
    data_dir: Path,
    *,
    clock: Clock | None = None,
    progress: Callable[[float], None] = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
) -> list[Outcome]:
    """Watch the footage under each setting, all in one pass, and return what came out. GuardianError."""
    engines: dict[str, Engine] = {}
    wall = clock or SystemClock()
    try:
        first = next(footage, Progress(1.0))  # what is wrong with the footage is said before a model is loaded
        outcomes = [Outcome(setting) for setting in settings]
        replays = [_replay_of(outcome.setting, _engine(outcome.setting, data_dir, engines, say)) for outcome in outcomes]
        for item in chain((first,), footage):
            if isinstance(item, Progress):
                progress(item.share)
                continue
            for outcome, one in zip(outcomes, replays, strict=True):
                began_s, began_cpu_s = wall.mono_s(), _cpu_s()
                if isinstance(item, RunBegins):
                    one.begin(item.info, item.start_us)
                else:
                    one.push(item)
                outcome.cpu_s += _cpu_s() - began_cpu_s
                outcome.wall_s += wall.mono_s() - began_s
        for outcome, one in zip(outcomes, replays, strict=True):
            outcome.replayed = one.end()
            _check_seen(outcome.replayed)
        return outcomes
    finally:
        for engine in engines.values():
            engine.close()


def _check_seen(replayed: Replayed) -> None:
    if replayed.stats is not None and replayed.frames and not replayed.stats.state.decoded:
        raise NotAVideo("no picture of this footage could be decoded", cure="See `guardian doctor`.")


def _engine(setting: Setting, data_dir: Path, engines: dict[str, Engine], say: Callable[[str], None]) -> Engine:
    key = setting.settings.detector.model_dump_json()
    if key not in engines:
        engines[key] = engine_for(data_dir, setting.settings.detector, setting.settings.plugins, say)
    return engines[key]


def _replay_of(setting: Setting, engine: Engine) -> Replay:
    return Replay(watcher_of(setting, LocalInference(engine)))


def watcher_of(setting: Setting, infer: Infer) -> Callable[[FootageClock, Report, Keep], Watcher]:
    """Return what makes the watcher of a setting, without a thread of its own."""
    registry = PluginRegistry(setting.settings.plugins, ContextMaker(Path()))
    try:
        tracker = registry.tracker(setting.settings.detector.tracker).make()
    except BadSetting as error:
        raise BadSetting(error.message, field="detector.tracker", cure=error.cure) from error

    def make(clock: FootageClock, report: Report, keep: Keep) -> Watcher:
        return make_watcher(
            camera=setting.camera,
            options=setting.detect,
            zone=local_zone(setting.settings.place.time_zone),
            clock=clock,
            infer=infer,
            tracker=tracker,
            sealer=_SealsNothing(),
            pictures_dir=Path(),
            report=report,
            keep=keep,
            own_thread=False,
        ).watcher

    return make


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
