"""The store: one writer, the session, and any number of processes that look on or ask it to stop."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from peewee import SqliteDatabase

from neo_core.errors import StoreError
from neo_core.halts import Halt
from neo_core.model import Decision, Event, Inventory
from neo_core.state import State
from neo_core.store import reports, sessions
from neo_core.store.opening import hold, name_of, one_sentence, open_database, transaction
from neo_core.store.rows import (
    Keeper,
    anomaly_row,
    event_row,
    fill_row,
    inventory_text,
    json_text,
    order_row,
    tick_row,
)
from neo_core.store.schema import Anomalies, EngineState, Events, Fills, Orders, Sessions, Ticks, insert
from neo_core.store.sessions import Opened, Plugin
from neo_core.store.state import KILL, STOP, texts

__all__ = ["Store"]


class Store:
    """Made by `Store.open`. A session begins or is reopened, commits its ticks one by one, and ends.

    Every failure is a `StoreError`: what was being written is rolled back, and the store can still be closed.
    """

    def __init__(self, database: SqliteDatabase, path: Path | None, batch: int) -> None:
        self._database = database
        self._connection: sqlite3.Connection = database.connection()  # type: ignore[no-untyped-call]  # untyped in the stubs
        self._path = path
        self._held: sqlite3.Connection | None = None
        self._where = name_of(path)
        self._batch = batch
        self._keeper = Keeper("", "", 0)
        self._written: State | None = None
        self._latest: State | None = None
        self._waiting: list[tuple[Decision, bytes, Inventory | None, Inventory | None]] = []
        self._add_ticks = insert(database, Ticks)
        self._add_fills = insert(database, Fills)
        self._add_events = insert(database, Events)
        self._add_anomalies = insert(database, Anomalies)
        self._put_texts = insert(database, EngineState, key=("engine", "key"))
        self._put_orders = insert(database, Orders, key=("engine", "id"), keep=("account", "session"))
        self._get_requests = (
            EngineState.select(EngineState.key, EngineState.value)
            .where((EngineState.engine == "") & EngineState.key.in_([STOP, KILL]))
            .bind(database)
            .sql()[0]
        )

    @classmethod
    def open(cls, url: str, *, durable: bool = True, batch: int = 1, must_exist: bool = False) -> Store:
        """`sqlite:///neo.db`, `sqlite:////srv/neo.db`, `sqlite:///C:/neo/neo.db`, or `sqlite://` for memory.

        `durable` outlives a power cut after every commit. With a `batch`, that many ticks in a row may wait
        in memory for one commit; before anything is sent or told, all of them are committed.
        """
        database, path = open_database(url, durable, must_exist)
        return cls(database, path, batch)

    # --- a session ---

    def hold(self, engine: str) -> None:
        """Nobody else may run this engine on this database until the store is closed, or the process is gone."""
        if self._held is None:
            self._held = hold(self._path, engine)

    def begin(
        self,
        engine: str,
        *,
        mode: str,
        account: str,
        started_at: float,
        plugins: Sequence[Plugin],
        config: Mapping[str, Any],
        sources: Collection[str],
        scenario: str | None = None,
        seed: int | None = None,
    ) -> Opened:
        """A fresh session: mode, causes, counts, cool-downs and halt start anew. Sessions that crashed are closed.

        Inventory, orders and the last ledger are taken over from the session before, if `account` is the same.
        """
        row = {
            "engine": engine,
            "mode": mode,
            "account": account,
            "scenario": scenario,
            "seed": seed,
            "plugins": json_text(plugins),
            "config": json_text(config),
        }
        with self._transaction("begin a session"):
            opened = sessions.begin(self._database, row, started_at, sources)
        return self._take(opened)

    def reopen(self, engine: str, session: int, *, plugins: Sequence[Plugin], sources: Collection[str]) -> Opened:
        """The crashed session, as its last commit left it. One that ended is refused."""
        with self._transaction(f"resume session {session}"):
            opened = sessions.reopen(self._database, engine, session, plugins, sources)
        return self._take(opened)

    def crashed(self, engine: str) -> int | None:
        """The session of this engine that has not ended, if there is one."""
        with self._doing("look for a crashed session"):
            return sessions.unended(self._database, engine)

    def first_tick_at(self, session: int) -> float | None:
        """When the session's first tick was, by the clock of its ledgers; None before one is on record."""
        with self._doing("look for the first tick"):
            return sessions.first_tick_at(self._database, session)

    def commit(self, decision: Decision, line: bytes, state: State) -> None:
        """Keeps a tick: its line of the decision log, and whatever of state, orders, fills and events is new."""
        before = self._latest
        if before is None:
            raise StoreError("a tick belongs to a session: begin or reopen one before the first commit")
        self._waiting.append((decision, line, before.inventory, state.inventory))
        self._latest = state
        acts = decision.intents or decision.halt is not None or before.mode is not state.mode
        if not acts and not _worth_a_row(decision.events) and len(self._waiting) < self._batch:
            return
        try:
            self.flush()
        except BaseException:
            # The ticks before this one are whole and may still be written; of this one nothing may be.
            self._waiting.pop()
            self._latest = before
            raise

    def flush(self) -> None:
        """Writes the ticks that are still in memory."""
        if not self._waiting or self._latest is None:
            return
        with self._transaction(f"keep tick {self._latest.tick}"):
            self._write(self._latest)
        self._waiting.clear()
        self._written = self._latest

    def end(self, halt: Halt | None, *, ended_at: float, ticks: int, inventory: Inventory | None) -> Halt:
        """Ends the session and answers the halt that is on record for it: the first specific one, never none."""
        with self._transaction("write how the session ended"):
            final = sessions.end(self._database, self._keeper, halt, ended_at, ticks, inventory)
        self.flush()
        return final

    def close(self) -> None:
        if self._database.is_closed():
            return
        try:
            self.flush()
        finally:
            self._database.close()
            if self._held is not None:
                self._held.close()
                self._held = None

    # --- requests of operators ---

    def requests(self, engine: str) -> tuple[str | None, str | None]:
        """What operators ask for: the text of a stop, and that of a kill switch; None where they do not."""
        with self._doing("look for requests"):
            rows = self._connection.execute(self._get_requests, (engine, STOP, KILL)).fetchall()
        if not rows:
            return None, None
        asked = dict(rows)
        return asked.get(STOP), asked.get(KILL)

    def request_stop(self, engine: str, text: str) -> None:
        self._request(engine, STOP, text)

    def request_kill(self, engine: str, text: str) -> None:
        self._request(engine, KILL, text)

    def clear_kill(self, engine: str) -> None:
        with self._transaction("clear the kill switch"):
            mine = (EngineState.engine == engine) & (EngineState.key == KILL)
            EngineState.delete().where(mine).execute(self._database)

    # --- what people ask ---

    def status(self, engine: str) -> dict[str, Any]:
        with self._doing("read the status"):
            return reports.status(self._database, engine)

    def sessions(self, engine: str) -> list[dict[str, Any]]:
        with self._doing("read the sessions"):
            return reports.sessions(self._database, engine)

    def session(self, engine: str, number: int | None = None) -> dict[str, Any]:
        """One session with its episodes and fills; without a number, the last."""
        with self._doing("read a session"):
            return reports.session(self._database, engine, number)

    def decisions(self, engine: str, number: int | None = None) -> Iterator[str]:
        """The decision log of a session, line by line, as far as it has been committed."""
        with self._doing("read the decision log"):
            yield from reports.decisions(self._database, engine, number)

    # --- inside ---

    def _take(self, opened: Opened) -> Opened:
        self._keeper = opened.keeper
        self._written = self._latest = opened.state
        return opened

    def _doing(self, what: str) -> AbstractContextManager[None]:
        return one_sentence(self._where, what)

    def _transaction(self, doing: str) -> AbstractContextManager[None]:
        return transaction(self._connection, self._where, doing)

    def _write(self, state: State) -> None:
        keeper, execute_many = self._keeper, self._connection.executemany
        ticks, orders, fills, events, anomalies = [], {}, [], [], []
        for decision, line, before, after in self._waiting:
            ticks.append(tick_row(keeper, decision, line))
            for order in decision.orders:
                orders[order.id] = order
            fills += [fill_row(keeper, fill) for fill in decision.fills]
            for event in _worth_a_row(decision.events):
                events.append(event_row(keeper, event, decision.tick, decision.now))
                if event.kind == "anomaly":
                    owned, owns = inventory_text(before), inventory_text(after)
                    anomalies.append(anomaly_row(keeper, event, decision.tick, decision.now, owned, owns))
        changed = texts(state, self._written)
        for statement, rows in (
            (self._add_ticks, ticks),
            (self._put_texts, [(keeper.engine, key, value) for key, value in changed.items()]),
            (self._put_orders, [order_row(keeper, order) for order in orders.values()]),
            (self._add_fills, fills),
            (self._add_events, events),
            (self._add_anomalies, anomalies),
        ):
            if rows:
                execute_many(statement, rows)
        if state.inventory is not None and (self._written is None or self._written.inventory is None):
            row = Sessions.update(inventory_start=inventory_text(state.inventory))
            row.where(Sessions.id == keeper.session).execute(self._database)

    def _request(self, engine: str, key: str, text: str) -> None:
        with self._transaction("leave a request"):
            sessions.write_texts(self._database, engine, {key: text})


def _worth_a_row(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if not event.debug] if events else []
