"""Which ledgers were told, and which are still to be asked for. Ranges are closed, sorted and disjoint."""

from __future__ import annotations

from neo_core.model import Ranges

__all__ = ["KEEP_ASKING_LEDGERS", "is_in", "joined", "outlived", "still_untold", "without"]

KEEP_ASKING_LEDGERS = 256


def is_in(ranges: Ranges, ledger_index: int) -> bool:
    return any(first <= ledger_index <= last for first, last in ranges)


def joined(ranges: Ranges, first: int, last: int) -> Ranges:
    """With the ledgers from `first` to `last`; ranges that touch become one."""
    if first > last:
        return ranges
    apart = []
    for begins, ends in ranges:
        if ends < first - 1 or begins > last + 1:
            apart.append((begins, ends))
        else:
            first, last = min(first, begins), max(last, ends)
    return tuple(sorted([*apart, (first, last)]))


def without(ranges: Ranges, first: int, last: int) -> Ranges:
    """Without the ledgers from `first` to `last`."""
    left = []
    for begins, ends in ranges:
        if begins < first:
            left.append((begins, min(ends, first - 1)))
        if ends > last:
            left.append((max(begins, last + 1), ends))
    return tuple([one for one in left if one[0] <= one[1]])


def still_untold(untold: Ranges, since: int, covers_from: int, ledger_index: int) -> Ranges:
    """After an observation that tells everything from `covers_from` on; `since` is the ledger seen before it."""
    if not untold and covers_from <= since + 1:
        return untold
    return without(joined(untold, since + 1, ledger_index), covers_from, ledger_index)


def outlived(untold: Ranges, ledger_index: int) -> Ranges:
    """Those that have been asked for long enough: nobody seems to have these ledgers any more."""
    return tuple([one for one in untold if one[1] < ledger_index - KEEP_ASKING_LEDGERS])
