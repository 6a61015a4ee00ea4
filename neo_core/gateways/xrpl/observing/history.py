"""Every validated transaction that touched the account, page by page, and of which ledgers all are told."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from neo_core.errors import ObservationFailed
from neo_core.gateways.xrpl.connecting.link import Request
from neo_core.gateways.xrpl.observing.answers import error_of, rows, shown, succeeded
from neo_core.gateways.xrpl.observing.questions import account_tx
from neo_core.gateways.xrpl.observing.told import Entry, read_entry
from neo_core.gateways.xrpl.reading.transaction import whole

__all__ = ["Pages", "first_of_run"]

_WHAT = "account_tx"
# The range lies outside of what the server has: that is told as a gap, not as a failure.
_RANGE_ERRORS = frozenset({"lgrIdxMalformed", "lgrIdxsInvalid", "invalidLgrRange", "lgrNotFound", "lgrIdxInvalid"})
_RUN = re.compile(r"([0-9]{1,10})(?:-([0-9]{1,10}))?")


def first_of_run(complete_ledgers: Any, ledger_index: int) -> int | None:
    """The first of the ledgers that the server holds without a gap up to this one. None: not even this one."""
    if not isinstance(complete_ledgers, str):
        raise ObservationFailed(f"server_info, complete_ledgers: expected a text, got {shown(complete_ledgers)}")
    if complete_ledgers in ("", "empty"):
        return None
    for run in complete_ledgers.split(","):
        found = _RUN.fullmatch(run.strip())
        if found is None:
            raise ObservationFailed(
                f"server_info, complete_ledgers: expected ranges like 5-9, got {shown(complete_ledgers)}"
            )
        first, last = int(found[1]), int(found[2] or found[1])
        if first <= ledger_index <= last:
            return first
    return None


class Pages:
    """account_tx from ledger `first` to ledger `last`, page by page.

    A server that does not hold the beginning of it is asked for what it does hold, which `oldest` says.
    """

    def __init__(self, account: str, first: int, last: int, oldest: Callable[[], int | None]) -> None:
        self.first = first
        self.untold = False
        """Whether it is not known that anything up to `last` was told."""
        self.entries: list[Entry] = []
        self.what = "account_tx"
        self._account = account
        self._last = last
        self._oldest = oldest
        self._markers: list[Any] = []
        self._refused = False
        self.request: Request | None = account_tx(account, first, last)

    def take(self, answer: Any) -> None:
        asked, self.request = self.request, None
        if error_of(answer) in _RANGE_ERRORS:
            oldest = None if self._refused or self._markers else self._oldest()
            if oldest is not None and oldest > self.first:
                self._refused, self.first = True, oldest
                self.request = account_tx(self._account, oldest, self._last)
            else:
                self.untold = True
            return
        answer = succeeded(_WHAT, answer)
        first, last = (
            whole(answer.get(f"ledger_index_{end}"), f"{_WHAT}, ledger_index_{end}") for end in ("min", "max")
        )
        assert asked is not None
        if answer.get("validated") is not True or first < asked["ledger_index_min"] or last > self._last:
            raise ObservationFailed(
                f"{_WHAT}: expected validated ledgers {asked['ledger_index_min']} to {self._last}, "
                f"got {first} to {last}, validated {shown(answer.get('validated'))}"
            )
        self.first = max(first, self.first)
        self.untold = self.untold or last < self._last
        self.entries += [read_entry(row) for row in rows(_WHAT, answer.get("transactions"))]
        marker = answer.get("marker")
        if marker is None:
            return
        if marker in self._markers:
            raise ObservationFailed(f"{_WHAT}: expected the next page, got the marker {shown(marker)} twice")
        self._markers.append(marker)
        self.request = {**account_tx(self._account, asked["ledger_index_min"], self._last), "marker": marker}

    def in_order(self) -> tuple[list[Entry], int]:
        """What was told, each once and in the order of the ledger, and the last ledger of which all was."""
        once = {entry.fields["hash"]: entry for entry in self.entries}
        ordered = sorted(once.values(), key=lambda entry: (entry.ledger_index, entry.position))
        for entry in ordered:
            if not self.first <= entry.ledger_index <= self._last:
                raise ObservationFailed(
                    f"{_WHAT}: expected ledgers {self.first} to {self._last}, "
                    f"got a transaction of ledger {entry.ledger_index}"
                )
        if self.request is None:
            return ordered, self._last
        told = max([entry.ledger_index for entry in ordered], default=self.first) - 1
        return [entry for entry in ordered if entry.ledger_index <= told], told
