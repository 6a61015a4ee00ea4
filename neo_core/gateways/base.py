"""What the engine asks of a ledger, paper or real. Everything that touches the outside world is behind this."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from neo_core.model import Ack, Cancel, Observation, Place, Prepared

__all__ = ["Gateway"]


class Gateway(Protocol):
    def observe(self, since: int | None) -> Observation:
        """Waits for the next validated ledger and answers what it shows.

        The account part covers everything after ledger `since`; with None, it starts at the ledger seen. Some of
        these ledgers may have been told before: of others nothing was told yet, or proof is looked for again. What
        cannot be told in full is left out by `covers_from`, and is asked for again.
        Raises `ObservationFailed` when nothing could be seen, `RecordingEnded` when nothing will ever come.
        """
        ...

    def now(self) -> float:
        """The clock that stands in for a close time when an observation failed."""
        ...

    def prepare(self, intents: Sequence[Place | Cancel]) -> tuple[Prepared, ...]:
        """Gives each intent its sequence and hash. Nothing leaves."""
        ...

    def send(self, prepared: Sequence[Prepared]) -> tuple[Ack, ...]:
        """Sends what was prepared, in order, and answers what became of the sending."""
        ...

    def close(self) -> None: ...
