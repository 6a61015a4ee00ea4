"""Replaces or cancels what is not the quote that is wanted, and places what is missing. (SPEC 10)"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from math import inf

from neo_core.model import Account, Order, OrderStatus, Place, Refusal, Side
from neo_core.rules import quoting, risk
from neo_core.rules.order_moves import MARKABLE, QUOTED
from neo_core.rules.quoting import Quote, Terms
from neo_core.turn import Turn

__all__ = ["requote"]

BUY, SELL = Side.BUY, Side.SELL
CANCEL_REQUESTED, PENDING = OrderStatus.CANCEL_REQUESTED, OrderStatus.PENDING


def requote(
    turn: Turn, account: Account, buy: float | None, sell: float | None, terms: Terms, bounds: risk.Bounds
) -> None:
    """The prices that are wanted. None: nothing on that side."""
    wanted = {side: price for side, price in ((BUY, buy), (SELL, sell)) if price is not None}
    quoted, doubted = _quoted(turn)
    old: dict[Side, Order] = {}
    renew = quoting.near_expiry(quoted, turn.now, terms)
    for order in quoted:
        side, price = order.side, wanted.get(order.side)
        if price is not None and not renew and not quoting.off(order, price, terms):
            del wanted[side]
        elif price is not None and side not in old and order.seen and order.sequence:
            old[side] = order
        else:
            turn.cancel(order, "requote")
    for side in doubted:
        wanted.pop(side, None)
    for side in old.keys() - wanted.keys():
        turn.cancel(old.pop(side), "requote")
    if wanted:
        _place_missing(turn, account, wanted, old, terms, bounds)


def _quoted(turn: Turn) -> tuple[list[Order], set[Side]]:
    """The orders that quote, and the sides on which one is in doubt: it may have been filled, and nothing is done
    with it, nor put beside it, until that is known. A cancel that is known to be dead goes out again.
    """
    quoted, doubted = [], set()
    for order in tuple(turn.book.orders.values()):
        if order.vanished_ledger and order.status in MARKABLE:
            doubted.add(order.side)
        elif order.status in QUOTED:
            quoted.append(order)
        elif order.status is CANCEL_REQUESTED and turn.wants_cancel(order):
            turn.cancel(order, "requote")
    return quoted, doubted


def _place_missing(
    turn: Turn,
    account: Account,
    wanted: Mapping[Side, float],
    old: Mapping[Side, Order],
    terms: Terms,
    bounds: risk.Bounds,
) -> None:
    alive = risk.exposure(turn.book.alive())
    for side, price in wanted.items():
        quote = Quote(side, price, terms.drops)
        sent = 0 if bounds.messages_a_minute == inf else turn.messages_sent()
        refusal = risk.gate(quote, turn.mid, turn.holding, account, alive, sent, bounds)
        replaced = old.get(side)
        if refusal is None:
            expires_at = turn.now + terms.ttl_seconds
            alive.add(_place(turn, quote, quoting.amounts(price, terms), expires_at, replaced))
            continue
        _refuse(turn, refusal)
        if replaced is not None:
            turn.cancel(replaced, "requote")


def _place(turn: Turn, quote: Quote, rlusd: Decimal, expires_at: float, replaced: Order | None) -> Order:
    """In one transaction with the end of the order that is replaced. Until that is known, both count."""
    order = Order(
        id=turn.next_order_id(),
        side=quote.side,
        price=quote.price,
        drops=quote.drops,
        rlusd=rlusd,
        rest_drops=quote.drops,
        rest_rlusd=rlusd,
        status=PENDING,
        placed_at=turn.now,
        placed_tick=turn.tick,
        expires_at=expires_at,
    )
    replaces, replaced_id = 0, ""
    if replaced is not None:
        turn.book.cancel(replaced, turn.ledger_index or 0)
        replaces, replaced_id = replaced.sequence, replaced.id
    place = Place(order.id, order.side, order.drops, order.rlusd, order.expires_at, replaces, replaced_id)
    turn.book.put(order)
    turn.intents += (place,)
    if quote.side in turn.refused:
        turn.refused = {side: code for side, code in turn.refused.items() if side != quote.side}
    return order


def _refuse(turn: Turn, refusal: Refusal) -> None:
    """Each is in the decision log; a line is written when a side's reason is a new one."""
    turn.refusals += (refusal,)
    if turn.refused.get(refusal.side) == refusal.code:
        return
    turn.refused = {**turn.refused, refusal.side: refusal.code}
    turn.event(
        "order_refused",
        f"{refusal.side} refused: {refusal.code}, measured {_short(refusal.measured)}, "
        f"limit {_short(refusal.limit)}",
        source="risk",
        facts={"code": refusal.code, "measured": refusal.measured, "limit": refusal.limit},
    )


def _short(value: float | None) -> str:
    return "none" if value is None else f"{value:.6g}"
