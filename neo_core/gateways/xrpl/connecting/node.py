"""One of the servers that were named: when it is to be tried again, and when others are better."""

from __future__ import annotations

from collections.abc import Callable

from neo_core.errors import ObservationFailed
from neo_core.gateways.xrpl.connecting.link import Clock
from neo_core.gateways.xrpl.connecting.messages import Broken, named_in_sentences
from neo_core.gateways.xrpl.keys.secrets import Secret

__all__ = ["Node"]

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
FIRST_PAUSE_OVERLOADED, LONGEST_PAUSE_OVERLOADED = 5.0, 60.0
FIRST_AVOIDED, LONGEST_AVOIDED = 30.0, 600.0
MOST_FAILURES = 10
"""More of them lengthen no pause."""


class Node:
    def __init__(self, url: str, clock: Clock, jitter: Callable[[], float]) -> None:
        self.shown = named_in_sentences(url)
        self.url = Secret(url)
        self.said = ""
        self.not_before = -1e18
        self._failures = 0
        self._avoided_until = -1e18
        self._submits_unanswered = 0
        self._clock = clock
        self._jitter = jitter

    @property
    def avoided(self) -> bool:
        """Its ledgers are good, but it is not known to take transactions: others come before it."""
        return self._clock.monotonic() < self._avoided_until

    def failed(self, error: ObservationFailed) -> None:
        overloaded = isinstance(error, Broken) and error.overloaded
        first, longest = (
            (FIRST_PAUSE_OVERLOADED, LONGEST_PAUSE_OVERLOADED) if overloaded else (FIRST_PAUSE, LONGEST_PAUSE)
        )
        self.not_before = self._after(first, longest, self._failures)
        self._failures = min(self._failures + 1, MOST_FAILURES)
        self.said = str(error)

    def delivered(self) -> None:
        """One ledger makes good for one failure: a server that breaks off again and again has to wait."""
        self._failures = max(0, self._failures - 1)

    def left_unanswered(self, error: ObservationFailed) -> None:
        """What was submitted. No ledger makes good for that."""
        self._avoided_until = self._after(FIRST_AVOIDED, LONGEST_AVOIDED, self._submits_unanswered)
        self._submits_unanswered = min(self._submits_unanswered + 1, MOST_FAILURES)
        self.said = str(error)

    def answered(self) -> None:
        """All that was submitted."""
        self._avoided_until = -1e18
        self._submits_unanswered = 0

    def _after(self, first: float, longest: float, times: int) -> float:
        return self._clock.monotonic() + min(longest, first * 2.0**times) * (0.5 + self._jitter() / 2)
