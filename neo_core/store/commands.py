"""What operators ask for once: left as a row, and done in the transaction of the tick that does it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from peewee import SqliteDatabase

from neo_core.errors import UsageError
from neo_core.model import CancelAll, Command, Decision, Resolve
from neo_core.store.rows import Keeper
from neo_core.store.schema import Commands
from neo_core.store.state import iso

__all__ = ["ask", "command", "command_of", "done", "pending", "waiting"]

KINDS = ("cancel_all", "resolve")
TELLING = ("operator_cancel_all", "order_resolved", "resolve_refused")


def ask(
    database: SqliteDatabase, engine: str, kind: str, order_id: str, filled: bool, reason: str, asked_at: float
) -> int:
    if kind not in KINDS:
        raise UsageError(f"expected one of {', '.join(KINDS)} as a command, got {kind!r}")
    row = {
        "engine": engine,
        "kind": kind,
        "order_id": order_id,
        "filled": filled,
        "reason": reason,
        "asked_at": asked_at,
    }
    number: int = Commands.insert(row).execute(database)
    return number


def pending(database: SqliteDatabase) -> str:
    """The text of the query for what is not done yet. It is asked a few times a second."""
    columns = (Commands.id, Commands.kind, Commands.order_id, Commands.filled, Commands.reason)
    query = Commands.select(*columns).where((Commands.engine == "") & Commands.done_at.is_null())
    text: str = query.order_by(Commands.id).bind(database).sql()[0]
    return text


def command_of(row: Sequence[Any]) -> Command:
    number, kind, order_id, filled, reason = row
    if kind == "cancel_all":
        return CancelAll(number, reason)
    return Resolve(number, order_id, bool(filled), reason)


def waiting(database: SqliteDatabase, engine: str) -> int:
    query = Commands.select().where((Commands.engine == engine) & Commands.done_at.is_null())
    return query.count(database)


def command(database: SqliteDatabase, number: int) -> dict[str, Any]:
    row: dict[str, Any] | None = Commands.select().where(Commands.id == number).dicts().first(database)
    if row is None:
        raise UsageError(f"this database has no command {number}")
    done_at = None if row["done_at"] is None else iso(row["done_at"])
    return {**row, "asked_at": iso(row["asked_at"]), "done_at": done_at}


def done(database: SqliteDatabase, keeper: Keeper, decision: Decision) -> None:
    """What became of commands: the tick that did them tells it in its events, one for each, in their order."""
    told = [event.text for event in decision.events if event.kind in TELLING]
    for number, result in zip_longest(decision.done, told[: len(decision.done)], fillvalue=""):
        changed = Commands.update(session=keeper.session, tick=decision.tick, done_at=decision.now, result=result)
        changed.where((Commands.engine == keeper.engine) & (Commands.id == number)).execute(database)
