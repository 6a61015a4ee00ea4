"""The book without what nobody else can be traded with, and the pool."""

from __future__ import annotations

from typing import Any

import pytest

from neo_core.errors import ObservationFailed
from tests.gateway.making import ISSUER, MAKER, OTHER, eur, rlusd
from tests.gateway.observation.serving import Node, ask_in_book, bid_in_book, closed_at, observe

pytestmark = pytest.mark.rule("QUO-1")

NOTHING: dict[str, Any] = {"taker_gets_funded": "0", "taker_pays_funded": rlusd("0")}


def test_each_side_of_the_book_is_a_price_in_rlusd_for_one_xrp() -> None:
    market = observe(Node()).market
    assert (market.bid, market.ask, market.amm_price) == (0.48, 0.52, None)


def test_the_best_price_of_a_side_is_told_wherever_it_stands_in_the_answer() -> None:
    node = Node()
    node.asks = [ask_in_book(10, "6"), ask_in_book(10, "5"), ask_in_book(10, "7")]
    node.bids = [bid_in_book(10, "2"), bid_in_book(10, "4"), bid_in_book(10, "3")]
    market = observe(node).market
    assert (market.bid, market.ask) == (400_000.0, 500_000.0)


def test_a_price_is_the_quality_of_an_offer_and_not_what_its_dust_divides_to() -> None:
    node = Node()
    node.asks = [{**ask_in_book(3, "0.000001"), "quality": "0.00000052"}]
    node.bids = [{**bid_in_book(3, "0.000001"), "quality": "2083333.333333334"}]
    market = observe(node).market
    assert (market.bid, market.ask) == (0.48, 0.52)


@pytest.mark.parametrize("side", ["asks", "bids"])
def test_own_offers_are_no_market(side: str) -> None:
    node = Node()
    made = ask_in_book if side == "asks" else bid_in_book
    setattr(node, side, [made(100_000_000, "50", account=MAKER), *getattr(node, side)])
    market = observe(node).market
    assert (market.bid, market.ask) == (0.48, 0.52)


def test_an_offer_that_the_next_ledger_would_find_expired_is_no_market() -> None:
    node = Node()
    gone, lasting = closed_at(node.index), closed_at(node.index) + 1
    node.asks = [ask_in_book(100, "0.00005", Expiration=gone), ask_in_book(100, "0.00006", Expiration=lasting)]
    assert observe(node).market.ask == 0.6


def test_an_offer_that_nothing_is_behind_is_no_market_but_one_that_is_partly_funded_is() -> None:
    node = Node()
    part: dict[str, Any] = {"taker_gets_funded": "1", "taker_pays_funded": rlusd("0.0000005")}
    node.asks = [ask_in_book(100, "0.00005", **NOTHING), ask_in_book(100, "0.00006", **part)]
    assert observe(node).market.ask == 0.6


def test_amounts_with_an_exponent_are_read() -> None:
    node = Node()
    node.asks = [{**ask_in_book(5_000_000, "3"), "TakerPays": rlusd("3000000000000000e-15")}]
    assert observe(node).market.ask == 0.6


def test_an_empty_side_has_no_price() -> None:
    node = Node()
    node.asks = []
    market = observe(node).market
    assert (market.bid, market.ask) == (0.48, None)


def test_behind_a_page_of_offers_that_cannot_be_used_a_deeper_one_is_asked() -> None:
    node = Node()
    node.asks = [ask_in_book(100, "0.00005", account=MAKER)] * 30 + [ask_in_book(100, "0.00007")]
    assert observe(node).market.ask == 0.7
    assert [asked["limit"] for asked in node.requests if asked["command"] == "book_offers"] == [20, 20, 100]


def test_a_side_of_which_even_the_deepest_page_cannot_be_used_has_no_price() -> None:
    node = Node()
    node.asks = [ask_in_book(100, "0.00005", account=MAKER)] * 200 + [ask_in_book(100, "0.00007")]
    assert observe(node).market.ask is None
    assert node.trips == 2


def test_offers_of_another_pair_in_the_answer_are_refused() -> None:
    node = Node()
    node.asks = [{**ask_in_book(100, "0.00005"), "TakerPays": eur("5")}]
    with pytest.raises(ObservationFailed, match=r"book_offers \(sell side\): expected offers of the pair"):
        observe(node)


@pytest.mark.parametrize("quality", ["nan", "inf", "0", "-1", "1e400", "1e-400", "", "x", None, 5, []])
def test_what_is_no_price_is_refused(quality: object) -> None:
    node = Node()
    node.bids = [{**bid_in_book(100, "0.00005"), "quality": quality}]
    with pytest.raises(ObservationFailed, match=r"book_offers \(buy side\), quality: expected a price as text"):
        observe(node)


@pytest.mark.parametrize("turned", [False, True])
def test_a_pool_has_one_price_whichever_amount_is_told_first(turned: bool) -> None:
    node = Node()
    amounts = ["10000000000", rlusd("5000")]
    if turned:
        amounts.reverse()
    node.pool = {"account": OTHER, "amount": amounts[0], "amount2": amounts[1], "trading_fee": 500}
    assert observe(node).market.amm_price == 0.5


@pytest.mark.parametrize(
    "changed", [{"asset2_frozen": True}, {"asset_frozen": True}, {"amount": "0"}, {"amount2": rlusd("0")}]
)
def test_a_pool_that_is_frozen_or_empty_has_no_price(changed: dict[str, object]) -> None:
    node = Node()
    node.pool = {"amount": "10000000000", "amount2": rlusd("5000"), **changed}
    assert observe(node).market.amm_price is None


@pytest.mark.parametrize("other", ["5000", eur("5000"), eur("5000", MAKER), {**rlusd("5"), "issuer": MAKER}])
def test_a_pool_of_another_pair_is_refused(other: object) -> None:
    node = Node()
    node.pool = {"amount": "10000000000", "amount2": other}
    with pytest.raises(ObservationFailed, match="amm_info: expected a pool of XRP and"):
        observe(node)


def test_a_transfer_rate_of_the_issuer_leaves_the_prices_as_they_are_offered() -> None:
    node = Node()
    node.roots[ISSUER]["TransferRate"] = 1_002_000_000
    market = observe(node).market
    assert (market.bid, market.ask) == (0.48, 0.52)


@pytest.mark.parametrize("usable", [True, False])
def test_the_book_is_asked_no_deeper_than_it_has_to_be(usable: bool) -> None:
    node = Node()
    own = [ask_in_book(100, "0.00005", account=MAKER)]
    node.asks = [*own * 19, *node.asks * 5] if usable else own * 19
    observe(node)
    assert node.trips == 1
