"""What a participant sees of a ledger before it closes, and how it trades."""

from __future__ import annotations

from functools import cached_property
from random import Random
from typing import Any

import msgspec

from neo_devnet.ledger import account_offers, best_first, keys
from neo_devnet.market.cast import ENGINE, ISSUER, RLUSD, Cast, drops_of
from neo_devnet.market.prices import Moment
from neo_devnet.node import Node

__all__ = ["AT_ONCE", "WHOLE_OR_NOTHING", "Offer", "Scene"]

AT_ONCE = 0x00020000  # tfImmediateOrCancel
WHOLE_OR_NOTHING = 0x00040000  # tfFillOrKill
SELL = 0x00080000  # tfSell
BPS = 10_000.0


class Offer(msgspec.Struct, frozen=True):
    sequence: int
    is_bid: bool
    xrp: float
    rlusd: float

    @property
    def price(self) -> float:
        return self.rlusd / self.xrp


class Scene:
    def __init__(self, cast: Cast, node: Node, moment: Moment) -> None:
        self.cast, self.node, self.moment = cast, node, moment
        self.index = node.open.index
        self.draw = Random(f"{cast.seed} ledger {self.index}")  # noqa: S311 (a market, no secret)

    @property
    def mid(self) -> float:
        return self.moment.mid

    def offers(self, role: str) -> list[Offer]:
        """Of one participant, in the open ledger."""
        return _offers(self.node.open.state, self.cast.address(role))

    @cached_property
    def quotes(self) -> list[Offer]:
        """The engine's, as everybody could see them in the last validated ledger."""
        return _offers(self.node.validated.state, self.cast.address(ENGINE))

    @cached_property
    def leaving(self) -> list[Offer]:
        """Those of the engine's quotes that a transaction of the open ledger takes away."""
        engine = self.cast.address(ENGINE)
        named = {tx.fields.get("OfferSequence") for tx in self.node.open.txs if tx.account == engine}
        return [each for each in self.quotes if each.sequence in named]

    # -- trading ---

    def buy(self, role: str, xrp: float, price: float, flags: int = 0, **more: Any) -> str:
        """A bid for so much XRP."""
        gets = self.cast.rlusd(max(xrp * price, 1e-6))
        return self._create(role, gets, drops_of(xrp), flags, more)

    def sell(self, role: str, xrp: float, price: float, flags: int = 0, **more: Any) -> str:
        """An ask of so much XRP."""
        pays = self.cast.rlusd(max(xrp * price, 1e-6))
        return self._create(role, drops_of(xrp), pays, flags, more)

    def take(self, role: str, offer: Offer, share: float, flags: int = AT_ONCE) -> str:
        """Goes for one offer, through all that is better, at its own price and a little beyond."""
        xrp = offer.xrp * share + self._ahead_of(offer)
        if offer.is_bid:
            return self.sell(role, xrp, offer.price * (1 - 1 / BPS), flags)
        return self.buy(role, xrp, offer.price * (1 + 1 / BPS), flags)

    def _ahead_of(self, offer: Offer) -> float:
        """How much XRP stands before it in its book."""
        token = (RLUSD, self.cast.address(ISSUER))
        pays, gets = (keys.XRP, token) if offer.is_bid else (token, keys.XRP)
        ahead = 0.0
        for _, entry in best_first(self.node.open.state, pays, gets):
            other = _read(entry)
            if other is None or other.price == offer.price:
                continue
            if (other.price < offer.price) is offer.is_bid:
                break
            ahead += other.xrp
        return ahead

    def cancel(self, role: str, offer: Offer) -> str:
        return self.cast.send(self.node, role, TransactionType="OfferCancel", OfferSequence=offer.sequence)

    def quote(self, role: str, half_spread_bps: float, xrp: float) -> None:
        """A bid and an ask around the middle, each in place of the one before it."""
        mine = self.offers(role)
        for is_bid, way in ((True, -1), (False, 1)):
            old = [each for each in mine if each.is_bid is is_bid]
            more = {"OfferSequence": old[0].sequence} if old else {}
            price = self.mid * (1 + way * half_spread_bps / BPS)
            (self.buy if is_bid else self.sell)(role, xrp, price, **more)

    def _create(self, role: str, gets: Any, pays: Any, flags: int, more: dict[str, Any]) -> str:
        fields = {"TransactionType": "OfferCreate", "TakerGets": gets, "TakerPays": pays, "Flags": flags}
        return self.cast.send(self.node, role, **fields, **more)


def _offers(state: Any, address: str) -> list[Offer]:
    return [offer for _, entry in account_offers(state, address) if (offer := _read(entry))]


def _read(entry: Any) -> Offer | None:
    """None where it is of another pair, or nothing is left of one side."""
    gets, pays = entry["TakerGets"], entry["TakerPays"]
    is_bid = isinstance(pays, str)
    drops, token = (pays, gets) if is_bid else (gets, pays)
    if isinstance(drops, dict) or isinstance(token, str) or not int(drops) or not float(token["value"]):
        return None
    return Offer(entry["Sequence"], is_bid, int(drops) / 1_000_000, float(token["value"]))
