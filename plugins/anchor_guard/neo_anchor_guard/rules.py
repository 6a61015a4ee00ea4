"""When the anchor is saturated, and when it is clean again. Numbers in, verdicts out."""

from __future__ import annotations

from collections import deque

from neo_anchor_guard.config import AnchorConfig
from neo_core import Clear, Enter, Measures, Recover, Stay, Streak

__all__ = ["Window", "judge_entry", "judge_recovery"]

UNITS_A_BPS = 1e8
WHOLE = 1.5 * 2**52  # near it a float has no fraction: added and taken away again, it leaves a whole number


class Window:
    """The last anchor errors, with their sums kept running. The mean error in bps and the percentage of large ones
    are None until the window is full.

    Errors are held in whole hundred-millionths of a bps. Sums of whole numbers are exact as long as they are
    below 2**53, and the largest window has a ninth of that: nothing builds up over a long run, and a mean that
    equals its limit is equal to it.
    """

    __slots__ = (
        "_errors",
        "_full",
        "_large",
        "_size",
        "_sum",
        "_threshold",
        "mean_bps",
        "prevalence_pct",
        "ticks",
    )

    def __init__(self, size: int, prevalence_threshold_bps: float) -> None:
        self._size = size
        self._full = size * UNITS_A_BPS
        self._threshold = float(round(prevalence_threshold_bps * UNITS_A_BPS))
        self.clear()

    def clear(self) -> None:
        self._errors: deque[float] = deque()
        self._sum = 0.0
        self._large = 0.0
        self.ticks = 0
        self.mean_bps: float | None = None
        self.prevalence_pct: float | None = None

    def add(self, error_bps: float) -> None:
        units, errors, limit, size = error_bps * UNITS_A_BPS, self._errors, self._threshold, self._size
        if not -WHOLE < units < WHOLE:
            raise ValueError(f"expected an error in bps, got {error_bps}")
        error = units + WHOLE - WHOLE
        total, large = self._sum + error, self._large
        errors.append(error)
        if not -limit <= error <= limit:
            large += 1.0
        if self.ticks < size:
            self.ticks += 1
        else:
            gone = errors.popleft()
            total -= gone
            if not -limit <= gone <= limit:
                large -= 1.0
        self._sum, self._large = total, large
        if self.ticks == size:
            self.mean_bps, self.prevalence_pct = total / self._full, 100.0 * large / size


class EntryMeasures(Measures, frozen=True):
    mean_bps: float | None
    bias_limit_bps: float
    prevalence_pct: float | None
    prevalence_limit_pct: float
    window_ticks: int


def is_clean(config: AnchorConfig, mean_bps: float | None, prevalence_pct: float | None) -> bool:
    return (
        mean_bps is not None
        and prevalence_pct is not None
        and abs(mean_bps) < config.recovery_exit_bias_threshold_bps
        and prevalence_pct < config.recovery_exit_prevalence_pct
    )


def judge_entry(window: Window, config: AnchorConfig) -> Clear | Enter:
    mean, prevalence = window.mean_bps, window.prevalence_pct
    bias_limit, prevalence_limit = config.bias_threshold_bps, config.prevalence_pct
    measures = EntryMeasures(mean, bias_limit, prevalence, prevalence_limit, window.ticks)
    if mean is None or prevalence is None or -bias_limit <= mean <= bias_limit or prevalence <= prevalence_limit:
        return Clear(measures)
    return Enter(
        f"[ANCHOR_SAT] mean={mean:.2f}bps (limit ±{config.bias_threshold_bps:.2f}), {prevalence:.1f}% beyond "
        f"±{config.prevalence_threshold_bps:.2f}bps (limit {config.prevalence_pct:.1f}%) "
        f"in {config.lookback_ticks} ticks",
        measures,
    )


def judge_recovery(
    window: Window, streak: Streak, config: AnchorConfig, tick: int, has_anchor: bool
) -> Stay | Recover:
    mean, prevalence = window.mean_bps, window.prevalence_pct
    stable = streak.count(tick, has_anchor and is_clean(config, mean, prevalence))
    measures = {
        "mean_bps": mean,
        "bias_limit_bps": config.recovery_exit_bias_threshold_bps,
        "prevalence_pct": prevalence,
        "prevalence_limit_pct": config.recovery_exit_prevalence_pct,
        "stable_ticks": stable,
        "stability_ticks": config.recovery_stability_ticks,
    }
    if stable < config.recovery_stability_ticks:
        return Stay(measures)
    return Recover(
        f"[ANCHOR_SAT_RECOVERY] Exited DEGRADED — mean={mean:z.2f}bps prevalence={prevalence:.1f}% "
        f"stable for {stable} ticks",
        measures,
    )
