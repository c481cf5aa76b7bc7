"""Footage as one MP4 file: a job that seals what it makes, so that no plaintext ever reaches the disk."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import structlog

from guardian.model.errors import BadRequest, Conflict, DiskFull, GuardianError, NotFound, VaultLocked
from guardian.model.ids import is_uuid7
from guardian.model.segment import ContentKind, Sealer, SealingSegment, SegmentHeader
from guardian.model.time import to_rfc3339
from guardian.model.views import Export, Playlist
from guardian.platform.clock import Clock, new_id
from guardian.platform.files import Appender, make_private_dir, replace_file, sync_dir
from guardian.platform.tasks import Tasks
from guardian.services.playback import ClipPiece
from guardian.vault.keyring import HOW_TO_UNLOCK, Keyring
from guardian.vault.reader import SegmentReader

_log = structlog.get_logger(__name__)
RECORD_BYTES = 1024 * 1024  # what one sealed record holds; the format allows 4 MiB
MAX_NAME = 200
MAX_KEPT = 200  # of jobs, whatever their state; the owner deletes them
FINISHED = ("done", "failed", "cancelled")


class Clips(Protocol):
    """Where the footage comes from."""

    async def playlist(self, camera: str, start_us: int, end_us: int, stream: str = "main") -> Playlist: ...

    def pieces(self, camera: str, start_us: int, end_us: int, *, as_h264: bool = False) -> AsyncIterator[ClipPiece]: ...


@dataclass(slots=True)
class _Job:
    """An export and the task that makes it."""

    export: Export
    task: asyncio.Task[None] | None = None


class ExportService:
    """Implements `contract.Exports`. One job runs at a time: a second would only make both slower.

    Beside each sealed file lies a small JSON file with what the list shows, but for the name: what people call an export
    may say what is on it, so that is sealed, as record 0.
    """

    def __init__(self, clips: Clips, data_dir: Path, sealer: Sealer, keyring: Keyring, clock: Clock, tasks: Tasks) -> None:
        self._clips, self._folder = clips, data_dir / "exports"
        self._sealer, self._keyring, self._clock, self._tasks = sealer, keyring, clock, tasks
        self.used: Callable[[], None] = lambda: None  # told whenever footage is opened, so that the vault stays open
        self._one_at_a_time = asyncio.Lock()
        self._jobs: dict[str, _Job] = {}
        make_private_dir(self._folder)
        self._load()

    async def create(self, camera: str, start_us: int, end_us: int, name: str = "") -> Export:
        """Begin to make an export. NotFound where there is no footage, VaultLocked while it cannot be opened."""
        if len(name) > MAX_NAME:
            raise BadRequest(f"the name is longer than {MAX_NAME} characters", field="name", cure="Choose a shorter one.")
        if len(self._jobs) >= MAX_KEPT:
            raise Conflict(f"there are {MAX_KEPT} exports", cure="Delete some that you no longer need.")
        playlist = await self._clips.playlist(camera, start_us, end_us)
        if not playlist.entries:
            raise NotFound(
                f"there is no footage of {camera} from {to_rfc3339(start_us)} to {to_rfc3339(end_us)}",
                field="start",
                cure=f"/api/v1/cameras/{camera}/recordings lists what there is.",
            )
        export = Export(new_id(self._clock), camera, start_us, end_us, "queued", 0.0, 0, self._clock.now().utc_us, name=name)
        job = self._jobs[export.id] = _Job(export)
        await asyncio.to_thread(self._keep, export)
        job.task = self._tasks.spawn(self._run(job, playlist.codecs), f"export {export.id}")
        return export

    async def list(self) -> tuple[Export, ...]:
        """Every export, newest first."""
        return tuple(
            [await self._named(job) for job in sorted(self._jobs.values(), key=lambda job: job.export.id, reverse=True)]
        )

    async def get(self, export_id: str) -> Export:
        """One export."""
        return await self._named(self._job(export_id))

    async def delete(self, export_id: str) -> None:
        """Cancel it while it runs; delete its file."""
        job = self._job(export_id)
        if job.task is not None and not job.task.done():
            job.task.cancel()
            await asyncio.wait([job.task])
        self._jobs.pop(export_id, None)
        await asyncio.to_thread(self._remove, export_id)

    async def content(self, export_id: str) -> AsyncIterator[bytes]:
        """The MP4, opened piece by piece."""
        job = self._job(export_id)
        if job.export.state != "done":
            raise Conflict(f"the export is {job.export.state}", field="id", cure="Wait until its state is done.")
        reader = await asyncio.to_thread(self._open, export_id)
        try:
            for index in range(1, len(reader.table)):
                self.used()
                self._check_unlocked()  # the reader holds the file's own key: locking would not end it
                yield await asyncio.to_thread(reader.read, index)
        finally:
            reader.__exit__(None, None, None)

    def use_sealer(self, sealer: Sealer) -> None:
        """The vault has a new key: seal what comes to it."""
        self._sealer = sealer

    def _check_unlocked(self) -> None:
        if not self._keyring.unlocked:
            raise VaultLocked("the vault is locked", cure=HOW_TO_UNLOCK)

    def _open(self, export_id: str) -> SegmentReader:
        try:
            return SegmentReader(self._path(export_id), self._keyring).__enter__()
        except FileNotFoundError:
            raise NotFound("the file of this export is gone", field="id", cure="Export it again.") from None

    def _job(self, export_id: str) -> _Job:
        job = self._jobs.get(export_id)
        if job is None:
            raise NotFound(f"there is no export {export_id!r}", field="id", cure="It may have been deleted.")
        return job

    async def _named(self, job: _Job) -> Export:
        """Return the export; its name, sealed since another run of the program, is read when the vault is open."""
        if not job.export.name and job.export.state == "done" and self._keyring.unlocked:
            try:
                name = await asyncio.to_thread(self._sealed_name, job.export.id)
            except GuardianError:
                return job.export
            job.export = replace(job.export, name=name)
        return job.export if self._keyring.unlocked else replace(job.export, name="")

    def _sealed_name(self, export_id: str) -> str:
        reader = self._open(export_id)
        try:
            return str(json.loads(reader.read(0))["name"])
        finally:
            reader.__exit__(None, None, None)

    # the job

    async def _run(self, job: _Job, codecs: str) -> None:
        try:
            async with self._one_at_a_time:
                job.export = replace(job.export, state="running")
                await self._make(job, codecs)
        except asyncio.CancelledError:
            job.export = replace(job.export, state="cancelled", problem="Guardian ended before it was done.")
            raise
        except GuardianError as error:
            self._fail(job, f"{error.message}. {error.cure}".strip())
        except OSError as error:
            self._fail(job, f"The file could not be written: {error.strerror}. Free some space on the disk.")
        finally:
            if job.export.state != "done":
                self._path(job.export.id, part=True).unlink(missing_ok=True)
            if job.export.id in self._jobs:
                self._keep(job.export)

    def _fail(self, job: _Job, problem: str) -> None:
        _log.warning("export_failed", export=job.export.id, problem=problem)
        job.export = replace(job.export, state="failed", problem=problem)

    async def _make(self, job: _Job, codecs: str) -> None:
        export = job.export
        file = await asyncio.to_thread(
            _SealedFile, self._path(export.id, part=True), self._sealer, self._header(export, codecs)
        )
        note = ""
        try:
            await asyncio.to_thread(file.write_whole, json.dumps({"name": export.name}).encode())
            async with aclosing(self._clips.pieces(export.camera, export.start_us, export.end_us)) as pieces:  # type: ignore[type-var]
                async for piece in pieces:
                    await asyncio.to_thread(file.write, piece.data)
                    note = note or piece.note
                    job.export = replace(job.export, progress=min(piece.share, 0.99), size_bytes=file.written)
            await asyncio.to_thread(file.finish)
        finally:
            file.close()
        final = self._path(export.id)
        await asyncio.to_thread(self._path(export.id, part=True).rename, final)
        await asyncio.to_thread(sync_dir, self._folder)
        job.export = replace(job.export, state="done", progress=1.0, size_bytes=file.written, problem=note)

    def _header(self, export: Export, codecs: str) -> SegmentHeader:
        return SegmentHeader(
            segment_id=export.id,
            run_id=export.id,
            camera=export.camera,
            stream="main",
            kind=ContentKind.EXPORT,
            start_utc_us=export.start_us,
            start_mono_us=self._clock.now().mono_us,
            start_90k=0,
            codecs=codecs,
        )

    # what is kept

    def _path(self, export_id: str, *, part: bool = False) -> Path:
        return self._folder / f"{export_id}.{'part' if part else 'pgx'}"

    def _keep(self, export: Export) -> None:
        kept: dict[str, Any] = {
            "camera": export.camera,
            "start": export.start_us,
            "end": export.end_us,
            "state": export.state,
            "size": export.size_bytes,
            "created": export.created_us,
            "problem": export.problem,
        }
        try:
            replace_file(self._folder / f"{export.id}.json", json.dumps(kept).encode())
        except OSError as error:
            _log.warning("export_not_kept", export=export.id, problem=error.strerror)

    def _load(self) -> None:
        for path in self._folder.glob("*.part"):
            path.unlink(missing_ok=True)
        for path in self._folder.glob("*.json"):
            if is_uuid7(path.stem) and (export := self._read(path)) is not None:
                self._jobs[export.id] = _Job(export)

    def _read(self, path: Path) -> Export | None:
        try:
            kept = json.loads(path.read_bytes())
            export = Export(
                path.stem,
                str(kept["camera"]),
                int(kept["start"]),
                int(kept["end"]),
                str(kept["state"]),
                1.0 if kept["state"] == "done" else 0.0,
                int(kept["size"]),
                int(kept["created"]),
                str(kept["problem"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            _log.warning("export_forgotten", file=path.name, problem=type(error).__name__)
            return None
        if export.state not in FINISHED:
            return replace(export, state="failed", problem="Guardian ended before it was done. Export it again.")
        return export

    def _remove(self, export_id: str) -> None:
        for path in (self._path(export_id), self._path(export_id, part=True), self._folder / f"{export_id}.json"):
            path.unlink(missing_ok=True)


class _SealedFile:
    """A growing sealed file. `written` counts the MP4's bytes. Blocking."""

    def __init__(self, path: Path, sealer: Sealer, header: SegmentHeader) -> None:
        self._sealing: SealingSegment = sealer.begin(header)
        self._start_us = header.start_utc_us
        self._waiting = bytearray()
        self.written = 0
        self._lock = threading.Lock()  # a cancelled job closes the file while a thread may still write to it
        self._file = Appender(path)
        self._append(self._sealing.header_bytes)

    def write_whole(self, data: bytes) -> None:
        """Write one record that is not counted."""
        self._append(self._seal(data))

    def write(self, data: bytes) -> None:
        """Write the MP4's next bytes."""
        self._waiting += data
        self.written += len(data)
        for record in self._full_records():
            self._append(self._seal(record))

    def _full_records(self) -> Iterator[bytes]:
        while len(self._waiting) >= RECORD_BYTES:
            yield bytes(self._waiting[:RECORD_BYTES])
            del self._waiting[:RECORD_BYTES]

    def _seal(self, data: bytes) -> bytes | bytearray:
        _, record = self._sealing.seal(
            data, start_90k=0, duration_90k=0, start_utc_us=self._start_us, is_key=False, video_frames=0
        )
        return record

    def _append(self, data: bytes | bytearray) -> None:
        try:
            with self._lock:
                self._file.append(data)
        except OSError as error:
            if error.errno in (28, 122):  # ENOSPC, EDQUOT
                raise DiskFull("the disk is full", cure="Free some space, then export again.") from error
            raise

    def finish(self) -> None:
        """Write what is left and the end record, and make it durable."""
        if self._waiting:
            self._append(self._seal(bytes(self._waiting)))
            self._waiting.clear()
        self._append(self._sealing.finish())
        self._file.sync()

    def close(self) -> None:
        """Close; may be called twice."""
        with self._lock:
            self._file.close()
