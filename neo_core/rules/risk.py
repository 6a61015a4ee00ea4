"""Limits that end a session, and the gate that every order passes before it is placed. (SPEC RISK)"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from neo_core.halts import Halt, HaltReason
from neo_core.model import DROPS, Account, Inventory, Order, Refusal, Side
from neo_core.state import RiskMemory

if TYPE_CHECKING:
    from neo_core.config import RiskConfig
    from neo_core.rules.quoting import Quote

__all__ = ["Exposure", "exposure", "gate", "limit_passed", "profit"]


def profit(inventory: Inventory, opening: Inventory, mid: float) -> float:
    """What trading has made, in RLUSD, against having held the opening inventory. Fees are in it."""
    return (inventory.drops - opening.drops) / DROPS * mid + float(inventory.rlusd - opening.rlusd)


def limit_passed(
    settings: RiskConfig,
    inventory: Inventory | None,
    memory: RiskMemory,
    ledger_age: float | None,
    cannot_trade: str | None,
) -> Halt | None:
    """The first limit that is passed."""
    if cannot_trade is not None:
        return Halt(HaltReason.GATEWAY, "risk", cannot_trade)
    failures = settings.max_failed_observations
    if failures is not None and memory.failures >= failures:
        detail = f"{memory.failures} failed observations in a row, the limit is {failures}"
        return Halt(HaltReason.RPC_FAILURE, "risk", detail)
    lost, fallen = -memory.pnl, memory.peak_pnl - memory.pnl
    return (
        _over(HaltReason.STALE_LEDGER, "s since the ledger closed", ledger_age, settings.max_ledger_age_seconds)
        or _over(HaltReason.LOSS, "RLUSD lost in this session", lost, settings.max_session_loss_rlusd)
        or _over(HaltReason.LOSS, "RLUSD lost since the peak", fallen, settings.max_drawdown_rlusd)
        or (None if inventory is None else _too_much(inventory, settings))
    )


def _too_much(inventory: Inventory, settings: RiskConfig) -> Halt | None:
    xrp, rlusd = settings.max_xrp_exposure, settings.max_rlusd_exposure
    if xrp is None and rlusd is None:
        return None
    return _over(HaltReason.XRP_EXPOSURE, "XRP held", inventory.drops / DROPS, xrp) or _over(
        HaltReason.RLUSD_EXPOSURE, "RLUSD held", float(inventory.rlusd), rlusd
    )


def _over(reason: HaltReason, what: str, measured: float | None, limit: float | None) -> Halt | None:
    """What is not a number is within no limit: the check itself has failed then."""
    if limit is None or measured is None or measured <= limit:
        return None
    if measured != measured:
        return Halt(HaltReason.RISK_GENERIC, "risk", f"{what}: not a number")
    return Halt(reason, "risk", f"{measured:.6g} {what}, the limit is {limit:.6g}")


class Exposure(msgspec.Struct, gc=False):
    """What our orders would move if every one that may be alive were taken whole."""

    buy_drops: int = 0
    buy_rlusd: float = 0.0
    sell_drops: int = 0
    sell_rlusd: float = 0.0
    count: int = 0
    top_buy: float = 0.0
    low_sell: float = float("inf")

    def add(self, order: Order) -> None:
        self.count += 1
        if order.side is Side.BUY:
            self.buy_drops += order.rest_drops
            self.buy_rlusd += float(order.rest_rlusd)
            self.top_buy = max(self.top_buy, order.price)
        else:
            self.sell_drops += order.rest_drops
            self.sell_rlusd += float(order.rest_rlusd)
            self.low_sell = min(self.low_sell, order.price)


def exposure(alive: Iterable[Order]) -> Exposure:
    total = Exposure()
    for order in alive:
        total.add(order)
    return total


def gate(
    quote: Quote,
    mid: float | None,
    inventory: Inventory | None,
    account: Account | None,
    alive: Exposure,
    messages_left: int | None,
    settings: RiskConfig,
) -> Refusal | None:
    """Why this order may not be placed: the first reason, with what was measured and the limit."""
    if mid is None or inventory is None or account is None:
        return Refusal("missing_input", quote.side, None, None)
    if messages_left is not None and messages_left < 1:
        return Refusal("throttled", quote.side, messages_left, 1)
    size = quote.drops / DROPS
    notional = size * quote.price
    buying = quote.side is Side.BUY
    xrp = (inventory.drops + alive.buy_drops) / DROPS + (size if buying else 0.0)
    rlusd = float(inventory.rlusd) + alive.sell_rlusd + (0.0 if buying else notional)
    headroom = (
        account.xrp_drops
        - account.reserve_drops
        - account.reserve_step_drops * (max(alive.count - len(account.offers), 0) + 1)
        - alive.sell_drops
        - (0 if buying else quote.drops)
    ) / DROPS
    funds = float(account.rlusd) - alive.buy_rlusd - (notional if buying else 0.0)
    distance = abs(quote.price / mid - 1.0) * 10_000
    own_cross = alive.low_sell if buying else alive.top_buy
    apart = quote.price < own_cross if buying else quote.price > own_cross
    most_xrp, most_rlusd = settings.max_xrp_exposure, settings.max_rlusd_exposure
    most_notional = settings.max_order_notional_rlusd
    # (code, measured, limit, whether it passes): written as what must hold, so that NaN never passes
    checks = (
        ("size_too_small", size, settings.min_order_xrp, size >= settings.min_order_xrp),
        ("size_too_large", size, settings.max_order_xrp, size <= settings.max_order_xrp),
        ("notional_too_large", notional, most_notional, _within(notional, most_notional)),
        ("outside_collar", distance, settings.collar_bps, distance <= settings.collar_bps),
        ("crosses_own_order", quote.price, own_cross, apart),
        ("xrp_exposure", xrp, most_xrp, not buying or _within(xrp, most_xrp)),
        ("rlusd_exposure", rlusd, most_rlusd, buying or _within(rlusd, most_rlusd)),
        ("reserve_headroom", headroom, 0.0, headroom >= 0.0),
        ("rlusd_funds", funds, 0.0, funds >= 0.0),
    )
    for code, measured, limit, passes in checks:
        if not passes:
            return Refusal(code, quote.side, measured, limit)
    return None


def _within(measured: float, limit: float | None) -> bool:
    return limit is None or measured <= limit
