"""The life of an order, step by step: from the decision log, and from what operators changed between sessions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from peewee import SqliteDatabase, fn

from neo_core.model import Event, Fill, Moved, Order, OrderStatus
from neo_core.store.rows import inventory_text, parsed, xrp_text
from neo_core.store.schema import Anomalies, Events, Ticks, tick_id
from neo_core.store.state import iso

__all__ = ["life"]

Row = Mapping[str, Any]
Step = dict[str, Any]

HELD = OrderStatus.HELD_PENDING_REVIEW
MOVED_BY_PROOF = {
    OrderStatus.CANCELLED: "cancelled, as the ledger proves",
    OrderStatus.EXPIRED: "expired, as the ledger proves",
    OrderStatus.REJECTED: "rejected: no ledger took it",
    OrderStatus.OPEN: "seen on the ledger again",
    HELD: "held: proof has come after a guess",
}
SAID = {"filled": OrderStatus.FILLED, "cancelled": OrderStatus.CANCELLED}


class Line(msgspec.Struct, frozen=True):
    """What a line of the decision log tells of orders. Intents are of several ages, and are left as they are."""

    tick: int
    now: float
    ledger_index: int
    fills: tuple[Fill, ...] = ()
    orders: tuple[Order, ...] = ()
    intents: tuple[dict[str, Any], ...] = ()
    events: tuple[Event, ...] = ()
    moved: Moved | None = None


_line_of = msgspec.json.Decoder(Line).decode


def life(database: SqliteDatabase, row: Row) -> list[Step]:
    """`row` is the order as the table has it. Later sessions may have had a part in its life."""
    engine, order_id, mention = row["engine"], row["id"], f'"{row["id"]}"'
    ticks = Ticks.select(Ticks.session, Ticks.decision).where(
        (Ticks.id >= tick_id(row["session"], row["placed_tick"]))
        & (Ticks.engine == engine)
        & (fn.INSTR(Ticks.decision, mention) > 0)
    )
    why = Anomalies.select().where((Anomalies.engine == engine) & (Anomalies.order_id == order_id))
    anomalies = {(one["session"], one["tick"]): one for one in why.dicts().execute(database)}
    steps: list[Step] = []
    known: Order | None = None
    for session, line in ticks.order_by(Ticks.id).tuples().iterator(database):
        decision = _line_of(line)
        now = next((order for order in decision.orders if order.id == order_id), known)
        if now is not None:
            moment = _Moment(session, decision, known, now, anomalies.get((session, decision.tick)))
            steps += moment.steps()
        known = now
    amended = Events.select().where(
        (Events.engine == engine)
        & Events.kind.in_(["order_resolved", "realigned"])
        & (fn.INSTR(Events.facts, mention) > 0)
        & (fn.INSTR(Events.facts, '"inventory_before"') > 0)
    )
    steps += [_amendment(event) for event in amended.order_by(Events.id).dicts().execute(database)]
    return sorted(steps, key=lambda step: (step["session"], step["tick"]))


class _Moment(msgspec.Struct, frozen=True):
    """One order on one tick: as it was known `before` (None: never), and as it is `now`."""

    session: int
    decision: Line
    before: Order | None
    now: Order
    anomaly: Row | None

    def steps(self) -> Iterator[Step]:
        decision, order_id = self.decision, self.now.id
        events = [event for event in decision.events if event.facts.get("order_id") == order_id]
        yield from self._seen()
        for fill in decision.fills:
            if fill.order_id == order_id:
                yield self._step(_booked(fill), **self._moved())
        if not any(event.kind == "order_ended" or _decides(event) for event in events):
            yield from self._proven()
        for event in events:
            yield self._told(event)
        yield from self._cancelled()

    def _seen(self) -> Iterator[Step]:
        if self.before is None:
            yield self._step(self._appeared())
        elif self.now.seen and not self.before.seen:
            yield self._step("seen on the ledger")

    def _proven(self) -> Iterator[Step]:
        before, now = self.before, self.now
        if before is None or before.status is now.status or now.status not in MOVED_BY_PROOF:
            return
        if now.status is not OrderStatus.OPEN or before.seen:
            yield self._step(MOVED_BY_PROOF[now.status])

    def _cancelled(self) -> Iterator[Step]:
        if self.now.cancelled_at and (self.before is None or not self.before.cancelled_at):
            yield self._step(f"marked: {self.now.cancel_reason}")
        for intent in self.decision.intents:
            if intent["type"] == "cancel" and intent["order_id"] == self.now.id:
                yield self._step(f"cancel requested: {intent['reason']}")
            elif intent.get("replaced_id") == self.now.id:
                yield self._step(f"replaced by order {intent['order_id']}, if that is placed")

    def _appeared(self) -> str:
        now = self.now
        offer = f"{now.side} {xrp_text(now.drops)} XRP for {now.rlusd:f} RLUSD"
        return (
            f"placed: {offer}"
            if now.status is OrderStatus.PENDING
            else f"found on the ledger, and adopted: {offer}"
        )

    def _told(self, event: Event) -> Step:
        row = self.anomaly
        if event.kind in ("order_ended", "order_waits"):
            evidence = dict(event.facts)
            layer, token = evidence.pop("layer"), evidence.pop("token")
            return self._step(event.text, layer=layer, token=token, evidence=evidence)
        if event.kind != "anomaly" or row is None:
            return self._step(event.text, **(self._moved() if _decides(event) else {}))
        return self._step(
            "held" if row["verdict"] == "held" else f"resolved: {row['verdict']}",
            layer=row["layer"],
            token=row["token"],
            evidence=parsed(row["evidence"]),
            inventory_before=parsed(row["inventory_before"]),
            inventory_after=parsed(row["inventory_after"]),
        )

    def _moved(self) -> Step:
        moved = self.decision.moved
        if moved is None:
            return {}
        before, after = inventory_text(moved.before), inventory_text(moved.after)
        return {"inventory_before": parsed(before), "inventory_after": parsed(after)}

    def _step(self, what: str, **more: Any) -> Step:
        decision = self.decision
        at, ledger_index = iso(decision.now), decision.ledger_index
        return _step(self.session, decision.tick, at, ledger_index, str(self.now.status), what, **more)


def _step(
    session: int, tick: int, at: str, ledger_index: int | None, status: str | None, what: str, **more: Any
) -> Step:
    return {
        "session": session,
        "tick": tick,
        "at": at,
        "ledger_index": ledger_index,
        "status": status,
        "what": what,
        "layer": "",
        "token": "",
        "evidence": {},
        "inventory_before": None,
        "inventory_after": None,
        **more,
    }


def _decides(event: Event) -> bool:
    return event.kind in ("anomaly", "order_resolved")


def _booked(fill: Fill) -> str:
    sums = f"{fill.side} {xrp_text(fill.drops)} XRP for {fill.rlusd:f} RLUSD"
    return f"filled: {sums}, transaction {fill.tx_hash}" if fill.proven else f"booked: {sums}, {fill.tx_hash}"


def _amendment(event: Row) -> Step:
    facts = parsed(event["facts"])
    status = SAID.get(facts.get("verdict"))
    return _step(
        event["session"],
        event["tick"],
        iso(event["at"]),
        None,
        None if status is None else status.value,
        event["text"],
        evidence={key: value for key, value in facts.items() if not key.startswith("inventory_")},
        inventory_before=parsed(facts["inventory_before"]),
        inventory_after=parsed(facts["inventory_after"]),
    )
