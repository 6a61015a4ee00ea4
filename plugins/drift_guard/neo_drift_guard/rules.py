"""When fills drift to one side, and when that is over. Numbers in, verdicts out."""

from __future__ import annotations

from collections import deque
from math import inf
from typing import NamedTuple

from neo_core import Facts, Measures, Recover, Side, Stay
from neo_drift_guard.config import DriftConfig

__all__ = ["Drift", "Episode", "FillWindow", "Run", "judge_entry", "judge_recovery"]


BUY = Side.BUY


class FillWindow:
    """The fills of the last ticks: how many on each side, and the net notional (buys less sells).

    `due` is the tick on which the oldest of them is too old.
    """

    __slots__ = ("_fills", "_ticks", "buys", "due", "net", "sells")

    def __init__(self, ticks: int) -> None:
        self._ticks = ticks
        self.clear()

    def clear(self) -> None:
        self._fills: deque[tuple[int, bool, float]] = deque()
        self.buys = 0
        self.sells = 0
        self.net = 0.0
        self.due = inf

    def add(self, tick: int, side: Side, notional: float) -> None:
        is_buy = side is BUY
        signed = notional if is_buy else -notional
        if not self._fills:
            self.due = tick + self._ticks
        self._fills.append((tick, is_buy, signed))
        self.buys += is_buy
        self.sells += not is_buy
        self.net += signed

    def move_to(self, tick: int) -> None:
        """Lets go of what is too old on this tick. Before `due` there is none."""
        fills, oldest = self._fills, tick - self._ticks
        while fills and fills[0][0] <= oldest:
            _, is_buy, _ = fills.popleft()
            self.buys -= is_buy
            self.sells -= not is_buy
        self.due = fills[0][0] + self._ticks if fills else inf
        # Added up afresh, not subtracted: so no rounding builds up over a long run, and fills leave rarely.
        self.net = sum((signed for _, _, signed in fills), 0.0)


class Run:
    """Fills of one side since the last opposing fill, and when that was (or the re-arm, if there was none)."""

    __slots__ = ("_last_fill_tick", "length", "opposing_tick", "side")

    def __init__(self, tick: int = 0) -> None:
        self.side: Side | None = None
        self.length = 0
        self.opposing_tick = tick
        self._last_fill_tick = tick

    def add(self, tick: int, side: Side) -> None:
        if side is not self.side:
            self.opposing_tick = self._last_fill_tick
            self.side = side
            self.length = 0
        self.length += 1
        self._last_fill_tick = tick


class Episode:
    """What came since an entry. `side` is that of the run that caused it, None if this guard does not know."""

    __slots__ = ("_same_side_tick", "opposing_tick", "quiet", "side")

    def __init__(self, side: Side | None) -> None:
        self.side = side
        self.quiet = 0
        self.opposing_tick: int | None = None
        self._same_side_tick: int | None = None

    def add(self, tick: int, side: Side) -> None:
        if self.side is not None and side is not self.side:
            self.opposing_tick = tick
        else:
            self.quiet = 0
            self._same_side_tick = tick

    def count(self, tick: int) -> None:
        """Quiet ticks are counted where recovery is asked for: those of a cool-down are none.

        A gap (a failed observation, an integrity cause) adds nothing but breaks nothing either: what was filled
        in it is booked on the next tick that sees the ledger, so that no same-side fill can be missed.
        """
        if tick != self._same_side_tick:
            self.quiet += 1


class Drift(NamedTuple):
    """One-sided fills: the side, and what was found in words."""

    side: Side
    finding: str


def find_burst(config: DriftConfig, recent: FillWindow) -> Drift | None:
    fills = recent.buys or recent.sells
    if not config.burst_enabled or fills < config.burst_fills or (recent.buys and recent.sells):
        return None
    side = Side.BUY if recent.buys else Side.SELL
    return Drift(
        side,
        f"{fills} {side} fills and no {side.opposite} fill within {config.burst_window_ticks} ticks "
        f"(limit {config.burst_fills})",
    )


def find_net(config: DriftConfig, window: FillWindow, net_pct: float | None) -> Drift | None:
    if not config.net_enabled or net_pct is None or net_pct <= config.net_notional_pct:
        return None
    side = Side.BUY if window.net > 0 else Side.SELL
    return Drift(
        side,
        f"net {side} fills of {abs(window.net):.2f} RLUSD within {config.lookback_ticks} ticks are "
        f"{net_pct:.1f}% of the portfolio (limit {config.net_notional_pct:.1f}%)",
    )


def find_silence(config: DriftConfig, run: Run, silence_ticks: int) -> Drift | None:
    if (
        not config.silence_enabled
        or run.side is None
        or run.length < config.min_same_side_fills
        or silence_ticks <= config.opposing_silence_ticks
    ):
        return None
    return Drift(
        run.side,
        f"{run.length} {run.side} fills and no {run.side.opposite} fill for {silence_ticks} ticks "
        f"(limits {config.min_same_side_fills} and {config.opposing_silence_ticks})",
    )


class EntryMeasures(Measures, frozen=True):
    burst_buys: int
    burst_sells: int
    burst_limit: int
    net_pct: float | None
    net_limit_pct: float
    run_fills: int
    run_limit: int
    silence_ticks: int
    silence_limit_ticks: int


def judge_entry(
    config: DriftConfig,
    recent: FillWindow,
    window: FillWindow,
    run: Run,
    tick: int,
    portfolio_value: float | None,
) -> tuple[Drift | None, EntryMeasures]:
    """What was found, if any, and what it was judged by. Without a portfolio value B cannot be judged."""
    net_pct = None
    if portfolio_value is not None and portfolio_value > 0:
        net_pct = 100 * abs(window.net) / portfolio_value
    silence_ticks = tick - run.opposing_tick
    measures = EntryMeasures(
        recent.buys,
        recent.sells,
        config.burst_fills,
        net_pct,
        config.net_notional_pct,
        run.length,
        config.min_same_side_fills,
        silence_ticks,
        config.opposing_silence_ticks,
    )
    if (
        ((recent.buys and recent.sells) or recent.buys + recent.sells < config.burst_fills)
        and (net_pct is None or net_pct <= config.net_notional_pct)
        and (run.length < config.min_same_side_fills or silence_ticks <= config.opposing_silence_ticks)
    ):
        return None, measures  # the usual tick
    drift = (
        find_burst(config, recent) or find_net(config, window, net_pct) or find_silence(config, run, silence_ticks)
    )
    return drift, measures


def judge_recovery(config: DriftConfig, episode: Episode) -> Stay | Recover:
    measures: Facts = {
        "opposing_fill_tick": episode.opposing_tick,
        "quiet_ticks": episode.quiet,
        "quiet_limit_ticks": config.recovery_quiet_ticks,
    }
    if episode.side is not None and episode.opposing_tick is not None:
        finding = f"{episode.side.opposite} fill on tick {episode.opposing_tick} opposes the {episode.side} fills"
    elif episode.quiet >= config.recovery_quiet_ticks:
        finding = f"no {episode.side or 'further'} fill for {episode.quiet} ticks"
    else:
        return Stay(measures)
    return Recover(f"[DRIFT_RECOVERY] Exited DEGRADED — {finding}", measures)
