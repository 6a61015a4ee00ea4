"""The step of a strand that takes offers from one book, and from the pool of the same two assets."""

from bisect import insort
from collections.abc import Callable
from functools import reduce
from operator import add
from typing import NamedTuple

from . import accounts, amounts, lines
from .amounts import PARITY, Amount
from .offer_stream import MOST, Book, Offer, OfferStream
from .pool_offer import Pool, PoolOffer
from .quality import Amounts, of_directory
from .state import View
from .steps import Ground, Moved, Step
from .terms import Rules

AnyOffer = Offer | PoolOffer


class Rates(NamedTuple):
    inward: int
    outward: int


class Piece(NamedTuple):
    """One offer's part: what the offer exchanges, what the step takes and gives, what the owner pays for it."""

    offer: Amounts
    step: Amounts
    owner_gives: Amount


Taker = Callable[[AnyOffer, Piece, Rates], bool]
"""What is done with each offer; True goes on to the next."""


def total(parts: list[Amount], none: Amount) -> Amount:
    """The sum, smallest first."""
    return reduce(add, parts) if parts else none


class BookStep:
    def __init__(
        self,
        book: Book,
        *,
        source: str,
        target: str,
        previous: Step | None,
        threshold: int | None,
        pool: Pool | None,
        rules: Rules,
    ) -> None:
        self.book = book
        self._source = source
        self._target = target
        self._previous = previous
        self._threshold = threshold
        """The worst quality that is taken: the book step of a new offer; None: of a payment."""
        self._pool = pool
        self._rules = rules
        self._told: Moved | None = None
        self.exhausted = False
        """Looked at as many offers as a walk may."""
        self.seen = 0

    @property
    def _crossing(self) -> bool:
        return self._threshold is not None

    def redeems(self, _ground: Ground, /) -> bool:
        return not self._crossing

    def best(self, view: View) -> tuple[int | None, bool]:
        """(the best quality that this step may give now, whether it is the pool's and not the book's)."""
        directories = view.directories(self.book.key)
        top = of_directory(directories[0]) if directories else None
        offer = None if self._pool is None else self._pool.offer(view, None)
        if offer is not None and (top is None or offer.quality < top):
            return offer.quality, True
        return top, False

    def limited_by_pool(self, view: View, out: Amount, worst: int) -> Amount:
        """How much of `out` the pool gives before its average price passes the limit."""
        return out if self._pool is None else self._pool.limited(view, out, worst)

    def _walk(self, ground: Ground, take: Taker) -> None:
        view = ground.view
        stream = OfferStream(view, ground.before, self.book, self._rules)
        walk = _Walk(self, stream, take, self._rates(ground))
        offer = stream.next()
        pool = None if self._pool is None else self._pool.offer(view, None if offer is None else offer.quality)
        if pool is None or walk.try_offer(view, pool):
            while offer is not None and walk.try_offer(view, offer):
                offer = stream.next()
        ground.dead.update(stream.dead)
        self.seen = stream.seen
        self.exhausted = stream.seen >= MOST

    def _rates(self, ground: Ground) -> Rates:
        """Transfer rates: of what comes in if its issuer gets it back, of what goes out if its owner pays."""
        due_in = self._previous is not None and self._previous.redeems(ground)
        return Rates(
            self._rate(ground.view, self.book.inward[1]) if due_in else PARITY,
            self._rate(ground.view, self.book.outward[1]) if self._crossing else PARITY,
        )

    def _rate(self, view: View, issuer: str) -> int:
        return PARITY if issuer in ("", self._target) else lines.transfer_rate(view, issuer)

    def rates_for(self, offer: AnyOffer, rates: Rates) -> Rates:
        """One who takes an own offer pays no transfer fee; a pool never does."""
        own = self._crossing and offer.owner == self._source and self.book.inward[1] != ""
        return Rates(PARITY if own else rates.inward, PARITY if offer.is_pool else rates.outward)

    def is_own(self, offer: AnyOffer) -> bool:
        return (
            self._threshold is not None
            and offer.quality <= self._threshold
            and offer.owner == self._source == self._target
        )

    def is_too_dear(self, offer: AnyOffer) -> bool:
        return self._threshold is not None and offer.quality > self._threshold

    def may_hold(self, view: View, owner: str) -> bool:
        """The owner is allowed to hold what it would be paid."""
        currency, issuer = self.book.inward
        if not issuer or owner == issuer or not accounts.has_flag(view, issuer, accounts.REQUIRE_AUTH):
            return True
        line = lines.find(view, owner, issuer, currency)
        return line is not None and bool(line["Flags"] & lines.side(issuer, owner).auth)

    def consume(self, view: View, offer: AnyOffer, piece: Piece) -> None:
        """The owner gets what its offer takes in, and gives; the difference to the step's amounts is the fee."""
        book = self.book
        lines.send(view, book.inward[1], offer.owner, piece.offer.inward, book.inward)
        lines.send(view, offer.owner, book.outward[1], piece.owner_gives, book.outward)
        offer.consume(view, piece.offer)

    def backward(self, ground: Ground, out: Amount) -> Moved:
        none_in, none_out = amounts.zero(self.book.inward[1] == ""), amounts.zero(out.native)
        ins: list[Amount] = []
        outs: list[Amount] = []
        left = out
        result: Moved = (none_in, none_out)

        def take(offer: AnyOffer, piece: Piece, rates: Rates) -> bool:
            nonlocal left, result
            if left.mantissa <= 0:
                return False
            if piece.step.outward <= left:
                insort(ins, piece.step.inward)
                insort(outs, piece.step.outward)
                result = (total(ins, none_in), total(outs, none_out))
                left = out - result[1]
                self.consume(ground.view, offer, piece)
                return True
            piece = cut_out(offer, piece, rates, left)
            left = none_out
            insort(ins, piece.step.inward)
            insort(outs, left)
            result = (total(ins, none_in), out)
            self.consume(ground.view, offer, piece)
            return offer.used_up

        self._walk(ground, take)
        if left.mantissa == 0:
            result = (result[0], out)
        self._told = result
        return result

    def forward(self, ground: Ground, inward: Amount) -> Moved:
        none_in, none_out = amounts.zero(inward.native), amounts.zero(self.book.outward[1] == "")
        ins: list[Amount] = []
        outs: list[Amount] = []
        left = inward
        result: Moved = (none_in, none_out)
        assert self._told is not None
        told_in, told_out = self._told

        def take(offer: AnyOffer, whole: Piece, rates: Rates) -> bool:
            nonlocal left, result, ins, outs
            if left.mantissa <= 0:
                return False
            piece, more = whole, True
            before_outs = list(outs)
            if whole.step.inward <= left:
                insort(ins, piece.step.inward)
                insort(outs, piece.step.outward)
                result = (total(ins, none_in), total(outs, none_out))
            else:
                piece, more = cut_in(offer, whole, rates, left), False
                insort(ins, left)
                insort(outs, piece.step.outward)
                result = (inward, total(outs, none_out))
            if result[1] > told_out and result[0] <= told_in:
                rest = told_out - total(before_outs, none_out)
                again = cut_out(offer, whole, rates, rest)
                if again.step.inward == left:
                    result = (inward, told_out)
                    ins, outs = [result[0]], [result[1]]
                    piece = again._replace(step=Amounts(left, rest))
            left = inward - result[0]
            self.consume(ground.view, offer, piece)
            return more or offer.used_up

        self._walk(ground, take)
        if left.mantissa == 0:
            result = (inward, result[1])
        self._told = result
        return result


class _Walk:
    """One walk over the book: it stays at one quality, but for own offers at the top."""

    def __init__(self, step: BookStep, stream: OfferStream, take: Taker, rates: Rates) -> None:
        self._step = step
        self._stream = stream
        self._take = take
        self._rates = rates
        self._quality: int | None = None
        self._tried = False

    def try_offer(self, view: View, offer: AnyOffer) -> bool:
        """True goes on, and removes the offer."""
        step = self._step
        if self._quality is None:
            self._quality = offer.quality
        elif self._quality != offer.quality:
            return False
        if step.is_own(offer) or not step.may_hold(view, offer.owner):
            if isinstance(offer, Offer):
                self._stream.dead.add(offer.key)
            if not self._tried:
                self._quality = None
            return True
        if step.is_too_dear(offer):
            return False
        rates = step.rates_for(offer, self._rates)
        piece = self._piece(offer, rates)
        self._tried = True
        return self._take(offer, piece, rates)

    def _piece(self, offer: AnyOffer, rates: Rates) -> Piece:
        """All that the offer, and its owner's funds, can give."""
        whole = offer.amounts
        gives = amounts.ratio(whole.outward, rates.outward, PARITY, up=False)
        outward = whole.outward
        endless = offer.is_pool or offer.owner == self._step.book.outward[1]
        if not endless and self._stream.funds < gives:
            gives = self._stream.funds
            outward = amounts.ratio(gives, PARITY, rates.outward, up=False)
            whole = offer.limited_out(whole, outward, up=False)
        inward = amounts.ratio(whole.inward, rates.inward, PARITY, up=True)
        return Piece(whole, Amounts(inward, outward), gives)


def cut_out(offer: AnyOffer, piece: Piece, rates: Rates, limit: Amount) -> Piece:
    """The piece, cut to this much out."""
    if not limit < piece.step.outward:
        return piece
    gives = amounts.ratio(limit, rates.outward, PARITY, up=False)
    cut = offer.limited_out(piece.offer, limit, up=True)
    return Piece(cut, Amounts(amounts.ratio(cut.inward, rates.inward, PARITY, up=True), limit), gives)


def cut_in(offer: AnyOffer, piece: Piece, rates: Rates, limit: Amount) -> Piece:
    """The piece, cut to this much in."""
    if not limit < piece.step.inward:
        return piece
    inner = amounts.ratio(limit, PARITY, rates.inward, up=False)
    cut = offer.limited_in(piece.offer, inner)
    gives = amounts.ratio(cut.outward, rates.outward, PARITY, up=False)
    return Piece(cut, Amounts(limit, cut.outward), gives)
