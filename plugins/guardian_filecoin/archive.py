"""The archive as `guardian archive` and the system page see it: status, looking at copies, giving back."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from guardian.sdk import (
    ArchiveCheck,
    ArchivePlace,
    ArchiveRestored,
    ArchiveStatus,
    BadSetting,
    GuardianError,
    PluginContext,
)
from guardian_filecoin import cost
from guardian_filecoin.archiver import Archiver, Surroundings
from guardian_filecoin.config import FilecoinConfig
from guardian_filecoin.folder import FolderPlace
from guardian_filecoin.ledger import Ledger
from guardian_filecoin.place import Place
from guardian_filecoin.restoring import Restorer
from guardian_filecoin.states import Copy, State

NAME, TITLE = "filecoin", "Archive"
PLACE_NOTES = "place:"
NOTICE = (
    "What lies on Filecoin or IPFS is public for ever: anybody can fetch it, and nobody can delete it, you neither. It is "
    "encrypted, names no camera, no time and no owner, and opens with your vault's key only. Whoever gets that key, even in "
    "many years, opens all of it. The size of your packs, when they came, and the wallet that paid are public, too."
)
HOW_TO_ACCEPT = "Nothing goes there until you have set accept_public = true in [plugins.settings.filecoin]."


class LedgerMemory:
    """A place's memory, kept in the ledger."""

    def __init__(self, ledger: Ledger, place: str) -> None:
        self._ledger, self._place = ledger, place

    async def get(self, key: str) -> str:
        """Return what was kept, or nothing."""
        return await asyncio.to_thread(self._ledger.note, f"{PLACE_NOTES}{self._place}:{key}")

    async def put(self, key: str, value: str) -> None:
        """Keep it."""
        await asyncio.to_thread(self._ledger.put_note, f"{PLACE_NOTES}{self._place}:{key}", value)


def places_of(config: FilecoinConfig, ledger: Ledger, now_us: Callable[[], int]) -> dict[str, Place]:
    """Make the places that the settings name. BadSetting."""
    places: dict[str, Place] = {}
    for name, folder in config.folder.items():
        places[name] = FolderPlace(name, Path(folder.path))
    if config.s3:
        from guardian_filecoin.s3 import S3Place

        places |= {name: S3Place(name, one, config.timeout_s, now_us) for name, one in config.s3.items()}
    if config.kubo:
        from guardian_filecoin.kubo import KuboPlace

        places |= {name: KuboPlace(name, one, config.timeout_s) for name, one in config.kubo.items()}
    if config.filecoin:
        from guardian_filecoin.pdp import PdpPlace

        for name, one in config.filecoin.items():
            places[name] = PdpPlace(name, one, config.timeout_s, LedgerMemory(ledger, name))
    return places


def make_archiver(config: FilecoinConfig, context: PluginContext) -> Archiver:
    """Open the ledger and make everything ready. BadSetting."""

    def now_us() -> int:
        return context.clock.now().utc_us

    ledger = Ledger(context.data_dir)
    around = Surroundings(
        context.seal_key, context.footage, context.segments, now_us, lambda: [one.id for one in context.cameras()]
    )
    return Archiver(config, context.data_dir, ledger, places_of(config, ledger, now_us), around)


class FilecoinArchive:
    """Implements sdk.Archive."""

    def __init__(self, archiver: Archiver) -> None:
        self._archiver, self._ledger = archiver, archiver.ledger

    async def status(self) -> ArchiveStatus:
        """What is where."""
        return await asyncio.to_thread(self._status)

    def _status(self) -> ArchiveStatus:
        archiver, ledger = self._archiver, self._ledger
        copies = [one for one in ledger.copies() if one.place in archiver.places]
        packs = ledger.packs()
        sizes = {pack.id: pack.mib * 1024 * 1024 for pack in packs}
        states = Counter(one.state.value for one in copies)
        states["sealed"] = sum(not pack.root for pack in packs)
        good = Counter(one.pack for one in copies if one.state is State.VERIFIED)
        waiting, waiting_bytes = ledger.waiting_size()
        public = [name for name, place in archiver.places.items() if place.public]
        held = [name for name in public if archiver.held_back(name)]
        return ArchiveStatus(
            name=NAME,
            title=TITLE,
            places=tuple(
                self._place(name, place, [one for one in copies if one.place == name], sizes)
                for name, place in archiver.places.items()
            ),
            states=tuple((state, count) for state, count in states.items() if count),
            packs=len(packs),
            verified=sum(count >= len(archiver.places) for count in good.values()),
            waiting=waiting,
            waiting_bytes=waiting_bytes,
            missed=ledger.count_missed(),
            notice=NOTICE if public else "",
            held_back=HOW_TO_ACCEPT if held else "",
            next_cost=", ".join(filter(None, (self._next_cost(name) for name in archiver.places))),
        )

    def _place(self, name: str, place: Place, copies: Sequence[Copy], sizes: Mapping[int, int]) -> ArchivePlace:
        there = [one for one in copies if one.state in (State.COMMITTED, State.VERIFIED)]
        bad = next((one for one in copies if one.problem), None)
        quote = cost.read(self._ledger, name)
        currency = str(quote.get("currency", ""))
        paid = sum(int(one.notes.get("paid") or 0) for one in copies)
        return ArchivePlace(
            name=name,
            kind=place.kind,
            public=place.public,
            copies=len(there),
            verified=sum(one.state is State.VERIFIED for one in there),
            size_bytes=sum(sizes[one.pack] for one in there),
            problem=bad.problem if bad is not None else "",
            cure=bad.cure if bad is not None else "",
            paid=cost.money(paid, currency) if quote else "",
            a_month=cost.money(int(quote["month"]), currency) if quote else "",
            currency=currency,
        )

    def _next_cost(self, name: str) -> str:
        quote = cost.read(self._ledger, name)
        if not quote or not quote["ahead"]:
            return ""
        return f"{name}: {cost.money(int(quote['once']), str(quote['currency']))} for {quote['ahead']} packs"

    async def verify(self, *, everything: bool, tell: Callable[[ArchiveCheck], None]) -> None:
        """Look at each verified copy."""
        parts = 0 if everything else self._archiver.config.verify_parts
        for copy in await asyncio.to_thread(self._ledger.copies, None, None, State.VERIFIED):
            if copy.place not in self._archiver.places:
                continue
            pack = await asyncio.to_thread(self._ledger.pack, copy.pack)
            looked = parts or len(pack.layout.digests)
            try:
                problem = await self._archiver.look_at(copy, parts)
            except GuardianError as error:
                problem = error.message
            tell(ArchiveCheck(pack.root, copy.place, looked, problem))

    async def kit(self) -> Mapping[str, str]:
        """What places remember of themselves, such as the number of a data set."""
        notes = await asyncio.to_thread(self._ledger.notes, PLACE_NOTES)
        return {key: value for key, value in notes.items() if key.split(":")[1] in self._archiver.places}

    async def restore(
        self, segments: Path, open_key: Callable[[bytes], bytes], tell: Callable[[str], None], kit: Mapping[str, str]
    ) -> ArchiveRestored:
        """Give back what any place has."""
        for key, value in kit.items():
            if key.startswith(PLACE_NOTES) and not await asyncio.to_thread(self._ledger.note, key):
                await asyncio.to_thread(self._ledger.put_note, key, value)
        places: Mapping[str, Place] = self._archiver.places
        if not places:
            raise BadSetting("no place is set up", cure="Set up the places in [plugins.settings.filecoin], or use the kit.")
        return await Restorer(places, segments, open_key, tell).run()

    async def close(self) -> None:
        """Close all."""
        await self._archiver.close()
