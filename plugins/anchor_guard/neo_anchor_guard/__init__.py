"""The anchor saturation guard: stops quoting while the anchor leans away from the order book."""

from __future__ import annotations

from neo_anchor_guard.config import AnchorConfig
from neo_anchor_guard.rules import Window, judge_entry, judge_recovery
from neo_core import Clear, Enter, Recover, Stay, Streak, View, hookimpl

__all__ = ["AnchorConfig", "AnchorGuard"]


class AnchorGuard:
    source = "anchor"
    config_class = AnchorConfig

    def __init__(self, config: AnchorConfig) -> None:
        self._config = config.plain()
        self._window = Window(config.lookback_ticks, config.prevalence_threshold_bps)
        self._streak = Streak()

    @hookimpl
    def observe(self, view: View) -> None:
        if view.anchor_error_bps is not None:
            self._window.add(view.anchor_error_bps)

    @hookimpl
    def evaluate_entry(self, view: View) -> Clear | Enter:  # noqa: ARG002 (all arguments: called without a wrapper)
        return judge_entry(self._window, self._config)

    @hookimpl
    def evaluate_recovery(self, view: View) -> Stay | Recover:
        has_anchor = view.anchor_error_bps is not None
        return judge_recovery(self._window, self._streak, self._config, view.tick, has_anchor)

    @hookimpl
    def on_rearm(self) -> None:
        self._window.clear()
        self._streak.clear()
