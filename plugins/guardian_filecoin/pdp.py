"""A provider of Filecoin Onchain Cloud as a place: PDP over HTTP. The provider pays the chain; we sign what it may do.

Money is spent once a piece: the nonce of an `AddPieces` is on our disk before it is sent, and the contract takes each nonce
once. After a crash the same nonce is looked up on the chain and, where it was not used, sent again.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence

from guardian.sdk import BadSetting, ServiceUnavailable
from guardian_filecoin.abi import encode
from guardian_filecoin.chain import Chain, Prices
from guardian_filecoin.cid import parse
from guardian_filecoin.config import FilecoinPlace as Config
from guardian_filecoin.folder import START_BYTES, layout_of
from guardian_filecoin.http import Http
from guardian_filecoin.layout import Layout
from guardian_filecoin.place import Held, Memory, NotYet, Parcel, Quote
from guardian_filecoin.session_key import Contract, SessionKey
from guardian_filecoin.states import Copy, State
from guardian_filecoin.unixfs import LEAF_BYTES

MOST_UPLOAD = 1_065_353_216  # 1 GiB * 127/128 (synapse-core, SIZE_CONSTANTS.MAX_UPLOAD_SIZE)
ASK_PARKED = 12  # times, before it is uploaded again
DATA_SET, CLIENT_ID, CREATING = "data_set", "client_id", "creating"


class PdpPlace:
    """Implements Place."""

    kind, public = "filecoin", True

    def __init__(self, name: str, config: Config, timeout_s: float, memory: Memory) -> None:
        self._name, self._config, self._memory = name, config, memory
        self._http = Http(name, str(config.url), timeout_s)
        self._rpc = Http(f"{name} (chain)", str(config.rpc_url), timeout_s)
        self._chain = Chain(self._rpc, config.contract, config.view)
        self._contract = Contract(config.chain_id, config.contract)
        try:
            self._key = SessionKey(config.session_key) if config.session_key else None
        except ValueError as error:
            field = f"filecoin.{name}.session_key"
            raise BadSetting(f"{field}: {error}", field=field, cure="Give it as hex; better as env: or file:.") from None

    async def advance(self, copy: Copy, parcel: Parcel) -> Copy:
        """One step."""
        if copy.state is State.WAITING:
            if self._key is None:
                raise BadSetting(
                    f"{self._name} has no session_key", cure="Set it, to archive there; see docs/howto/archive.md."
                )
            if parcel.size_bytes > MOST_UPLOAD:
                raise BadSetting(
                    f"{self._name} takes no pack of {parcel.size_bytes} bytes", cure="Choose a smaller pack_mib."
                )
            return copy.moved(State.UPLOADING, sent="", tx="", nonce="")
        if copy.state is State.UPLOADING:
            return await self._upload(copy, parcel)
        if copy.state is State.PARKED:
            return await self._prepare(copy, parcel)
        return await self._commit(copy, parcel)

    # bytes

    async def _upload(self, copy: Copy, parcel: Parcel) -> Copy:
        if await self._is_parked(parcel.piece):
            return copy.moved(State.PARKED)
        if copy.notes.get("sent") and copy.tries < ASK_PARKED:
            raise NotYet(f"{self._name} has not taken a pack in yet")
        begun = await self._http.ask("POST", "/pdp/piece/uploads", ok=(201,))
        path = _path(begun.headers.get("Location", ""), "/pdp/piece/uploads/")
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(parcel.size_bytes)}
        size = parcel.size_bytes
        await self._http.ask("PUT", path, ok=(200, 204), data=parcel.parts(), headers=headers, sends_bytes=size)
        await self._http.ask("POST", path, ok=(200,), json={"pieceCid": parcel.piece}, sends_bytes=size)
        return copy.moved(State.UPLOADING, sent="1")

    async def _is_parked(self, piece: str) -> bool:
        answer = await self._http.ask("GET", "/pdp/piece", params={"pieceCid": piece}, ok=(200, 202, 404))
        return answer.status == 200 and answer.json().get("pieceCid") == piece

    # money

    async def _prepare(self, copy: Copy, parcel: Parcel) -> Copy:
        """Find out whether it is paid for already; if not, choose the nonce that will pay, before anything is sent."""
        data_set = await self._data_set()
        if data_set:
            if parcel.piece in await self._pieces(data_set):
                return copy.moved(State.COMMITTED, data_set=data_set)
        else:
            creating = await self._memory.get(CREATING)
            if creating not in ("", str(copy.pack)):
                raise NotYet(f"{self._name} is making the data set")
            await self._memory.put(CREATING, str(copy.pack))
            if not await self._memory.get(CLIENT_ID):
                await self._memory.put(CLIENT_ID, str(secrets.randbits(127) | 1))
        return copy.moved(State.COMMITTING, nonce=str(secrets.randbits(127) | 1), tx="")

    async def _data_set(self) -> str:
        """Return the data set's number, or nothing. One that was made while we were away is found on the chain."""
        known = await self._memory.get(DATA_SET)
        client_id = await self._memory.get(CLIENT_ID)
        if not known and client_id and (found := await self._chain.data_set_of(self._config.payer, int(client_id))):
            known = str(found)
            await self._memory.put(DATA_SET, known)
            await self._memory.put(CREATING, "")
        return known

    async def _pieces(self, data_set: str) -> set[str]:
        answer = await self._http.ask("GET", f"/pdp/data-sets/{data_set}")
        return {str(one.get("pieceCid", "")) for one in answer.json().get("pieces", [])}

    async def _commit(self, copy: Copy, parcel: Parcel) -> Copy:
        used = await self._chain.data_set_of(self._config.payer, int(copy.notes["nonce"]))
        if used:
            await self._data_set()
            return copy.moved(State.COMMITTED, data_set=str(used), paid=await self._paid(copy))
        if copy.notes.get("tx") and not await self._is_rejected(copy):
            raise NotYet(f"{self._name} has sent it to the chain")
        data_set = await self._data_set()
        created = "" if data_set else "1"
        tx = await (self._add(copy, parcel, data_set) if data_set else self._create(copy, parcel))
        return copy.moved(State.COMMITTING, tx=tx, created=created)

    async def _is_rejected(self, copy: Copy) -> bool:
        """Say whether the transaction failed, or nobody knows it any more: its nonce is not used, so it may be sent again."""
        tx, data_set = copy.notes["tx"], await self._memory.get(DATA_SET)
        created = bool(copy.notes.get("created"))
        path = f"/pdp/data-sets/created/{tx}" if created else f"/pdp/data-sets/{data_set}/pieces/added/{tx}"
        answer = await self._http.ask("GET", path, ok=(200, 202, 404))
        return answer.status == 404 or answer.json().get("txStatus") == "rejected"

    async def _add(self, copy: Copy, parcel: Parcel, data_set: str) -> str:
        client_id = int(await self._memory.get(CLIENT_ID))
        return await self._send(f"/pdp/data-sets/{data_set}/pieces", parcel, self._extra(copy, parcel, client_id), {})

    async def _create(self, copy: Copy, parcel: Parcel) -> str:
        client_id = int(await self._memory.get(CLIENT_ID))
        made = self._signer().create_data_set(
            self._contract,
            payer=self._config.payer,
            payee=self._config.payee,
            client_data_set_id=client_id,  # and no metadata: names, sizes and addresses are all that the chain learns
        )
        extra = encode(["bytes", "bytes"], [made, self._extra(copy, parcel, client_id)])
        return await self._send("/pdp/data-sets/create-and-add", parcel, extra, {"recordKeeper": self._config.contract})

    def _extra(self, copy: Copy, parcel: Parcel, client_id: int) -> bytes:
        nonce, pieces = int(copy.notes["nonce"]), [parse(parcel.piece)]
        return self._signer().add_pieces(self._contract, client_data_set_id=client_id, nonce=nonce, pieces=pieces)

    def _signer(self) -> SessionKey:
        if self._key is None:
            raise BadSetting(f"{self._name} has no session_key", cure="Set it again, to go on.")
        return self._key

    async def _send(self, path: str, parcel: Parcel, extra: bytes, more: dict[str, str]) -> str:
        pieces = [{"pieceCid": parcel.piece, "subPieces": [{"subPieceCid": parcel.piece}]}]
        body = {"pieces": pieces, "extraData": "0x" + extra.hex()} | more
        answer = await self._http.ask("POST", path, ok=(200, 201, 202), json=body)
        return _path(answer.headers.get("Location", ""), "/pdp/data-sets/").rpartition("/")[2]

    async def _paid(self, copy: Copy) -> str:
        """What the contract's list says that this took, as far as it can be asked."""
        try:
            prices = await self._chain.prices()
        except ServiceUnavailable:
            return ""
        return str(prices.once(1, new_data_set=bool(copy.notes.get("created"))))

    # back

    async def look(self, held: Held) -> Layout:
        """Read the piece's start."""
        return layout_of(await self._http.part(f"/piece/{held.piece}", 0, START_BYTES), held.root)

    async def leaf(self, held: Held, layout: Layout, index: int) -> bytes:
        """Read a range."""
        return await self._http.part(f"/piece/{held.piece}", layout.leaf_at(index), LEAF_BYTES)

    async def found(self) -> AsyncIterator[Held]:
        """Every piece of the data set."""
        data_set = await self._data_set()
        if data_set:
            for piece in sorted(await self._pieces(data_set)):
                yield Held("", piece)

    async def quote(self, sizes: Sequence[int]) -> Quote | None:
        """By the contract's own list."""
        new = not await self._memory.get(DATA_SET)
        prices = await self._chain.prices()
        once, month = prices.once(len(sizes), new_data_set=new), prices.month(sum(sizes), new_data_set=new)
        return Quote(once, month, self._config.currency)

    async def prices(self) -> Prices:
        """The price list."""
        return await self._chain.prices()

    async def close(self) -> None:
        """Close connections."""
        await self._http.close()
        await self._rpc.close()


def _path(location: str, begins: str) -> str:
    """Return the path of a Location. It must lie where such things lie: a provider sends our bytes nowhere else."""
    path = location if location.startswith("/") else "/" + location.partition("://")[2].partition("/")[2]
    if not path.startswith(begins) or len(path) > 300 or not path.replace("/", "").replace("-", "").isalnum():
        raise ServiceUnavailable(
            "the provider did not say where the upload is", cure="Is the address that of a PDP provider?"
        )
    return path
