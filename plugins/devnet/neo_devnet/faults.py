"""What goes wrong on request: each port has its own, so that two ports can disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from neo_devnet.history import History, Ledger

__all__ = ["FAULT_METHOD", "FOREVER", "Faults"]

FAULT_METHOD = "devnet_fault"
FOREVER = -1
FIRST_LEDGER = 2
"""The genesis ledger is no part of a server's history."""


class Faults(msgspec.Struct, forbid_unknown_fields=True):
    """Numbers of requests count down; -1 means until it is set to 0."""

    latency_ms: int = 0
    drop: int = 0
    """So many requests end in a broken connection, before anything is done."""
    drop_answer: int = 0
    """So many requests are carried out, and then the connection breaks instead of an answer."""
    http_503: int = 0
    close_1008: int = 0
    """So many requests, or stream messages, end in a WebSocket close 1008."""
    too_busy: int = 0
    not_synced: int = 0
    garbage: int = 0
    """So many answers are no JSON."""
    methods: list[str] = []
    """Only requests of these methods are meant; empty: all."""
    warn_load: bool = False
    stale_at: int | None = None
    """No ledger after this one is validated, as this port sees it."""
    gap: tuple[int, int] | None = None
    """These ledgers, first and last, are missing from the history."""
    lag: int = 0
    """So many ledgers behind."""
    other_hash: bool = False
    """Every ledger has another hash than on other ports."""
    duplicate: bool = False
    """Every stream message comes twice."""
    reorder: bool = False
    """Every other stream message comes after the one that follows it."""

    def uses(self, name: str, method: str) -> bool:
        """Whether this request meets the fault, which then counts down. None stands in the way of the method that
        takes faults away.
        """
        left: int = getattr(self, name)
        if not left or method == FAULT_METHOD or (self.methods and method not in self.methods):
            return False
        if left > 0:
            setattr(self, name, left - 1)
        return True

    def change(self, changes: dict[str, Any]) -> None:
        """Raises msgspec.ValidationError with what was wrong, and then nothing has changed."""
        new = msgspec.convert({**msgspec.to_builtins(self), **changes}, Faults)
        for name in self.__struct_fields__:
            setattr(self, name, getattr(new, name))

    @property
    def alone(self) -> bool:
        """The port's node has lost its network until it is told otherwise, and says so of itself."""
        return self.not_synced == FOREVER and not self.methods

    # -- what this port knows of the history -------------------------------------------------------------------

    def newest(self, newest: int) -> int:
        if self.stale_at is not None:
            newest = min(newest, self.stale_at)
        return max(newest - self.lag, FIRST_LEDGER)

    def has(self, index: int, newest: int) -> bool:
        return index <= self.newest(newest) and not (self.gap and self.gap[0] <= index <= self.gap[1])

    def whole_range(self, newest: int) -> tuple[int, int]:
        """The unbroken run of ledgers up to the newest."""
        last = self.newest(newest)
        first = self.gap[1] + 1 if self.gap and self.gap[1] < last else FIRST_LEDGER
        return first, last

    def complete(self, newest: int) -> str:
        """As `complete_ledgers` says it."""
        if self.alone:
            return "empty"
        last = self.newest(newest)
        if not self.gap or self.gap[0] > last:
            return _run(FIRST_LEDGER, last)
        runs = [(FIRST_LEDGER, self.gap[0] - 1), (self.gap[1] + 1, last)]
        return ",".join(_run(first, end) for first, end in runs if first <= end) or "empty"

    def hash_of(self, ledger_hash: str) -> str:
        return ledger_hash[::-1] if self.other_hash else ledger_hash

    def find(self, history: History, ledger_hash: str, newest: int) -> Ledger | None:
        ledger = history.by_hash(self.hash_of(ledger_hash))
        return ledger if ledger is not None and self.has(ledger.index, newest) else None


def _run(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"
