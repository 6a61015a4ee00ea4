"""When the inventory is out of its corridor, and when it is back. Numbers in, verdicts out."""

from __future__ import annotations

from neo_core import Clear, Enter, Measures, Recover, Stay, Streak
from neo_corridor_guard.config import CorridorConfig

__all__ = ["Outside", "judge_entry", "judge_recovery"]


class Outside:
    """Ticks in a row outside of the corridor, of those that had a mid."""

    __slots__ = ("ticks",)

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.ticks = 0

    def count(self, config: CorridorConfig, inventory_pct: float | None) -> None:
        if inventory_pct is not None:
            self.ticks = 0 if config.min_pct <= inventory_pct <= config.max_pct else self.ticks + 1


class EntryMeasures(Measures, frozen=True):
    inventory_pct: float | None
    min_pct: float
    max_pct: float
    outside_ticks: int
    outside_limit_ticks: int


def is_inside(config: CorridorConfig, inventory_pct: float) -> bool:
    return config.min_pct <= inventory_pct <= config.max_pct


def judge_entry(outside: Outside, config: CorridorConfig, inventory_pct: float | None) -> Clear | Enter:
    measures = EntryMeasures(
        inventory_pct, config.min_pct, config.max_pct, outside.ticks, config.corridor_lookback_ticks
    )
    if outside.ticks < config.corridor_lookback_ticks:
        return Clear(measures)
    shown = "(no mid now)" if inventory_pct is None else f"{inventory_pct:.1f}%"
    return Enter(
        f"[CORRIDOR] inventory={shown} outside {config.min_pct:.1f}% to "
        f"{config.max_pct:.1f}% for {outside.ticks} ticks (limit {config.corridor_lookback_ticks})",
        measures,
    )


def judge_recovery(
    streak: Streak, config: CorridorConfig, tick: int, inventory_pct: float | None
) -> Stay | Recover:
    stable = streak.count(tick, inventory_pct is not None and is_inside(config, inventory_pct))
    measures = {
        "inventory_pct": inventory_pct,
        "min_pct": config.min_pct,
        "max_pct": config.max_pct,
        "stable_ticks": stable,
        "stability_ticks": config.corridor_lookback_ticks,
    }
    if stable < config.corridor_lookback_ticks:
        return Stay(measures)
    return Recover(
        f"[CORRIDOR_RECOVERY] Exited DEGRADED — inventory={inventory_pct:.1f}% inside "
        f"{config.min_pct:.1f}% to {config.max_pct:.1f}% stable for {stable} ticks",
        measures,
    )
