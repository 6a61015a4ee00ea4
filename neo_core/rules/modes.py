"""Causes, episodes, cool-downs and caps: why the engine is DEGRADED, and when it no longer is. (SPEC 2 and 7)

Two kinds of cause. A guard's cause is counted, cooled down and capped, and there is at most one. Integrity
causes (`wallet_truth`, `reconciler`, `plugin_fault`) are none of that, and may join or be joined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from neo_core.halts import Halt, HaltReason
from neo_core.model import Cause
from neo_core.state import Regime

if TYPE_CHECKING:
    from neo_core.config import DegradedConfig, DegradedRecoveryConfig

__all__ = ["cool", "enter", "is_last", "mend", "raise_integrity", "recover", "timed_out"]

INTEGRITY_TIMEOUTS = {
    "wallet_truth": HaltReason.INVENTORY_TRUTH,
    "reconciler": HaltReason.RECONCILER,
    "plugin_fault": HaltReason.PLUGIN_FAULT,
}


def enter(regime: Regime, cause: Cause, settings: DegradedRecoveryConfig) -> tuple[Regime, Halt | None]:
    """A guard's fresh entry, when nothing is wrong yet: counted. At the cap it halts, else it may cool down."""
    source, cap = cause.source, settings.max_degraded_episodes_per_source_per_session
    count = regime.episodes.get(source, 0) + 1
    halt = None
    cooldown = 0
    if count >= cap:
        halt = Halt(HaltReason.EPISODE_LIMIT, source, f"episode {count} of {source}, the cap is {cap}")
    elif count > 1:
        cooldown = settings.recovery_cooldown_ticks
    entered = replace(
        regime,
        guard=cause,
        episodes={**regime.episodes, source: count},
        cooldowns={**regime.cooldowns, source: cooldown},
        cooled_at=cause.since if cooldown == 0 else None,
    )
    return entered, halt


def cool(regime: Regime, elapsed: float) -> tuple[Regime, int]:
    """One evaluation nearer to the end of the cool-down, and how many ticks of it remain."""
    assert regime.guard is not None
    source = regime.guard.source
    before = regime.cooldowns.get(source, 0)
    if before == 0:
        return regime, 0
    remaining = before - 1
    return (
        replace(
            regime,
            cooldowns={**regime.cooldowns, source: remaining},
            cooled_at=elapsed if remaining == 0 else None,
        ),
        remaining,
    )


def recover(regime: Regime) -> Regime:
    """The guard's cause is over. Counts stay: they are the session's."""
    return replace(regime, guard=None, cooled_at=None)


def raise_integrity(regime: Regime, cause: Cause) -> Regime:
    """Joins whatever keeps the engine DEGRADED; one that is there already stays as old as it is."""
    if any(active.source == cause.source for active in regime.integrity):
        return regime
    return replace(regime, integrity=(*regime.integrity, cause))


def mend(regime: Regime, source: str) -> Regime:
    """The integrity cause is gone; a guard's cause that is left goes on as it was, uncounted."""
    return replace(regime, integrity=tuple(c for c in regime.integrity if c.source != source))


def is_last(regime: Regime, source: str) -> bool:
    """Whether the episode would end if this cause went: then its cancel_all must be complete first."""
    causes = [c.source for c in regime.integrity]
    if regime.guard is not None:
        causes.append(regime.guard.source)
    return causes == [source]


def timed_out(
    regime: Regime, elapsed: float, recoverable: bool, settings: DegradedConfig
) -> tuple[HaltReason, Cause, float] | None:
    """The first cause that has lasted too long, with how long. A guard that can recover is waited out."""
    limit = settings.timeout_seconds
    for cause in regime.integrity:
        if elapsed - cause.since >= limit:
            return INTEGRITY_TIMEOUTS[cause.source], cause, elapsed - cause.since
    guard = regime.guard
    if guard is None:
        return None
    if not recoverable:
        if elapsed - guard.since >= limit:
            return HaltReason.DEGRADED_TIMEOUT, guard, elapsed - guard.since
    elif settings.guard_timeout_seconds is not None and regime.cooled_at is not None:
        waited = elapsed - regime.cooled_at
        if waited >= settings.guard_timeout_seconds:
            return HaltReason.DEGRADED_TIMEOUT, guard, waited
    return None
