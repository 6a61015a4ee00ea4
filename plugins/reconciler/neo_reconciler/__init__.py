"""The reconciler: marks the orders that the engine cancels, and says what became of those that vanished."""

from __future__ import annotations

from collections.abc import Sequence

from neo_core import Mark, Order, Resolution, View, hookimpl
from neo_reconciler import rules
from neo_reconciler.config import ReconcilerConfig

__all__ = ["Reconciler", "ReconcilerConfig"]


class Reconciler:
    config_class = ReconcilerConfig

    def __init__(self, config: ReconcilerConfig) -> None:
        self.layers = (EngineCancel(), CancelRace(), Expired(), AgeGate(config.age_threshold_seconds))

    @hookimpl
    def on_cancel_all(self, orders: Sequence[Order], cause: str, now: float) -> list[Mark]:
        return rules.marks(orders, cause, now)


class EngineCancel:
    rank = 10

    @hookimpl
    def on_disappeared_order(self, order: Order) -> Resolution | None:
        return rules.engine_cancel(order)


class CancelRace:
    rank = 20

    @hookimpl
    def on_disappeared_order(self, order: Order) -> Resolution | None:
        return rules.cancel_race(order)


class Expired:
    rank = 80

    @hookimpl
    def on_disappeared_order(self, order: Order, view: View) -> Resolution | None:
        return rules.expired(order, view.now)


class AgeGate:
    rank = 90

    def __init__(self, threshold_seconds: float) -> None:
        self._threshold_seconds = threshold_seconds

    @hookimpl
    def on_disappeared_order(self, order: Order, view: View) -> Resolution:
        return rules.age_gate(order, view.now, self._threshold_seconds)
