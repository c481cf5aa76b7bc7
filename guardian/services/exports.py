"""Footage as one file: a job that seals what it makes, so that no plaintext ever reaches the disk."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog

from guardian.model.errors import BadRequest, Conflict, GuardianError, NotFound, VaultLocked
from guardian.model.ids import is_uuid7
from guardian.model.segment import ContentKind, Sealer, SegmentHeader
from guardian.model.time import to_rfc3339
from guardian.model.views import Export
from guardian.platform.clock import Clock, new_id
from guardian.platform.files import make_private_dir, replace_file, sync_dir
from guardian.platform.tasks import Tasks
from guardian.services.evidence import Notary
from guardian.services.export_file import SealedFile, content
from guardian.services.export_making import Clips, ExportWish, Maker
from guardian.vault.keyring import HOW_TO_UNLOCK, Keyring
from guardian.vault.reader import SegmentReader

_log = structlog.get_logger(__name__)
MAX_NAME = 200
MAX_SPEEDUP = 3600  # a day in 24 seconds
MAX_KEPT = 200  # of jobs, whatever their state; the owner deletes them
FINISHED = ("done", "failed", "cancelled")


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
        self.notary: Notary | None = None
        self.names: Callable[[], tuple[tuple[str, str], ...]] = tuple  # of cameras, for people
        self.used: Callable[[], None] = lambda: None  # told whenever footage is opened, so that the vault stays open
        self._one_at_a_time = asyncio.Lock()
        self._jobs: dict[str, _Job] = {}
        make_private_dir(self._folder)
        self._load()

    async def create(
        self,
        cameras: str | Sequence[str],
        start_us: int,
        end_us: int,
        name: str = "",
        *,
        exact: bool = True,
        speedup: int = 1,
        evidence: bool = False,
    ) -> Export:
        """Begin to make an export. NotFound where there is no footage, VaultLocked while it cannot be opened."""
        cameras = (cameras,) if isinstance(cameras, str) else tuple(dict.fromkeys(cameras))
        if len(name) > MAX_NAME:
            raise BadRequest(f"the name is longer than {MAX_NAME} characters", field="name", cure="Choose a shorter one.")
        if not cameras:
            raise BadRequest("no camera is named", field="cameras", cure="Name at least one.")
        if not 1 <= speedup <= MAX_SPEEDUP:
            raise BadRequest(f"speedup must be 1 to {MAX_SPEEDUP}, not {speedup}", field="speedup", cure="1 is as it was.")
        if evidence and speedup != 1:
            raise BadRequest("evidence cannot be sped up", field="speedup", cure="Leave it out: evidence is as recorded.")
        if len(self._jobs) >= MAX_KEPT:
            raise Conflict(f"there are {MAX_KEPT} exports", cure="Delete some that you no longer need.")
        if evidence and self.notary is None:
            raise Conflict("there is no key to sign evidence with", field="evidence", cure="See `guardian vault status`.")
        playlists = [await self._clips.playlist(camera, start_us, end_us) for camera in cameras]
        if not any(playlist.entries for playlist in playlists):
            raise NotFound(
                f"there is no footage of {', '.join(cameras)} from {to_rfc3339(start_us)} to {to_rfc3339(end_us)}",
                field="start",
                cure=f"/api/v1/cameras/{cameras[0]}/recordings lists what there is.",
            )
        export = Export(
            new_id(self._clock),
            cameras[0],
            start_us,
            end_us,
            "queued",
            0.0,
            0,
            self._clock.now().utc_us,
            name=name,
            cameras=cameras,
            exact=exact,
            speedup=speedup,
            evidence=evidence,
        )
        job = self._jobs[export.id] = _Job(export)
        await asyncio.to_thread(self._keep, export)
        job.task = self._tasks.spawn(self._run(job, playlists[0].codecs), f"export {export.id}")
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
        """The file, opened piece by piece."""
        job = self._job(export_id)
        if job.export.state != "done":
            raise Conflict(f"the export is {job.export.state}", field="id", cure="Wait until its state is done.")
        reader = await asyncio.to_thread(self._open, export_id)
        try:
            async with aclosing(content(reader, self._look)) as pieces:  # type: ignore[type-var]
                async for piece in pieces:
                    yield piece
        finally:
            reader.__exit__(None, None, None)

    def use_sealer(self, sealer: Sealer) -> None:
        """The vault has a new key: seal what comes to it."""
        self._sealer = sealer

    def _look(self) -> None:
        """Before each record: the reader holds the file's own key, so locking would not end it."""
        self.used()
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
        path = self._path(export.id, part=True)
        file = await asyncio.to_thread(SealedFile, path, self._sealer, self._header(export, codecs), export.name)
        wish = ExportWish(
            export.cameras, export.start_us, export.end_us, export.exact, export.speedup, export.evidence, self.names()
        )

        def report(share: float) -> None:
            job.export = replace(job.export, progress=min(share, 0.99), size_bytes=file.size)

        try:
            note = await Maker(self._clips, file, wish, export.created_us, report, self.notary).make()
            await asyncio.to_thread(file.finish)
        finally:
            file.close()
        final = self._path(export.id)
        await asyncio.to_thread(self._path(export.id, part=True).rename, final)
        await asyncio.to_thread(sync_dir, self._folder)
        job.export = replace(job.export, state="done", progress=1.0, size_bytes=file.size, problem=note)

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
            "cameras": list(export.cameras),
            "exact": export.exact,
            "speedup": export.speedup,
            "evidence": export.evidence,
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
                cameras=tuple(map(str, kept.get("cameras", [kept["camera"]]))),
                exact=bool(kept.get("exact", False)),
                speedup=int(kept.get("speedup", 1)),
                evidence=bool(kept.get("evidence", False)),
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
