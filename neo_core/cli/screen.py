"""What `neo run` shows a person: how it begins, a line for each event, and where it stands meanwhile."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

import click

from neo_core.cli.output import plain, say, tell
from neo_core.cli.summary import MODE_COLOURS, field
from neo_core.model import DROPS, Decision
from neo_core.state import State
from neo_core.wiring import Run

__all__ = ["Screen"]

REDRAW_SECONDS = 0.1
BAR_WIDTH = 10
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

    def begin(self, run: Run) -> None:
        settings, state, keeper = run.settings, run.opened.state, run.opened.keeper
        self._ticks = run.ticks
        resumed = f", resumed after tick {state.tick}" if state.tick else ""
        self.line(click.style(f"session {keeper.session} of engine {keeper.engine}{resumed}", bold=True))
        self.line(
            field(
                "market", f"{settings.engine.mode}: {run.scenario.name}, seed {settings.paper.seed}, {_long(run)}"
            )
        )
        room = min(shutil.get_terminal_size().columns, WIDEST)
        self.line(click.wrap_text(run.scenario.story, room, field("", ""), field("", "")))
        self.line(field("plugins", ", ".join(f"{name} {version}" for name, version in run.plugins) or "none"))
        self.line(field("database", settings.engine.database))
        self.line(field("log", settings.log.file or "none"))
        for crashed in run.opened.crashed:
            self.line(
                field("note", f"session {crashed} did not end by itself; it is on record as unexpected_halt")
            )
        for note in run.opened.notes:
            self.line(field("note", plain(note)))
        self.line("")

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
            if not event.debug:
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


def _long(run: Run) -> str:
    speed, seconds = run.settings.paper.speed, run.settings.session.duration_seconds
    limits = [] if run.ticks is None else [f"{run.ticks} ticks"]
    limits += [] if seconds is None else [f"{seconds:g} s of the ledger's time"]
    pace = {0.0: "as fast as it can", 1.0: "in real time"}.get(speed, f"at {speed:g} times real time")
    return f"{' or '.join(limits) or 'until it is stopped'} {pace}"
