"""What `neo run` shows a person: how it begins, a line for each event, and where it stands meanwhile."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

import click

from neo_core.cli.heading import heading
from neo_core.cli.output import plain, say, tell
from neo_core.cli.summary import MODE_COLOURS
from neo_core.doctor import Report
from neo_core.model import DROPS, Decision
from neo_core.state import State
from neo_core.wiring import Run

__all__ = ["Screen"]

REDRAW_SECONDS = 0.1
BAR_WIDTH = 10
ROUTINE = {"order_ended"}  # on record and in the log; on the screen a line for each would hide the others
WIDEST = 100


class Screen:
    """`show` is called on every tick, at thousands of them a second: between events and redraws it does next to
    nothing. The status line is on stderr, only when that is a terminal, so that it is in nobody's file.
    """

    def __init__(self, on_gone: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self.state: State | None = None
        self._on_gone = on_gone
        self._clock = clock
        self._fills = 0
        self._ticks: int | None = None
        self._live = sys.stderr is not None and sys.stderr.isatty()
        self._due = 0.0
        self._drawn = 0

    def begin(self, run: Run, report: Report | None) -> None:
        self._ticks = run.ticks
        for line in heading(run, report):
            self.line(line)

    def show(self, decision: Decision, state: State) -> None:
        self.state = state
        if decision.fills:
            self._fills += len(decision.fills)
        if decision.events:
            self._events(decision)
        if self._live:
            now = self._clock()
            if now >= self._due:
                self._due = now + REDRAW_SECONDS
                self._draw(decision, state)

    def between(self, text: str) -> None:
        """What happened while no tick could be made of it."""
        self.line(f"{'':>6}  {datetime.now(UTC):%H:%M:%S}  {'':<8}  {plain(text)}")

    def line(self, text: str) -> None:
        self.erase()
        if not say(text):
            self._on_gone()

    def tell(self, text: str) -> None:
        """From a signal handler."""
        self.erase()
        tell(text + "\n")

    def erase(self) -> None:
        if self._drawn:
            tell("\r" + " " * self._drawn + "\r")
            self._drawn = 0

    def _events(self, decision: Decision) -> None:
        at = datetime.fromtimestamp(decision.now, UTC)
        mode = click.style(f"{decision.mode:<8}", fg=MODE_COLOURS[decision.mode])
        for event in decision.events:
            if not event.debug and event.kind not in ROUTINE:
                self.line(f"{decision.tick:>6}  {at:%H:%M:%S}  {mode}  {plain(event.text)}")

    def _draw(self, decision: Decision, state: State) -> None:
        room = max(shutil.get_terminal_size().columns - 1, 10)
        text = _standing(decision, state, self._fills, self._ticks)[:room]
        tell("\r" + text.ljust(min(self._drawn, room)))
        self._drawn = len(text)


def _standing(decision: Decision, state: State, fills: int, ticks: int | None) -> str:
    mid = error = share = "-"
    if decision.anchor is not None and decision.anchor_error_bps is not None:
        middle = decision.anchor / (1.0 + decision.anchor_error_bps / 10_000)
        mid, error = f"{middle:.5f}", f"{decision.anchor_error_bps:+z.1f} bps"
        if state.inventory is not None:
            xrp = state.inventory.drops / DROPS * middle
            total = xrp + float(state.inventory.rlusd)
            share = f"{100 * xrp / total:.1f}%" if total > 0 else "-"
    place = f"tick {decision.tick}" if ticks is None else f"{_bar(decision.tick / ticks)} {decision.tick}/{ticks}"
    return f"{place} {decision.mode} mid {mid} anchor {error} XRP {share} fills {fills}"


def _bar(part: float) -> str:
    done = round(BAR_WIDTH * min(part, 1.0))
    return f"[{'#' * done}{'.' * (BAR_WIDTH - done)}]"
