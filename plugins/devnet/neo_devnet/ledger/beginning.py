"""The ledger that a node of its own begins with."""

from collections.abc import Sequence
from typing import Final

from . import accounts, keys, metadata
from .state import Entry, State

MASTER: Final = "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh"
"""Holds every drop at the beginning; its seed is snoPBrXtMeMyMHUVTgbuqAfg1SUTb."""
ALL_DROPS: Final = 100_000_000_000 * 1_000_000


def genesis(
    *,
    base_fee: int = 10,
    reserve_base: int = 1_000_000,
    reserve_inc: int = 200_000,
    amendments: Sequence[str] = (),
) -> State:
    """The master account with all drops, the fees, and the amendments that are on."""
    nothing_before = {"PreviousTxnID": metadata.NO_TRANSACTION, "PreviousTxnLgrSeq": 0}
    fees: Entry = {
        "BaseFeeDrops": str(base_fee),
        "Flags": 0,
        "LedgerEntryType": "FeeSettings",
        "ReserveBaseDrops": str(reserve_base),
        "ReserveIncrementDrops": str(reserve_inc),
    }
    entries: dict[str, Entry] = {
        keys.account(MASTER): {**accounts.created(MASTER, ALL_DROPS, 1), **nothing_before},
        keys.FEES: fees,
    }
    if amendments:
        entries[keys.AMENDMENTS] = {"Amendments": list(amendments), "Flags": 0, "LedgerEntryType": "Amendments"}
    return State.of(entries)
