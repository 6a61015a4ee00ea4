"""The directional drift guard: stops quoting while fills come from one side only."""

from __future__ import annotations

from neo_core import Clear, Enter, Mode, Recover, Stay, View, hookimpl
from neo_drift_guard.config import DriftConfig
from neo_drift_guard.rules import Episode, FillWindow, Run, judge_entry, judge_recovery

__all__ = ["DriftConfig", "DriftGuard"]


class DriftGuard:
    source = "drift"
    config_class = DriftConfig

    def __init__(self, config: DriftConfig) -> None:
        self._config = config.plain()
        self._recent = FillWindow(config.burst_window_ticks)
        self._window = FillWindow(config.lookback_ticks)
        self._run = Run()
        self._episode: Episode | None = None

    @hookimpl
    def observe(self, view: View) -> None:
        for fill in view.fills:
            notional = fill.notional
            self._recent.add(view.tick, fill.side, notional)
            self._window.add(view.tick, fill.side, notional)
            self._run.add(view.tick, fill.side)
            if self._episode is not None:
                self._episode.add(view.tick, fill.side)
        tick = view.tick
        if tick >= self._recent.due:
            self._recent.move_to(tick)
        if tick >= self._window.due:
            self._window.move_to(tick)

    @hookimpl
    def evaluate_entry(self, view: View) -> Clear | Enter:
        drift, measures = judge_entry(
            self._config, self._recent, self._window, self._run, view.tick, view.portfolio_value
        )
        if drift is None:
            return Clear(measures)
        if view.mode is Mode.OK:
            self._episode = Episode(drift.side)
        return Enter(f"[DRIFT] {drift.finding}", measures)

    @hookimpl
    def evaluate_recovery(self, view: View) -> Stay | Recover:
        if self._episode is None:
            # An episode that a resumed session brought along: its run is not known. From here on any fill counts
            # as a same-side one, so that only quiet can end it.
            self._episode = Episode(None)
        else:
            self._episode.count(view.tick)
        return judge_recovery(self._config, self._episode)

    @hookimpl
    def on_rearm(self, view: View) -> None:
        self._recent.clear()
        self._window.clear()
        self._run = Run(view.tick)
        self._episode = None
