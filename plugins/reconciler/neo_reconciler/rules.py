"""What became of an order that vanished without proof. Values in, verdicts out; None: not mine to say."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from neo_core import Mark, Order, OrderStatus, Outcome, Resolution

__all__ = ["age_gate", "cancel_race", "engine_cancel", "expired", "marks"]


def marks(orders: Iterable[Order], cause: str, now: float) -> list[Mark]:
    cancelled_at = datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds")
    return [Mark(order.id, cancelled_at, cause) for order in orders]


def engine_cancel(order: Order) -> Resolution | None:
    if order.status is not OrderStatus.CANCELLED_BY_ENGINE:
        return None
    evidence = {"cancel_reason": order.cancel_reason, "cancelled_at": order.cancelled_at}
    return Resolution(Outcome.CANCELLED, "RECONCILER_SKIP_ENGINE_CANCEL", evidence)


def cancel_race(order: Order) -> Resolution | None:
    if not order.cancel_tx_hash:
        return None
    return Resolution(Outcome.CANCELLED, "RECONCILER_CANCEL_RACE", {"cancel_tx_hash": order.cancel_tx_hash})


def expired(order: Order, now: float) -> Resolution | None:
    # Strictly behind: a ledger goes by the close time of the one before it, so the ledger that closes at the very
    # second of the Expiration can still fill the offer.
    if order.expires_at is None or order.expires_at >= now:
        return None
    return Resolution(
        Outcome.EXPIRED, "RECONCILER_EXPIRED", {"expires_at": order.expires_at, "ledger_closed_at": now}
    )


def age_gate(order: Order, now: float, threshold_seconds: float) -> Resolution:
    age_seconds = now - order.placed_at
    evidence = {"age_seconds": age_seconds, "age_threshold_seconds": threshold_seconds}
    if age_seconds < threshold_seconds:
        return Resolution(Outcome.PHANTOM_FILL, "phantom_fill", evidence)
    return Resolution(Outcome.HELD, "held_pending_review", evidence)
