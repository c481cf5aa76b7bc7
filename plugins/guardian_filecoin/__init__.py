"""An archive of sealed footage outside the house: packs that say nothing, on Filecoin, S3, IPFS or in another folder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from guardian.sdk import Archive, ArchiveKind, BadSetting, Event, Hold, Job, Plugin, SegmentRecord, hookimpl
from guardian_filecoin.config import FilecoinConfig

if TYPE_CHECKING:
    from guardian_filecoin.archiver import Archiver

ROUND_EVERY_S, SCRUB_EVERY_S = 5.0, 3600.0


class FilecoinPlugin(Plugin):
    """Takes what the owner wants to be archived, in the background. Without a place it does nothing and opens nothing."""

    Config = FilecoinConfig
    config: FilecoinConfig

    _archiver: Archiver | None = None

    def _is_set_up(self) -> bool:
        return bool(self.config.folder or self.config.s3 or self.config.kubo or self.config.filecoin)

    def _archive(self) -> Archiver:
        from guardian_filecoin.archive import make_archiver

        if self._archiver is None:
            self._archiver = make_archiver(self.config, self.context)
        return self._archiver

    def _open(self) -> Archive:
        from guardian_filecoin.archive import FilecoinArchive, make_archiver

        if not self._is_set_up():
            raise BadSetting(
                "no archive is set up", cure="Name a place in [plugins.settings.filecoin]; see docs/howto/archive.md."
            )
        return FilecoinArchive(make_archiver(self.config, self.context))

    @hookimpl
    def register_archives(self) -> Sequence[ArchiveKind]:
        return [ArchiveKind("filecoin", "Archive", self._open)] if self._is_set_up() else []

    @hookimpl
    def register_jobs(self) -> Sequence[Job]:
        if not self._is_set_up():
            return []
        names = (
            name for part in (self.config.folder, self.config.s3, self.config.kubo, self.config.filecoin) for name in part
        )
        places = [Job(f"place {name}", ROUND_EVERY_S, partial(self._serve, name)) for name in names]
        return [Job("packs", ROUND_EVERY_S, self._prepare), *places, Job("scrub", SCRUB_EVERY_S, self._scrub)]

    @hookimpl
    async def shutdown(self) -> None:
        if self._archiver is not None:
            await self._archiver.close()

    @hookimpl
    async def segment_sealed(self, segment: SegmentRecord) -> None:
        if self._is_set_up():
            await self._archive().segment_sealed(segment)

    @hookimpl
    async def event_ended(self, event: Event) -> None:
        if self._is_set_up():
            await self._archive().event_ended(event)

    @hookimpl
    async def footage_protected(self, hold: Hold) -> None:
        if self._is_set_up():
            await self._archive().footage_protected(hold)

    async def _prepare(self) -> None:
        await self._archive().prepare()
        await self._archive().free_spool()

    async def _serve(self, name: str) -> None:
        from guardian_filecoin.cost import ask_prices

        archiver = self._archive()
        await ask_prices(
            archiver.ledger, name, archiver.places[name], self.context.clock.now().utc_us
        )  # before anything is paid
        await archiver.serve(name)

    async def _scrub(self) -> None:
        await self._archive().scrub(self.config.scrub_percent / 100 * SCRUB_EVERY_S / 86_400)
