"""Orders for people: those of an engine, those held for review, and one with its whole life."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from peewee import SqliteDatabase

from neo_core.errors import UsageError
from neo_core.model import OrderStatus
from neo_core.store.lives import life
from neo_core.store.rows import parsed, xrp_text
from neo_core.store.schema import Anomalies, Orders, Sessions
from neo_core.store.state import iso

__all__ = ["order", "orders"]

HELD = OrderStatus.HELD_PENDING_REVIEW


def orders(database: SqliteDatabase, engine: str, held: bool, limit: int) -> list[dict[str, Any]]:
    """Newest first. Held are those that an operator can resolve: of the account that the last session traded."""
    query = Orders.select().where(Orders.engine == engine)
    if held:
        last = Sessions.select(Sessions.account).where(Sessions.engine == engine)
        account = last.order_by(Sessions.id.desc()).limit(1).scalar(database)
        query = query.where((Orders.account == account) & (Orders.status == HELD))
    newest = query.order_by(Orders.session.desc(), Orders.placed_tick.desc(), Orders.id.desc()).limit(limit)
    found = list(newest.dicts().execute(database))
    if held:
        return [{**_summary(row), **_why_held(database, engine, row["id"])} for row in found]
    return [_summary(row) for row in found]


def _summary(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "session": row["session"],
        "side": row["side"],
        "xrp": xrp_text(row["drops"]),
        "rlusd": row["rlusd"],
        "rest_xrp": xrp_text(row["rest_drops"]),
        "price": row["price"],
        "status": row["status"],
        "placed_at": iso(row["placed_at"]),
        "sequence": row["sequence"],
        "cancel_reason": row["cancel_reason"],
    }


def _why_held(database: SqliteDatabase, engine: str, order_id: str) -> dict[str, Any]:
    query = Anomalies.select().where((Anomalies.engine == engine) & (Anomalies.order_id == order_id))
    row = query.order_by(Anomalies.id.desc()).dicts().first(database)
    if row is None:
        return {"layer": "", "token": "", "age_seconds": None, "evidence": {}}
    return {
        "layer": row["layer"],
        "token": row["token"],
        "age_seconds": row["age_seconds"],
        "evidence": parsed(row["evidence"]),
    }


def order(database: SqliteDatabase, engine: str, order_id: str) -> dict[str, Any]:
    query = Orders.select().where((Orders.engine == engine) & (Orders.id == order_id))
    row = query.dicts().first(database)
    if row is None:
        raise UsageError(f"engine {engine!r} has no order {order_id!r}; `neo orders` lists those it has")
    return {
        **row,
        **_summary(row),
        "expires_at": None if row["expires_at"] is None else iso(row["expires_at"]),
        "proofs": parsed(row["proofs"]),
        "life": life(database, row),
    }
