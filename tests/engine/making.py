"""What the tests of the engine are written with: guards that say what they are told to, and things that fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from neo_core import Clear, Enter, Event, GuardConfig, Mark, Order, Recover, Resolution, Stay, View, Wait, hookimpl
from neo_core.model import (
    Ack,
    AckOutcome,
    Cancel,
    Decision,
    Observation,
    OfferEvent,
    OrderStatus,
    OwnTransaction,
    Place,
    Prepared,
)
from neo_core.state import State
from neo_core.testing.rehearsal import Rehearsal

SECONDS = 4.0
DEGRADED_CANCEL, HALT_CANCEL = "DEGRADED_CANCEL", "HALT_CANCEL"


# --- guards ---


class Script:
    """What a guard will answer on the next tick, and what it was asked so far."""

    def __init__(self) -> None:
        self.enter = False
        self.well = False
        self.fail = ""
        self.asked: list[tuple[str, int]] = []

    def ticks_of(self, hook: str) -> list[int]:
        return [tick for asked, tick in self.asked if asked == hook]

    def hear(self, hook: str, view: View) -> None:
        self.asked.append((hook, view.tick))
        if self.fail == hook:
            raise RuntimeError(f"{hook} is out of order")


class Scripted:
    source: str
    config_class = GuardConfig
    script: Script

    def __init__(self, config: GuardConfig) -> None:
        self.config = config

    @hookimpl
    def observe(self, view: View) -> None:
        self.script.hear("observe", view)

    @hookimpl
    def evaluate_entry(self, view: View) -> Clear | Enter:
        self.script.hear("evaluate_entry", view)
        return Enter(f"{self.source} says so", {"limit": 1.0}) if self.script.enter else Clear({"limit": 1.0})

    @hookimpl
    def evaluate_recovery(self, view: View) -> Stay | Recover:
        self.script.hear("evaluate_recovery", view)
        return Recover(f"{self.source} is well") if self.script.well else Stay()

    @hookimpl
    def on_rearm(self, view: View) -> None:
        self.script.hear("on_rearm", view)


def guard(source: str = "amber") -> tuple[Script, type[Scripted]]:
    script = Script()
    return script, type(source.title(), (Scripted,), {"source": source, "script": script})


class Marker:
    """Marks every order that is about to be cancelled."""

    @hookimpl
    def on_cancel_all(self, orders: Sequence[Order], cause: str) -> list[Mark]:
        return [Mark(order.id, "2026-01-01T00:00:00Z", cause) for order in orders]

    def __init__(self, config: object) -> None:
        pass


def layer(answer: Resolution | Wait | None) -> type[Any]:
    class Layer:
        def __init__(self, config: object) -> None:
            pass

        @hookimpl
        def on_disappeared_order(self) -> Resolution | Wait | None:
            return answer

    return Layer


# --- what came of a tick ---


def kinds(decision: Decision) -> list[str]:
    return [event.kind for event in decision.events]


def named(decision: Decision, kind: str) -> Event:
    (event,) = [event for event in decision.events if event.kind == kind]
    return event


def measures(decision: Decision) -> dict[str, Any]:
    """As they are in the decision log."""
    told: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(decision)).get("measures", {})
    return told


def places(decision: Decision) -> list[Order]:
    orders = {order.id: order for order in decision.orders}
    return [orders[intent.order_id] for intent in decision.intents if isinstance(intent, Place)]


def cancels(decision: Decision) -> list[Cancel]:
    return [intent for intent in decision.intents if isinstance(intent, Cancel)]


def replaced(decision: Decision) -> list[str]:
    """The orders that this decision ends by putting another one in their place."""
    return [one.replaced_id for one in decision.intents if isinstance(one, Place) and one.replaced_id]


def reason(stage: Rehearsal) -> str | None:
    halt = stage.state.halt
    return None if halt is None else halt.reason.value


def degraded(source: str = "amber", settings: Mapping[str, Any] | None = None) -> tuple[Script, Rehearsal]:
    """A stage that quoted for two ticks and entered DEGRADED on the third."""
    script, plugin = guard(source)
    stage = Rehearsal({source: plugin}, settings)
    stage.ticks(2)
    script.enter = True
    stage.tick()
    script.enter = False
    assert stage.state.mode == "DEGRADED"
    return script, stage


def alive(state: State) -> list[Order]:
    over = {OrderStatus.HELD_PENDING_REVIEW}
    return [order for order in state.orders.values() if order.status not in over]


# --- what the ledger shows ---


class Curtain:
    """Hides what a ledger did to the account, until it is lifted: a node that is late with it."""

    def __init__(self) -> None:
        self.drawn = True
        self._events: tuple[OfferEvent, ...] = ()
        self._transactions: tuple[OwnTransaction, ...] = ()

    def __call__(self, seen: Observation) -> Observation:
        events = (*self._events, *seen.account.events)
        transactions = (*self._transactions, *seen.account.transactions)
        if self.drawn:
            self._events, self._transactions = events, transactions
            return account(seen, offers=(), events=(), transactions=())
        self._events, self._transactions = (), ()
        late = tuple(replace(event, ledger_index=seen.ledger_index) for event in events)
        paid = tuple(replace(one, ledger_index=seen.ledger_index) for one in transactions)
        return account(seen, events=late, transactions=paid)


def account(seen: Observation, **changes: Any) -> Observation:
    return replace(seen, account=replace(seen.account, **changes))


def swallow(prepared: Sequence[Prepared]) -> tuple[Ack, ...]:
    """Takes transactions and never brings them to the ledger."""
    return tuple(ack(one, AckOutcome.SENT) for one in prepared)


def refuse(prepared: Sequence[Prepared]) -> tuple[Ack, ...]:
    return tuple(ack(one, AckOutcome.REFUSED) for one in prepared)


def ack(prepared: Prepared, outcome: AckOutcome) -> Ack:
    intent = prepared.intent
    return Ack(intent.order_id, isinstance(intent, Cancel), outcome, "telREFUSED")
