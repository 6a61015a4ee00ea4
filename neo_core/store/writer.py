"""Ticks and amendments as rows, by statements that are compiled once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from peewee import SqliteDatabase

from neo_core.model import Decision, Event, Fill, Order
from neo_core.state import State
from neo_core.store import commands
from neo_core.store.rows import (
    Keeper,
    anomaly_row,
    event_row,
    fill_row,
    inventory_text,
    order_row,
    tick_rows,
    truth_row,
)
from neo_core.store.schema import (
    Anomalies,
    EngineState,
    Events,
    Fills,
    Orders,
    Sessions,
    Ticks,
    TruthChecks,
    insert,
)
from neo_core.store.state import texts

__all__ = ["Kept", "Writer"]

Kept = tuple[Decision, bytes]
"""A tick: its decision, and its line of the decision log."""


class Writer:
    """Writes inside a transaction of the caller."""

    def __init__(self, database: SqliteDatabase, connection: sqlite3.Connection) -> None:
        self._database = database
        self._cursor = connection.cursor()
        self._add_ticks = insert(database, Ticks)
        self._add_fills = insert(database, Fills)
        self._add_events = insert(database, Events)
        self._add_anomalies = insert(database, Anomalies)
        self._add_checks = insert(database, TruthChecks)
        self._put_texts = insert(database, EngineState, key=("engine", "key"))
        self._put_orders = insert(database, Orders, key=("engine", "id"), keep=("account", "session"))

    def ticks(self, keeper: Keeper, ticks: Sequence[Kept], state: State, written: State | None) -> None:
        orders, fills, events, anomalies, checks = {}, [], [], [], []
        for decision, _ in ticks:
            for order in decision.orders:
                orders[order.id] = order
            if decision.fills:
                fills += [fill_row(keeper, fill) for fill in decision.fills]
            for event in decision.events:
                if event.debug:
                    continue
                events.append(event_row(keeper, event, decision.tick, decision.now))
                if event.kind == "anomaly":
                    anomalies.append(anomaly_row(keeper, event, decision.tick, decision.now))
            if decision.truth is not None:
                checks.append(truth_row(keeper, decision, decision.truth))
            if decision.done:
                commands.done(self._database, keeper, decision)
        self._put(self._add_ticks, tick_rows(keeper, ticks))
        self._put_state(keeper, state, written)
        self._put(self._put_orders, [order_row(keeper, order) for order in orders.values()])
        self._put(self._add_fills, fills)
        self._put(self._add_events, events)
        self._put(self._add_anomalies, anomalies)
        self._put(self._add_checks, checks)
        if state.inventory is not None and (written is None or written.inventory is None):
            row = Sessions.update(inventory_start=inventory_text(state.inventory))
            row.where(Sessions.id == keeper.session).execute(self._database)

    def amendment(
        self,
        keeper: Keeper,
        before: State,
        after: State,
        orders: Iterable[Order],
        fills: Iterable[Fill],
        events: Iterable[Event],
        at: float,
    ) -> None:
        """What an operator changed between two sessions, kept under the last one. Its end stays as it was."""
        owned, owns = inventory_text(before.inventory), inventory_text(after.inventory)
        tick = after.tick
        self._put_state(keeper, after, before)
        self._put(self._put_orders, [order_row(keeper, order) for order in orders])
        self._put(self._add_fills, [fill_row(keeper, fill) for fill in fills])
        for event in events:
            facts = {**event.facts, "inventory_before": owned, "inventory_after": owns}
            told = Event(event.kind, event.text, event.source, facts)
            self._put(self._add_events, [event_row(keeper, told, tick, at)])

    def _put_state(self, keeper: Keeper, state: State, written: State | None) -> None:
        changed = texts(state, written)
        self._put(self._put_texts, [(keeper.engine, key, value) for key, value in changed.items()])

    def _put(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        if rows:
            self._cursor.executemany(statement, rows)
