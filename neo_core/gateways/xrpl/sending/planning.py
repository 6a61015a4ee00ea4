"""Which sequence or ticket an intent gets, and what it may pay: the judgement of one batch.

The queue of a server holds ten transactions of one account. A blob is queued when it pays less than the open
ledger asks for, or stands behind one that is queued. Of these no more are made than the queue has room for;
placements leave half of it to cancels, and the cancels of their own batch come before them. What has no room is
told so, to be wanted again on a later tick.

A cancel pays what gets it into the open ledger at once, with a quarter on top while that rises, or as much as it
may, and goes out even where that is too little; a placement that would cost more than it may waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from neo_core.gateways.xrpl.sending import tickets
from neo_core.gateways.xrpl.sending.building import burning, cancelling, placing, unfit
from neo_core.gateways.xrpl.sending.flight import Attempt, Flight, Slot
from neo_core.gateways.xrpl.sending.load import Load, entry_fee
from neo_core.gateways.xrpl.sending.outcomes import Standing
from neo_core.model import Cancel, OwnTransaction, Place

__all__ = ["Draft", "Plan", "Seen", "Terms"]

QUEUE_LIMIT = 10
QUEUED_PLACEMENTS = 5

FEE_TOO_HIGH, QUEUE_FULL, NEVER_SENT = "local_fee_too_high", "local_queue_full", "local_never_sent"
SEQUENCE_NAMED = "local_sequence_named"
"""A cancel that is still under way names the sequence: an offer that got it now would be cancelled."""


class Terms(msgspec.Struct, frozen=True):
    """What the operator has set, and what the network is. `currency` as the ledger writes it.

    A transaction's last ledger is `last_ledger_offset` beyond the validated one; the queue takes nothing that is
    not at least three. `order_ttl_seconds` is for an offer that comes without an end: none is ever placed so.
    """

    currency: str
    issuer: str
    network_id: int = 0
    last_ledger_offset: int = 4
    max_fee_drops: int = 1_000
    max_cancel_fee_drops: int = 50_000
    tickets_for_cancel: int = 0
    order_ttl_seconds: float = 60.0


class Seen(msgspec.Struct, frozen=True):
    """One observation, as far as it concerns what is sent.

    `sequence` is the account's in that validated ledger, `transactions` are its own that were validated since the
    last one, `spare_drops` is its XRP above the reserve. `load` is what `questions` were answered, see `load_of`.
    """

    ledger_index: int
    close_time: float
    sequence: int
    base_fee: int = 10
    spare_drops: int = 0
    reserve_step_drops: int = 0
    transactions: tuple[OwnTransaction, ...] = ()
    load: Load = Load()


class Draft(msgspec.Struct, frozen=True):
    """A transaction that is not signed yet."""

    made: dict[str, Any]
    number: int
    ticket: bool
    fee: int


class Plan:
    """`sent` is how many have entered the open ledger since its load was told."""

    def __init__(
        self, terms: Terms, flight: Flight, seen: Seen, sent: int, intents: Sequence[Place | Cancel]
    ) -> None:
        self._terms = terms
        self._flight = flight
        self._seen = seen
        self._entering = sent
        load = seen.load
        self._taken = flight.sequences() | load.queued
        self._first = max(seen.sequence, load.sequence or 0)
        self._named = flight.cancelled()
        strangers = load.queued - {slot.newest.number for slot in flight}
        queued = [slot.newest for slot in flight if slot.standing is Standing.QUEUED]
        held = sum([slot.standing is Standing.HELD for slot in flight])
        self._waiting = len(strangers) + len(queued) + held
        self._blocked = bool(strangers) or any(not attempt.ticket for attempt in queued)
        self._cancels = sum([isinstance(intent, Cancel) for intent in intents])
        # In a ledger, whatever has a ticket comes after what has a sequence: an offer that a cancel makes room for
        # would come first.
        only_cancels = self._cancels == len(intents)
        self._tickets = tickets.free(load, flight.tickets()) if only_cancels else []

    def way(self, intent: Place | Cancel) -> Draft | Attempt | str:
        """A new transaction, one that is under way already, or the code of what keeps it from leaving."""
        if isinstance(intent, Place):
            return self._placement(intent)
        self._cancels -= 1
        return self._cancel(intent)

    def _placement(self, place: Place) -> Draft | str:
        seen, terms = self._seen, self._terms
        code = unfit(place)
        if code:
            return code
        fee = self._entry_fee()
        if fee > terms.max_fee_drops:
            return FEE_TOO_HIGH
        if self._blocked and self._waiting + self._cancels >= QUEUED_PLACEMENTS:
            return QUEUE_FULL
        number = self._sequence(after=place.replaces)
        if number in self._named:
            self._taken.discard(number)
            return SEQUENCE_NAMED
        self._count(queued=self._blocked, ticket=False)
        expires_at = seen.close_time + terms.order_ttl_seconds if place.expires_at is None else place.expires_at
        made = placing(place, terms.currency, terms.issuer, expires_at)
        return Draft(made, number, False, fee)

    def _cancel(self, cancel: Cancel) -> Draft | Attempt | str:
        if cancel.sequence <= 0:
            return NEVER_SENT
        earlier = self._flight.cancel_of(cancel.order_id)
        if earlier is not None:
            return self._again(cancel, earlier)
        placement = self._flight.placement_of(cancel.order_id)
        if placement is not None and self._stuck(placement):
            raised = self._raised(placement)
            if raised is not None:
                return Draft(burning(), placement.newest.number, placement.newest.ticket, raised)
        return self._first_cancel(cancel)

    def _stuck(self, placement: Slot) -> bool:
        """It waits for a better fee, or was not seen to enter since it left: it may then die before its cancel."""
        standing, left_at = placement.standing, placement.newest.last_ledger - self._terms.last_ledger_offset
        if standing is Standing.QUEUED:
            return True
        return standing is not Standing.ENTERED and left_at < self._seen.ledger_index

    def _again(self, cancel: Cancel, earlier: Slot) -> Draft | Attempt:
        """In the place of the earlier one: the same blob, or one that pays more if that is what it waits for."""
        newest = earlier.newest
        ends = newest.last_ledger <= self._seen.ledger_index + 1 and earlier.standing is not Standing.ENTERED
        if ends or earlier.standing is Standing.QUEUED:
            raised = self._raised(earlier)
            if raised is not None:
                made = burning() if cancel.sequence == newest.number else cancelling(cancel)
                return Draft(made, newest.number, newest.ticket, raised)
        return newest

    def _first_cancel(self, cancel: Cancel) -> Draft | str:
        entry = self._entry_fee()
        fee = self._cancel_fee(entry)
        # Only what the ledger itself asks for keeps a cancel back. A server that says it wants more, because its
        # queue is full, may still keep the blob, and another server may take it.
        if fee < self._seen.base_fee:
            return FEE_TOO_HIGH
        # One that was placed in an open ledger only cannot be named by a ticket's transaction yet.
        ticket = bool(self._tickets) and cancel.sequence < self._seen.sequence
        queued = fee < entry or (self._blocked and not ticket)
        if queued and self._waiting >= QUEUE_LIMIT:
            return QUEUE_FULL
        self._count(queued=queued, ticket=ticket)
        if ticket:
            return Draft(cancelling(cancel), self._tickets.pop(0), True, fee)
        if cancel.sequence >= self._first and cancel.sequence not in self._taken:
            # Nobody knows of its placement: a process before this one sent it, and it was lost. Named by a cancel
            # that waits, the sequence would be cancelled for whichever offer comes to have it.
            self._taken.add(cancel.sequence)
            return Draft(burning(), cancel.sequence, False, fee)
        return Draft(cancelling(cancel), self._sequence(after=cancel.sequence), False, fee)

    def _raised(self, slot: Slot) -> int | None:
        """What replaces the newest in the queue. None: more than a cancel may pay."""
        paid = slot.newest.fee
        fee = max(self._cancel_fee(self._entry_fee()), paid + paid // 4 + 1)
        return fee if fee <= self._terms.max_cancel_fee_drops else None

    def _cancel_fee(self, entry: int) -> int:
        wanted = entry if entry <= self._base_fee() else entry * 5 // 4
        return min(wanted, self._terms.max_cancel_fee_drops)

    def _base_fee(self) -> int:
        return max(self._seen.base_fee, self._seen.load.base_fee or 0)

    def _entry_fee(self) -> int:
        return entry_fee(self._seen.load, self._seen.base_fee, self._entering)

    def _count(self, *, queued: bool, ticket: bool) -> None:
        if queued:
            self._waiting += 1
            self._blocked = self._blocked or not ticket
        else:
            self._entering += 1

    def _sequence(self, after: int) -> int:
        """The lowest that is free, and behind what it names: so gaps are filled first."""
        number = max(self._first, after + 1)
        while number in self._taken:
            number += 1
        self._taken.add(number)
        return number
