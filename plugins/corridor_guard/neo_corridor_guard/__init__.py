"""The inventory corridor guard: stops quoting while too much or too little of the inventory is in XRP."""

from __future__ import annotations

from neo_core import Clear, Enter, Recover, Stay, Streak, View, hookimpl
from neo_corridor_guard.config import CorridorConfig
from neo_corridor_guard.rules import Outside, judge_entry, judge_recovery

__all__ = ["CorridorConfig", "CorridorGuard"]


class CorridorGuard:
    source = "corridor"
    config_class = CorridorConfig

    def __init__(self, config: CorridorConfig) -> None:
        self._config = config.plain()
        self._outside = Outside()
        self._streak = Streak()

    @hookimpl
    def observe(self, view: View) -> None:
        self._outside.count(self._config, view.inventory_pct)

    @hookimpl
    def evaluate_entry(self, view: View) -> Clear | Enter:
        return judge_entry(self._outside, self._config, view.inventory_pct)

    @hookimpl
    def evaluate_recovery(self, view: View) -> Stay | Recover:
        return judge_recovery(self._streak, self._config, view.tick, view.inventory_pct)

    @hookimpl
    def on_rearm(self) -> None:
        self._outside.clear()
        self._streak.clear()
