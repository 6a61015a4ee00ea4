"""The anchor and the quotes around it. (SPEC QUO)"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from decimal import Decimal
from math import ceil, floor, inf
from typing import TYPE_CHECKING

import msgspec

from neo_core.model import DROPS, Market, Order, OrderStatus, Side
from neo_core.state import Resting

if TYPE_CHECKING:
    from neo_core.config import QuotingConfig

__all__ = [
    "Quote",
    "Terms",
    "amounts",
    "anchor_of",
    "mid_of",
    "near_expiry",
    "off",
    "quotes",
    "resting",
    "stands",
    "terms",
]

BPS = 10_000
BUY = Side.BUY


class Terms(msgspec.Struct, frozen=True, gc=False):
    """The configured terms of quoting, in the units in which they are used on every tick."""

    pool_share: float
    cap_bps: float
    bid_offset: float
    ask_offset: float
    skew_per_pct: float
    target_pct: float
    tick: float
    exact_tick: Decimal
    drops: int
    requote: float
    ttl_seconds: float
    renew_before: float


class Quote(msgspec.Struct, frozen=True, gc=False):
    side: Side
    price: float
    drops: int


def terms(settings: QuotingConfig) -> Terms:
    return Terms(
        pool_share=settings.amm_weight / (settings.mid_weight + settings.amm_weight),
        cap_bps=settings.anchor_cap_bps,
        bid_offset=settings.bid_offset_bps / BPS,
        ask_offset=settings.ask_offset_bps / BPS,
        skew_per_pct=settings.skew_bps / 50 / BPS,
        target_pct=settings.target_inventory_pct,
        tick=settings.price_tick,
        exact_tick=Decimal(repr(settings.price_tick)),
        drops=round(settings.order_size_xrp * DROPS),
        requote=settings.requote_bps / BPS,
        ttl_seconds=settings.order_ttl_seconds,
        renew_before=settings.renew_before_seconds,
    )


def mid_of(market: Market) -> float | None:
    """None when a side is missing, or the book is crossed or not a number: such a book proves no price."""
    bid, ask = market.bid, market.ask
    if bid is None or ask is None or not 0.0 < bid < ask < inf:
        return None
    return (bid + ask) / 2


def anchor_of(mid: float, amm_price: float | None, terms: Terms) -> tuple[float, float]:
    """The anchor and its error in bps: the blend of book and pool, kept within the cap around the mid."""
    if amm_price is None or not 0.0 < amm_price < inf:
        return mid, 0.0
    error = (amm_price / mid - 1.0) * terms.pool_share * BPS
    if error > terms.cap_bps:
        error = terms.cap_bps
    elif error < -terms.cap_bps:
        error = -terms.cap_bps
    return mid * (1.0 + error / BPS), error


def quotes(market: Market, anchor: float, inventory_pct: float | None, terms: Terms) -> tuple[float, float]:
    """The prices to buy and to sell at: anchor minus and plus the offsets, both moved against what we hold too
    much of, never crossing the book.
    """
    bid, ask, tick = market.bid, market.ask, terms.tick
    assert bid is not None
    assert ask is not None
    skew = 0.0 if inventory_pct is None else terms.skew_per_pct * (inventory_pct - terms.target_pct)
    buy = floor(anchor * (1.0 - terms.bid_offset - skew) / tick + 1e-9) * tick
    sell = ceil(anchor * (1.0 + terms.ask_offset - skew) / tick - 1e-9) * tick
    if buy >= ask:
        buy = (ceil(ask / tick - 1e-9) - 1) * tick
    if sell <= bid:
        sell = (floor(bid / tick + 1e-9) + 1) * tick
    return buy, sell


def near_expiry(quoted: Iterable[Order], now: float, terms: Terms) -> bool:
    """Whether one of them is: then both sides are renewed, with one commit and in one ledger."""
    soon = now + terms.renew_before
    for order in quoted:  # noqa: SIM110 (any() with a generator takes five times as long)
        if order.expires_at is not None and order.expires_at <= soon:
            return True
    return False


def off(order: Order, price: float, terms: Terms) -> bool:
    """Whether a resting order is no longer the quote that we want."""
    return abs(order.price - price) > price * terms.requote or order.rest_drops != terms.drops


def resting(orders: Mapping[str, Order], quoted: Container[OrderStatus], terms: Terms) -> Resting | None:
    if len(orders) != 2:
        return None
    one, other = orders.values()
    buy, sell = (one, other) if one.side is BUY else (other, one)
    whole = buy.rest_drops == sell.rest_drops == terms.drops
    if not whole or buy.side is sell.side or buy.status not in quoted or sell.status not in quoted:
        return None
    ends = inf
    for order in orders.values():
        if order.expires_at is not None and order.expires_at < ends:
            ends = order.expires_at
    return Resting(buy.price, sell.price, ends)


def stands(resting: Resting, buy: float, sell: float, now: float, terms: Terms) -> bool:
    """Whether both already rest as we want them: on most ticks there is no more to do. Says at once what
    `near_expiry` and `off` say order by order.
    """
    requote = terms.requote
    return (
        abs(resting.buy - buy) <= buy * requote
        and abs(resting.sell - sell) <= sell * requote
        and now + terms.renew_before < resting.expires_at
    )


def amounts(price: float, terms: Terms) -> Decimal:
    """The exact RLUSD of a quote."""
    return round(price / terms.tick) * terms.exact_tick * terms.drops / DROPS
