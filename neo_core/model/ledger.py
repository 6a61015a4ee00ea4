"""What a gateway saw: one validated ledger, and what became of what was sent."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

__all__ = [
    "DROPS",
    "Account",
    "Ack",
    "AckOutcome",
    "Health",
    "Market",
    "Observation",
    "Offer",
    "OfferEvent",
    "OwnTransaction",
    "Side",
    "Transfer",
]

DROPS = 1_000_000


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY


class Market(msgspec.Struct, frozen=True, gc=False):
    """The pair, without our own offers. None: that side of the book, or the pool, is not there."""

    bid: float | None
    ask: float | None
    amm_price: float | None = None


class Offer(msgspec.Struct, frozen=True, gc=False):
    """An own offer as the ledger shows it: what is left of it."""

    sequence: int
    side: Side
    drops: int
    rlusd: Decimal
    expires_at: float | None = None


class OfferEvent(msgspec.Struct, frozen=True, gc=False):
    """What one validated transaction did to one own offer: a proof.

    `drops` and `rlusd` are what moved, `rest_drops` and `rest_rlusd` what was left. `event` is placed,
    partial_fill, filled or removed; `cause` says why something was removed: cancelled, replaced, self_cross,
    expired, unfunded_or_dust, funds_used_up.
    """

    event: str
    tx_hash: str
    ledger_index: int
    sequence: int
    side: Side
    drops: int
    rlusd: Decimal
    rest_drops: int
    rest_rlusd: Decimal
    cause: str = ""


class OwnTransaction(msgspec.Struct, frozen=True, gc=False):
    """A transaction that this account sent, as validated: it cost its fee whatever its result."""

    tx_hash: str
    ledger_index: int
    sequence: int
    fee_drops: int
    result: str


class Transfer(msgspec.Struct, frozen=True, gc=False):
    """What a validated transaction moved into the wallet, or, below zero, out of it, beside the trades of the pair
    and the fee of a transaction of ours.

    `of_trade`: it came with a trade, as the issuer's transfer fee does, and what a trust line rounds away. Else it
    is a payment either way, or an offer of another pair.
    """

    tx_hash: str
    ledger_index: int
    drops: int
    rlusd: Decimal
    of_trade: bool = False


class Account(msgspec.Struct, frozen=True, gc=False):
    """The wallet at one ledger, and all that happened to it from ledger `covers_from` up to that ledger.

    What is told of ledgers before those counts for the offers that it is about; its fees are paid once the whole
    ledger is told. A `covers_from` behind the ledger itself tells none of them in full.
    Not every gateway can tell the events: where `proves_fills` is False, what became of an offer must be read
    from the offers alone.
    """

    xrp_drops: int
    rlusd: Decimal
    reserve_drops: int
    reserve_step_drops: int
    offers: tuple[Offer, ...] = ()
    events: tuple[OfferEvent, ...] = ()
    transactions: tuple[OwnTransaction, ...] = ()
    covers_from: int = 0
    proves_fills: bool = True
    transfers: tuple[Transfer, ...] = ()


class Health(msgspec.Struct, frozen=True, gc=False):
    ledger_age_seconds: float = 0.0
    fee_drops: int = 10
    load: float = 1.0
    cannot_trade: str | None = None


class Observation(msgspec.Struct, frozen=True, gc=False):
    """What a gateway saw at one validated ledger."""

    ledger_index: int
    close_time: float
    market: Market
    account: Account
    health: Health


class AckOutcome(StrEnum):
    SENT = "sent"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Ack(msgspec.Struct, frozen=True, gc=False):
    """What became of sending. SENT is no promise; REFUSED is final: it will never be in a ledger.

    UNKNOWN is what broke off: it may have left, so a cancel is sent again, and a placement is waited for.
    """

    order_id: str
    cancel: bool
    outcome: AckOutcome
    code: str = ""
