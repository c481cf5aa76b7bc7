"""A Kubo node of one's own as a place: the CAR is imported and its root pinned, by the node's RPC (POST only)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import aiohttp

from guardian.sdk import Damaged, ServiceUnavailable
from guardian_filecoin import car
from guardian_filecoin.cid import parse
from guardian_filecoin.config import KuboPlace as Config
from guardian_filecoin.folder import layout_of
from guardian_filecoin.http import Http, Refused
from guardian_filecoin.layout import Layout
from guardian_filecoin.place import Held, Parcel, Quote
from guardian_filecoin.states import Copy, State
from guardian_filecoin.unixfs import LEAF_BYTES

MOST_BLOCK = 2 * 1024 * 1024


class KuboPlace:
    """Implements Place."""

    kind = "kubo"

    def __init__(self, name: str, config: Config, timeout_s: float) -> None:
        self._name, self.public = name, config.public
        headers = {"Authorization": f"Bearer {config.token}"} if config.token else {}
        self._http = Http(name, f"{str(config.url).rstrip('/')}/api/v0", timeout_s, headers)

    async def advance(self, copy: Copy, parcel: Parcel) -> Copy:
        """Import and pin. A node that has it already takes it again and keeps one."""
        if copy.state is State.WAITING:
            return copy.moved(State.UPLOADING)
        with aiohttp.MultipartWriter("form-data") as form:
            part = form.append(parcel.parts(), {"Content-Type": "application/octet-stream"})
            part.set_content_disposition("form-data", name="file", filename="pack.car")
        params = {"pin-roots": "true", "allow-big-block": "false"}
        answer = await self._http.ask("POST", "/dag/import", params=params, data=form, sends_bytes=parcel.size_bytes)
        if parcel.root.encode() not in answer.body:
            raise ServiceUnavailable(f"{self._name} did not pin a pack that it was sent")
        return copy.moved(State.COMMITTED)

    async def look(self, held: Held) -> Layout:
        """Read the root block, and put it in the place that it has in the CAR."""
        root = parse(held.root)
        block = await self._block(held.root)
        if not root.matches(block):
            raise Damaged(f"{self._name} gives another block than it was asked for")
        return layout_of(car.header([root]) + car.section_head(root, len(block)) + block, held.root)

    async def leaf(self, held: Held, layout: Layout, index: int) -> bytes:
        """Fetch its block."""
        return (await self._block(str(layout.leaf_cid(index))))[:LEAF_BYTES]

    async def _block(self, cid: str) -> bytes:
        try:
            answer = await self._http.ask("POST", "/block/get", params={"arg": cid, "offline": "true"}, most=MOST_BLOCK)
        except Refused as error:
            if error.answer.status == 500 and b"not found" in error.answer.body.lower():
                raise Damaged(f"{self._name} no longer has a pack") from error
            raise
        return answer.body

    async def found(self) -> AsyncIterator[Held]:
        """Every recursive pin: the node may have those of others."""
        answer = await self._http.ask("POST", "/pin/ls", params={"type": "recursive"})
        for name in sorted(answer.json().get("Keys", {})):
            try:
                yield Held(str(parse(name)), "")
            except Damaged:
                continue  # CIDv0 is not ours

    async def quote(self, sizes: Sequence[int]) -> Quote | None:
        """A node of one's own costs nothing by the pack."""
        return None

    async def close(self) -> None:
        """Close connections."""
        await self._http.close()
