"""What the archive costs: before an upload by the contract's price list, after it by what was paid. Asked at most once an hour."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

from guardian.sdk import GuardianError
from guardian_filecoin.layout import car_bytes
from guardian_filecoin.ledger import Ledger
from guardian_filecoin.place import Place
from guardian_filecoin.states import State

ASK_EVERY_US = 3_600_000_000
UNIT = Decimal(10) ** -18


def money(amount: int, currency: str) -> str:
    """Return an amount of 10^-18 in words: four digits that count, and never nothing where it is not."""
    value = (Decimal(amount) * UNIT).normalize()
    shown = f"{value:.4f}" if value >= 1 else f"{value:.4g}"
    return f"{shown} {currency}"


async def ask_prices(ledger: Ledger, name: str, place: Place, now_us: int) -> None:
    """Ask what the copies that have not gone yet will cost, and all of them a month. Where it cannot be asked, the last answer stays."""
    copies = await asyncio.to_thread(ledger.copies, None, name)
    sizes = {pack.id: car_bytes(pack.mib) for pack in await asyncio.to_thread(ledger.packs, "root IS NOT NULL")}
    sizes = {one.pack: sizes[one.pack] for one in copies if one.pack in sizes}
    ahead = [
        sizes[one.pack]
        for one in copies
        if one.pack in sizes
        and one.state in (State.WAITING, State.UPLOADING, State.PARKED)
        and not one.notes.get("data_set")
    ]
    last = read(ledger, name)
    if last and last["ahead"] == len(ahead) and last["all"] == len(sizes) and 0 <= now_us - last["at_us"] < ASK_EVERY_US:
        return
    try:
        next_quote, month_quote = await place.quote(ahead), await place.quote(list(sizes.values()))
    except GuardianError:
        return
    if next_quote is None or month_quote is None:
        return
    value = {
        "at_us": now_us,
        "ahead": len(ahead),
        "all": len(sizes),
        "once": str(next_quote.once if ahead else 0),
        "month": str(month_quote.month if sizes else 0),
        "currency": next_quote.currency,
    }
    await asyncio.to_thread(ledger.put_note, _key(name), json.dumps(value))


def read(ledger: Ledger, name: str) -> dict[str, Any]:
    """Return the last answer, or nothing."""
    text = ledger.note(_key(name))
    value: dict[str, Any] = json.loads(text) if text else {}
    return value


def _key(name: str) -> str:
    return f"quote:{name}"
