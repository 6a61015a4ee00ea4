"""Limits that end a session, and the gate that every order passes before it is placed. (SPEC RISK)"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

import msgspec

from neo_core.halts import Halt, HaltReason
from neo_core.model import DROPS, Account, Order, Refusal, Side
from neo_core.state import Holding, RiskMemory

if TYPE_CHECKING:
    from neo_core.config import RiskConfig
    from neo_core.rules.quoting import Quote

__all__ = ["Bounds", "Exposure", "Limits", "bounds", "exposure", "gate", "limit_passed", "limits", "profit"]

BUY = Side.BUY


class Limits(msgspec.Struct, frozen=True, gc=False):
    """What ends a session. A limit that is off is infinite."""

    failures: float
    ledger_age: float
    loss: float
    drawdown: float
    xrp: float
    rlusd: float


def limits(settings: RiskConfig) -> Limits:
    return Limits(
        failures=_or_none(settings.max_failed_observations),
        ledger_age=_or_none(settings.max_ledger_age_seconds),
        loss=_or_none(settings.max_session_loss_rlusd),
        drawdown=_or_none(settings.max_drawdown_rlusd),
        xrp=_or_none(settings.max_xrp_exposure),
        rlusd=_or_none(settings.max_rlusd_exposure),
    )


def _or_none(limit: float | None) -> float:
    return inf if limit is None else limit


def profit(now: Holding, opening: Holding, mid: float) -> float:
    """What trading has made, in RLUSD, against having held the opening inventory. Fees are in it."""
    return (now.xrp - opening.xrp) * mid + (now.rlusd - opening.rlusd)


def limit_passed(limits: Limits, held: Holding, memory: RiskMemory, ledger_age: float) -> Halt | None:
    """The first limit that is passed. What is not a number is within no limit: that check itself has failed."""
    failures, lost, fallen = memory.failures, -memory.pnl, memory.peak_pnl - memory.pnl
    if (
        failures < limits.failures
        and ledger_age <= limits.ledger_age
        and lost <= limits.loss
        and fallen <= limits.drawdown
        and held.xrp <= limits.xrp
        and held.rlusd <= limits.rlusd
    ):
        return None
    if failures >= limits.failures:
        detail = f"{failures} failed observations in a row, the limit is {limits.failures}"
        return Halt(HaltReason.RPC_FAILURE, "risk", detail)
    for reason, measured, what, limit in (
        (HaltReason.STALE_LEDGER, ledger_age, "s since the ledger closed", limits.ledger_age),
        (HaltReason.LOSS, lost, "RLUSD lost in this session", limits.loss),
        (HaltReason.LOSS, fallen, "RLUSD lost since the peak", limits.drawdown),
        (HaltReason.XRP_EXPOSURE, held.xrp, "XRP held", limits.xrp),
        (HaltReason.RLUSD_EXPOSURE, held.rlusd, "RLUSD held", limits.rlusd),
    ):
        if limit == inf:
            continue
        if measured != measured:
            return Halt(HaltReason.RISK_GENERIC, "risk", f"{what}: not a number")
        if measured > limit:
            return Halt(reason, "risk", f"{measured:.6g} {what}, the limit is {limit:.6g}")
    return None


class Bounds(msgspec.Struct, frozen=True, gc=False):
    """What every order must keep within. A bound that is off is infinite."""

    smallest: float
    largest: float
    notional: float
    collar_bps: float
    xrp: float
    rlusd: float
    messages_a_minute: float


def bounds(settings: RiskConfig) -> Bounds:
    return Bounds(
        smallest=settings.min_order_xrp,
        largest=settings.max_order_xrp,
        notional=_or_none(settings.max_order_notional_rlusd),
        collar_bps=settings.collar_bps,
        xrp=_or_none(settings.max_xrp_exposure),
        rlusd=_or_none(settings.max_rlusd_exposure),
        messages_a_minute=_or_none(settings.max_messages_per_minute),
    )


@dataclass(slots=True)
class Exposure:
    """What our orders would move if every one that may be alive were taken whole."""

    buy_drops: int = 0
    buy_rlusd: float = 0.0
    sell_drops: int = 0
    sell_rlusd: float = 0.0
    count: int = 0
    top_buy: float = 0.0
    low_sell: float = inf

    def add(self, order: Order) -> None:
        drops, price = order.rest_drops, order.price
        self.count += 1
        if order.side is BUY:
            self.buy_drops += drops
            self.buy_rlusd += drops / DROPS * price
            if price > self.top_buy:
                self.top_buy = price
        else:
            self.sell_drops += drops
            self.sell_rlusd += drops / DROPS * price
            if price < self.low_sell:
                self.low_sell = price


def exposure(alive: Iterable[Order]) -> Exposure:
    total = Exposure()
    for order in alive:
        total.add(order)
    return total


def gate(
    quote: Quote,
    mid: float | None,
    held: Holding | None,
    account: Account | None,
    alive: Exposure,
    messages_sent: int,
    bounds: Bounds,
) -> Refusal | None:
    """Why this order may not be placed: the first reason, with what was measured and the limit."""
    side, price = quote.side, quote.price
    if mid is None or held is None or account is None:
        return Refusal("missing_input", side, None, None)
    size = quote.drops / DROPS
    notional = size * price
    distance = abs(price / mid - 1.0) * 10_000
    objects = alive.count + 1 - len(account.offers)
    if objects < 1:
        objects = 1
    spare = account.xrp_drops - account.reserve_drops - account.reserve_step_drops * objects - alive.sell_drops
    funds = float(account.rlusd) - alive.buy_rlusd
    if side is BUY:
        funds -= notional
        own, apart = alive.low_sell, price < alive.low_sell
        exposed, most, what = held.xrp + alive.buy_drops / DROPS + size, bounds.xrp, "xrp_exposure"
    else:
        spare -= quote.drops
        own, apart = alive.top_buy, price > alive.top_buy
        exposed, most, what = held.rlusd + alive.sell_rlusd + notional, bounds.rlusd, "rlusd_exposure"
    # Written as what must hold, so that what is not a number never passes.
    if (
        messages_sent < bounds.messages_a_minute
        and bounds.smallest <= size <= bounds.largest
        and notional <= bounds.notional
        and distance <= bounds.collar_bps
        and apart
        and exposed <= most
        and spare >= 0
        and funds >= 0.0
    ):
        return None
    for code, passes, measured, limit in (
        ("throttled", messages_sent < bounds.messages_a_minute, messages_sent, bounds.messages_a_minute),
        ("size_too_small", size >= bounds.smallest, size, bounds.smallest),
        ("size_too_large", size <= bounds.largest, size, bounds.largest),
        ("notional_too_large", notional <= bounds.notional, notional, bounds.notional),
        ("outside_collar", distance <= bounds.collar_bps, distance, bounds.collar_bps),
        ("crosses_own_order", apart, price, own),
        (what, exposed <= most, exposed, most),
        ("reserve_headroom", spare >= 0, spare / DROPS, 0.0),
    ):
        if not passes:
            return Refusal(code, side, measured, limit)
    return Refusal("rlusd_funds", side, funds, 0.0)
