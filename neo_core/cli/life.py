"""Orders in words: a list of them, the life of one, and what is to be decided about those that are held."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from neo_core.cli.output import plain
from neo_core.cli.summary import field, signed

__all__ = ["held_lines", "life_lines", "list_lines", "step_lines"]

Row = Mapping[str, Any]


def list_lines(engine: str, rows: Sequence[Row], *, more: bool) -> Iterator[str]:
    if not rows:
        yield f"engine {engine!r} has no order in this database"
    width = max((len(row["id"]) for row in rows), default=0)
    for row in rows:
        price = f"{row['price']:.5f}"
        yield f"{row['id']:<{width}}  {_time(row['placed_at'])}  {_what(row):<12} at {price:>9}  {row['status']}"
    if more:
        yield "there are more: --limit says how many are shown"


def held_lines(engine: str, rows: Sequence[Row]) -> Iterator[str]:
    if not rows:
        yield f"no order of engine {engine!r} is held for review"
        return
    for row in rows:
        yield f"{row['id']}: {_what(row)} at {row['price']:.5f}"
        yield field("placed", f"{row['placed_at']}, session {row['session']}, offer {row['sequence']}")
        age = "" if row["age_seconds"] is None else f", {row['age_seconds']:g} s after it was placed"
        yield field("held", f"{row['token']}: {_by(row['layer'])}{age}")
        if row["evidence"]:
            yield field("evidence", _evidence(row["evidence"]))
        yield field("if filled", f"the inventory moves by {_move(row)}")
        yield ""
    yield "Nothing is booked for them. Find out what became of each offer on the ledger, then say it:"
    yield "  neo orders resolve ID --filled --reason TEXT"
    yield "  neo orders resolve ID --cancelled --reason TEXT"


def life_lines(row: Row) -> Iterator[str]:
    yield f"order {row['id']} of engine {row['engine']}: {_status(row)}"
    yield field("offer", f"{_what(row)} at {row['price']:.5f}, {Decimal(row['rlusd']):f} RLUSD")
    if Decimal(row["rest_xrp"]) != Decimal(row["xrp"]):
        yield field("left", f"{Decimal(row['rest_xrp']):f} XRP")
    yield field("placed", f"{row['placed_at']}, offer {row['sequence']}")
    yield field("by", row["tx_hash"] or "no transaction that is known")
    if row["cancel_tx_hash"] or row["cancel_reason"]:
        why = row["cancel_reason"] or "for a better quote"
        yield field("cancel", f"{why}, transaction {row['cancel_tx_hash'] or 'none'}")
    steps = row["life"]
    session = None
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        if step["session"] != session:
            session = step["session"]
            yield f"session {session}"
        told_again = following is not None and _inventory(following) == _inventory(step) is not None
        yield from step_lines(step, with_inventory=not told_again)


def step_lines(step: Row, *, with_inventory: bool = True) -> Iterator[str]:
    when = _time(step["at"])
    if step["ledger_index"] is not None:  # what an operator changed between two ledgers has a clock's time
        when = f"{when[11:]}  {step['ledger_index']}"
    yield f"{step['tick']:>6}  {when:<19} {step['status'] or '':<19}  {plain(step['what'])}"
    margin = " " * 8
    if step["layer"]:
        token = f"{step['token']}, " if step["token"] else ""
        evidence = f": {_evidence(step['evidence'])}" if step["evidence"] else ""
        yield f"{margin}{token}{_by(step['layer'])}{evidence}"
    if with_inventory and step["inventory_before"] != step["inventory_after"]:
        yield f"{margin}inventory {_exact(step['inventory_before'])} -> {_exact(step['inventory_after'])}"


def _inventory(step: Row) -> object:
    """What a tick did to the inventory. Each step of that tick has it."""
    if step["inventory_before"] is None:
        return None
    return step["session"], step["tick"], step["inventory_before"], step["inventory_after"]


def _exact(inventory: Mapping[str, str] | None) -> str:
    if inventory is None:
        return "not known"
    return f"{Decimal(inventory['xrp']):,f} XRP + {Decimal(inventory['rlusd']):,f} RLUSD"


def _time(iso: str) -> str:
    return iso[:19].replace("T", " ")


def _what(row: Row) -> str:
    return f"{row['side']} {Decimal(row['xrp']).normalize():f} XRP"


def _status(row: Row) -> str:
    return f"{row['status']}, {row['cancel_reason']}" if row["cancel_reason"] else str(row["status"])


def _by(layer: str) -> str:
    return "no layer could say what became of it" if layer in ("", "none") else f"decided by layer {layer}"


def _evidence(evidence: Mapping[str, Any]) -> str:
    return ", ".join(f"{plain(name)} {plain(str(value))}" for name, value in evidence.items())


def _move(row: Row) -> str:
    sign = 1 if row["side"] == "buy" else -1
    xrp = Decimal(row["rest_xrp"])
    return f"{signed(sign * xrp)} XRP and about {-sign * float(xrp) * row['price']:+,.2f} RLUSD"
