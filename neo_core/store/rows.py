"""Values as rows of the tables, in the order of the columns, and back.

An enum becomes its text by `str`, and a flag a number: `.value`, and what sqlite3 does with a bool, cost several
times as much.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from neo_core.errors import StoreError
from neo_core.model import DROPS, Decision, Event, Fill, Inventory, Order, TruthCheck
from neo_core.store.schema import tick_id

__all__ = [
    "Keeper",
    "anomaly_row",
    "event_row",
    "fill_row",
    "inventory_text",
    "json_text",
    "order_of",
    "order_row",
    "parsed",
    "tick_rows",
    "truth_row",
    "xrp_text",
]


class Keeper(msgspec.Struct, frozen=True):
    """Whose rows they are."""

    engine: str
    account: str
    session: int


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise StoreError(f"expected a text, a number, true, false or nothing as a fact, got {value!r}")


_encode = msgspec.json.Encoder(enc_hook=_plain).encode


def json_text(value: object) -> str:
    return _encode(value).decode()


def parsed(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)


def xrp_text(drops: int) -> str:
    return format(Decimal(drops) / DROPS, "f")


def inventory_text(inventory: Inventory | None) -> str | None:
    if inventory is None:
        return None
    return json_text({"xrp": xrp_text(inventory.drops), "rlusd": format(inventory.rlusd, "f")})


def exact_text(amount: Decimal) -> str:
    if not amount.is_finite():
        raise StoreError(f"expected an exact amount of RLUSD, got {amount}")
    return str(amount)


def order_row(keeper: Keeper, order: Order) -> tuple[Any, ...]:
    if not math.isfinite(order.price):
        raise StoreError(f"order {order.id}: expected a price, got {order.price}")
    rlusd = exact_text(order.rlusd)
    return (
        keeper.engine,
        order.id,
        keeper.account,
        keeper.session,
        str(order.side),
        order.price,
        order.drops,
        rlusd,
        order.rest_drops,
        rlusd if order.rest_rlusd is order.rlusd else exact_text(order.rest_rlusd),
        str(order.status),
        order.placed_at,
        order.placed_tick,
        order.expires_at,
        order.sequence,
        order.tx_hash,
        order.last_ledger,
        int(order.seen),
        order.cancel_tx_hash,
        order.cancel_ledger,
        order.cancelled_at,
        order.cancel_reason,
        order.closed_ledger,
        json_text(order.proofs) if order.proofs else "[]",
        order.filled_drops,
        order.vanished_ledger,
    )


def order_of(row: Mapping[str, Any]) -> Order:
    try:
        fields = {**row, "seen": bool(row["seen"]), "proofs": msgspec.json.decode(row["proofs"])}
        order = msgspec.convert(fields, Order)
        exact_text(order.rlusd)
        exact_text(order.rest_rlusd)
    except (msgspec.DecodeError, StoreError) as error:
        raise StoreError(
            f"order {row['id']}: expected an order as NEO writes it, got something else ({error}); "
            "restore the database from a copy"
        ) from error
    return order


def tick_rows(keeper: Keeper, ticks: Sequence[tuple[Decision, bytes]]) -> list[tuple[Any, ...]]:
    engine, session, begins = keeper.engine, keeper.session, tick_id(keeper.session, 0)
    return [
        (begins + one.tick, engine, session, one.tick, one.ledger_index, one.now, str(one.mode), line.decode())
        for one, line in ticks
    ]


def fill_row(keeper: Keeper, fill: Fill) -> tuple[Any, ...]:
    return (
        keeper.engine,
        keeper.account,
        keeper.session,
        fill.order_id,
        str(fill.side),
        fill.drops,
        exact_text(fill.rlusd),
        fill.price if fill.drops else None,
        fill.tx_hash,
        fill.sequence,
        fill.ledger_index,
        fill.tick,
        fill.at,
        int(fill.proven),
    )


def event_row(keeper: Keeper, event: Event, tick: int, at: float) -> tuple[Any, ...]:
    facts = json_text(event.facts) if event.facts else "{}"
    return (keeper.engine, keeper.session, tick, at, event.kind, event.source, event.text, facts)


def anomaly_row(keeper: Keeper, event: Event, tick: int, at: float) -> tuple[Any, ...]:
    """An event of the kind `anomaly`: these facts have columns of their own, and the rest is evidence.

    The token of the layer is what its text begins with, if it is not among the facts.
    """
    evidence = dict(event.facts)
    order_id, verdict, layer = (str(evidence.pop(name, "")) for name in ("order_id", "verdict", "layer"))
    begins, _, rest = event.text.partition(":")
    token = str(evidence.pop("token", begins if rest else ""))
    age = evidence.pop("age_seconds", None)
    before, after = (_inventory_told(evidence, when) for when in ("before", "after"))
    return (
        keeper.engine,
        keeper.session,
        tick,
        at,
        order_id,
        verdict,
        layer,
        json_text(evidence),
        before,
        after,
        age,
        token,
    )


def _inventory_told(evidence: dict[str, Any], when: str) -> str | None:
    xrp, rlusd = evidence.pop(f"xrp_{when}", None), evidence.pop(f"rlusd_{when}", None)
    return None if xrp is None or rlusd is None else json_text({"xrp": xrp, "rlusd": rlusd})


def truth_row(keeper: Keeper, decision: Decision, check: TruthCheck) -> tuple[Any, ...]:
    xrp = rlusd = None
    if check.inventory is not None and check.wallet is not None:
        xrp = xrp_text(check.wallet.drops - check.inventory.drops)
        rlusd = format(check.wallet.rlusd - check.inventory.rlusd, "f")
    return (
        keeper.engine,
        keeper.session,
        decision.tick,
        decision.ledger_index,
        decision.now,
        check.verdict,
        inventory_text(check.inventory),
        inventory_text(check.wallet),
        xrp,
        rlusd,
    )
