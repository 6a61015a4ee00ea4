"""What is read from a state: offers of a book and of an account, what funds them, lines, tickets, a pool."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from . import accounts, amounts, directories, keys, lines, quality
from .amounts import PARITY, Amount
from .keys import Asset
from .state import Entry, State, View
from .terms import Rules


class BookOffer(NamedTuple):
    """An offer of a book as `book_offers` tells it."""

    key: str
    offer: Entry
    rate: str
    """Quality as text."""
    owner_funds: str | None
    """Only with the first offer of each owner."""
    gets_funded: Any | None
    """TakerGets that is funded, where it is less than all."""
    pays_funded: Any | None


def best_first(state: State | View, pays: Asset, gets: Asset) -> Iterator[tuple[str, Entry]]:
    """(key, offer) of the book whose offers have TakerPays in `pays` and TakerGets in `gets`: best quality, then
    oldest, first.
    """
    for directory in state.directories(keys.book(pays, gets)):
        for key in directories.listed(state, directory):
            offer = state.get(key)
            if offer is not None:
                yield key, offer


def funded_book(state: State, pays: Asset, gets: Asset, rules: Rules, taker: str = "") -> Iterator[BookOffer]:
    """The book, best first, with what its owners can still give, reckoned down the book."""
    rate = PARITY if gets[0] == "XRP" else lines.transfer_rate(state, gets[1])
    frozen = any(accounts.has_flag(state, asset[1], accounts.GLOBAL_FREEZE) for asset in (pays, gets) if asset[1])
    left: dict[str, Amount] = {}
    for key, offer in best_first(state, pays, gets):
        owner = offer["Account"]
        wanted = amounts.read(offer["TakerGets"])
        first = owner not in left
        if owner == gets[1]:
            have = wanted
        elif frozen:
            have = amounts.zero(wanted.native)
        elif first:
            have = max(lines.holds(state, owner, gets, rules), amounts.zero(wanted.native))
        else:
            have = left[owner]
        fee = rate if gets[1] not in (taker, owner) else PARITY
        able = have if fee == PARITY else amounts.divide(have, amounts.token(fee, -9), have.native)
        dir_rate = quality.rate_of(quality.of_directory(offer["BookDirectory"]))
        gets_funded = pays_funded = None
        funded = wanted
        if able < wanted:
            funded = able
            whole = amounts.read(offer["TakerPays"])
            pays_funded = amounts.write(
                min(whole, amounts.multiply(funded, dir_rate, whole.native)), offer["TakerPays"]
            )
            gets_funded = amounts.write(funded, offer["TakerGets"])
        spent = funded if fee == PARITY else amounts.multiply(funded, amounts.token(fee, -9), funded.native)
        told = amounts.text(have) if first or owner == gets[1] or frozen else None
        if owner != gets[1] and not frozen:
            left[owner] = have - min(have, spent)
        yield BookOffer(key, offer, amounts.token_text(dir_rate), told, gets_funded, pays_funded)


def account_offers(state: State, account: str) -> Iterator[tuple[str, Entry]]:
    """(key, offer) of an account, in directory order."""
    return owned(state, account, "Offer")


def account_lines(state: State, account: str) -> Iterator[tuple[str, Entry]]:
    """(key, line) of an account, in directory order."""
    return owned(state, account, "RippleState")


def tickets(state: State, account: str) -> list[int]:
    """Numbers of an account's tickets, ascending."""
    return sorted(entry["TicketSequence"] for _, entry in owned(state, account, "Ticket"))


def owned(state: State, account: str, kind: str | None = None) -> Iterator[tuple[str, Entry]]:
    """(key, entry) of what an account owns, in directory order; of one LedgerEntryType if named."""
    for key in directories.owned(state, account):
        entry = state.get(key)
        if entry is not None and kind in (None, entry["LedgerEntryType"]):
            yield key, entry


def owner_funds(state: State, account: str, amount: Any, rules: Rules) -> Any:
    """What an account can give of the asset of this amount, in its form; its own tokens: all that is asked for."""
    have = lines.funds(state, account, amounts.read(amount), amounts.asset(amount), rules)
    return amounts.write(have, amount)


def pool(state: State, one: Asset, other: Asset) -> Entry | None:
    """The AMM entry of two assets, in any order."""
    return state.get(keys.amm(one, other))


def pool_holds(state: State | View, account: str, asset: Asset) -> Amount:
    """What a pool's account holds of one of its assets."""
    if asset[0] == "XRP":
        return amounts.drops(accounts.balance(state, account))
    line = lines.find(state, account, asset[1], asset[0])
    return amounts.ZERO_TOKEN if line is None else lines.balance(line, account, asset[1])
