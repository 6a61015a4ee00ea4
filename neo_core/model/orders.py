"""Own orders, the fills that they led to, and the inventory that those moved."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from neo_core.model.ledger import DROPS, Side

__all__ = ["Fill", "Inventory", "Order", "OrderStatus"]


class OrderStatus(StrEnum):
    PENDING = "PENDING"
    OPEN = "OPEN"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCEL_REQUESTED = "CANCEL_REQUESTED"
    CANCELLED = "CANCELLED"
    CANCELLED_BY_ENGINE = "CANCELLED_BY_ENGINE"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"
    HELD_PENDING_REVIEW = "HELD_PENDING_REVIEW"


class Order(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """An own order, under the core's own id. `sequence` and the hashes are known once it is prepared.

    `rest_drops` is what the ledger was last known to have left of it, `filled_drops` what was booked: proof that
    comes late, or in another order, may keep the two apart for a while.
    """

    id: str
    side: Side
    price: float
    drops: int
    rlusd: Decimal
    rest_drops: int
    rest_rlusd: Decimal
    status: OrderStatus
    placed_at: float
    placed_tick: int
    expires_at: float | None = None
    sequence: int = 0
    tx_hash: str = ""
    last_ledger: int = 0
    seen: bool = False
    cancel_tx_hash: str = ""
    cancel_ledger: int = 0
    cancelled_at: str = ""
    cancel_reason: str = ""
    closed_ledger: int = 0
    filled_drops: int = 0
    vanished_ledger: int = 0
    proofs: tuple[str, ...] = ()


class Fill(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Inventory that moved. `proven` by a transaction, or else a phantom: a guess that says so."""

    order_id: str
    side: Side
    drops: int
    rlusd: Decimal
    tx_hash: str
    sequence: int
    ledger_index: int
    tick: int
    at: float
    proven: bool = True

    @property
    def price(self) -> float:
        return float(self.rlusd) * DROPS / self.drops

    @property
    def notional(self) -> float:
        return float(self.rlusd)


class Inventory(msgspec.Struct, frozen=True, gc=False):
    """What the engine believes it owns, moved only by fills, fees and operators."""

    drops: int
    rlusd: Decimal
