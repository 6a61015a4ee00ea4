"""Wallet truth: what the engine believes that it owns, against what the wallet holds. (SPEC 9)"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from neo_core.model import DROPS, Facts, Inventory, Order, OrderStatus, Side, TruthCheck
from neo_core.rules.orders import GUESS
from neo_core.state import Truth

if TYPE_CHECKING:
    from neo_core.config import WalletTruthConfig

__all__ = [
    "FAR_BEYOND",
    "NEVER",
    "NOT_MADE",
    "OK",
    "Suspect",
    "Tolerances",
    "compare",
    "difference_text",
    "measures",
    "plain",
    "remember",
    "signed",
    "suspects",
    "tolerances",
]

OK, BEYOND, FAR_BEYOND, NOT_MADE = "ok", "beyond", "far_beyond", "not_made"
NEVER = 2**62


class Tolerances(msgspec.Struct, frozen=True):
    """The settings as exact amounts; what is switched off is infinite."""

    drops: Decimal
    rlusd: Decimal
    far_drops: Decimal
    far_rlusd: Decimal


def tolerances(settings: WalletTruthConfig) -> Tolerances:
    return Tolerances(
        _exact(settings.tolerance_xrp) * DROPS,
        _exact(settings.tolerance_rlusd),
        _exact(settings.halt_tolerance_xrp) * DROPS,
        _exact(settings.halt_tolerance_rlusd),
    )


def _exact(amount: float | None) -> Decimal:
    return Decimal("Infinity") if amount is None else Decimal(repr(amount))


def compare(inventory: Inventory, wallet: Inventory, most: Tolerances) -> TruthCheck:
    if inventory == wallet:
        return TruthCheck(OK, inventory, wallet)
    drops, rlusd = abs(wallet.drops - inventory.drops), abs(wallet.rlusd - inventory.rlusd)
    verdict = OK
    if drops > most.drops or rlusd > most.rlusd:
        verdict = BEYOND
    if drops > most.far_drops or rlusd > most.far_rlusd:
        verdict = FAR_BEYOND
    return TruthCheck(verdict, inventory, wallet)


def remember(truth: Truth, check: TruthCheck, tick: int, settings: WalletTruthConfig) -> Truth:
    """Beyond tolerance, the next check is due on the very next tick; so is one that could not be made."""
    if check.verdict == NOT_MADE:
        return Truth(tick + 1, truth.beyond, truth.not_made + 1)
    if check.verdict == OK:
        return Truth(tick + settings.interval_ticks if settings.enabled else NEVER, 0, truth.not_made)
    return Truth(tick + 1, truth.beyond + 1, truth.not_made)


def measures(check: TruthCheck, settings: WalletTruthConfig) -> Facts:
    drops, rlusd = _difference(check)
    return {
        "xrp_difference": float(drops),
        "xrp_tolerance": settings.tolerance_xrp,
        "rlusd_difference": float(rlusd),
        "rlusd_tolerance": settings.tolerance_rlusd,
    }


def difference_text(check: TruthCheck) -> str:
    xrp, rlusd = _difference(check)
    return f"the wallet holds {signed(xrp)} XRP and {signed(rlusd)} RLUSD against the books"


def plain(amount: Decimal) -> str:
    """Without zeros that say nothing."""
    return f"{amount.normalize():f}"


def signed(amount: Decimal) -> str:
    return f"{amount.normalize():+f}"


def _difference(check: TruthCheck) -> tuple[Decimal, Decimal]:
    assert check.inventory is not None
    assert check.wallet is not None
    drops = check.wallet.drops - check.inventory.drops
    return Decimal(drops) / DROPS, check.wallet.rlusd - check.inventory.rlusd


class Suspect(msgspec.Struct, frozen=True):
    """An order that may explain a difference: what the wallet holds more, if what is doubted about it is so."""

    order_id: str
    doubt: str
    drops: int
    rlusd: Decimal


def suspects(orders: Iterable[Order]) -> tuple[Suspect, ...]:
    """Where the difference may come from: whatever was guessed, held, or cancelled with nobody's proof."""
    found = []
    for order in orders:
        sign = 1 if order.side is Side.BUY else -1
        if order.status is OrderStatus.HELD_PENDING_REVIEW:
            found.append(_suspect(order, "held for review: it may have been filled", sign))
        elif GUESS in order.proofs:
            found.append(_suspect(order, "taken for filled, which was a guess: it may not have been", -sign))
        elif order.cancel_reason and order.vanished_ledger:
            found.append(_suspect(order, "cancelled by the engine: it may have been filled before", sign))
        elif order.cancel_tx_hash and order.vanished_ledger:
            found.append(_suspect(order, "its cancel raced the market: it may have been filled before", sign))
        elif order.status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED) and order.vanished_ledger:
            word = order.status.value.lower()
            found.append(_suspect(order, f"taken for {word} without proof: it may have been filled", sign))
        elif order.vanished_ledger and not order.closed_ledger:
            found.append(_suspect(order, "not shown any more, and nobody told why: it may have been filled", sign))
    return tuple(found)


def _suspect(order: Order, doubt: str, sign: int) -> Suspect:
    return Suspect(order.id, doubt, sign * order.rest_drops, -sign * order.rest_rlusd)
