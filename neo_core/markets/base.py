"""What a market is to a paper session: one `MarketTick` for each ledger, in an iterator that never ends."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import msgspec

from neo_core.model import Side

__all__ = ["MarketTick", "Taker", "skip"]


class Taker(msgspec.Struct, frozen=True, gc=False):
    """Somebody who trades at the best price there is: a `sell` meets the bids, a `buy` the asks."""

    side: Side
    drops: int


class MarketTick(msgspec.Struct, frozen=True, gc=False):
    """The market at one ledger, without our own offers.

    `takers` are those who come in this ledger. With a `failure` the ledger closes all the same, but nobody
    sees it: the sentence says why. `withdrawal_drops` is XRP that somebody with our key takes out of the wallet.
    """

    bid: float | None
    ask: float | None
    amm_price: float | None = None
    takers: tuple[Taker, ...] = ()
    failure: str = ""
    withdrawal_drops: int = 0
    cannot_trade: str | None = None
    ledger_age_seconds: float = 0.0


def skip(market: Iterator[MarketTick], ticks: int) -> Iterator[MarketTick]:
    """The same market, after its first `ticks` ledgers: where a session that crashed takes it up again."""
    return islice(market, ticks, None)
