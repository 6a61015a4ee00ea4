"""What has left and is neither validated nor dead, by the sequence or ticket that each uses.

However many blobs are made for one place, the ledger takes one of them at most.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from neo_core.gateways.xrpl.sending.load import Load
from neo_core.gateways.xrpl.sending.outcomes import Heard, Standing
from neo_core.model import AckOutcome, Cancel, OwnTransaction, Place

__all__ = ["Attempt", "Flight", "Slot"]


class Attempt(msgspec.Struct, frozen=True):
    """One signed blob. Without an intent it makes tickets."""

    intent: Place | Cancel | None
    number: int
    ticket: bool
    uses: int
    """How many sequences: one, and one more for each ticket that it makes."""
    blob: bytes
    tx_hash: str
    fee: int
    last_ledger: int


class Slot(msgspec.Struct):
    """The attempts at one sequence or ticket, oldest first. Each later one pays more, and lives as long at
    least."""

    attempts: list[Attempt]
    standing: Standing
    sent_at: int

    @property
    def newest(self) -> Attempt:
        return self.attempts[-1]

    def hear(self, heard: Heard) -> None:
        # Waiting for a better fee stays known until a server shows that it has entered.
        if heard.standing is not Standing.UNHEARD or self.standing is Standing.ENTERED:
            self.standing = heard.standing


class Flight:
    def __init__(self) -> None:
        self._slots: dict[tuple[bool, int], Slot] = {}

    def __len__(self) -> int:
        return len(self._slots)

    def __iter__(self) -> Iterator[Slot]:
        return iter(self._slots.values())

    def at(self, attempt: Attempt) -> Slot | None:
        return self._slots.get((attempt.ticket, attempt.number))

    def add(self, attempt: Attempt, ledger_index: int) -> bool:
        """Before it leaves. Whether anything has left in its place before."""
        slot = self.at(attempt)
        if slot is None:
            self._slots[attempt.ticket, attempt.number] = Slot([attempt], Standing.UNHEARD, ledger_index)
            return False
        slot.sent_at = ledger_index
        if slot.newest.tx_hash != attempt.tx_hash:
            slot.attempts.append(attempt)
            slot.standing = Standing.UNHEARD
        return True

    def hear(self, attempt: Attempt, heard: Heard) -> None:
        slot = self.at(attempt)
        if slot is None:
            return
        if heard.outcome is AckOutcome.REFUSED:
            del self._slots[attempt.ticket, attempt.number]
        elif slot.newest.tx_hash == attempt.tx_hash:
            slot.hear(heard)

    def learn(
        self, ledger_index: int, sequence: int, transactions: tuple[OwnTransaction, ...], load: Load
    ) -> None:
        """`sequence` is the account's in that ledger: whatever has a lower one was used by then, by whomever."""
        validated = {transaction.tx_hash for transaction in transactions}
        for key, slot in tuple(self._slots.items()):
            ticket, number = key
            if (
                (not ticket and number < sequence)
                or slot.newest.last_ledger <= ledger_index
                or any(attempt.tx_hash in validated for attempt in slot.attempts)
            ):
                del self._slots[key]
                continue
            if number in load.queued:
                slot.standing = Standing.QUEUED
            elif not ticket and load.sequence is not None and number < load.sequence:
                slot.standing = Standing.ENTERED
            elif slot.standing is Standing.ENTERED:
                slot.standing = Standing.UNHEARD  # it fell out of the open ledger, or another server is asked

    def sequences(self) -> set[int]:
        """The ones that are in use."""
        used: set[int] = set()
        for slot in self:
            if not slot.newest.ticket:
                used.update(range(slot.newest.number, slot.newest.number + slot.newest.uses))
        return used

    def tickets(self) -> set[int]:
        return {slot.newest.number for slot in self if slot.newest.ticket}

    def cancelled(self) -> set[int]:
        """The sequences that cancels under way name."""
        intents = [slot.newest.intent for slot in self]
        return {intent.sequence for intent in intents if isinstance(intent, Cancel)}

    def cancel_of(self, order_id: str) -> Slot | None:
        return self._with(Cancel, order_id)

    def placement_of(self, order_id: str) -> Slot | None:
        return self._with(Place, order_id)

    def _with(self, kind: type[Place | Cancel], order_id: str) -> Slot | None:
        for slot in self:
            intent = slot.newest.intent
            if isinstance(intent, kind) and intent.order_id == order_id:
                return slot
        return None
