"""What people ask of a running session: signals, `neo stop`, `neo kill`, the kill file, and commands."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from neo_core.errors import ObservationFailed
from neo_core.model import Command

__all__ = ["Operator"]

POLL_SECONDS = 0.25
WAKE_SECONDS = 0.2

Requests = Callable[[], tuple[str | None, str | None]]


class Operator:
    """`requests` asks the database for (stop, kill), `commands` for what is to be done once. Both are asked a few
    times a second, however fast ticks come.
    """

    def __init__(
        self,
        requests: Requests,
        kill_file: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        commands: Callable[[], tuple[Command, ...]] = tuple,
    ) -> None:
        self._requests = requests
        self._commands = commands
        self._kill_file = kill_file
        self._clock = clock
        self._due = self._ending_due = float("-inf")
        self._stop: str | None = None
        self._kill: str | None = None
        self._signals = 0
        self._woken = threading.Event()

    def signal(self, name: str) -> None:
        """A first signal stops the session in order; a second one ends it at once."""
        self._signals += 1
        self._stop = self._stop or f"{name} received"
        self._woken.set()

    def stop(self, why: str) -> None:
        self._stop = self._stop or why

    @property
    def insists(self) -> bool:
        return self._signals > 1

    def poll(self) -> tuple[str | None, str | None, tuple[Command, ...]]:
        """What stands (stop, kill), and what is to be done once: it is told again until a tick has done it."""
        now = self._clock()
        commands: tuple[Command, ...] = ()
        if now >= self._due:
            self._due = now + POLL_SECONDS
            self._look()
            commands = self._commands()
        return self._stop, self._kill, commands

    def ending(self) -> str | None:
        """Who wants the session to end, told between two ticks; what is to be done once waits for the tick."""
        now = self._clock()
        if now >= self._ending_due:
            self._ending_due = now + POLL_SECONDS
            self._look()
        return self._kill or self._stop

    def _look(self) -> None:
        stop, self._kill = self._requests()
        self._stop = self._stop or stop
        if self._kill is None and self._kill_file is not None and self._kill_file.exists():
            self._kill = f"the kill file {self._kill_file} exists"

    def wait(self, seconds: float, beat: Callable[[], None]) -> None:
        """Lets time pass, or less of it when a signal comes meanwhile; after a second one no ledger is waited for.

        In slices, because a waiting main thread sees no signals on Windows. After each comes a sign of life: a
        process that hung may have been replaced, and must not go on.
        """
        self._woken.clear()
        until = self._clock() + seconds
        while (left := until - self._clock()) > 0 and not self._woken.wait(min(left, WAKE_SECONDS)):
            beat()
        beat()
        if self.insists:
            raise ObservationFailed("a second signal came while waiting for the next ledger")
