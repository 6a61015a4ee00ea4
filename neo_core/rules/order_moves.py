"""The table of order moves: one for all, and an illegal one raises. (SPEC 8)"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from neo_core.errors import IllegalMove
from neo_core.model import Order, OrderStatus, Place, Prepared

__all__ = ["ALIVE", "MARKABLE", "MOVES", "QUOTED", "attach", "moved", "proven"]

PENDING, OPEN, PARTIALLY_FILLED = OrderStatus.PENDING, OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED
CANCEL_REQUESTED, CANCELLED_BY_ENGINE = OrderStatus.CANCEL_REQUESTED, OrderStatus.CANCELLED_BY_ENGINE
FILLED, CANCELLED, EXPIRED = OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED
REJECTED, HELD = OrderStatus.REJECTED, OrderStatus.HELD_PENDING_REVIEW

QUOTED = frozenset({PENDING, OPEN, PARTIALLY_FILLED})
MARKABLE = QUOTED | {CANCEL_REQUESTED}
ALIVE = MARKABLE | {CANCELLED_BY_ENGINE}
"""An order in one of these may still be taken by someone, so exposure counts it."""

_ENDS = frozenset({FILLED, CANCELLED, EXPIRED})
_LEAVES = _ENDS | {CANCEL_REQUESTED, CANCELLED_BY_ENGINE, HELD}
_NOWHERE: frozenset[OrderStatus] = frozenset()

# From a status: where an order may go on anybody's word, and where only the ledger takes it: by a validated
# transaction, or by showing an offer that was taken for gone.
MOVES: Mapping[OrderStatus, tuple[frozenset[OrderStatus], frozenset[OrderStatus]]] = {
    PENDING: (_LEAVES | {OPEN, PARTIALLY_FILLED, REJECTED}, _NOWHERE),
    OPEN: (_LEAVES | {PARTIALLY_FILLED}, frozenset({REJECTED})),
    PARTIALLY_FILLED: (_LEAVES | {PARTIALLY_FILLED}, frozenset({REJECTED})),
    CANCEL_REQUESTED: (_ENDS | {CANCELLED_BY_ENGINE, HELD, REJECTED}, _NOWHERE),
    CANCELLED_BY_ENGINE: (_NOWHERE, _ENDS | {REJECTED}),
    HELD: (frozenset({FILLED, CANCELLED}), frozenset({OPEN, EXPIRED, REJECTED})),
    FILLED: (_NOWHERE, frozenset({HELD})),
    CANCELLED: (_NOWHERE, frozenset({FILLED, EXPIRED, OPEN})),
    EXPIRED: (_NOWHERE, frozenset({FILLED, CANCELLED, OPEN})),
    REJECTED: (_NOWHERE, _ENDS),
}


def moved(order: Order, status: OrderStatus) -> OrderStatus:
    """The status, if the order may go there on anybody's word."""
    if status not in MOVES[order.status][0]:
        raise _illegal(order, status)
    return status


def proven(order: Order, status: OrderStatus) -> OrderStatus:
    """The status, if the ledger may take the order there."""
    freely, by_proof = MOVES[order.status]
    if status not in freely and status not in by_proof:
        raise _illegal(order, status)
    return status


def _illegal(order: Order, status: OrderStatus) -> IllegalMove:
    return IllegalMove(f"order {order.id} cannot go from {order.status} to {status}")


def attach(orders: Mapping[str, Order], prepared: Prepared) -> tuple[Order, ...]:
    """The orders with what preparing has told: sequence and hash of a placement, and the hash of what cancels."""
    intent, tx_hash = prepared.intent, prepared.tx_hash
    order = orders[intent.order_id]
    if not isinstance(intent, Place):
        return (replace(order, cancel_tx_hash=tx_hash),)
    placed = replace(order, sequence=prepared.sequence, tx_hash=tx_hash, last_ledger=prepared.last_ledger)
    if not intent.replaced_id:
        return (placed,)
    return placed, replace(orders[intent.replaced_id], cancel_tx_hash=tx_hash)
