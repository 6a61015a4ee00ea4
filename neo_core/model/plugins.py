"""What a plugin sees, and what it may answer."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from neo_core.measures import Facts, Measures
from neo_core.model.ledger import OfferEvent
from neo_core.model.orders import Fill, Order

__all__ = [
    "Clear",
    "Enter",
    "Facts",
    "Mark",
    "Measures",
    "Mode",
    "Outcome",
    "Ranges",
    "Recover",
    "Resolution",
    "Stay",
    "View",
    "Wait",
]


Ranges = tuple[tuple[int, int], ...]
"""Ledgers from the first to the last of each pair, both of them in it; sorted, and no two of them touch."""


class Mode(StrEnum):
    OK = "OK"
    DEGRADED = "DEGRADED"
    HALT = "HALT"


class View(msgspec.Struct, frozen=True, gc=False):
    """What a plugin sees of a tick. None where there is none (a one-sided book has no mid).

    `events` are what transactions did to own offers, as told on this tick. Of the ledgers in the closed ranges
    `untold` nothing has been told yet. `proves_fills` is False where a gateway can tell no such events at all.
    """

    tick: int
    now: float
    ledger_index: int
    mode: Mode
    source: str
    ticks_in_mode: int
    bid: float | None
    ask: float | None
    mid: float | None
    amm_price: float | None
    anchor: float | None
    anchor_error_bps: float | None
    xrp: float
    rlusd: float
    inventory_pct: float | None
    portfolio_value: float | None
    fills: tuple[Fill, ...] = ()
    open_orders: tuple[Order, ...] = ()
    events: tuple[OfferEvent, ...] = ()
    untold: Ranges = ()
    proves_fills: bool = True


class Clear(msgspec.Struct, frozen=True, gc=False):
    """Nothing to object to."""

    measures: Facts | Measures = {}


class Enter(msgspec.Struct, frozen=True, gc=False):
    """Stop quoting. The reason is one sentence for a person."""

    reason: str
    measures: Facts | Measures = {}


class Stay(msgspec.Struct, frozen=True, gc=False):
    """Not recovered yet."""

    measures: Facts | Measures = {}


class Recover(msgspec.Struct, frozen=True, gc=False):
    """The regime has cleared. The reason is one sentence for a person."""

    reason: str
    measures: Facts | Measures = {}


class Mark(msgspec.Struct, frozen=True, gc=False):
    """The engine itself is cancelling this order: `cancelled_at` in UTC ISO form, and why."""

    order_id: str
    cancelled_at: str
    cancel_reason: str


class Outcome(StrEnum):
    """What a layer may conclude about an order that vanished.

    FILLED and REJECTED need proof: they are for the record of an order that the ledger itself has ended.
    """

    CANCELLED = "cancelled"
    EXPIRED = "expired"
    PHANTOM_FILL = "phantom_fill"
    HELD = "held"
    FILLED = "filled"
    REJECTED = "rejected"


class Resolution(msgspec.Struct, frozen=True, gc=False):
    """What became of a vanished order. `token` is logged literally; `evidence` is kept with the anomaly."""

    outcome: Outcome
    token: str
    evidence: Facts = {}


class Wait(msgspec.Struct, frozen=True, gc=False):
    """The proof may still come: the order stays alive, and ledgers `from_ledger` to `to_ledger` are asked for.

    The layers are asked again on every later tick, until one decides or the ledger proves what happened.
    """

    token: str
    from_ledger: int
    to_ledger: int
    evidence: Facts = {}
