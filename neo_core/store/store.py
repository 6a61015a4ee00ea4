"""The store: one writer, the session, and any number of processes that look on or ask it to stop."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from peewee import SqliteDatabase

from neo_core.errors import LeaseLost, StoreError
from neo_core.halts import Halt
from neo_core.model import Command, Decision, Event, Fill, Inventory, Order
from neo_core.state import State, mode_of
from neo_core.store import commands, leases, orders, reports, sessions
from neo_core.store.leases import Lease
from neo_core.store.opening import open_database
from neo_core.store.rows import Keeper, json_text
from neo_core.store.schema import EngineState
from neo_core.store.sentences import name_of, one_sentence, transaction
from neo_core.store.sessions import Opened, Plugin
from neo_core.store.state import KILL, STOP
from neo_core.store.writer import Kept, Writer

__all__ = ["Store"]

LEASE_SECONDS = 15.0
CHECKPOINT_PAGES = 1000  # as SQLite has it by default


class Store:
    """Made by `Store.open`. A session begins or is reopened, commits its ticks one by one, and ends.

    Every failure is a `StoreError`: what was being written is rolled back, and the store can still be closed.
    """

    def __init__(
        self, database: SqliteDatabase, path: Path | None, batch: int, durable: bool, told: str = ""
    ) -> None:
        self._database = database
        self._connection: sqlite3.Connection = database.connection()  # type: ignore[no-untyped-call]  # untyped in the stubs
        self._path = path
        self._where = name_of(path)
        self._batch = batch
        self._durable = durable
        self._told = (told,) if told else ()
        self._lease: Lease | None = None
        self._keeper = Keeper("", "", 0)
        self._written: State | None = None
        self._latest: State | None = None
        self._waiting: list[Kept] = []
        self._writer = Writer(database, self._connection)
        self._get_commands = commands.pending(database)
        self._get_requests = (
            EngineState.select(EngineState.key, EngineState.value)
            .where((EngineState.engine == "") & EngineState.key.in_([STOP, KILL]))
            .bind(database)
            .sql()[0]
        )

    @classmethod
    def open(cls, url: str, *, durable: bool = True, batch: int = 1, must_exist: bool = False) -> Store:
        """`sqlite:///neo.db`, `sqlite:////srv/neo.db`, `sqlite:///C:/neo/neo.db`, or `sqlite://` for memory.

        `durable` outlives a power cut after every commit; without it, only what must not be lost does: a
        cancel_all with its marks, and how a session ends. With a `batch`, that many ticks in a row may wait in
        memory for one commit; before anything is sent or told, all of them are committed.

        A database of an older schema is copied beside itself, and then brought to this one.
        """
        database, path, told = open_database(url, durable, must_exist)
        return cls(database, path, batch, durable, told)

    # --- a session ---

    def hold(
        self,
        engine: str,
        seconds: float = LEASE_SECONDS,
        *,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Takes the lease of the engine, until the store is closed, the process is gone, or `seconds` pass without
        a `beat`. Refused while another process has it. A database in memory is nobody else's, and needs none.
        """
        if self._lease is None and self._path is not None:
            self._lease = Lease(self._database, self._path, engine, seconds, wall, clock)

    def beat(self) -> None:
        """Renews the lease, when it is time to. `LeaseLost`, once another process trades as this engine."""
        if self._lease is not None and self._lease.is_due():
            self._while_ours(self._lease.renew)

    @property
    def notes(self) -> tuple[str, ...]:
        """What opening it has changed, for whoever does not begin a session on it."""
        return self._told

    def let_go(self) -> None:
        """Gives the lease back, if this store has it."""
        if self._lease is not None:
            # What cannot be given back expires by itself, and the lock is free in any case.
            with suppress(StoreError):
                self._lease.give_back()
            self._lease = None

    def holder(self, engine: str, *, wall: Callable[[], float] = time.time) -> dict[str, Any] | None:
        """Who runs the engine: session, host, pid, and since when; None if nobody does."""
        if self._path is None:
            return None
        own = None if self._lease is None else self._lease.token
        with self._doing("look who runs the engine"):
            return leases.holder(self._database, self._path, engine, wall(), own)

    def engine_on(self, account: str, *, besides: str, wall: Callable[[], float] = time.time) -> str | None:
        """Another engine of this database that runs on the account; None if none does."""
        if self._path is None:
            return None
        with self._doing("look who trades on the account"):
            running = leases.running_on(self._database, self._path, account, wall())
        return next((name for name in running if name != besides), None)

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
            self._name(opened)
        return self._take(opened)

    def reopen(self, engine: str, session: int, *, plugins: Sequence[Plugin], sources: Collection[str]) -> Opened:
        """The crashed session, as its last commit left it. One that ended is refused."""
        with self._transaction(f"resume session {session}"):
            opened = sessions.reopen(self._database, engine, session, plugins, sources)
            self._name(opened)
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
        self._waiting.append((decision, line))
        self._latest = state
        moved = decision.halt is not None or decision.mode is not mode_of(before.halt, before.regime)
        acts = moved or decision.intents or decision.done
        told = decision.events and not all(event.debug for event in decision.events)
        if not acts and not told and len(self._waiting) < self._batch:
            return
        try:
            self.flush()
        except LeaseLost:
            raise
        except BaseException:
            # The ticks before this one are whole and may still be written; of this one nothing may be.
            self._waiting.pop()
            self._latest = before
            raise

    def flush(self) -> None:
        """Writes the ticks that are still in memory."""
        state, written = self._latest, self._written
        if not self._waiting or state is None:
            return
        open_transaction = self._synced_transaction if _must_not_be_lost(state, written) else self._transaction
        with open_transaction(f"keep tick {state.tick}"):
            self._check_lease()
            self._writer.ticks(self._keeper, self._waiting, state, written)
        self._waiting.clear()
        self._written = state

    def end(self, halt: Halt | None, *, ended_at: float, ticks: int, inventory: Inventory | None) -> Halt:
        """Ends the session and answers the halt that is on record for it: the first specific one, never none."""
        with self._synced_transaction("write how the session ended"):
            self._check_lease()
            final = sessions.end(self._database, self._keeper, halt, ended_at, ticks, inventory)
        self.flush()
        return final

    def close(self) -> None:
        if self._database.is_closed():
            return
        try:
            self.flush()
        finally:
            self.let_go()
            self._database.close()

    # --- books that no session keeps at the moment ---

    def books(self, engine: str) -> tuple[Keeper, State] | None:
        """The last session's account, and its state as resuming would find it. Nothing is changed."""
        with self._doing("read the books"):
            return sessions.books(self._database, engine)

    def amend(
        self,
        engine: str,
        keeper: Keeper,
        before: State,
        after: State,
        *,
        orders: Iterable[Order],
        fills: Iterable[Fill],
        events: Iterable[Event],
        at: float,
    ) -> None:
        """What an operator changes while no session runs, and only under the lease of the engine."""
        if self._path is not None and (self._lease is None or self._lease.engine != engine):
            raise StoreError(f"{self._where}: whoever changes the books of {engine!r} must hold its lease first")
        with self._synced_transaction("amend the books"):
            self._check_lease()
            self._writer.amendment(keeper, before, after, orders, fills, events, at)

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

    def ask(
        self,
        engine: str,
        command_kind: str,
        *,
        order_id: str = "",
        filled: bool = False,
        reason: str,
        asked_at: float,
    ) -> int:
        """Leaves a command, `cancel_all` or `resolve`, for the session that runs or the next one; its number."""
        with self._transaction("leave a command"):
            return commands.ask(self._database, engine, command_kind, order_id, filled, reason, asked_at)

    def commands(self, engine: str) -> tuple[Command, ...]:
        """What operators have asked for and no tick has done yet, in that order."""
        with self._doing("look for commands"):
            rows = self._connection.execute(self._get_commands, (engine,)).fetchall()
        return tuple([commands.command_of(row) for row in rows]) if rows else ()

    def command(self, number: int) -> dict[str, Any]:
        """A command with what became of it; `done_at` is None until a tick has done it."""
        with self._doing("read a command"):
            return commands.command(self._database, number)

    # --- what people ask ---

    def status(self, engine: str) -> dict[str, Any]:
        with self._doing("read the status"):
            return {**reports.status(self._database, engine), "running": self.holder(engine)}

    def sessions(self, engine: str) -> list[dict[str, Any]]:
        with self._doing("read the sessions"):
            return reports.sessions(self._database, engine)

    def session(self, engine: str, number: int | None = None) -> dict[str, Any]:
        """One session with its episodes and fills; without a number, the last."""
        with self._doing("read a session"):
            return reports.session(self._database, engine, number)

    def decisions(self, engine: str, number: int | None = None, since_tick: int = 0) -> Iterator[str]:
        """The decision log of a session, line by line, as far as it has been committed."""
        with self._doing("read the decision log"):
            yield from reports.decisions(self._database, engine, number, since_tick)

    def orders(self, engine: str, *, held: bool = False, limit: int = 50) -> list[dict[str, Any]]:
        """The latest orders, newest first; or those `held` for review, with the evidence."""
        with self._doing("read the orders"):
            return orders.orders(self._database, engine, held, limit)

    def order(self, engine: str, order_id: str) -> dict[str, Any]:
        """One order with its whole `life`, step by step."""
        with self._doing("read an order"):
            return orders.order(self._database, engine, order_id)

    # --- inside ---

    def _take(self, opened: Opened) -> Opened:
        self._keeper = opened.keeper
        self._written = self._latest = opened.state
        told, self._told = self._told, ()
        return replace(opened, notes=told + opened.notes) if told else opened

    def _name(self, opened: Opened) -> None:
        if self._lease is not None:
            self._lease.names(opened.state.session)

    def _check_lease(self) -> None:
        if self._lease is not None:
            self._while_ours(self._lease.check)

    def _while_ours(self, step: Callable[[], None]) -> None:
        try:
            step()
        except LeaseLost:
            # What another process has gone on from is not ours to add to, now or when the store is closed.
            self._waiting.clear()
            raise

    def _doing(self, what: str) -> AbstractContextManager[None]:
        return one_sentence(self._where, what)

    def _transaction(self, doing: str) -> AbstractContextManager[None]:
        return transaction(self._connection, self._where, doing)

    @contextmanager
    def _synced_transaction(self, doing: str) -> Iterator[None]:
        """It outlives a power cut, also in a store that is not durable. Somebody waits for it, so the housekeeping
        of the file, which may take four times as long, is left to the next one.
        """
        with self._doing(doing):
            self._connection.execute("PRAGMA wal_autocheckpoint = 0")
            if not self._durable:  # outside of the transaction: inside, SQLite would not heed it
                self._connection.execute("PRAGMA synchronous = FULL")
            try:
                with self._transaction(doing):
                    yield
            finally:
                if not self._durable:
                    self._connection.execute("PRAGMA synchronous = NORMAL")
                self._connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")

    def _request(self, engine: str, key: str, text: str) -> None:
        with self._transaction("leave a request"):
            sessions.write_texts(self._database, engine, {key: text})


def _must_not_be_lost(state: State, written: State | None) -> bool:
    """A cancel_all was ordered, with its marks, or the session halted."""
    if written is None:
        return True
    ordered = state.sweep is not None and state.sweep is not written.sweep
    return ordered or (state.halt is not None and state.halt is not written.halt)
