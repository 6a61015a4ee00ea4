"""Crossing: a new offer takes from the book what is at least as good as itself."""

from typing import Final

from . import amounts, lines, offers
from .amounts import PARITY, Amount
from .context import Context
from .offer_stream import Book
from .quality import quality, rate_of
from .routes import through_book
from .state import View
from .strand import Flowed, flow
from .terms import Refused

_PASSIVE: Final = 0x0001_0000
_FILL_OR_KILL: Final = 0x0004_0000
_SELL: Final = 0x0008_0000
_ENDLESS_TOKENS: Final = Amount(4_999_999_999_999_999, 80, False)
_ENDLESS_DROPS: Final = Amount(9 * 10**18, 0, True)


def cross(context: Context, full: View, removals: View, gets: Amount, pays: Amount) -> tuple[Amount, Amount]:
    """What is left of TakerGets and TakerPays. Both views lose the offers found dead; `full` takes the moves."""
    tx, rules, account = context.tx, context.rules, context.account
    book = Book(amounts.asset(tx["TakerGets"]), amounts.asset(tx["TakerPays"]))
    view = View(full, flow=True)
    have = lines.funds(view, account, gets, book.inward, rules)
    if have.mantissa <= 0:
        raise Refused("tecUNFUNDED_OFFER")
    own_issue = gets.native or account == book.inward[1]
    rate = PARITY if own_issue else lines.transfer_rate(view, book.inward[1])
    most_in = amounts.transfer(gets, rate)
    threshold = quality(most_in, pays) - (1 if context.flags & _PASSIVE else 0)
    sells = bool(context.flags & _SELL)
    kill = bool(context.flags & _FILL_OR_KILL)
    try:
        steps = through_book(view, account, account, book, rules, threshold)
    except Refused:
        return gets, pays
    flowed = flow(
        view,
        steps,
        (_ENDLESS_DROPS if pays.native else _ENDLESS_TOKENS) if sells else pays,
        min(most_in, have),
        partial=not kill,
        worst=threshold,
        fill_or_kill=("sell" if sells else "buy") if kill else "",
    )
    if flowed.result != "tesSUCCESS":
        for key in sorted(flowed.dead):
            offers.delete(view, key)
            offers.delete(removals, key)
    view.commit()
    if flowed.result != "tesSUCCESS":
        return gets, pays
    left = lines.funds(full, account, gets, book.inward, rules)
    if left.mantissa <= 0:
        return amounts.zero(gets.native), amounts.zero(pays.native)
    return _rest(flowed, gets, pays, rate, sells=sells)


def _rest(flowed: Flowed, gets: Amount, pays: Amount, rate: int, *, sells: bool) -> tuple[Amount, Amount]:
    """The rest keeps the original quality; a sale is measured by what was given, a purchase by what came in."""
    price = rate_of(quality(gets, pays))
    if sells:
        gets = gets - amounts.without_transfer(flowed.inward, rate)
        if gets.mantissa < 0:
            gets = amounts.zero(gets.native)
        return gets, amounts.divide_rounded(gets, price, pays.native, up=False, strict=True)
    pays = pays - flowed.outward
    return amounts.multiply_rounded(pays, price, gets.native, up=True), pays
