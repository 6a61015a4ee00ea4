"""Evidence from the ledger: how an order ended, and patience where its transactions were not told."""

from __future__ import annotations

from neo_core import OfferEvent, Order, Resolution, View, Wait, hookimpl
from neo_ledger_evidence import rules
from neo_ledger_evidence.config import LedgerEvidenceConfig

__all__ = ["LedgerEvidence", "LedgerEvidenceConfig"]


class LedgerEvidence:
    config_class = LedgerEvidenceConfig
    rank = 50
    proof = True

    def __init__(self, config: LedgerEvidenceConfig) -> None:
        self._max_wait_ledgers = config.max_wait_ledgers
        self._told: dict[int, tuple[OfferEvent, ...]] = {}

    @hookimpl
    def observe(self, view: View) -> None:
        """What happened to an order that is still open is part of its end."""
        if not view.events and not self._told:
            return
        sequences = {order.sequence for order in view.open_orders}
        self._told = {
            sequence: events
            for sequence in sequences & {*self._told, *(event.sequence for event in view.events)}
            if (events := self._about(sequence, view))
        }

    @hookimpl
    def on_disappeared_order(self, order: Order, view: View) -> Resolution | Wait | None:
        if not view.proves_fills:
            return None
        if order.closed_ledger:
            return rules.ending(order, self._about(order.sequence, view))
        return rules.patience(order, view.ledger_index, view.untold, self._max_wait_ledgers)

    def _about(self, sequence: int, view: View) -> tuple[OfferEvent, ...]:
        told = (*self._told.get(sequence, ()), *(event for event in view.events if event.sequence == sequence))
        return rules.in_order(told)
