"""How an order ended, from the transactions that touched it; and how long to wait where they are not all told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from neo_core import Facts, OfferEvent, Order, OrderStatus, Outcome, Resolution, Side, Wait

__all__ = ["ending", "in_order", "patience"]

TOKENS = {
    "cancelled": "CANCELLED",
    "replaced": "REPLACED",
    "self_cross": "SELF_CROSSED",
    "expired": "EXPIRED",
    "unfunded_or_dust": "UNFUNDED",
    "funds_used_up": "UNFUNDED",
}
DROPS = Decimal(1_000_000)


def in_order(events: Iterable[OfferEvent]) -> tuple[OfferEvent, ...]:
    """Each once, by ledger. One transaction does one thing to one offer."""
    once = {event.tx_hash: event for event in events}
    return tuple(sorted(once.values(), key=lambda event: event.ledger_index))


def ending(order: Order, events: Sequence[OfferEvent]) -> Resolution | None:
    """What ended it, with the transaction and all that it gave and got. None: they do not tell."""
    last = next((event for event in reversed(events) if event.event in ("filled", "removed")), None)
    if last is None:
        if order.status is not OrderStatus.REJECTED:
            return None
        facts = {"hash": order.tx_hash, "ledger": order.closed_ledger, **_amounts(order, (), order.rest_drops)}
        return Resolution(Outcome.REJECTED, "NEVER_PLACED", {**facts, "rest_rlusd": str(order.rest_rlusd)})
    facts = {
        "hash": last.tx_hash,
        "ledger": last.ledger_index,
        **_amounts(order, events, last.rest_drops),
        "rest_rlusd": f"{last.rest_rlusd:f}",
    }
    if last.event == "filled":
        return Resolution(Outcome.FILLED, "FILLED", facts)
    if last.drops:
        return Resolution(Outcome.CANCELLED, "PARTLY_FILLED_THEN_REMOVED", facts)
    outcome = Outcome.EXPIRED if last.cause == "expired" else Outcome.CANCELLED
    return Resolution(outcome, TOKENS[last.cause], facts)


def _amounts(order: Order, events: Sequence[OfferEvent], rest_drops: int) -> Facts:
    """What it gave and got in all, and what was left of it.

    Of what a process before this one was told, the drops are on record with the order, and no more.
    """
    drops = sum(event.drops for event in events)
    xrp, rlusd = _xrp(drops), f"{sum((event.rlusd for event in events), Decimal(0)):f}"
    buying = order.side is Side.BUY
    told: dict[str, str | int | float | bool | None] = (
        {"gave_rlusd": rlusd, "got_xrp": xrp} if buying else {"gave_xrp": xrp, "got_rlusd": rlusd}
    )
    if order.filled_drops > drops:
        told["earlier_xrp"] = _xrp(order.filled_drops - drops)
    return {**told, "rest_xrp": _xrp(rest_drops)}


def _xrp(drops: int) -> str:
    return f"{drops / DROPS:f}"


def patience(
    order: Order, ledger_index: int, untold: Sequence[tuple[int, int]], max_wait_ledgers: int
) -> Resolution | Wait:
    """It vanished, and nothing that was told has ended it. A guess is no answer, whatever the order's age.

    With all ledgers told it is a node that showed the wrong offers, or left a page out: they are asked for again,
    from where the order was last heard of.
    """
    vanished = order.vanished_ledger or ledger_index
    missing = ", ".join(f"{first}-{last}" for first, last in untold) or "none"
    evidence: Facts = {
        "untold_ledgers": missing,
        "vanished_ledger": vanished,
        "max_wait_ledgers": max_wait_ledgers,
    }
    if ledger_index - vanished >= max_wait_ledgers:
        return Resolution(Outcome.HELD, "held_pending_review", evidence)
    heard_of = min(order.last_ledger or vanished, vanished - 1, *(first for first, _ in untold))
    return Wait("awaiting_proof", max(heard_of, 1), ledger_index, evidence)
