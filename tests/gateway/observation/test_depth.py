"""The price of a side is one at which enough can be traded: what is smaller moves nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neo_core.config.settings import QuotingConfig
from neo_core.errors import ObservationFailed
from neo_core.gateways.xrpl.observing.book import DEPTHS
from neo_core.model import DROPS, Market
from neo_core.rules.quoting import anchor_of, mid_of, quotes, terms
from tests.gateway.making import MAKER, OTHER, TAKER, Json, rlusd
from tests.gateway.observation.serving import Node, ask_in_book, bid_in_book, closed_at, observe

pytestmark = pytest.mark.rule("QUO-X4")

LEAST = 10 * DROPS
CRUMB = 10
TERMS = terms(QuotingConfig())


def sells(drops: int, price: float, account: str = OTHER, **fields: Any) -> Json:
    return ask_in_book(drops, f"{drops * price / DROPS:.12f}", account, **fields)


def buys(drops: int, price: float, account: str = OTHER, **fields: Any) -> Json:
    return bid_in_book(drops, f"{drops * price / DROPS:.12f}", account, **fields)


def only(drops: int, price: float, *, of_bid: bool = False) -> Json:
    """So much of an offer is funded."""
    xrp, value = str(drops), rlusd(f"{drops * price / DROPS:.12f}")
    gets, pays = (value, xrp) if of_bid else (xrp, value)
    return {"taker_gets_funded": gets, "taker_pays_funded": pays}


def honest() -> Node:
    node = Node()
    node.asks, node.bids = [sells(2000 * DROPS, 2.02)], [buys(2000 * DROPS, 1.98)]
    return node


def seen(node: Node, least: int = LEAST) -> Market:
    return observe(node, min_book_drops=least).market


def quoted(market: Market) -> tuple[float, float]:
    mid = mid_of(market)
    assert mid is not None
    anchor, _ = anchor_of(mid, market.amm_price, TERMS)
    return quotes(market, anchor, None, TERMS)


# --- what is too small ---


def test_an_ask_of_ten_drops_moves_neither_the_mid_nor_a_quote() -> None:
    node = honest()
    before = seen(node)
    node.asks.insert(0, sells(CRUMB, 1.9986))
    assert seen(node) == before == Market(1.98, 2.02)
    assert quoted(before) == pytest.approx((1.9984, 2.0016))
    assert seen(node, 0).ask == 1.9986


def test_crumbs_on_both_sides_are_passed_over() -> None:
    node = honest()
    node.asks = [sells(CRUMB, price) for price in (1.99, 1.995, 1.9986)] + node.asks
    node.bids = [buys(CRUMB, price) for price in (1.989, 1.985)] + node.bids
    assert seen(node) == Market(1.98, 2.02)


def test_a_quote_does_not_make_way_for_a_crumb_that_it_would_take() -> None:
    node = honest()
    node.asks.insert(0, sells(CRUMB, 1.99))
    assert seen(node, 0).ask == 1.99
    buy, sell = quoted(seen(node))
    assert (buy, sell) == pytest.approx((1.9984, 2.0016))
    node = honest()
    node.bids.insert(0, buys(CRUMB, 2.01))
    assert quoted(seen(node)) == pytest.approx((1.9984, 2.0016))


@pytest.mark.parametrize(("drops", "price"), [(LEAST - 1, 2.02), (LEAST, 2.0), (LEAST + 1, 2.0)])
def test_an_offer_of_exactly_enough_has_the_price_and_one_drop_less_has_not(drops: int, price: float) -> None:
    node = honest()
    node.asks.insert(0, sells(drops, 2.0))
    assert seen(node).ask == price


@pytest.mark.parametrize(("drops", "price"), [(LEAST - 1, 1.98), (LEAST, 1.99)])
def test_a_bid_counts_by_the_xrp_that_it_buys(drops: int, price: float) -> None:
    node = honest()
    node.bids.insert(0, buys(drops, 1.99))
    assert seen(node).bid == price


def test_without_a_least_size_the_very_best_offer_has_the_price() -> None:
    node = honest()
    node.asks.insert(0, sells(1, 1.99))
    node.bids.insert(0, buys(1, 1.985))
    assert seen(node, 0) == Market(1.985, 1.99)


# --- what adds up ---


def test_offers_of_several_owners_add_up_and_the_one_that_reaches_it_has_the_price() -> None:
    node = honest()
    node.asks = [sells(4 * DROPS, 1.99), sells(4 * DROPS, 2.0, TAKER), sells(2 * DROPS, 2.01), *node.asks]
    node.bids = [buys(9 * DROPS, 1.988), buys(3 * DROPS, 1.984, TAKER), *node.bids]
    assert seen(node) == Market(1.984, 2.01)


def test_it_adds_up_from_the_best_price_on_however_the_offers_are_told() -> None:
    node = honest()
    node.asks = [*node.asks, sells(6 * DROPS, 2.01), sells(6 * DROPS, 2.0)]
    node.bids = [*node.bids, buys(6 * DROPS, 1.985), buys(6 * DROPS, 1.99)]
    assert seen(node) == Market(1.985, 2.01)


def test_funds_that_several_offers_of_one_owner_share_count_once() -> None:
    node = honest()
    shared = [sells(8 * DROPS, 1.99, owner_funds="9000000"), sells(8 * DROPS, 2.0, **only(DROPS, 2.0))]
    node.asks = [*shared, sells(8 * DROPS, 2.01, **only(0, 2.01)), *node.asks]
    assert seen(node).ask == 2.02
    assert seen(node, 9 * DROPS).ask == 2.0


def test_a_bid_that_is_funded_for_a_little_counts_as_little() -> None:
    node = honest()
    node.bids.insert(0, buys(500 * DROPS, 1.999, **only(CRUMB, 1.999, of_bid=True)))
    assert seen(node).bid == 1.98


def test_own_and_expired_offers_do_not_add_up() -> None:
    node = honest()
    gone = closed_at(node.index)
    node.asks = [sells(50 * DROPS, 1.99, MAKER), sells(50 * DROPS, 1.995, Expiration=gone), *node.asks]
    node.asks.insert(0, sells(CRUMB, 1.985))
    assert seen(node).ask == 2.02


# --- too little ---


@pytest.mark.parametrize("offers", [1, 9])
def test_a_side_that_is_smaller_altogether_has_no_price_and_nothing_is_quoted(offers: int) -> None:
    node = honest()
    node.asks = [sells(DROPS, 2.02 + step / 100) for step in range(offers)]
    market = seen(node)
    assert market == Market(1.98, None)
    assert mid_of(market) is None
    assert node.trips == 1


def test_behind_a_page_of_crumbs_a_deeper_one_is_asked() -> None:
    node = honest()
    node.asks = [sells(CRUMB, 1.9986)] * 30 + node.asks
    assert seen(node).ask == 2.02
    limits = [asked["limit"] for asked in node.requests if asked["command"] == "book_offers"]
    assert limits == [DEPTHS[0], DEPTHS[0], DEPTHS[1]]


def test_what_the_first_page_holds_counts_once_when_a_deeper_one_is_asked() -> None:
    node = honest()
    node.asks = [sells(DROPS // 3, 2.0)] * 29 + [sells(DROPS // 3, 2.01)] * 2 + node.asks
    assert seen(node).ask == 2.01


def test_a_side_with_more_crumbs_than_are_looked_at_has_no_price() -> None:
    node = honest()
    node.asks = [sells(CRUMB, 1.9986)] * DEPTHS[-1] + node.asks
    assert seen(node) == Market(1.98, None)
    assert node.trips == 2


@pytest.mark.parametrize(("drops", "price"), [(LEAST - 1, None), (LEAST, 2.0)])
def test_a_pool_that_holds_too_little_is_not_there(drops: int, price: float | None) -> None:
    node = honest()
    node.pool = {"amount": str(drops), "amount2": rlusd(f"{drops * 2 / DROPS:.6f}")}
    assert seen(node).amm_price == price
    assert seen(node, 0).amm_price == 2.0


# --- what is told of the funds ---


@pytest.mark.parametrize("told", ["taker_gets_funded", "taker_pays_funded"])
def test_half_of_what_is_funded_is_refused(told: str) -> None:
    node = honest()
    node.asks.insert(0, sells(DROPS, 2.0, **{told: only(CRUMB, 2.0)[told]}))
    with pytest.raises(ObservationFailed, match=r"book_offers \(sell side\), taker_\w+_funded"):
        seen(node)


def test_what_is_funded_in_another_asset_is_refused() -> None:
    node = honest()
    node.asks.insert(0, sells(DROPS, 2.0, **only(CRUMB, 2.0, of_bid=True)))
    with pytest.raises(ObservationFailed, match=r"book_offers \(sell side\): expected offers of the pair"):
        seen(node)


# --- any book ---

SIZES = st.lists(st.tuples(st.integers(1, 3 * LEAST), st.integers(0, 3 * LEAST)), min_size=1, max_size=15)


@given(sizes=SIZES, least=st.integers(0, 3 * LEAST), more=st.integers(0, LEAST))
def test_of_any_book_less_than_enough_stands_before_the_price_and_more_never_betters_it(
    sizes: list[tuple[int, int]], least: int, more: int
) -> None:
    node = honest()
    prices = [2.0 + step / 100 for step in range(len(sizes))]
    node.asks = [
        sells(whole, price, **(only(funded, price) if funded < whole else {}))
        for price, (whole, funded) in zip(prices, sizes, strict=True)
    ]
    counted = [min(pair) for pair in sizes]
    ask, deeper = (seen(node, drops).ask for drops in (least, least + more))
    if ask is None:
        assert sum(counted) < least or not any(counted)
        assert deeper is None
        return
    at = [round(price, 2) for price in prices].index(ask)
    assert sum(counted[:at]) < least or not any(counted[:at])
    assert sum(counted[: at + 1]) >= least
    assert deeper is None or deeper >= ask
