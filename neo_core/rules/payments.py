"""Fees and transfers: what moves the wallet and is no trade. Each is paid once, with its ledger. (SPEC 9)"""

from __future__ import annotations

from decimal import Decimal

from neo_core.model import Account, Ranges, Transfer
from neo_core.rules import coverage

__all__ = ["due"]

NOTHING = Decimal(0)


def due(account: Account, since: int, untold: Ranges, realigned: int) -> tuple[int, Decimal, tuple[Transfer, ...]]:
    """By how many drops and how much RLUSD the inventory moves, and the transfers that are no cost of trading.

    Due is what was told for the first time, since what is told of a ledger is told in full: not what comes from a
    ledger that is not covered yet, nor what a realign has taken from the wallet already.
    """
    begins, drops, rlusd = realigned + 1, 0, NOTHING
    if account.covers_from > begins:
        begins = account.covers_from
    for transaction in account.transactions:
        if _is_new(transaction.ledger_index, begins, since, untold):
            drops -= transaction.fee_drops
    strange: tuple[Transfer, ...] = ()
    for transfer in account.transfers:
        if _is_new(transfer.ledger_index, begins, since, untold):
            drops, rlusd = drops + transfer.drops, rlusd + transfer.rlusd
            if not transfer.of_trade:
                strange += (transfer,)
    return drops, rlusd, strange


def _is_new(ledger_index: int, begins: int, since: int, untold: Ranges) -> bool:
    return ledger_index >= begins and (ledger_index > since or coverage.is_in(untold, ledger_index))
