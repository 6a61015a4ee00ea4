"""Which order an offer or an event is about. (SPEC 8)

The sequence alone does not say: an order that never left has left its own to a later one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from neo_core.model import Offer, OfferEvent, Order, OrderStatus

__all__ = ["Found", "find", "is_proven", "named"]

REJECTED = OrderStatus.REJECTED
UNPROVEN_ENDS = (
    OrderStatus.CANCELLED,
    OrderStatus.CANCELLED_BY_ENGINE,
    OrderStatus.EXPIRED,
    OrderStatus.FILLED,
)


class Found(msgspec.Struct, gc=False):
    """What is left of each order, by its id; `again` are those that had been closed without proof.

    Of the orders in `doubt` one has made an offer that is shown, and nobody knows yet which. No order has made the
    `strangers`.
    """

    left: dict[str, Offer]
    again: list[Order]
    doubt: list[str]
    strangers: tuple[Offer, ...]


def find(offers: Iterable[Offer], orders: Mapping[str, Order], closed: Mapping[str, Order]) -> Found:
    left: dict[str, Offer] = {}
    again, doubt, strangers = [], [], []
    alive = orders.values()
    for offer in offers:
        able = _able(offer, alive)
        if len(able) > 1:
            able = [one for one in able if is_proven(one)] or [one for one in able if one.seen] or able
        elif not able:
            able = [one for one in _able(offer, closed.values()) if _may_be_alive(one)][-1:]
            again += able
        if len(able) == 1:
            left[able[0].id] = offer
        elif able:
            doubt += [one.id for one in able]
        else:
            strangers.append(offer)
    return Found(left, again, doubt, tuple(strangers))


def named(event: OfferEvent, orders: Mapping[str, Order], closed: Mapping[str, Order]) -> Order | None:
    """The order whose own transaction it is, or that was cancelled by it, or to which it was booked; else the
    likeliest, the latest first.
    """
    tx_hash, sequence, side = event.tx_hash, event.sequence, event.side
    for order in orders.values():
        if order.sequence == sequence and order.side is side and tx_hash in (order.tx_hash, order.cancel_tx_hash):
            return order
    able = _able(event, (*closed.values(), *orders.values()))
    if len(able) < 2:
        return able[0] if able else None

    def likely(order: Order) -> tuple[bool, bool, bool, bool]:
        mine = tx_hash == order.tx_hash or tx_hash in order.proofs
        return mine, order.status is not REJECTED, is_proven(order), order.seen

    return max(reversed(able), key=likely)


def is_proven(order: Order) -> bool:
    """Whether its own transaction is known to have made it. An adopted offer has none, and was seen."""
    return order.seen and (not order.tx_hash or order.tx_hash in order.proofs)


def _able(shown: Offer | OfferEvent, orders: Iterable[Order]) -> list[Order]:
    sequence, side, able = shown.sequence, shown.side, []
    for order in orders:
        if order.sequence == sequence and order.side is side:
            able.append(order)  # noqa: PERF401 (the call that a comprehension makes is what takes the time)
    return able


def _may_be_alive(order: Order) -> bool:
    """It was closed because it had vanished, by a layer or an operator, and no transaction has confirmed it."""
    return order.vanished_ledger > 0 and order.status in UNPROVEN_ENDS
