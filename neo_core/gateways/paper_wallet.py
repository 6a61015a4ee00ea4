"""A paper wallet: balances, sequence and own offers. It is the sum of its journal, and nothing else."""

from __future__ import annotations

from collections import deque
from decimal import Context, Decimal, Inexact, InvalidOperation
from math import floor, inf
from operator import attrgetter
from pathlib import Path

import msgspec

from neo_core.errors import StoreError
from neo_core.gateways.paper_journal import Entry, Opening, load, not_a_line
from neo_core.model import DROPS, Offer, OfferEvent, OwnTransaction, Side

__all__ = ["EXACT", "LEDGER_SECONDS", "PaperWallet", "Resting", "price_of", "read", "retell"]

LEDGER_SECONDS = 4.0

EXACT = Context(prec=60, traps=[Inexact, InvalidOperation])  # a sum of money is exact, or an error
NO_BUY, NO_SELL = -1.0, inf
_BUY = Side.BUY
_price = attrgetter("price")


class Resting(msgspec.Struct, gc=False):
    """An own offer: the terms it was placed with, and what is left of it. The price stays through fills."""

    offer: Offer
    price: float
    drops: int
    rlusd: Decimal
    expires_at: float | None


class PaperWallet:
    def __init__(self, opening: Opening) -> None:
        self.opening = opening
        self.index = opening.ledger_index
        self.close_time = opening.close_time
        self.xrp_drops = opening.xrp_drops
        self.rlusd = opening.rlusd
        self.sequence = opening.sequence
        self.reserve_step_drops = opening.reserve_step_drops
        # Each offer is an owned object, and so is the trust line.
        self.reserve_drops = opening.reserve_base_drops + opening.reserve_step_drops
        self.offers: tuple[Offer, ...] = ()
        self.best_buy, self.best_sell = NO_BUY, NO_SELL
        self.entries: deque[Entry] = deque()
        self.remembers_from = 0
        self._resting: dict[int, Resting] = {}

    def history(self, since: int) -> tuple[tuple[OfferEvent, ...], tuple[OwnTransaction, ...]]:
        """All that happened after ledger `since`, in order.

        Nobody will ask about the ledgers before again: they need not stay in memory. A file keeps them.
        """
        entries = self.entries
        while entries and entries[0].ledger_index <= since:
            entries.popleft()
            self.remembers_from = since + 1
        if not entries:
            return (), ()
        if len(entries) == 1:
            return entries[0].events, entries[0].transactions
        return (
            tuple([event for entry in entries for event in entry.events]),
            tuple([transaction for entry in entries for transaction in entry.transactions]),
        )

    def reach(self, index: int) -> None:
        """Goes to a later ledger, in which nothing of ours happened, nor in those before it."""
        self.index = index
        self.close_time = self.opening.close_time + LEDGER_SECONDS * (index - self.opening.ledger_index)

    def index_at(self, close_time: float) -> int:
        """The ledger that closes at this time."""
        return self.opening.ledger_index + round((close_time - self.opening.close_time) / LEDGER_SECONDS)

    def replay(self, entry: Entry) -> None:
        self.reach(entry.ledger_index)
        self.xrp_drops -= entry.withdrawn_drops
        for transaction in entry.transactions:
            self.pay(transaction)
        for event in entry.events:
            if event.event == "placed":
                self.rest(_placed(event, entry.expirations.get(event.sequence)))
            else:
                self.book(event)
        self.entries.append(entry)
        self.look()

    def pay(self, transaction: OwnTransaction) -> None:
        self.xrp_drops -= transaction.fee_drops
        self.sequence = transaction.sequence + 1

    def rest(self, own: Resting) -> None:
        """What the event of a placed offer does to the wallet."""
        offer, price = own.offer, own.price
        self._resting[offer.sequence] = own
        self.reserve_drops += self.reserve_step_drops
        # The next offer of the same ledger may meet this one.
        if offer.side is _BUY:
            if price > self.best_buy:
                self.best_buy = price
        elif price < self.best_sell:
            self.best_sell = price

    def book(self, event: OfferEvent) -> None:
        """What any other event does to it, when it happens and whenever the journal is read again."""
        if event.drops:
            if event.side is _BUY:
                self.xrp_drops += event.drops
                self.rlusd = EXACT.subtract(self.rlusd, event.rlusd)
            else:
                self.xrp_drops -= event.drops
                self.rlusd = EXACT.add(self.rlusd, event.rlusd)
        if event.event == "partial_fill":
            own = self._resting[event.sequence]
            own.offer = Offer(event.sequence, event.side, event.rest_drops, event.rest_rlusd, own.expires_at)
        else:
            self.gone(event.sequence)

    def gone(self, sequence: int) -> None:
        """An offer is used up or removed. It may never have rested."""
        if self._resting.pop(sequence, None) is not None:
            self.reserve_drops -= self.reserve_step_drops

    def look(self) -> None:
        """Renews what is read on every ledger, once for all that happened in this one."""
        offers, best_buy, best_sell = [], NO_BUY, NO_SELL
        for own in self._resting.values():
            offer, price = own.offer, own.price
            offers.append(offer)
            if offer.side is _BUY:
                if price > best_buy:
                    best_buy = price
            elif price < best_sell:
                best_sell = price
        self.offers, self.best_buy, self.best_sell = tuple(offers), best_buy, best_sell

    def best_first(self, side: Side) -> list[Resting]:
        own = [resting for resting in self._resting.values() if resting.offer.side is side]
        # The sort is stable: of two offers at one price the older comes first.
        own.sort(key=_price, reverse=side is _BUY)
        return own


def price_of(drops: int, rlusd: Decimal) -> float:
    """The price that was meant, of ten decimals at most, and not a quotient of two rounded amounts.

    A whole number divided by ten billion is the nearest float to it.
    """
    return floor(float(rlusd) * DROPS / drops * 1e10 + 0.5) / 10_000_000_000


def _placed(event: OfferEvent, expires_at: float | None) -> Resting:
    drops, rlusd = event.rest_drops, event.rest_rlusd
    offer = Offer(event.sequence, event.side, drops, rlusd, expires_at)
    return Resting(offer, price_of(drops, rlusd), drops, rlusd, expires_at)


def read(path: Path) -> PaperWallet:
    """The wallet as its file tells it, with its whole history. The file is left as it is."""
    opening, entries, *_ = load(path)
    if opening is None:
        raise StoreError(f"expected a paper ledger in {path}, found no opening line: check the path")
    wallet = PaperWallet(opening)
    retell(wallet, entries, path)
    return wallet


def retell(wallet: PaperWallet, entries: list[Entry], path: Path) -> None:
    for number, entry in enumerate(entries, 2):
        if entry.ledger_index <= wallet.index:
            raise not_a_line(path, number, f"ledger {entry.ledger_index} after ledger {wallet.index}")
        try:
            wallet.replay(entry)
        except KeyError as error:
            raise not_a_line(path, number, f"a fill of offer {error}, which was not there") from error
