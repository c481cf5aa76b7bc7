"""Reads from the chain by JSON-RPC: prices, and whether a signature was used up. It sends no transaction: the provider does."""

from __future__ import annotations

from dataclasses import dataclass

from guardian.sdk import ServiceUnavailable
from guardian_filecoin.abi import ADDRESS_BYTES, address_text, encode, selector, words
from guardian_filecoin.http import Http

TIB = 1 << 40
_LOW = (1 << 128) - 1


@dataclass(frozen=True, slots=True)
class Prices:
    """The contract's price list, in 10^-18 of its currency (`getPriceList()` of the state view)."""

    storage_tib_month: int
    data_set_month: int
    create_data_set: int
    add_pieces: int
    add_piece: int

    def once(self, pieces: int, *, new_data_set: bool) -> int:
        """Fees for adding pieces one by one."""
        return pieces * (self.add_pieces + self.add_piece) + (self.create_data_set if new_data_set else 0)

    def month(self, size_bytes: int, *, new_data_set: bool) -> int:
        """What they cost each month; what is billed is the payload, not the tree's padding."""
        return size_bytes * self.storage_tib_month // TIB + (self.data_set_month if new_data_set else 0)


class Chain:
    """One contract and its state view, over one JSON-RPC server."""

    def __init__(self, http: Http, contract: str, view: str) -> None:
        self._http, self._contract, self._view = http, contract, view

    async def _call(self, to: str, data: bytes) -> bytes:
        call = [{"to": to, "data": "0x" + data.hex()}, "latest"]
        body = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": call}
        value = (await self._http.ask("POST", "", json=body)).json()
        try:
            return bytes.fromhex(value["result"].removeprefix("0x"))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise ServiceUnavailable(
                "the chain did not answer a question", cure="Check rpc_url, contract and view."
            ) from None

    async def _view_address(self) -> str:
        if not self._view:
            answer = await self._call(self._contract, selector("viewContractAddress()"))
            words(answer, 1)
            self._view = address_text(answer[32 - ADDRESS_BYTES : 32])
        return self._view

    async def prices(self) -> Prices:
        """Read the price list."""
        answer = words(await self._call(await self._view_address(), selector("getPriceList()")), 10)
        # token | storage, data set, 2 of the CDN | create, add base, add each, removals, terminate | lockups
        return Prices(answer[1], answer[2], answer[5], answer[6], answer[7])

    async def data_set_of(self, payer: str, nonce: int) -> int:
        """Return the data set in which a nonce was used up (the data set's own, or of added pieces), or 0."""
        data = selector("clientNonces(address,uint256)") + encode(["address", "uint256"], [payer, nonce])
        return words(await self._call(await self._view_address(), data), 1)[0] & _LOW
