"""What the rest of the live gateway needs of a ledger's servers, whatever they are reached by."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from neo_core.errors import ObservationFailed

__all__ = ["RIPPLE_EPOCH", "Answer", "Clock", "Closed", "Limits", "Link", "Request"]

RIPPLE_EPOCH = 946_684_800
"""The ledger counts its seconds from the year 2000: so many Unix seconds are its zero."""

Request = Mapping[str, Any]
"""`command`, and what it takes. The id and the version of the interface are the link's to add."""

Answer = Mapping[str, Any]
"""What one request was answered: the `result`, or what stands beside `error` where a server names one."""


class Closed(msgspec.Struct, frozen=True, gc=False):
    """A validated ledger, as its server announced it."""

    ledger_index: int
    ledger_hash: str
    close_time: float
    """Unix seconds."""
    fee_base: int
    reserve_base: int
    reserve_inc: int
    """Fees and reserves in drops."""
    received_at: float
    """By the monotonic clock."""


class Clock(msgspec.Struct, frozen=True):
    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


class Limits(msgspec.Struct, frozen=True):
    """Nothing that a server does takes longer or is larger."""

    ledger_timeout_seconds: float = 25.0
    request_timeout_seconds: float = 10.0
    submit_timeout_seconds: float = 1.5
    """Less than half of what a ledger takes: whoever waits for it sees no ledger meanwhile."""
    connect_timeout_seconds: float = 5.0
    poll_seconds: float = 1.0
    message_bytes: int = 16 * 2**20


class Link(Protocol):
    """One server at a time, out of those it was given.

    Outward it raises nothing but `ObservationFailed`, and what is raised by what it calls while it waits.
    """

    def next_ledger(self, after: int | None) -> Closed:
        """Waits for a validated ledger newer than `after`; with None, the newest there is.

        Connects, reconnects and goes on to the next server as needed, and calls `idle` while it waits. Raises when
        none came in time. The server that answers is the one that is asked until the next call.
        """
        ...

    def ask(self, requests: Sequence[Request]) -> list[Answer]:
        """All requests at once; the answers in their order. An error that a server names is an answer.

        Raises when the connection breaks, an answer does not come in time, or is none.
        """
        ...

    def submit(self, blobs: Sequence[bytes], *, fail_hard: bool = False) -> list[Answer | None]:
        """Writes all blobs before it reads an answer. None is not known: it may have left.

        Answers are waited for a short time. What one server leaves unanswered goes to another at once: a blob that
        comes twice counts once. But what may have left already cannot be refused any more: a refusal by the other
        is None. Once somebody insists on an end, so is whatever is not answered yet.
        """
        ...

    def distrust(self, error: ObservationFailed) -> None:
        """What the server answered cannot be: it is left as one that fails, for another if there is one."""
        ...

    @property
    def node(self) -> str:
        """The server that is asked, without what its URL says of a user or a key."""
        ...

    def now(self) -> float:
        """Unix seconds."""
        ...

    def close(self) -> None: ...
