"""A paper wallet: balances, sequence and own offers. It is the sum of its journal, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Context, Decimal, Inexact, InvalidOperation
from math import inf
from pathlib import Path

import msgspec

from neo_core.errors import StoreError
from neo_core.gateways.paper_journal import Entry, Opening, load, not_a_line
from neo_core.model import DROPS, Offer, OfferEvent, OwnTransaction, Side

__all__ = ["EXACT", "LEDGER_SECONDS", "PaperWallet", "Resting", "read", "rest", "retell"]

LEDGER_SECONDS = 4.0

EXACT = Context(prec=60, traps=[Inexact, InvalidOperation])  # a sum of money is exact, or an error
NO_BUY, NO_SELL = -1.0, inf


class Resting(msgspec.Struct):
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
        self.offers: tuple[Offer, ...] = ()
        self.best_buy, self.best_sell = NO_BUY, NO_SELL
        self.remembers_from = 0
        self._resting: dict[int, Resting] = {}
        self._entries: list[Entry] = []

    @property
    def reserve_drops(self) -> int:
        """The offers are owned objects, and so is the trust line."""
        return self.opening.reserve_base_drops + self.opening.reserve_step_drops * (1 + len(self._resting))

    def history(self, since: int) -> tuple[tuple[OfferEvent, ...], tuple[OwnTransaction, ...]]:
        """All that happened after ledger `since`, in order."""
        if not self._entries or self._entries[-1].ledger_index <= since:
            return (), ()
        entries = [entry for entry in self._entries if entry.ledger_index > since]
        if len(entries) == 1:
            return entries[0].events, entries[0].transactions
        return (
            tuple(event for entry in entries for event in entry.events),
            tuple(transaction for entry in entries for transaction in entry.transactions),
        )

    def forget(self, up_to: int) -> None:
        """Nobody will ask about these ledgers again: they need not stay in memory. A file keeps them."""
        if self._entries and self._entries[0].ledger_index <= up_to:
            self._entries = [entry for entry in self._entries if entry.ledger_index > up_to]
            self.remembers_from = up_to + 1

    def reach(self, index: int) -> None:
        """Goes to a later ledger, in which nothing of ours happened, nor in those before it."""
        self.index = index
        self.close_time = self.opening.close_time + LEDGER_SECONDS * (index - self.opening.ledger_index)

    def replay(self, entry: Entry) -> None:
        self.reach(entry.ledger_index)
        for transaction in entry.transactions:
            self.pay(transaction)
        for event in entry.events:
            self.book(event, entry.expirations)
        self._entries.append(entry)
        self.look()

    def pay(self, transaction: OwnTransaction) -> None:
        self.xrp_drops -= transaction.fee_drops
        self.sequence = transaction.sequence + 1

    def book(self, event: OfferEvent, expirations: Mapping[int, float]) -> None:
        """What an event does to the wallet, when it happens and whenever the journal is read again."""
        if event.drops:
            if event.side is Side.BUY:
                self.xrp_drops += event.drops
                self.rlusd = EXACT.subtract(self.rlusd, event.rlusd)
            else:
                self.xrp_drops -= event.drops
                self.rlusd = EXACT.add(self.rlusd, event.rlusd)
        if event.event == "placed":
            offer = Offer(event.sequence, event.side, event.rest_drops, event.rest_rlusd)
            self._resting[event.sequence] = rest(offer, expirations.get(event.sequence))
        elif event.event == "partial_fill":
            left = Offer(event.sequence, event.side, event.rest_drops, event.rest_rlusd)
            self._resting[event.sequence].offer = left
        else:
            self._resting.pop(event.sequence, None)  # an offer may be filled without ever having rested

    def look(self) -> None:
        """Renews what is read on every ledger, once for all that happened in this one."""
        resting = self._resting.values()
        self.offers = tuple([own.offer for own in resting])
        self.best_buy = max([own.price for own in resting if own.offer.side is Side.BUY], default=NO_BUY)
        self.best_sell = min([own.price for own in resting if own.offer.side is Side.SELL], default=NO_SELL)

    def best_first(self, side: Side) -> list[Resting]:
        own = [resting for resting in self._resting.values() if resting.offer.side is side]
        # The sort is stable: of two offers at one price the older comes first.
        own.sort(key=_price, reverse=side is Side.BUY)
        return own


def rest(offer: Offer, expires_at: float | None) -> Resting:
    # Ten decimals: the nearest float to the price that was meant, not to a quotient of two rounded amounts.
    price = round(float(offer.rlusd) * DROPS / offer.drops, 10)
    return Resting(offer, price, offer.drops, offer.rlusd, expires_at)


def read(path: Path) -> PaperWallet:
    """The wallet as its file tells it, with its whole history. The file is left as it is."""
    opening, entries, _ = load(path)
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


def _price(own: Resting) -> float:
    return own.price
