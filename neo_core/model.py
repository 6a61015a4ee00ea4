"""The values that walk through the engine. None of them changes once it is made.

Prices and bps are floats, for decisions. Amounts are exact: XRP in drops (int), RLUSD in Decimal.
`buy` and `sell` are of XRP. Times are seconds since 1970, as the ledger's close times give them.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

import msgspec

from neo_core.halts import Halt

__all__ = [
    "DROPS",
    "Account",
    "Ack",
    "AckOutcome",
    "Cancel",
    "Cause",
    "Clear",
    "Decision",
    "Enter",
    "Event",
    "Facts",
    "Fill",
    "Health",
    "Input",
    "Inventory",
    "Mark",
    "Market",
    "Mode",
    "Observation",
    "Offer",
    "OfferEvent",
    "Order",
    "OrderStatus",
    "Outcome",
    "OwnTransaction",
    "Place",
    "Prepared",
    "Recover",
    "Refusal",
    "Resolution",
    "Side",
    "Stay",
    "View",
]

DROPS = 1_000_000

Fact = str | int | float | bool | None
Facts = Mapping[str, Fact]


class Mode(StrEnum):
    OK = "OK"
    DEGRADED = "DEGRADED"
    HALT = "HALT"


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY


# --- what a gateway saw ---


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


class Account(msgspec.Struct, frozen=True, gc=False):
    """The wallet at one ledger, and all that happened to it from ledger `covers_from` up to that ledger."""

    xrp_drops: int
    rlusd: Decimal
    reserve_drops: int
    reserve_step_drops: int
    offers: tuple[Offer, ...] = ()
    events: tuple[OfferEvent, ...] = ()
    transactions: tuple[OwnTransaction, ...] = ()
    covers_from: int = 0


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


class Ack(msgspec.Struct, frozen=True, gc=False):
    """What became of sending. SENT is no promise; REFUSED is final: it will never be in a ledger."""

    order_id: str
    cancel: bool
    outcome: AckOutcome
    code: str = ""


class Input(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Everything a tick may know. Without an observation, `failure` says why there is none."""

    now: float
    observation: Observation | None = None
    failure: str = ""
    stop: str | None = None
    kill: str | None = None
    exhausted: bool = False
    acks: tuple[Ack, ...] = ()


# --- orders, fills, inventory ---


class OrderStatus(StrEnum):
    PENDING = "PENDING"
    OPEN = "OPEN"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCEL_REQUESTED = "CANCEL_REQUESTED"
    CANCELLED = "CANCELLED"
    CANCELLED_BY_ENGINE = "CANCELLED_BY_ENGINE"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"
    HELD_PENDING_REVIEW = "HELD_PENDING_REVIEW"


class Order(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """An own order, under the core's own id. `sequence` and the hashes are known once it is prepared."""

    id: str
    side: Side
    price: float
    drops: int
    rlusd: Decimal
    rest_drops: int
    rest_rlusd: Decimal
    status: OrderStatus
    placed_at: float
    placed_tick: int
    expires_at: float | None = None
    sequence: int = 0
    tx_hash: str = ""
    last_ledger: int = 0
    seen: bool = False
    cancel_tx_hash: str = ""
    cancel_ledger: int = 0
    cancelled_at: str = ""
    cancel_reason: str = ""
    closed_ledger: int = 0
    proofs: tuple[str, ...] = ()


class Fill(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Inventory that moved. `proven` by a transaction, or else a phantom: a guess that says so."""

    order_id: str
    side: Side
    drops: int
    rlusd: Decimal
    tx_hash: str
    sequence: int
    ledger_index: int
    tick: int
    at: float
    proven: bool = True

    @property
    def price(self) -> float:
        return float(self.rlusd) * DROPS / self.drops

    @property
    def notional(self) -> float:
        return float(self.rlusd)


class Inventory(msgspec.Struct, frozen=True, gc=False):
    """What the engine believes it owns, moved only by fills, fees and operators."""

    drops: int
    rlusd: Decimal


# --- what a plugin sees and answers ---


class View(msgspec.Struct, frozen=True, gc=False):
    """What a plugin sees of a tick. None where there is none (a one-sided book has no mid)."""

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


class Clear(msgspec.Struct, frozen=True, gc=False):
    """Nothing to object to."""

    measures: Facts = {}


class Enter(msgspec.Struct, frozen=True, gc=False):
    """Stop quoting. The reason is one sentence for a person."""

    reason: str
    measures: Facts = {}


class Stay(msgspec.Struct, frozen=True, gc=False):
    """Not recovered yet."""

    measures: Facts = {}


class Recover(msgspec.Struct, frozen=True, gc=False):
    """The regime has cleared. The reason is one sentence for a person."""

    reason: str
    measures: Facts = {}


class Mark(msgspec.Struct, frozen=True, gc=False):
    """The engine itself is cancelling this order: `cancelled_at` in UTC ISO form, and why."""

    order_id: str
    cancelled_at: str
    cancel_reason: str


class Outcome(StrEnum):
    """What a layer may conclude about an order that vanished without proof."""

    CANCELLED = "cancelled"
    EXPIRED = "expired"
    PHANTOM_FILL = "phantom_fill"
    HELD = "held"


class Resolution(msgspec.Struct, frozen=True, gc=False):
    """What became of a vanished order. `token` is logged literally; `evidence` is kept with the anomaly."""

    outcome: Outcome
    token: str
    evidence: Facts = {}


# --- what a tick decides ---


class Cause(msgspec.Struct, frozen=True, gc=False):
    """What keeps the engine DEGRADED. `since` counts the session's seconds: time spent down is not in it."""

    source: str
    reason: str
    tick: int
    at: float
    since: float


class Place(msgspec.Struct, frozen=True, gc=False, tag="place"):
    order: Order


class Cancel(msgspec.Struct, frozen=True, gc=False, tag="cancel"):
    order_id: str
    sequence: int
    reason: str


class Prepared(msgspec.Struct, frozen=True, gc=False):
    """An intent that is ready to leave: its sequence and hash are known before it does."""

    intent: Place | Cancel
    sequence: int
    tx_hash: str
    last_ledger: int = 0
    blob: bytes = b""


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """Why an order was not placed: a code, what was measured, and the limit."""

    code: str
    side: Side
    measured: float | None
    limit: float | None


class Event(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Something worth a line: in the log, on the screen, in the database; a `debug` one only in the log."""

    kind: str
    text: str
    source: str = ""
    facts: Facts = {}
    debug: bool = False


class Decision(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What one tick concluded: one line of the decision log."""

    tick: int
    now: float
    ledger_index: int
    mode: Mode
    source: str = ""
    anchor: float | None = None
    anchor_error_bps: float | None = None
    measures: msgspec.Raw = msgspec.Raw(b"{}")
    fills: tuple[Fill, ...] = ()
    orders: tuple[Order, ...] = ()
    intents: tuple[Place | Cancel, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    events: tuple[Event, ...] = ()
    halt: Halt | None = None
