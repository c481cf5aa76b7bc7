"""A provider of Filecoin Onchain Cloud, and the chain behind it, for tests: it speaks PDP's HTTP and JSON-RPC, recomputes every
piece commitment, checks every signature (with eth-account, not with our own code), takes each nonce once, and counts what is
paid. It can be told to lie, stall, truncate, forget, refuse, and to lose its answer after it has done what it was asked.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
from dataclasses import dataclass, field

from aiohttp import web
from eth_abi import decode, encode
from eth_utils import keccak, to_checksum_address
from guardian_filecoin.cid import parse
from guardian_filecoin.commp import PieceHasher

from tests.support.ethereum import Account, encode_typed_data

VIEW = "0x00000000000000000000000000000000000000F1"
CONTRACT = "0x02925630df557F957f70E112bA06e50965417CA0"
CHAIN_ID = 314159
MOST_UPLOAD = 1_065_353_216
PRICES = {  # in 10^-18; of the facts page: $2.50 a TiB and month, $0.024 and $0.025 a data set, $0.0005 + $0.0003
    "storage": 2_500_000_000_000_000_000,
    "data_set": 24_000_000_000_000_000,
    "create": 25_000_000_000_000_000,
    "add": 500_000_000_000_000,
    "each": 300_000_000_000_000,
}
_ENTRY = [{"name": "key", "type": "string"}, {"name": "value", "type": "string"}]
_TYPES = {
    "CreateDataSet": [("clientDataSetId", "uint256"), ("payee", "address"), ("metadata", "MetadataEntry[]")],
    "AddPieces": [
        ("clientDataSetId", "uint256"),
        ("nonce", "uint256"),
        ("pieceData", "Cid[]"),
        ("pieceMetadata", "PieceMetadata[]"),
    ],
    "SchedulePieceRemovals": [("clientDataSetId", "uint256"), ("pieceIds", "uint256[]")],
}
_USED = {
    "CreateDataSet": ["MetadataEntry"],
    "AddPieces": ["Cid", "PieceMetadata", "MetadataEntry"],
    "SchedulePieceRemovals": [],
}
_HELPERS = {
    "MetadataEntry": _ENTRY,
    "Cid": [{"name": "data", "type": "bytes"}],
    "PieceMetadata": [{"name": "pieceIndex", "type": "uint256"}, {"name": "metadata", "type": "MetadataEntry[]"}],
}


def signable(primary, message, chain_id=CHAIN_ID, contract=CONTRACT):
    """What EIP-712 makes of a message of the contract."""
    domain = {"name": "FilecoinWarmStorageService", "version": "1", "chainId": chain_id, "verifyingContract": contract}
    types = {primary: [{"name": name, "type": kind} for name, kind in _TYPES[primary]]}
    return encode_typed_data(domain, types | {name: _HELPERS[name] for name in _USED[primary]}, message)


class Shelf(dict):
    """Pieces as files, for more of them than fit in memory. Only what the server needs of a dict."""

    def __init__(self, folder):
        super().__init__()
        self._folder = folder
        folder.mkdir()

    def __setitem__(self, piece, data):
        (self._folder / piece).write_bytes(data)
        super().__setitem__(piece, len(data))

    def get(self, piece, default=None):
        return (self._folder / piece).read_bytes() if piece in self else default


@dataclass
class Moods:
    """How often, of all times that it could (0..1), the provider misbehaves."""

    lie: float = 0.0
    truncate: float = 0.0
    stall: float = 0.0
    forget: float = 0.0
    refuse: float = 0.0
    lose_answer: float = 0.0
    stall_s: float = 30.0


class Reverted(Exception):
    """The contract does not take it."""


@dataclass
class PdpServer:
    """The provider. `allowed`: what which session key may sign for which payer."""

    payee: str
    allowed: dict[str, tuple[str, set[str]]]
    moods: Moods = field(default_factory=Moods)
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    confirm_s: float = 0.0
    parked: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    sets: dict[int, list[str]] = field(default_factory=dict)
    client_ids: dict[int, tuple[int, str]] = field(default_factory=dict)
    nonces: dict[tuple[str, int], int] = field(default_factory=dict)
    txs: dict[str, dict] = field(default_factory=dict)
    paid: int = 0
    metadata: list = field(default_factory=list)
    served: int = 0
    wrong: int = 0  # answers that were a lie, or cut

    def app(self):
        app = web.Application(client_max_size=MOST_UPLOAD + 1, middlewares=[self._moody])
        app.add_routes(
            [
                web.get("/pdp/ping", self._ping),
                web.post("/pdp/piece/uploads", self._begin),
                web.put("/pdp/piece/uploads/{upload}", self._put),
                web.post("/pdp/piece/uploads/{upload}", self._finish),
                web.get("/pdp/piece", self._find),
                web.post("/pdp/data-sets/create-and-add", self._create_and_add),
                web.post("/pdp/data-sets/{number}/pieces", self._add),
                web.get("/pdp/data-sets/created/{tx}", self._created),
                web.get("/pdp/data-sets/{number}/pieces/added/{tx}", self._added),
                web.get("/pdp/data-sets/{number}", self._data_set),
                web.delete("/pdp/data-sets/{number}/pieces/{piece}", self._remove),
                web.get("/piece/{cid}", self._piece),
                web.post("/rpc", self._rpc),
            ]
        )
        return app

    def times_added(self):
        """How often each piece was added, and so paid for."""
        counts = {}
        for pieces in self.sets.values():
            for piece in pieces:
                counts[piece] = counts.get(piece, 0) + 1
        return counts

    def _does(self, mood):
        return self.chance.random() < getattr(self.moods, mood)

    @web.middleware
    async def _moody(self, request, handler):
        if request.path == "/rpc":
            return await handler(request)  # the chain is no provider: it does not lie
        if self._does("refuse"):
            raise web.HTTPInternalServerError(text="not today")
        if self._does("stall"):
            await asyncio.sleep(self.moods.stall_s)
        answer = await handler(request)
        if request.method != "GET" and self._does("lose_answer"):
            request.transport.close()  # done, and nobody hears of it
        return answer

    async def _ping(self, request):
        return web.Response()

    # bytes

    async def _begin(self, request):
        upload = secrets.token_hex(4) + "-0000-4000-8000-" + secrets.token_hex(6)
        self.uploads[upload] = b""
        return web.Response(status=201, headers={"Location": f"/pdp/piece/uploads/{upload}"})

    async def _put(self, request):
        if request.match_info["upload"] not in self.uploads:
            raise web.HTTPNotFound
        data = await request.read()
        if not 127 <= len(data) <= MOST_UPLOAD:
            raise web.HTTPRequestEntityTooLarge(MOST_UPLOAD, len(data))
        self.uploads[request.match_info["upload"]] = data
        return web.Response(status=204)

    async def _finish(self, request):
        data = self.uploads.get(request.match_info["upload"])
        if not data:
            raise web.HTTPNotFound
        claimed = (await request.json())["pieceCid"]
        computed = await asyncio.to_thread(_piece_cid, data)
        if claimed != computed:
            raise web.HTTPBadRequest(text=f"the commitment is {computed}")
        del self.uploads[request.match_info["upload"]]
        if not self._does("forget"):
            self.parked[computed] = data  # else: it says that it has it, and has not
        return web.json_response({"pieceCid": computed})

    async def _find(self, request):
        piece = request.query["pieceCid"]
        if piece not in self.parked:
            raise web.HTTPNotFound
        return web.json_response({"pieceCid": piece})

    async def _piece(self, request):
        piece = request.match_info["cid"]
        if piece in self.parked and self._does("forget"):
            del self.parked[piece]
        data = self.parked.get(piece)
        if data is None:
            raise web.HTTPNotFound
        self.served += 1
        whole, asked = len(data), request.http_range
        data = data[asked]
        if self._does("lie") and data:
            at = self.chance.randrange(len(data))
            data = data[:at] + bytes([data[at] ^ 1 << self.chance.randrange(8)]) + data[at + 1 :]
            self.wrong += 1
        elif self._does("truncate"):
            data = data[: len(data) // 2]
            self.wrong += 1
        start = asked.start or 0
        headers = {"Content-Range": f"bytes {start}-{start + len(data) - 1}/{whole}"}
        return web.Response(body=data, status=206 if "Range" in request.headers else 200, headers=headers)

    # the chain

    def _signer(self, primary, message, signature):
        return Account.recover_message(signable(primary, message), signature=signature)

    def _check(self, primary, message, signature, payer):
        signer = self._signer(primary, message, signature)
        whose, may = self.allowed.get(signer, ("", set()))
        if signer != payer and (whose != payer or primary not in may):
            raise Reverted(f"InvalidSignature: {signer} may not {primary} for {payer}")

    def _use(self, payer, nonce, data_set):
        if (payer, nonce) in self.nonces:
            raise Reverted(f"ClientDataSetAlreadyRegistered({nonce})")
        self.nonces[payer, nonce] = data_set

    def _create(self, extra):
        payer, client_id, keys, values, signature = decode(["address", "uint256", "string[]", "string[]", "bytes"], extra)
        payer = to_checksum_address(payer)
        metadata = [{"key": key, "value": value} for key, value in zip(keys, values, strict=True)]
        message = {"clientDataSetId": client_id, "payee": self.payee, "metadata": metadata}
        self._check("CreateDataSet", message, signature, payer)
        number = len(self.sets) + 1
        self._use(payer, client_id, number)
        self.sets[number], self.client_ids[number] = [], (client_id, payer)
        self.metadata += list(zip(keys, values, strict=True))
        self.paid += PRICES["create"]
        return number

    def _add_pieces(self, number, pieces, extra):
        nonce, keys, values, signature = decode(["uint256", "string[][]", "string[][]", "bytes"], extra)
        client_id, payer = self.client_ids[number]
        message = {
            "clientDataSetId": client_id,
            "nonce": nonce,
            "pieceData": [{"data": bytes(parse(piece))} for piece in pieces],
            "pieceMetadata": [
                {"pieceIndex": index, "metadata": [{"key": k, "value": v} for k, v in zip(*both, strict=True)]}
                for index, both in enumerate(zip(keys, values, strict=True))
            ],
        }
        self._check("AddPieces", message, signature, payer)
        self._use(payer, nonce, number)
        self.metadata += [one for part in keys for one in part]
        self.sets[number] += pieces
        self.paid += PRICES["add"] + PRICES["each"] * len(pieces)

    def _mined(self, act):
        """Simulate the call first, as a provider does; mine it when `confirm_s` has passed."""
        tx = "0x" + secrets.token_hex(32)
        try:
            number = act()
        except Reverted as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        self.txs[tx] = {"number": number, "at": asyncio.get_running_loop().time() + self.confirm_s}
        return tx

    async def _create_and_add(self, request):
        body = await request.json()
        made, added = decode(["bytes", "bytes"], bytes.fromhex(body["extraData"][2:]))
        pieces = self._pieces_of(body)

        def act():
            before = dict(self.nonces)
            number = self._create(made)
            try:
                self._add_pieces(number, pieces, added)
            except Reverted:
                self.nonces = before
                del self.sets[number]
                raise
            return number

        tx = self._mined(act)
        return web.Response(status=201, headers={"Location": f"/pdp/data-sets/created/{tx}"})

    async def _add(self, request):
        body, number = await request.json(), int(request.match_info["number"])
        if number not in self.sets:
            raise web.HTTPNotFound
        pieces = self._pieces_of(body)
        extra = bytes.fromhex(body["extraData"][2:])
        tx = self._mined(lambda: (self._add_pieces(number, pieces, extra), number)[1])
        return web.Response(status=201, headers={"Location": f"/pdp/data-sets/{number}/pieces/added/{tx}"})

    def _pieces_of(self, body):
        pieces = [one["pieceCid"] for one in body["pieces"]]
        if any(one["subPieces"] != [{"subPieceCid": one["pieceCid"]}] for one in body["pieces"]) or len(pieces) > 40:
            raise web.HTTPBadRequest(text="bad pieces")
        if any(piece not in self.parked for piece in pieces):
            raise web.HTTPBadRequest(text="subPiece not found")
        return pieces

    def _done(self, tx):
        return asyncio.get_running_loop().time() >= tx["at"]

    async def _created(self, request):
        tx = self.txs.get(request.match_info["tx"])
        if tx is None:
            raise web.HTTPNotFound
        done = self._done(tx)
        answer = {"txStatus": "confirmed" if done else "pending", "dataSetCreated": done, "ok": done or None}
        return web.json_response(answer | ({"dataSetId": tx["number"]} if done else {}))

    async def _added(self, request):
        tx = self.txs.get(request.match_info["tx"])
        if tx is None:
            raise web.HTTPNotFound
        done = self._done(tx)
        return web.json_response({"txStatus": "confirmed" if done else "pending", "piecesAdded": done})

    async def _data_set(self, request):
        number = int(request.match_info["number"])
        if number not in self.sets:
            raise web.HTTPNotFound
        pieces = [
            {"pieceId": index, "pieceCid": piece, "subPieceCid": piece, "subPieceOffset": 0}
            for index, piece in enumerate(self.sets[number])
        ]
        return web.json_response({"id": number, "nextChallengeEpoch": 0, "pieces": pieces})

    async def _remove(self, request):
        number, index = int(request.match_info["number"]), int(request.match_info["piece"])
        (signature,) = decode(["bytes"], bytes.fromhex((await request.json())["extraData"][2:]))
        client_id, payer = self.client_ids[number]
        try:
            self._check("SchedulePieceRemovals", {"clientDataSetId": client_id, "pieceIds": [index]}, signature, payer)
        except Reverted as error:
            raise web.HTTPForbidden(text=str(error)) from None
        del self.sets[number][index]
        return web.json_response({"txHash": "0x" + secrets.token_hex(32)})

    async def _rpc(self, request):
        body = json.loads(await request.read())
        call = body["params"][0]
        data = bytes.fromhex(call["data"][2:])
        answer = self._call(to_checksum_address(call["to"]), data[:4], data[4:])
        return web.json_response({"jsonrpc": "2.0", "id": body["id"], "result": "0x" + answer.hex()})

    def _call(self, to, selector, data):
        if to == to_checksum_address(CONTRACT) and selector == keccak(text="viewContractAddress()")[:4]:
            return encode(["address"], [VIEW])
        if to != to_checksum_address(VIEW):
            return b""
        if selector == keccak(text="getPriceList()")[:4]:
            rates = [PRICES["storage"], PRICES["data_set"], 0, 0]
            fees = [PRICES["create"], PRICES["add"], PRICES["each"], 0, 0]
            return encode(["address", *["uint256"] * 15], [VIEW, *rates, *fees, *[0] * 6])
        if selector == keccak(text="clientNonces(address,uint256)")[:4]:
            payer, nonce = decode(["address", "uint256"], data)
            number = self.nonces.get((to_checksum_address(payer), nonce), 0)
            count = len(self.sets.get(number, []))
            return encode(["uint256"], [count << 128 | number])
        return b""


def _piece_cid(data):
    hasher = PieceHasher()
    hasher.update(data)
    return str(hasher.finish().cid_v2)
