"""Signals of a running session: the first stops it in order, the second ends it at once."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

from neo_core.operators import Operator

__all__ = ["Signals"]

NAMES = ("SIGINT", "SIGTERM", "SIGBREAK", "SIGHUP")
STOPPING = "stopping: cancelling everything; once more to end at once"


class Signals:
    """From `with` on a signal is kept, until there is an operator to hand it to. `tell` says that one has come."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._operator: Operator | None = None
        self._came: list[str] = []
        self._before: list[tuple[signal.Signals, Any]] = []

    def __enter__(self) -> Self:
        for name in NAMES:
            number = getattr(signal, name, None)
            # `nohup` has asked for a session that outlives its terminal.
            if number is None or (name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):
                continue
            self._before.append((number, signal.signal(number, self._handle)))
        return self

    def __exit__(self, *failure: object) -> None:
        for number, handler in self._before:
            signal.signal(number, handler)

    def hand_to(self, operator: Operator) -> None:
        self._operator = operator
        for name in self._came:
            operator.signal(name)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        self._came.append(name)
        if len(self._came) == 1:
            self._tell(STOPPING)
        if self._operator is not None:
            self._operator.signal(name)
        elif len(self._came) > 1:
            raise KeyboardInterrupt
