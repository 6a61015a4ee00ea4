"""Sequences, fees and blobs of our own transactions, from an intent to what became of it.

Pure but for `send` and `resend`, which write to the link that they are given. No thread, no clock: time is the
index of the validated ledger.

One place, one winner. A blob names a sequence, or a ticket, and a ledger takes one blob at most for each. So a
cancel that is repeated goes out in the place of the earlier one as long as that may still be validated: the same
blob again, or, if it waits for a better fee, a new one that pays at least a quarter more, which is what the
queue wants for a replacement. Both hashes were told before either left; whichever is validated, the other never
will be. In the same way a cancel of an offer that waits for a better fee, or was not seen to enter, takes the
place of its placement, and does nothing there but use the sequence up: the offer then never comes to be, and what
stands behind it is free to go. A placement is never repeated by a new blob and never pays more than at first.

A sequence whose blob was refused for good is a gap: later ones are held behind it. The next transaction takes
it, and with it all that were held go in. Where nothing comes, what is held dies with its last ledger, and the
account's sequence in the ledger is where it goes on.

After a restart, what the process before had sent is known from the server alone: the account's sequence in the
open ledger and its part of the queue. Where even those do not show it, it may take a sequence that is given out
again: one of the two is then validated, and the engine hears which.
"""

from __future__ import annotations

from collections.abc import Sequence

from neo_core.errors import ObservationFailed
from neo_core.gateways.xrpl.connecting.link import Answer, Link, Request
from neo_core.gateways.xrpl.keys.signing import Signer
from neo_core.gateways.xrpl.sending import tickets
from neo_core.gateways.xrpl.sending.building import completed, ticketing
from neo_core.gateways.xrpl.sending.flight import Attempt, Flight
from neo_core.gateways.xrpl.sending.load import Load, load_of, load_questions
from neo_core.gateways.xrpl.sending.outcomes import Standing, hear
from neo_core.gateways.xrpl.sending.planning import Draft, Plan, Seen, Terms
from neo_core.model import Ack, AckOutcome, Cancel, Place, Prepared

__all__ = ["Load", "Seen", "Submission", "Terms", "load_of"]

RESENT_AT_MOST = 10

NOT_SYNCED, STALE = "local_not_synced", "local_stale"


class Submission:
    """`questions`, `learn` and `resend` once for each observation; `prepare` and `send` as there is need.

    `account` is the one that trades; the signer may have another key of it.
    """

    def __init__(self, account: str, signer: Signer, terms: Terms) -> None:
        self._account = account
        self._signer = signer
        self._terms = terms
        self._flight = Flight()
        self._seen: Seen | None = None
        self._entered = 0  # since the load was told
        self._resent_at = 0
        self._drafts: dict[str, Attempt] = {}
        self._codes: dict[tuple[str, bool], str] = {}

    def questions(self) -> list[Request]:
        """To be asked with each observation. The answers, in order, go through `load_of` into `Seen.load`."""
        return load_questions(self._account, tickets=self._terms.tickets_for_cancel > 0)

    def learn(self, seen: Seen) -> None:
        """Forgets what is validated or dead. An older ledger than the one known teaches nothing."""
        if self._seen is not None and seen.ledger_index < self._seen.ledger_index:
            return
        self._seen, self._entered = seen, 0
        self._flight.learn(seen.ledger_index, seen.sequence, seen.transactions, seen.load)

    def prepare(self, intents: Sequence[Place | Cancel]) -> tuple[Prepared, ...]:
        """Gives each its sequence, fee, last ledger, signature and hash. Nothing leaves, and what is prepared but
        not sent has taken no sequence.

        What cannot leave now comes without a blob; `send` answers it REFUSED, with a code that begins with local_.
        """
        self._drafts, self._codes = {}, {}
        seen = self._seen
        if seen is None:
            return tuple([self._unready(intent, NOT_SYNCED, 0) for intent in intents])
        last_ledger = seen.ledger_index + self._terms.last_ledger_offset
        plan, prepared = Plan(self._terms, self._flight, seen, self._entered, intents), []
        for intent in intents:
            way = plan.way(intent)
            if isinstance(way, str):
                prepared.append(self._unready(intent, way, last_ledger))
                continue
            attempt = way if isinstance(way, Attempt) else self._signed(way, intent, last_ledger)
            self._drafts[attempt.tx_hash] = attempt
            prepared.append(Prepared(intent, attempt.number, attempt.tx_hash, attempt.last_ledger, attempt.blob))
        return tuple(prepared)

    def send(self, link: Link, prepared: Sequence[Prepared]) -> tuple[Ack, ...]:
        """Writes all blobs at once, in order. One that is not answered is UNKNOWN: it may have left.

        Only what the last `prepare` made is sent, or what is under way already.
        """
        attempts = [self._drafts.get(one.tx_hash) if one.blob else None for one in prepared]
        leaving = [attempt for attempt in attempts if attempt is not None]
        acks = iter(self._leave(link, leaving))
        return tuple(
            [
                self._stayed(one) if attempt is None else _ack(one, *next(acks))
                for one, attempt in zip(prepared, attempts, strict=True)
            ]
        )

    def resend(self, link: Link) -> None:
        """Once a ledger, after `learn`: the identical blobs of what the server shows neither in its open ledger
        nor in its queue, ten at most, lowest sequence first. What becomes of them is learnt from the ledgers.

        Where there is nothing under way it makes tickets, as far as the terms want them. That is the one
        transaction that is not told before it leaves: it moves nothing but its fee.
        """
        seen = self._seen
        if seen is None or seen.ledger_index <= self._resent_at:
            return
        self._resent_at = seen.ledger_index
        again = [
            slot.newest
            for slot in self._flight
            if slot.sent_at < seen.ledger_index
            and slot.standing is not Standing.ENTERED
            and slot.newest.number not in seen.load.queued
        ]
        if not len(self._flight):
            again = self._new_tickets(seen)
        if again:
            self._leave(link, sorted(again, key=lambda attempt: attempt.number)[:RESENT_AT_MOST])

    def _leave(self, link: Link, attempts: Sequence[Attempt]) -> list[tuple[AckOutcome, str]]:
        ledger_index = self._seen.ledger_index if self._seen is not None else 0
        before = [self._flight.add(attempt, ledger_index) for attempt in attempts]
        answers = _answers(link, [attempt.blob for attempt in attempts])
        acks = []
        for attempt, sent_before, answer in zip(attempts, before, answers, strict=True):
            heard = hear(answer, attempt.tx_hash, sent_before=sent_before)
            self._flight.hear(attempt, heard)
            self._entered += heard.standing is Standing.ENTERED and not sent_before
            acks.append((heard.outcome, heard.code))
        return acks

    def _new_tickets(self, seen: Seen) -> list[Attempt]:
        wanted = self._terms.tickets_for_cancel
        if not wanted:
            return []
        lacking = tickets.missing(wanted, seen.load, seen.base_fee, seen.spare_drops, seen.reserve_step_drops)
        if not lacking:
            return []
        draft = Draft(ticketing(lacking), max(seen.sequence, seen.load.sequence or 0), False, seen.base_fee)
        return [self._signed(draft, None, seen.ledger_index + self._terms.last_ledger_offset, 1 + lacking)]

    def _signed(self, draft: Draft, intent: Place | Cancel | None, last_ledger: int, uses: int = 1) -> Attempt:
        number, ticket, fee = draft.number, draft.ticket, draft.fee
        signed = self._signer.sign(
            completed(draft.made, self._account, number, ticket, fee, last_ledger, self._terms.network_id)
        )
        return Attempt(intent, number, ticket, uses, signed.blob, signed.tx_hash, fee, last_ledger)

    def _unready(self, intent: Place | Cancel, code: str, last_ledger: int) -> Prepared:
        self._codes[intent.order_id, isinstance(intent, Cancel)] = code
        return Prepared(intent, 0, "", last_ledger)

    def _stayed(self, prepared: Prepared) -> Ack:
        """It did not leave. If it had a blob once, it may have left earlier."""
        if prepared.blob:
            return _ack(prepared, AckOutcome.UNKNOWN, STALE)
        key = prepared.intent.order_id, isinstance(prepared.intent, Cancel)
        return _ack(prepared, AckOutcome.REFUSED, self._codes.get(key, STALE))


def _answers(link: Link, blobs: Sequence[bytes]) -> Sequence[Answer | None]:
    nothing: list[Answer | None] = [None] * len(blobs)
    if not blobs:
        return nothing
    try:
        return (link.submit(blobs) + nothing)[: len(blobs)]
    except ObservationFailed:
        return nothing


def _ack(prepared: Prepared, outcome: AckOutcome, code: str) -> Ack:
    return Ack(prepared.intent.order_id, isinstance(prepared.intent, Cancel), outcome, code)
