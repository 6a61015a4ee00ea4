"""The drift guard's section of the configuration: `plugins.drift_guard`."""

from __future__ import annotations

from pydantic import Field

from neo_core import GuardConfig

__all__ = ["DriftConfig"]


class DriftConfig(GuardConfig):
    burst_enabled: bool = Field(True, description="Condition A: fills come in a burst, from one side only.")
    burst_fills: int = Field(
        3, ge=1, le=10_000, description="A burst is at least this many fills of one side, with none of the other."
    )
    burst_window_ticks: int = Field(15, ge=1, le=10_000, description="How many ticks a burst is looked for in.")
    net_enabled: bool = Field(True, description="Condition B: fills add up to too much on one side.")
    lookback_ticks: int = Field(50, ge=1, le=10_000, description="How many ticks of fills are added up.")
    net_notional_pct: float = Field(
        20.0,
        gt=0,
        le=100,
        description="Buys less sells (or the reverse) above this percent of the portfolio enters.",
    )
    silence_enabled: bool = Field(True, description="Condition C: one side has not been filled for long.")
    min_same_side_fills: int = Field(
        4,
        ge=1,
        le=10_000,
        description="Silence counts once at least this many fills came since the last opposing one.",
    )
    opposing_silence_ticks: int = Field(
        60, ge=1, le=10_000, description="The last opposing fill being more than this many ticks ago enters."
    )
    recovery_quiet_ticks: int = Field(
        30,
        ge=1,
        le=10_000,
        description="Without an opposing fill, recovery needs this many evaluations without a same-side fill.",
    )
