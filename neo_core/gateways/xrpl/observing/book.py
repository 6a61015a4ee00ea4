"""The price of each side at which enough can be traded with somebody else, and the price of the pool.

Prices are as the offers state them. A transfer fee of the issuer comes on top for whoever gives its currency; it
is the same for every offer in the book, ours among them, so that the offers compare without it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from neo_core.errors import ObservationFailed
from neo_core.gateways.xrpl.connecting.link import Request
from neo_core.gateways.xrpl.observing.answers import Pin, not_there, pinned, rows, shown
from neo_core.gateways.xrpl.observing.parts import Header
from neo_core.gateways.xrpl.observing.questions import Pair, asks, bids
from neo_core.gateways.xrpl.reading.amounts import Issued, amount_of, asset_of, size
from neo_core.gateways.xrpl.reading.transaction import whole
from neo_core.model import DROPS, Side

__all__ = ["DEPTHS", "BookSide", "pool_price"]

DEPTHS = (20, 100)
"""How many offers of a side are asked for: more if the first are not enough. Servers answer at most the last."""

_AMOUNTS = ("TakerGets", "TakerPays")
_FUNDED = ("taker_gets_funded", "taker_pays_funded")  # told where the owner has less
_DIGITS = ".12g"  # a quality has sixteen digits and is rounded up: what is meant is shorter


class BookSide:
    """One side of the book, asked deeper while too little of it can be used.

    The next transaction that could take an offer finds it expired by the close time of this ledger, which its
    `header` tells before any book is told.
    """

    def __init__(self, side: Side, account: str, pair: Pair, pin: Pin, header: Header, min_drops: int) -> None:
        ask = bids if side is Side.BUY else asks
        self.what = f"book_offers ({side} side)"
        self._asking = [(depth, ask(pair, pin.ledger_index, depth)) for depth in DEPTHS]
        self._account = account
        self._pin = pin
        self._header = header
        self._min_drops = min_drops
        self._buys = side is Side.BUY
        self._assets = (pair.asset, None) if self._buys else (None, pair.asset)
        self.price: float | None = None
        """Of the offer with which `min_drops` are reached. None: others offer less than that."""

    @property
    def request(self) -> Request | None:
        return self._asking[0][1] if self._asking else None

    def take(self, answer: Any) -> None:
        offers = rows(self.what, pinned(self.what, answer, self._pin).get("offers"))
        usable = [(self._price(offer), drops) for offer in offers if (drops := self._drops(offer))]
        depth, _ = self._asking.pop(0)
        self.price = self._reached(usable)
        if self.price is not None or len(offers) < depth:
            self._asking = []

    def _reached(self, usable: list[tuple[float, int]]) -> float | None:
        sum_drops = 0
        for price, drops in sorted(usable, reverse=self._buys):
            sum_drops += drops
            if sum_drops >= self._min_drops:
                return price
        return None

    def _drops(self, offer: Mapping[str, Any]) -> int:
        """The XRP that can be traded with it: what is funded. 0: none."""
        funded = any(name in offer for name in _FUNDED)
        kinds = (_AMOUNTS, _FUNDED) if funded else (_AMOUNTS,)
        amounts = []
        for names in kinds:
            told = [amount_of(offer.get(name), f"{self.what}, {name}") for name in names]
            if tuple([asset_of(amount) for amount in told]) != self._assets:
                raise ObservationFailed(f"{self.what}: expected offers of the pair, got {shown(offer)}")
            amounts += told
        expires = whole(offer["Expiration"], f"{self.what}, Expiration") if "Expiration" in offer else None
        if (
            offer.get("Account") == self._account
            or (expires is not None and expires <= self._header.close_time)
            or any(size(amount) <= 0 for amount in amounts)
        ):
            return 0
        return min([amount for amount in amounts if isinstance(amount, int)])

    def _price(self, offer: Mapping[str, Any]) -> float:
        """By its quality, which stays through partial fills, while the amounts that are left are rounded."""
        given = offer.get("quality")
        try:
            quality = float(given) if isinstance(given, str) else math.nan
        except ValueError:
            quality = math.nan
        price = math.nan
        if 0.0 < quality < math.inf:
            price = DROPS / quality if self._buys else quality * DROPS
        if not 0.0 < price < math.inf:
            raise ObservationFailed(f"{self.what}, quality: expected a price as text, got {shown(given)}")
        return float(format(price, _DIGITS))


def pool_price(answer: Any, pair: Pair, pin: Pin, min_drops: int) -> float | None:
    """What the pool holds of the one for one of the other, before its fee.

    None: there is no pool that trades, or it holds less XRP than `min_drops`.
    """
    if not_there("amm_info", answer, pin, ("actNotFound",)):
        return None
    pool = pinned("amm_info", answer, pin).get("amm")
    if not isinstance(pool, Mapping):
        raise ObservationFailed(f"amm_info: expected a pool, got {shown(pool)}")
    one, other = (amount_of(pool.get(name), f"amm_info, {name}") for name in ("amount", "amount2"))
    # In which order the two are told is not said anywhere.
    xrp, rlusd = (one, other) if isinstance(one, int) else (other, one)
    if not isinstance(xrp, int) or not isinstance(rlusd, Issued) or asset_of(rlusd) != pair.asset:
        raise ObservationFailed(f"amm_info: expected a pool of XRP and {pair.currency}, got {shown(pool)}")
    frozen = pool.get("asset_frozen") is True or pool.get("asset2_frozen") is True
    if frozen or xrp <= 0 or xrp < min_drops or rlusd.value <= 0:
        return None
    price = float(rlusd.value) * DROPS / xrp
    if not 0.0 < price < math.inf:
        raise ObservationFailed(f"amm_info: expected amounts that make a price, got {shown(pool)}")
    return price
