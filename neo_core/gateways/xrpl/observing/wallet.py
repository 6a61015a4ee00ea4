"""What the account holds of the pair's currency, and its own open offers, as their answers tell them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from neo_core.errors import ObservationFailed
from neo_core.gateways.xrpl.connecting.link import RIPPLE_EPOCH
from neo_core.gateways.xrpl.observing.answers import shown
from neo_core.gateways.xrpl.observing.questions import Pair
from neo_core.gateways.xrpl.reading.amounts import amount_of, asset_of, size
from neo_core.gateways.xrpl.reading.transaction import whole
from neo_core.model import Offer, Side

__all__ = ["balance_of", "line_of", "own_offers"]

Row = Mapping[str, Any]


def line_of(rows: Iterable[Row], pair: Pair) -> Row | None:
    for row in rows:
        if row.get("account") != pair.issuer:
            raise ObservationFailed(f"account_lines: expected lines with {pair.issuer}, got {shown(row)}")
        if row.get("currency") == pair.currency:
            return row
    return None


def balance_of(line: Row | None, pair: Pair) -> Decimal:
    if line is None:
        return Decimal(0)
    return size(amount_of({**pair.named(), "value": line.get("balance")}, "account_lines, balance"))


def own_offers(rows: Iterable[Row], pair: Pair) -> tuple[tuple[Offer, ...], int]:
    """Those of the pair, by sequence, and how many others there are."""
    own: dict[int, Offer] = {}
    others = 0
    for row in rows:
        sequence = whole(row.get("seq"), "account_offers, seq")
        gets, pays = (amount_of(row.get(name), f"account_offers, {name}") for name in ("taker_gets", "taker_pays"))
        assets = asset_of(gets), asset_of(pays)
        if assets == (None, pair.asset):
            side, xrp, rlusd = Side.SELL, size(gets), size(pays)
        elif assets == (pair.asset, None):
            side, xrp, rlusd = Side.BUY, size(pays), size(gets)
        else:
            others += 1
            continue
        if xrp < 0 or rlusd < 0:
            raise ObservationFailed(f"account_offers: expected amounts that are not below zero, got {shown(row)}")
        own[sequence] = Offer(sequence, side, int(xrp), rlusd, _expires_at(row.get("expiration")))
    return tuple([own[sequence] for sequence in sorted(own)]), others


def _expires_at(given: Any) -> float | None:
    return None if given is None else float(whole(given, "account_offers, expiration") + RIPPLE_EPOCH)
