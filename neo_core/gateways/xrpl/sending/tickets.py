"""Tickets for cancels: a transaction that has one waits for no sequence, so a stuck one cannot hold it back.

They are made when nothing else is under way and the base fee is enough, so that the sequences behind them are as
good as certain. Each costs the reserve of one object for as long as it is owned; what the engine may need for
the offers it is about to place is left alone.
"""

from __future__ import annotations

from collections.abc import Collection

from neo_core.gateways.xrpl.sending.load import Load, entry_fee

__all__ = ["free", "missing"]

MOST_OWNED = 250
LEFT_FOR_OFFERS = 4
"""Objects of reserve that making tickets leaves free."""


def free(load: Load, used: Collection[int]) -> list[int]:
    return [number for number in load.tickets or () if number not in used]


def missing(wanted: int, load: Load, base_fee: int, spare_drops: int, step_drops: int) -> int:
    """How many to make now. None while it is not known what is owned, or while the ledger is busy."""
    if load.tickets is None or load.queued or entry_fee(load, base_fee, 0) > base_fee:
        return 0
    lacking = min(wanted, MOST_OWNED) - len(load.tickets)
    affordable = (spare_drops - base_fee) // step_drops - LEFT_FOR_OFFERS if step_drops > 0 else lacking
    return max(0, min(lacking, affordable))
