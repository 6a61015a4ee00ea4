"""A ledger for one account in as few words as it can be told: it does to our offers what a test says."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal

import msgspec

from neo_core.model import (
    DROPS,
    Account,
    Cancel,
    Health,
    Inventory,
    Market,
    Observation,
    Offer,
    OfferEvent,
    OwnTransaction,
    Place,
    Prepared,
)

__all__ = ["FEE", "SECONDS", "Ledger", "Take"]

FEE = 10
SECONDS = 4.0
LEDGERS_TO_LIVE = 4
NONE = Decimal(0)
TRILLIONTH = Decimal("1e-12")


class Take(msgspec.Struct, frozen=True):
    """Somebody takes so many percent of what is left of the offer that stands at this place among ours."""

    place: int
    percent: int


class Resting(msgspec.Struct):
    offer: Offer
    expires_at: float


class Ledger:
    """`events` and `transactions` are all that ever happened. What waits for a ledger is `pending`."""

    def __init__(self) -> None:
        self.index = 100
        self.now = 1_767_225_600.0
        self.holds = Inventory(10_000 * DROPS, Decimal(20_000))
        self.sequence = 1
        self.resting: dict[int, Resting] = {}
        self.pending: list[Prepared] = []
        self.waits = 0
        self.events: list[OfferEvent] = []
        self.transactions: list[OwnTransaction] = []

    @property
    def offers(self) -> tuple[Offer, ...]:
        return tuple(one.offer for one in self.resting.values())

    def prepare(self, intents: Iterable[Place | Cancel], session: str) -> list[Prepared]:
        last = self.index + LEDGERS_TO_LIVE
        first = self.sequence + len(self.pending)
        return [
            Prepared(intent, sequence, f"{sequence}-{last}-{session}", last)
            for sequence, intent in enumerate(intents, first)
        ]

    def close(
        self,
        before: Sequence[Take] = (),
        after: Sequence[Take] = (),
        *,
        seconds: float = SECONDS,
        crossing: int = 0,
        refused: bool = False,
    ) -> None:
        """Closes a ledger: takers before what we sent, and after it.

        Of a new offer `crossing` percent trade at once; `refused` ones fail, and cost their fee.
        """
        parent = self.now
        self.index += 1
        self.now += seconds
        self._trade(before, "T", parent)
        if self.waits and all(one.last_ledger > self.index for one in self.pending):
            self.waits -= 1
        else:
            self.waits = 0
            for one in self.pending:
                self._apply(one, crossing, refused, parent)
            self.pending.clear()
        self._trade(after, "U", parent)

    def _trade(self, takes: Sequence[Take], name: str, parent: float) -> None:
        """All that is taken at once is one transaction."""
        ours = [one.offer.sequence for one in self.resting.values()]
        for sequence, percent in {ours[take.place % len(ours)]: take.percent for take in takes if ours}.items():
            one, tx_hash = self.resting[sequence], f"{name}{self.index}"
            if one.expires_at <= parent:
                self._remove(one.offer, tx_hash, "expired")
            else:
                self._fill(one.offer, max(one.offer.drops * percent // 100, 1), tx_hash)

    def _apply(self, one: Prepared, crossing: int, refused: bool, parent: float) -> None:
        intent, result = one.intent, "tesSUCCESS"
        if one.sequence != self.sequence or one.last_ledger < self.index:
            return
        self.sequence += 1
        self._own(-FEE, NONE)
        if isinstance(intent, Cancel):
            if intent.sequence in self.resting:
                self._remove(self.resting[intent.sequence].offer, one.tx_hash, "cancelled")
        elif refused or (intent.expires_at or 0.0) <= parent:
            result = "tecUNFUNDED_OFFER"  # whatever it was to replace stays
        else:
            if intent.replaces in self.resting:
                self._remove(self.resting[intent.replaces].offer, one.tx_hash, "replaced")
            self._place(intent, one, crossing)
        self.transactions.append(OwnTransaction(one.tx_hash, self.index, one.sequence, FEE, result))

    def _place(self, intent: Place, one: Prepared, crossing: int) -> None:
        offer = Offer(one.sequence, intent.side, intent.drops, intent.rlusd)
        if crossing == 100:
            self._fill(offer, offer.drops, one.tx_hash)
            return
        drops, rlusd = _share(offer, offer.drops * crossing // 100)
        self._move(offer, drops, rlusd)
        left = Offer(offer.sequence, offer.side, offer.drops - drops, offer.rlusd - rlusd)
        self.resting[offer.sequence] = Resting(left, intent.expires_at or 0.0)
        self._event("placed", one.tx_hash, offer, drops, rlusd, left)

    def _fill(self, offer: Offer, wanted: int, tx_hash: str) -> None:
        drops, rlusd = _share(offer, wanted)
        self._move(offer, drops, rlusd)
        left = Offer(offer.sequence, offer.side, offer.drops - drops, offer.rlusd - rlusd)
        if left.drops:
            self.resting[offer.sequence].offer = left
        else:
            self.resting.pop(offer.sequence, None)
        self._event("partial_fill" if left.drops else "filled", tx_hash, offer, drops, rlusd, left)

    def _remove(self, offer: Offer, tx_hash: str, cause: str) -> None:
        del self.resting[offer.sequence]
        self._event("removed", tx_hash, offer, 0, NONE, offer, cause)

    def _event(
        self, kind: str, tx_hash: str, offer: Offer, drops: int, rlusd: Decimal, left: Offer, cause: str = ""
    ) -> None:
        self.events.append(
            OfferEvent(
                kind, tx_hash, self.index, offer.sequence, offer.side, drops, rlusd, left.drops, left.rlusd, cause
            )
        )

    def _move(self, offer: Offer, drops: int, rlusd: Decimal) -> None:
        bought = 1 if offer.side == "buy" else -1
        self._own(bought * drops, -bought * rlusd)

    def _own(self, drops: int, rlusd: Decimal) -> None:
        self.holds = Inventory(self.holds.drops + drops, self.holds.rlusd + rlusd)

    def show(
        self,
        mid: float,
        events: tuple[OfferEvent, ...],
        transactions: tuple[OwnTransaction, ...],
        covers_from: int,
        proves_fills: bool,
        left_out: Collection[int] = (),
    ) -> Observation:
        """Of our offers those at the places `left_out` are missing, as when a page of the answer is."""
        account = Account(
            self.holds.drops,
            self.holds.rlusd,
            1_000_000,
            200_000,
            tuple([offer for place, offer in enumerate(self.offers) if place not in left_out]),
            events,
            transactions,
            covers_from,
            proves_fills,
        )
        return Observation(self.index, self.now, Market(mid * 0.9995, mid * 1.0005, mid), account, Health())


def _share(offer: Offer, drops: int) -> tuple[int, Decimal]:
    if drops == offer.drops:
        return drops, offer.rlusd
    return drops, (offer.rlusd * drops / offer.drops).quantize(TRILLIONTH)
