"""Values made to order: say what matters to a test, the rest is a quiet market."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from neo_core.model import DROPS, Fill, Mode, Order, OrderStatus, Side, View

__all__ = ["fill", "order", "view"]

FIRST_CLOSE = 1_767_225_600.0  # 2026-01-01T00:00:00Z
FIRST_LEDGER = 90_000_000
SECONDS_PER_LEDGER = 4.0


def view(
    tick: int = 1,
    *,
    mid: float | None = 2.0,
    anchor_error_bps: float | None = 0.0,
    xrp: float = 10_000.0,
    rlusd: float = 20_000.0,
    **overrides: Any,
) -> View:
    """A `View` of a quiet tick: two-sided book, fair anchor, half of the inventory in XRP, mode OK.

    What follows from something else is worked out: without a mid there is no bid, ask, anchor, inventory % or
    portfolio value, and time and ledger go with the tick. Any field of `View` can be given as it should be.
    """
    value = None if mid is None else xrp * mid + rlusd
    anchor = None if mid is None or anchor_error_bps is None else mid * (1 + anchor_error_bps / 10_000)
    fields: dict[str, Any] = {
        "tick": tick,
        "now": FIRST_CLOSE + SECONDS_PER_LEDGER * tick,
        "ledger_index": FIRST_LEDGER + tick,
        "mode": Mode.OK,
        "source": "",
        "ticks_in_mode": tick,
        "bid": None if mid is None else mid * 0.9995,
        "ask": None if mid is None else mid * 1.0005,
        "mid": mid,
        "amm_price": mid,
        "anchor": anchor,
        "anchor_error_bps": None if anchor is None else anchor_error_bps,
        "xrp": xrp,
        "rlusd": rlusd,
        "inventory_pct": None if mid is None or not value else 100.0 * xrp * mid / value,
        "portfolio_value": value,
    }
    return View(**(fields | overrides))


def fill(side: Side, *, tick: int = 1, rlusd: Decimal | int | str = 200, **overrides: Any) -> Fill:
    """A proven `Fill` of `rlusd` worth, at a price of 2. Any field of `Fill` can be given as it should be."""
    worth = Decimal(rlusd)
    fields: dict[str, Any] = {
        "order_id": f"{side.value}-{tick}",
        "side": side,
        "drops": int(worth * DROPS / 2),
        "rlusd": worth,
        "tx_hash": f"{tick:064X}",
        "sequence": tick,
        "ledger_index": FIRST_LEDGER + tick,
        "tick": tick,
        "at": FIRST_CLOSE + SECONDS_PER_LEDGER * tick,
    }
    return Fill(**(fields | overrides))


def order(side: Side = Side.BUY, *, tick: int = 1, **overrides: Any) -> Order:
    """An `OPEN` order of 100 XRP at a price of 2. Any field of `Order` can be given as it should be."""
    fields: dict[str, Any] = {
        "id": f"{side.value}-{tick}",
        "side": side,
        "price": 2.0,
        "drops": 100 * DROPS,
        "rlusd": Decimal(200),
        "rest_drops": 100 * DROPS,
        "rest_rlusd": Decimal(200),
        "status": OrderStatus.OPEN,
        "placed_at": FIRST_CLOSE + SECONDS_PER_LEDGER * tick,
        "placed_tick": tick,
        "expires_at": FIRST_CLOSE + SECONDS_PER_LEDGER * tick + 60.0,
        "sequence": tick,
        "tx_hash": f"{tick:064X}",
        "last_ledger": FIRST_LEDGER + tick + 4,
        "seen": True,
    }
    return Order(**(fields | overrides))
