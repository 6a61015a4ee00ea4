"""What comes into a tick, and what it decides."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from neo_core.halts import Halt
from neo_core.model.ledger import Ack, Observation, Side
from neo_core.model.orders import Fill, Inventory, Order
from neo_core.model.plugins import Facts, Mode

__all__ = [
    "Cancel",
    "CancelAll",
    "Cause",
    "Command",
    "Decision",
    "Event",
    "Input",
    "Moved",
    "Place",
    "Prepared",
    "Refusal",
    "Resolve",
    "TruthCheck",
]


class CancelAll(msgspec.Struct, frozen=True, gc=False, tag="cancel_all"):
    """An operator wants every own offer cancelled. Quoting goes on once the ledger shows none."""

    number: int
    reason: str


class Resolve(msgspec.Struct, frozen=True, gc=False, tag="resolve"):
    """An operator knows what became of a held order."""

    number: int
    order_id: str
    filled: bool
    reason: str


Command = CancelAll | Resolve
"""What an operator asks for once; `number` is its row in the database, kept as done with the tick that did it."""


class Input(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Everything a tick may know. Without an observation, `failure` says why there is none.

    `broken` is what went wrong in the session itself: this tick then only ends it.
    """

    now: float
    observation: Observation | None = None
    failure: str = ""
    stop: str | None = None
    kill: str | None = None
    exhausted: bool = False
    acks: tuple[Ack, ...] = ()
    commands: tuple[Command, ...] = ()
    broken: str = ""


class Cause(msgspec.Struct, frozen=True, gc=False):
    """What keeps the engine DEGRADED. `since` counts the session's seconds: time spent down is not in it."""

    source: str
    reason: str
    tick: int
    at: float
    since: float


class Place(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag="place"):
    """A new offer. It may take the place of an own one in the same transaction: `replaces` is the sequence of that
    offer (0: of none), `replaced_id` its order.
    """

    order_id: str
    side: Side
    drops: int
    rlusd: Decimal
    expires_at: float | None = None
    replaces: int = 0
    replaced_id: str = ""


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


class TruthCheck(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The engine's inventory against the wallet, both as of one validated ledger.

    `verdict` is ok, beyond (the tolerance), far_beyond (the halt tolerance), or not_made (nothing was seen).
    """

    verdict: str
    inventory: Inventory | None = None
    wallet: Inventory | None = None


class Moved(msgspec.Struct, frozen=True, gc=False):
    """The inventory before and after a tick that moved it."""

    before: Inventory
    after: Inventory


class Decision(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What one tick concluded: one line of the decision log. `done` are the commands that it carried out."""

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
    truth: TruthCheck | None = None
    moved: Moved | None = None
    done: tuple[int, ...] = ()
