"""What a transaction is applied under, and what came of it."""

from typing import Any

import msgspec

RIPPLE_EPOCH = 946_684_800
"""Unix seconds of the ledger's time zero."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger that a transaction is applied to."""

    ledger_index: int
    """Of the ledger being built."""
    parent_close_time: int
    """Close time of the ledger before it, in the ledger's own seconds."""
    base_fee: int = 10
    reserve_base: int = 1_000_000
    reserve_inc: int = 200_000
    open_ledger: bool = False
    """The open ledger: low fees are refused, entries are not threaded, no metadata is made."""
    transaction_index: int = 0
    network_id: int = 0
    parent_hash: str = "0" * 64
    """Hash of the ledger before it: a new pool's account comes from it."""
    retry: bool = False
    """A pass of a close that tries failed transactions again: names missing parties by ter, not by tec."""

    def reserve(self, owner_count: int) -> int:
        """Drops that an account with so many objects must keep."""
        return self.reserve_base + self.reserve_inc * owner_count


class Applied(msgspec.Struct, frozen=True):
    """What came of a transaction."""

    result: str
    """Engine result, like tesSUCCESS."""
    meta: dict[str, Any] | None = None
    """Metadata as rippled shows them; None where it did not get in, and for the open ledger."""
    claimed_early: bool = False
    """A tec of the checks that come before the transaction is applied: a pass of retries tries it again."""

    @property
    def applied(self) -> bool:
        """It is in the ledger and has paid its fee."""
        return self.result == "tesSUCCESS" or self.result.startswith("tec")


class Refused(Exception):
    """Ends the work on a transaction with an engine result."""

    def __init__(self, result: str) -> None:
        super().__init__(result)
        self.result = result
