"""The pool of two assets as a taker meets it: an offer made for the occasion."""

from typing import Final

from . import amounts, keys, lines, numbers, pool_math
from .amounts import Amount
from .keys import Asset
from .numbers import DOWN, Number
from .quality import Amounts, quality
from .state import Entry, State, View
from .terms import Rules

_MOST: Final = Number(9_900_000_000_000_000, -16)
"""Share of the pool that one offer may take."""
_HAIR: Final = Number(1_000_000_000_000_000, -24)
"""A relative distance of 1e-9."""


class PoolOffer:
    """Takes part in a walk like an offer of the book, at most once in each."""

    is_pool = True

    def __init__(self, pool: "Pool", offer: Amounts, held: Amounts, value: int) -> None:
        self.owner = pool.account
        self.quality = value
        self.amounts = offer
        self.used_up = False
        self._fee = pool.fee
        self._held = held

    def limited_in(self, whole: Amounts, limit: Amount) -> Amounts:
        del whole
        return Amounts(limit, pool_math.swap_in(self._held, limit, self._fee))

    def limited_out(self, whole: Amounts, limit: Amount, *, up: bool) -> Amounts:
        del up
        inward = pool_math.swap_out(self._held, limit, self._fee)
        return Amounts(whole.inward if inward is None else inward, limit)

    def consume(self, view: View, moved: Amounts) -> None:
        """The balances moved already."""
        del view, moved
        self.used_up = True


class Pool:
    def __init__(self, account: str, fee: int, inward: Asset, outward: Asset) -> None:
        self.account = account
        self.fee = fee
        self._inward = inward
        self._outward = outward

    def held(self, view: State | View) -> Amounts:
        return Amounts(holds(view, self.account, self._inward), holds(view, self.account, self._outward))

    def offer(self, view: View, top: int | None) -> PoolOffer | None:
        """What the pool offers beside a book with this top quality."""
        held = self.held(view)
        if held.inward.mantissa <= 0 or held.outward.mantissa <= 0:
            return None
        spot = quality(*held)
        if top is None:
            outward = amounts.of_number(
                numbers.multiply(held.outward.number, _MOST), native=held.outward.native, mode=DOWN
            )
            if outward.mantissa <= 0 or outward >= held.outward:
                return None
            inward = pool_math.swap_out(held, outward, self.fee)
            if inward is None or inward.mantissa <= 0:
                return None
            return PoolOffer(self, Amounts(inward, outward), held, spot)
        if spot >= top or pool_math.is_close(spot, top):
            return None
        sized = pool_math.up_to_quality(held, top, self.fee)
        return None if sized is None else PoolOffer(self, sized, held, quality(*sized))

    def limited(self, view: View, out: Amount, worst: int) -> Amount:
        """As much of `out` as the pool gives at this average price."""
        most = pool_math.out_at_average(self.held(view), worst, self.fee)
        if most is None or pool_math.within(most, out, _HAIR):
            return out
        return min(most, out)


def holds(view: State | View, account: str, asset: Asset) -> Amount:
    """What a pool holds of one of its assets; nothing where it is frozen."""
    currency, issuer = asset
    if not issuer:
        root = view.get(keys.account(account))
        return amounts.drops(0 if root is None else int(root["Balance"]))
    line = lines.find(view, account, issuer, currency)
    if line is None or lines.is_frozen(view, account, asset):
        return amounts.ZERO_TOKEN
    return lines.balance(line, account, issuer)


def find(view: State | View, inward: Asset, outward: Asset, taker: str, rules: Rules) -> Pool | None:
    """The pool of two assets, if there is one with anything in it, with the fee that this taker pays."""
    entry = view.get(keys.amm(inward, outward))
    if entry is None or amounts.read(entry["LPTokenBalance"]).mantissa == 0:
        return None
    return Pool(entry["Account"], trading_fee(entry, taker, rules), inward, outward)


def trading_fee(entry: Entry, taker: str, rules: Rules) -> int:
    """Who holds the auction slot pays less."""
    slot = entry.get("AuctionSlot", {})
    if rules.parent_close_time < slot.get("Expiration", 0):
        friends = [row["AuthAccount"]["Account"] for row in slot.get("AuthAccounts", ())]
        if taker in (slot.get("Account"), *friends):
            return int(slot.get("DiscountedFee", 0))
    return int(entry.get("TradingFee", 0))
