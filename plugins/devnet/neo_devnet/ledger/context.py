"""What every kind of transaction is given, and what it has to offer."""

from typing import Any, Final, Protocol

import msgspec

from .state import View
from .terms import Refused, Rules

_UNIVERSAL_FLAGS: Final = 0x8000_0000
"""tfFullyCanonicalSig: allowed with every kind."""


class Context(msgspec.Struct, frozen=True):
    """What a kind of transaction works with."""

    tx: dict[str, Any]
    rules: Rules
    view: View
    balance_before: int = 0
    """Drops of the sender before the fee."""
    told: dict[str, Any] = {}
    """Fields for the metadata beside the nodes."""

    @property
    def account(self) -> str:
        address: str = self.tx["Account"]
        return address

    @property
    def flags(self) -> int:
        flags: int = self.tx.get("Flags", 0)
        return flags

    @property
    def turn(self) -> int:
        """The sequence, or the ticket's number."""
        number: int = self.tx.get("Sequence") or self.tx["TicketSequence"]
        return number


class Kind(Protocol):
    """One transaction type. Each step may raise Refused."""

    @staticmethod
    def preflight(tx: dict[str, Any]) -> None:
        """What can be told from the transaction alone: tem."""

    @staticmethod
    def preclaim(context: Context) -> None:
        """What can be told from the ledger before it: tec, ter, tef."""

    @staticmethod
    def perform(context: Context) -> str:
        """Does it. A result other than tesSUCCESS leaves nothing but the fee."""
        ...


def check_flags(tx: dict[str, Any], allowed: int) -> None:
    if tx.get("Flags", 0) & ~(allowed | _UNIVERSAL_FLAGS):
        raise Refused("temINVALID_FLAG")
