"""The anchor guard's section of the configuration: `plugins.anchor_guard`."""

from __future__ import annotations

from pydantic import Field, ValidationInfo, field_validator

from neo_core import GuardConfig

__all__ = ["AnchorConfig"]

# The core's own default, for a section that is validated without the rest of the configuration.
DEFAULT_CAP_BPS = 10.0


class AnchorConfig(GuardConfig):
    lookback_ticks: int = Field(
        25,
        ge=1,
        le=10_000,
        description="How many ticks the window holds; a tick without an anchor is no part of it.",
    )
    bias_threshold_bps: float = Field(
        6.0,
        gt=0,
        validate_default=True,
        description="Enters when the mean anchor error is further from zero than this, and errors are prevalent.",
    )
    prevalence_threshold_bps: float = Field(
        5.0,
        gt=0,
        validate_default=True,
        description="An anchor error further from zero than this counts as large.",
    )
    prevalence_pct: float = Field(
        40.0, ge=0, lt=100, description="Errors are prevalent when more than this share of the window is large."
    )
    recovery_exit_bias_threshold_bps: float = Field(
        4.0,
        gt=0,
        validate_default=True,
        description="Recovery needs the mean anchor error closer to zero than this. Below bias_threshold_bps.",
    )
    recovery_exit_prevalence_pct: float = Field(
        30.0,
        gt=0,
        validate_default=True,
        description="Recovery needs a smaller share of large errors than this. Below prevalence_pct.",
    )
    recovery_stability_ticks: int = Field(
        30, ge=1, le=10_000, description="Recovery needs this many clean evaluations in a row."
    )

    @field_validator("bias_threshold_bps", "prevalence_threshold_bps")
    @classmethod
    def _within_reach(cls, threshold: float, info: ValidationInfo) -> float:
        cap = _cap_bps(info)
        if cap is not None and threshold >= cap:
            raise ValueError(
                f"expected less than quoting.anchor_cap_bps ({cap}), got {threshold}: "
                "no anchor error is larger than the cap, so it could never fire; lower this or raise the cap"
            )
        return threshold

    @field_validator("recovery_exit_bias_threshold_bps")
    @classmethod
    def _exit_bias_below_entry(cls, threshold: float, info: ValidationInfo) -> float:
        return _below_entry(threshold, "bias_threshold_bps", info)

    @field_validator("recovery_exit_prevalence_pct")
    @classmethod
    def _exit_prevalence_below_entry(cls, pct: float, info: ValidationInfo) -> float:
        return _below_entry(pct, "prevalence_pct", info)


def _below_entry(exit_limit: float, entry_key: str, info: ValidationInfo) -> float:
    entry_limit = info.data.get(entry_key)  # absent when it was refused itself
    if entry_limit is not None and exit_limit >= entry_limit:
        raise ValueError(
            f"expected less than {entry_key} ({entry_limit}), got {exit_limit}: "
            f"the guard must leave further down than it enters; lower this or raise {entry_key}"
        )
    return exit_limit


def _cap_bps(info: ValidationInfo) -> float | None:
    """None: the core's own sections were refused, so that there is no cap to compare with."""
    if info.context is None:
        return DEFAULT_CAP_BPS
    settings = info.context.get("settings")
    return None if settings is None else float(settings.quoting.anchor_cap_bps)
