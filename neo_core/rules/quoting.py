"""The anchor and the quotes around it. (SPEC QUO)"""

from __future__ import annotations

from decimal import Decimal
from math import ceil, floor
from typing import TYPE_CHECKING

import msgspec

from neo_core.model import DROPS, Market, Order, Side

if TYPE_CHECKING:
    from neo_core.config import QuotingConfig

__all__ = ["Quote", "amounts", "anchor_of", "mid_of", "off", "quotes"]


class Quote(msgspec.Struct, frozen=True, gc=False):
    side: Side
    ticks: int
    price: float
    drops: int


def mid_of(market: Market) -> float | None:
    """None when a side is missing, or the book is crossed or not a number: such a book proves no price."""
    bid, ask = market.bid, market.ask
    if bid is None or ask is None or not 0.0 < bid < ask < float("inf"):
        return None
    return (bid + ask) / 2


def anchor_of(mid: float, amm_price: float | None, settings: QuotingConfig) -> tuple[float, float]:
    """The anchor and its error in bps: the blend of book and pool, kept within the cap around the mid."""
    weight = settings.amm_weight
    total = settings.mid_weight + weight
    if amm_price is None or not 0.0 < amm_price < float("inf"):
        return mid, 0.0
    error = (amm_price / mid - 1.0) * weight / total * 10_000
    cap = settings.anchor_cap_bps
    error = min(max(error, -cap), cap)
    return mid * (1.0 + error / 10_000), error


def quotes(
    market: Market, anchor: float, inventory_pct: float | None, settings: QuotingConfig
) -> tuple[Quote, Quote]:
    """Anchor minus and plus the offsets, both moved against what we hold too much of, never crossing."""
    assert market.bid is not None
    assert market.ask is not None
    skew = 0.0
    if inventory_pct is not None:
        skew = settings.skew_bps * (inventory_pct - settings.target_inventory_pct) / 50
    tick = settings.price_tick
    drops = round(settings.order_size_xrp * DROPS)
    buy = floor(anchor * (1.0 - (settings.bid_offset_bps + skew) / 10_000) / tick + 1e-9)
    sell = ceil(anchor * (1.0 + (settings.ask_offset_bps - skew) / 10_000) / tick - 1e-9)
    buy = min(buy, ceil(market.ask / tick - 1e-9) - 1)
    sell = max(sell, floor(market.bid / tick + 1e-9) + 1)
    return Quote(Side.BUY, buy, buy * tick, drops), Quote(Side.SELL, sell, sell * tick, drops)


def off(order: Order, quote: Quote, now: float, settings: QuotingConfig) -> bool:
    """Whether a resting order is no longer the quote that we want."""
    return (
        abs(order.price / quote.price - 1.0) * 10_000 > settings.requote_bps
        or order.rest_drops != quote.drops
        or (order.expires_at is not None and order.expires_at - now <= settings.renew_before_seconds)
    )


def amounts(quote: Quote, settings: QuotingConfig) -> Decimal:
    """The exact RLUSD of a quote."""
    return quote.ticks * Decimal(repr(settings.price_tick)) * quote.drops / DROPS
