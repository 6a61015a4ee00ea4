"""Cancels what is not the quote that is wanted, and places what is missing. (SPEC 10)"""

from __future__ import annotations

from decimal import Decimal
from math import inf

from neo_core.model import Account, Order, OrderStatus, Place, Refusal, Side
from neo_core.rules import quoting, risk
from neo_core.rules.orders import CANCEL_REQUESTED, QUOTED
from neo_core.rules.quoting import Quote, Terms
from neo_core.turn import Turn

__all__ = ["requote"]

BUY, SELL = Side.BUY, Side.SELL


def requote(
    turn: Turn, account: Account, buy: float | None, sell: float | None, terms: Terms, bounds: risk.Bounds
) -> None:
    """The prices that are wanted. None: nothing on that side."""
    buy, sell = _cancel_others(turn, buy, sell, terms)
    if buy is not None or sell is not None:
        _place_missing(turn, account, buy, sell, terms, bounds)


def _cancel_others(
    turn: Turn, buy: float | None, sell: float | None, terms: Terms
) -> tuple[float | None, float | None]:
    """Answers the prices at which no order rests yet."""
    quoted = []
    for order in tuple(turn.book.orders.values()):
        if order.status in QUOTED:
            quoted.append(order)
        elif order.status is CANCEL_REQUESTED and turn.wants_cancel(order):
            turn.cancel(order, "requote")
    renew = quoting.near_expiry(quoted, turn.now, terms)
    for order in quoted:
        buying = order.side is BUY
        price = buy if buying else sell
        if price is None or renew or quoting.off(order, price, terms):
            turn.cancel(order, "requote")
        elif buying:
            buy = None
        else:
            sell = None
    return buy, sell


def _place_missing(
    turn: Turn, account: Account, buy: float | None, sell: float | None, terms: Terms, bounds: risk.Bounds
) -> None:
    alive = risk.exposure(turn.book.alive())
    for side, price in ((BUY, buy), (SELL, sell)):
        if price is None:
            continue
        quote = Quote(side, price, terms.drops)
        sent = 0 if bounds.messages_a_minute == inf else turn.messages_sent()
        refusal = risk.gate(quote, turn.mid, turn.holding, account, alive, sent, bounds)
        if refusal is None:
            alive.add(_place(turn, quote, quoting.amounts(price, terms), turn.now + terms.ttl_seconds))
        else:
            _refuse(turn, refusal)


def _place(turn: Turn, quote: Quote, rlusd: Decimal, expires_at: float) -> Order:
    order = Order(
        id=turn.next_order_id(),
        side=quote.side,
        price=quote.price,
        drops=quote.drops,
        rlusd=rlusd,
        rest_drops=quote.drops,
        rest_rlusd=rlusd,
        status=OrderStatus.PENDING,
        placed_at=turn.now,
        placed_tick=turn.tick,
        expires_at=expires_at,
    )
    turn.book.put(order)
    turn.intents += (Place(order.id, order.side, order.drops, order.rlusd, order.expires_at),)
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
