"""How a session begins, is reopened after a crash, and ends, as rows. Each in one transaction of the caller."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace
from peewee import EXCLUDED, SqliteDatabase, fn

from neo_core.errors import StoreError, UsageError
from neo_core.halts import Halt, HaltReason
from neo_core.model import Inventory
from neo_core.state import Regime, State
from neo_core.store.reports import engine_texts, last_tick
from neo_core.store.rows import Keeper, inventory_text, json_text, order_of
from neo_core.store.schema import EngineState, Orders, Sessions, Ticks, ticks_of, unfinished
from neo_core.store.state import KILL, Runtime, halt_of, iso, read_runtime, restore, texts

__all__ = ["Opened", "Plugin", "begin", "books", "end", "first_tick_at", "reopen", "unended", "write_texts"]


class Plugin(msgspec.Struct, frozen=True):
    name: str
    version: str


class Opened(msgspec.Struct, frozen=True):
    """A session that may start to tick: whose it is, what it starts from, and what to tell about it.

    `crashed` are the sessions that had not ended and were closed now; `notes` are sentences for the log.
    """

    keeper: Keeper
    state: State
    crashed: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


def begin(database: SqliteDatabase, row: Mapping[str, Any], started_at: float, sources: Collection[str]) -> Opened:
    """A fresh session: everything starts anew but what the account owns, owes and was last seen at."""
    engine, account = row["engine"], row["account"]
    kept = engine_texts(database, engine)
    previous = _last(database, engine)
    runtime = Runtime()
    notes: tuple[str, ...] = ()
    if previous is not None:
        try:
            runtime = read_runtime(kept)
        except StoreError as error:
            notes = (f"session {previous['id']}: what it owned is not known any more: {error}",)
    crashed = _close_crashed(database, engine, iso(started_at), halt_of(kept), runtime.inventory)
    if previous is None or previous["account"] != account:
        runtime = Runtime()
    start = {**row, "started_at": iso(started_at), "inventory_start": inventory_text(runtime.inventory)}
    session = Sessions.insert(start).execute(database)
    orders, closed = _orders(database, engine, account, runtime.closed)
    state = State(
        session=session,
        regime=Regime(episodes=dict.fromkeys(sources, 0), cooldowns=dict.fromkeys(sources, 0)),
        ledger_index=runtime.ledger_index,
        inventory=runtime.inventory,
        orders=orders,
        closed=closed,
        realigned=runtime.realigned,
        untold=runtime.untold,
    )
    of_engine = (EngineState.engine == engine) & (EngineState.key != KILL)
    EngineState.delete().where(of_engine).execute(database)
    write_texts(database, engine, texts(state))
    return Opened(Keeper(engine, account, session), state, crashed, notes)


def reopen(
    database: SqliteDatabase, engine: str, session: int, plugins: Sequence[Plugin], sources: Collection[str]
) -> Opened:
    """The session that crashed, under its own id: its halt is cleared, all else is as its last tick left it."""
    found = Sessions.select().where((Sessions.engine == engine) & (Sessions.id == session))
    row = found.dicts().first(database)
    if row is None:
        raise UsageError(
            f"engine {engine!r} has no session {session} to resume; `neo sessions` lists those it has"
        )
    if row["ended_at"] is not None:
        raise UsageError(
            f"session {session} has ended ({row['halt_reason']}, at {row['ended_at']}) and cannot be resumed; "
            "start a fresh one without --resume"
        )
    state, notes = _restored(database, row, sources)
    opened = replace(state, halt=None)
    changed = texts(opened)
    changed.pop("degraded_since")  # an episode that was running goes on, and began when it began
    write_texts(database, engine, changed)
    loaded = msgspec.json.decode(row["plugins"], type=list[Plugin])
    loaded += [plugin for plugin in plugins if plugin not in loaded]
    _update(database, session, plugins=json_text(loaded))
    return Opened(Keeper(engine, row["account"], session), opened, (), notes)


def books(database: SqliteDatabase, engine: str) -> tuple[Keeper, State] | None:
    """The last session's account, and the state in which it is or was left."""
    row = _last(database, engine)
    if row is None:
        return None
    state, _ = _restored(database, row, ())
    return Keeper(engine, row["account"], row["id"]), state


def unended(database: SqliteDatabase, engine: str) -> int | None:
    query = Sessions.select(fn.MAX(Sessions.id)).where((Sessions.engine == engine) & Sessions.ended_at.is_null())
    number: int | None = query.scalar(database)
    return number


def first_tick_at(database: SqliteDatabase, session: int) -> float | None:
    query = Ticks.select(Ticks.now).where(ticks_of(session)).order_by(Ticks.id).limit(1)
    at: float | None = query.scalar(database)
    return at


def end(
    database: SqliteDatabase,
    keeper: Keeper,
    halt: Halt | None,
    ended_at: float,
    ticks: int,
    inventory: Inventory | None,
) -> Halt:
    """Writes how the session ended. The first specific reason on record stays, and there is always one."""
    final = _first_specific(halt_of(engine_texts(database, keeper.engine)), halt)
    write_texts(
        database,
        keeper.engine,
        {
            "mode": "HALT",
            "halt.reason": final.reason.value,
            "halt.source": final.source,
            "halt.detail": final.detail,
        },
    )
    _close(database, keeper.session, iso(ended_at), ticks, final, inventory)
    return final


def write_texts(database: SqliteDatabase, engine: str, changed: Mapping[str, str]) -> None:
    rows = [{"engine": engine, "key": key, "value": value} for key, value in changed.items()]
    query = EngineState.insert_many(rows).on_conflict(
        conflict_target=["engine", "key"], update={EngineState.value: EXCLUDED.value}
    )
    query.execute(database)


def _first_specific(recorded: Halt | None, given: Halt | None) -> Halt:
    """The reason on record stays; the same one given again may say more in its detail."""
    if recorded is None or recorded.reason is HaltReason.UNEXPECTED:
        unknown = Halt(HaltReason.UNEXPECTED, "", "the session ended and no reason was given")
        return given or recorded or unknown
    return given if given is not None and given.reason is recorded.reason else recorded


def _close_crashed(
    database: SqliteDatabase, engine: str, at: str, recorded: Halt | None, inventory: Inventory | None
) -> tuple[int, ...]:
    """A reason that was on record before the crash stands; what the texts say is about the last session only."""
    query = Sessions.select(Sessions.id).where((Sessions.engine == engine) & Sessions.ended_at.is_null())
    crashed = [number for (number,) in query.order_by(Sessions.id).tuples().execute(database)]
    last = Sessions.select(fn.MAX(Sessions.id)).where(Sessions.engine == engine).scalar(database)
    for session in crashed:
        ticks = last_tick(database, session)
        crash = Halt(HaltReason.UNEXPECTED, "", f"it did not end by itself; tick {ticks} is the last on record")
        final = _first_specific(recorded if session == last else None, crash)
        _close(database, session, at, ticks, final, inventory if session == last else None)
    return tuple(crashed)


def _close(
    database: SqliteDatabase, session: int, at: str, ticks: int, halt: Halt, inventory: Inventory | None
) -> None:
    _update(
        database,
        session,
        ended_at=at,
        ticks=ticks,
        halt_reason=halt.reason.value,
        halt_source=halt.source,
        halt_detail=halt.detail,
        inventory_end=inventory_text(inventory),
    )


def _update(database: SqliteDatabase, session: int, **columns: Any) -> None:
    Sessions.update(columns).where(Sessions.id == session).execute(database)


def _last(database: SqliteDatabase, engine: str) -> dict[str, Any] | None:
    query = Sessions.select().where(Sessions.engine == engine).order_by(Sessions.id.desc())
    row: dict[str, Any] | None = query.dicts().first(database)
    return row


def _restored(
    database: SqliteDatabase, row: Mapping[str, Any], sources: Collection[str]
) -> tuple[State, tuple[str, ...]]:
    kept = engine_texts(database, row["engine"])
    orders, closed = _orders(database, row["engine"], row["account"], read_runtime(kept).closed)
    return restore(row["id"], kept, [*orders.values(), *closed.values()], sources)


def _orders(
    database: SqliteDatabase, engine: str, account: str, closed_ids: Collection[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The orders of this account to watch, and those that closed a few ledgers ago."""
    own = (Orders.engine == engine) & (Orders.account == account)
    query = Orders.select().where(own & (unfinished() | Orders.id.in_(list(closed_ids))))
    found = [
        order_of(row)
        for row in query.order_by(Orders.placed_at, Orders.sequence, Orders.id).dicts().execute(database)
    ]
    closed = {order.id: order for order in found if order.id in closed_ids}
    return {order.id: order for order in found if order.id not in closed}, closed
