"""What the database tells people: how an engine stands, its sessions, episodes, fills and decisions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from peewee import SqliteDatabase, fn

from neo_core.errors import StoreError, UsageError
from neo_core.model import OrderStatus
from neo_core.store.commands import waiting
from neo_core.store.rows import inventory_text, parsed, xrp_text
from neo_core.store.schema import (
    EngineState,
    Events,
    Fills,
    Orders,
    Sessions,
    Ticks,
    TruthChecks,
    ticks_of,
    unfinished,
)
from neo_core.store.state import KILL, STOP, iso, read_runtime, recovery_counts

__all__ = ["decisions", "engine_texts", "last_tick", "session", "sessions", "status"]


def engine_texts(database: SqliteDatabase, engine: str) -> dict[str, str]:
    query = EngineState.select(EngineState.key, EngineState.value).where(EngineState.engine == engine)
    return dict(query.tuples().execute(database))


def status(database: SqliteDatabase, engine: str) -> dict[str, Any]:
    last = _session_row(database, engine, None)
    kept = engine_texts(database, engine)
    by_status = dict(
        Orders.select(Orders.status, fn.COUNT(Orders.id))
        .where((Orders.engine == engine) & (Orders.account == last["account"]) & unfinished())
        .group_by(Orders.status)
        .tuples()
        .execute(database)
    )
    held = by_status.get(OrderStatus.HELD_PENDING_REVIEW.value, 0)
    return {
        "engine": engine,
        "session": last["id"],
        "started_at": last["started_at"],
        "ended_at": last["ended_at"],
        "mode": kept.get("mode") or None,
        "degraded_since": kept.get("degraded_since") or None,
        "degraded_source": kept.get("degraded_source") or None,
        "degraded_reason": kept.get("degraded_reason") or None,
        "halt_reason": kept.get("halt.reason") or None,
        "halt_source": kept.get("halt.source") or None,
        "halt_detail": kept.get("halt.detail") or None,
        **_standing(kept),
        "guards": {
            source: {"episodes": episodes, "cooldown_ticks_remaining": cooldown}
            for source, (episodes, cooldown) in recovery_counts(kept, (), []).items()
        },
        "open_orders": sum(by_status.values()) - held,
        "held_orders": held,
        "truth": _last_check(database, last["id"]),
        "commands": waiting(database, engine),
        "stop": kept.get(STOP),
        "kill": kept.get(KILL),
    }


def sessions(database: SqliteDatabase, engine: str) -> list[dict[str, Any]]:
    query = Sessions.select().where(Sessions.engine == engine).order_by(Sessions.id)
    return [_summary(database, row) for row in query.dicts().execute(database)]


def session(database: SqliteDatabase, engine: str, number: int | None) -> dict[str, Any]:
    row = _session_row(database, engine, number)
    return {
        **_summary(database, row),
        "config": msgspec.json.decode(row["config"]),
        "episodes": _episodes(database, row["id"]),
        "fills": _fills(database, row["id"]),
        "truth_checks": _checks(database, row["id"]),
    }


def decisions(database: SqliteDatabase, engine: str, number: int | None, since_tick: int) -> Iterator[str]:
    row = _session_row(database, engine, number)
    query = Ticks.select(Ticks.decision).where(ticks_of(row["id"], since_tick)).order_by(Ticks.id)
    for (line,) in query.tuples().iterator(database):
        yield line


def last_tick(database: SqliteDatabase, session: int) -> int:
    query = Ticks.select(Ticks.tick).where(ticks_of(session)).order_by(Ticks.id.desc()).limit(1)
    return query.scalar(database) or 0


def _session_row(database: SqliteDatabase, engine: str, number: int | None) -> dict[str, Any]:
    query = Sessions.select().where(Sessions.engine == engine)
    if number is not None:
        query = query.where(Sessions.id == number)
    row: dict[str, Any] | None = query.order_by(Sessions.id.desc()).dicts().first(database)
    if row is not None:
        return row
    if number is not None:
        raise UsageError(f"engine {engine!r} has no session {number}; `neo sessions` lists those it has")
    names = sorted(name for (name,) in Sessions.select(Sessions.engine).distinct().tuples().execute(database))
    raise UsageError(
        f"engine {engine!r} has no session in this database; "
        + (f"it knows {', '.join(names)}: name one with --engine" if names else "run `neo run` first")
    )


def _summary(database: SqliteDatabase, row: Mapping[str, Any]) -> dict[str, Any]:
    ticks = row["ticks"]
    if ticks is None:
        ticks = last_tick(database, row["id"])
    return {
        "id": row["id"],
        "engine": row["engine"],
        "mode": row["mode"],
        "account": row["account"],
        "scenario": row["scenario"],
        "seed": row["seed"],
        "started_at": row["started_at"],
        "ended_at": row["ended_at"],
        "ticks": ticks,
        "halt_reason": row["halt_reason"],
        "halt_source": row["halt_source"],
        "halt_detail": row["halt_detail"],
        "inventory_start": parsed(row["inventory_start"]),
        "inventory_end": parsed(row["inventory_end"]),
        "plugins": msgspec.json.decode(row["plugins"]),
    }


def _standing(kept: Mapping[str, str]) -> dict[str, Any]:
    """Where the engine stands. A state that cannot be read is shown as unknown: a report must not fail over it."""
    try:
        runtime = read_runtime(kept)
    except StoreError:
        return dict.fromkeys(("tick", "ledger_index", "now", "inventory", "cancel_all"))
    sweep = runtime.sweep
    return {
        "tick": runtime.tick,
        "ledger_index": runtime.ledger_index,
        "now": None if runtime.now is None else iso(runtime.now),
        "inventory": parsed(inventory_text(runtime.inventory)),
        "cancel_all": None
        if sweep is None
        else {"cause": sweep.cause, "tick": sweep.tick, "ledger_index": sweep.ledger_index},
    }


def _last_check(database: SqliteDatabase, session: int) -> dict[str, Any] | None:
    query = TruthChecks.select().where(TruthChecks.session == session).order_by(TruthChecks.id.desc())
    row = query.dicts().first(database)
    if row is None:
        return None
    differences = {name: row[name] for name in ("xrp_difference", "rlusd_difference")}
    return {"verdict": row["verdict"], "at": iso(row["at"]), **differences}


def _checks(database: SqliteDatabase, session: int) -> dict[str, int]:
    counted = (
        TruthChecks.select(TruthChecks.verdict, fn.COUNT(TruthChecks.id))
        .where(TruthChecks.session == session)
        .group_by(TruthChecks.verdict)
    )
    by_verdict = dict(counted.tuples().execute(database))
    return {
        "count": sum(by_verdict.values()),
        "beyond": by_verdict.get("beyond", 0) + by_verdict.get("far_beyond", 0),
        "not_made": by_verdict.get("not_made", 0),
    }


def _episodes(database: SqliteDatabase, number: int) -> list[dict[str, Any]]:
    kinds = ("degraded_entered", "degraded_ended")
    query = Events.select().where((Events.session == number) & Events.kind.in_(kinds)).order_by(Events.id)
    episodes: list[dict[str, Any]] = []
    for event in query.dicts().execute(database):
        if event["kind"] == "degraded_entered":
            episodes.append(
                {
                    "source": event["source"],
                    "reason": event["text"],
                    "entered_tick": event["tick"],
                    "ended_tick": None,
                    "measures": msgspec.json.decode(event["facts"]),
                }
            )
            continue
        running = [episode for episode in episodes if episode["ended_tick"] is None]
        same = [episode for episode in running if episode["source"] == event["source"]]
        # An integrity cause may have lent the episode another name than the one under which it began.
        for episode in (same or running)[-1:]:
            episode["ended_tick"] = event["tick"]
    return episodes


def _fills(database: SqliteDatabase, number: int) -> list[dict[str, Any]]:
    query = Fills.select().where(Fills.session == number).order_by(Fills.id)
    return [
        {
            "order_id": row["order_id"],
            "side": row["side"],
            "xrp": xrp_text(row["drops"]),
            "rlusd": row["rlusd"],
            "price": row["price"],
            "tx_hash": row["tx_hash"],
            "sequence": row["sequence"],
            "ledger_index": row["ledger_index"],
            "tick": row["tick"],
            "at": iso(row["at"]),
            "proven": row["proven"],
        }
        for row in query.dicts().execute(database)
    ]
