"""When the anchor is saturated, and when it is clean again. Numbers in, verdicts out."""

from __future__ import annotations

from collections import deque

from neo_anchor_guard.config import AnchorConfig
from neo_core import Clear, Enter, Measures, Recover, Stay, Streak

__all__ = ["Window", "judge_entry", "judge_recovery"]

NANO = 1_000_000_000


class Window:
    """The last anchor errors, with their sums kept running.

    Errors are held in whole billionths of a bps. Sums of integers are exact: nothing builds up over a long run,
    and a mean that equals its limit is equal to it.
    """

    __slots__ = ("_errors", "_full", "_large", "_size", "_sum", "_threshold", "ticks")

    def __init__(self, size: int, prevalence_threshold_bps: float) -> None:
        self._size = size
        self._full = size * NANO
        self._threshold = round(prevalence_threshold_bps * NANO)
        self.clear()

    def clear(self) -> None:
        self._errors: deque[int] = deque()
        self._sum = 0
        self._large = 0
        self.ticks = 0

    def add(self, error_bps: float) -> None:
        error, errors, limit = round(error_bps * NANO), self._errors, self._threshold
        errors.append(error)
        if abs(error) > limit:
            self._large += 1
        if self.ticks < self._size:
            self._sum += error
            self.ticks += 1
            return
        gone = errors.popleft()
        self._sum += error - gone
        if abs(gone) > limit:
            self._large -= 1

    def averages(self) -> tuple[float, float] | tuple[None, None]:
        """The mean error in bps, and the percentage of large ones. None until the window is full."""
        size = self._size
        if self.ticks < size:
            return None, None
        return self._sum / self._full, 100 * self._large / size


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
    mean, prevalence = window.averages()
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
    mean, prevalence = window.averages()
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
