"""The corridor guard's section of the configuration: `plugins.corridor_guard`."""

from __future__ import annotations

from pydantic import Field, ValidationInfo, field_validator

from neo_core import GuardConfig

__all__ = ["CorridorConfig"]


class CorridorConfig(GuardConfig):
    min_pct: float = Field(
        30.0, ge=0, le=100, description="The corridor's floor: XRP's share of the inventory's value, in percent."
    )
    max_pct: float = Field(
        70.0, ge=0, le=100, validate_default=True, description="The corridor's ceiling. Above min_pct."
    )
    corridor_lookback_ticks: int = Field(
        10,
        ge=1,
        le=10_000,
        description="Enters after this many ticks in a row outside, recovers after as many in a row inside.",
    )

    @field_validator("max_pct")
    @classmethod
    def _above_min(cls, max_pct: float, info: ValidationInfo) -> float:
        min_pct = info.data.get("min_pct")  # absent when it was refused itself
        if min_pct is not None and max_pct <= min_pct:
            raise ValueError(
                f"expected more than min_pct ({min_pct}), got {max_pct}: "
                "no inventory is inside such a corridor; raise this or lower min_pct"
            )
        return max_pct
