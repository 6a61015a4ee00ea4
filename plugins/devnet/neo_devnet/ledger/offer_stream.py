"""Walks over the offers of a book, best first, and removes the dead ones that it meets."""

from typing import Any, NamedTuple

from . import amounts, directories, keys, lines, offers
from .amounts import ONE_DROP, SMALLEST_TOKEN, Amount
from .keys import Asset
from .quality import Amounts, limit_in, limit_out, of_directory, quality
from .state import Entry, View
from .terms import Rules

MOST: int = 1000
"""Offers that one walk looks at."""


class Book(NamedTuple):
    """The assets of a book, as a taker sees them: what its offers take in, and what they give out."""

    inward: Asset
    outward: Asset

    @property
    def key(self) -> str:
        return keys.book(self.inward, self.outward)


class Offer:
    """An offer of the book, as far as it is left."""

    is_pool = False

    def __init__(self, key: str, entry: Entry) -> None:
        self.key = key
        self.owner: str = entry["Account"]
        self.quality = of_directory(entry["BookDirectory"])
        self.amounts = Amounts(amounts.read(entry["TakerPays"]), amounts.read(entry["TakerGets"]))
        self._pays: Any = entry["TakerPays"]
        self._gets: Any = entry["TakerGets"]

    @property
    def used_up(self) -> bool:
        return self.amounts.inward.mantissa <= 0 or self.amounts.outward.mantissa <= 0

    def limited_in(self, whole: Amounts, limit: Amount) -> Amounts:
        return limit_in(self.quality, whole, limit)

    def limited_out(self, whole: Amounts, limit: Amount, *, up: bool) -> Amounts:
        return limit_out(self.quality, whole, limit, up=up)

    def consume(self, view: View, moved: Amounts) -> None:
        """Takes this much off the offer."""
        self.amounts = Amounts(self.amounts.inward - moved.inward, self.amounts.outward - moved.outward)
        view.update(
            self.key,
            TakerPays=amounts.write(self.amounts.inward, self._pays),
            TakerGets=amounts.write(self.amounts.outward, self._gets),
        )


class OfferStream:
    def __init__(self, view: View, before: View, book: Book, rules: Rules) -> None:
        self._view = view
        self._before = before
        self._book = book
        self._rules = rules
        self._from = ""
        self._tip: str | None = None
        self.seen = 0
        self.dead: set[str] = set()
        """Offers to be removed whatever becomes of the taker."""
        self.funds: Amount = amounts.ZERO_DROPS
        """What the owner of the last offer can give."""

    def _advance(self) -> Entry | None:
        """Deletes the offer that the walk stands on, and goes to the next."""
        if self._tip is not None:
            offers.delete(self._view, self._tip)
            self._tip = None
        for directory in self._view.directories(self._book.key):
            if directory < self._from:
                continue
            self._from = directory
            for key in directories.listed(self._view, directory):
                entry = self._view.get(key)
                if entry is not None:
                    self._tip = key
                    return entry
        return None

    def next(self) -> Offer | None:
        """The next offer that lives; None at the end of the book."""
        while True:
            entry = self._advance()
            if entry is None or self._tip is None:
                return None
            if self.seen >= MOST:
                return None
            self.seen += 1
            expiration = entry.get("Expiration")
            if expiration is not None and expiration <= self._rules.parent_close_time:
                self.dead.add(self._tip)
                continue
            offer = Offer(self._tip, entry)
            if offer.used_up:
                self.dead.add(offer.key)
                continue
            self.funds = self._funds(self._view, offer)
            if self.funds.mantissa <= 0 or self._is_dust(offer):
                if self._funds(self._before, offer) == self.funds:
                    self.dead.add(offer.key)
                continue
            return offer

    def _funds(self, view: View, offer: Offer) -> Amount:
        return lines.funds(view, offer.owner, offer.amounts.outward, self._book.outward, self._rules)

    def _is_dust(self, offer: Offer) -> bool:
        """So little is left that its price would be worse than the offer's own: it would block the book."""
        inward, outward = offer.amounts
        if outward.native or (not inward.native and inward >= outward):
            return False
        able = offer.amounts
        if offer.owner != self._book.outward[1] and self.funds < outward:
            able = limit_out(offer.quality, able, self.funds, up=False)
        if able.inward.mantissa <= 0 or able.outward.mantissa <= 0:
            return True
        if able.inward > (ONE_DROP if inward.native else SMALLEST_TOKEN):
            return False
        return quality(able.inward, able.outward) > offer.quality
