"""What becomes of our offers on the paper ledger."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from neo_core.gateways.paper_journal import FIRST_CLOSE, Opening
from neo_core.markets import MarketTick, Taker
from neo_core.model import DROPS, Cancel, Offer, Place, Side

from .making import FEE, NOTHING, OPENING, QUIET, Desk, buy, buyer, results, sell, seller, told

# --- offers ----------------------------------------------------------------------------------------------


def test_cancel_removes_the_offer_and_one_that_is_gone_succeeds_without_an_event() -> None:
    desk = Desk()
    desk.do(buy("1.95"))
    seen = desk.do(Cancel("o-1", 1, "requote"))
    assert told(seen.account.events) == [("removed", "cancelled", 1)]
    assert seen.account.events[0].rest_drops == 100 * DROPS
    assert seen.account.events[0].tx_hash == seen.account.transactions[0].tx_hash
    assert seen.account.offers == ()
    seen = desk.do(Cancel("o-1", 1, "requote"))
    assert (seen.account.events, results(seen)) == ((), ["tesSUCCESS"])
    assert seen.account.xrp_drops == 1_000 * DROPS - 3 * FEE


def test_place_and_cancel_of_the_same_offer_in_one_ledger_go_in_sequence() -> None:
    seen = Desk().do(buy("1.95"), Cancel("o-1", 1, "requote"))
    assert told(seen.account.events) == [("placed", "", 1), ("removed", "cancelled", 1)]


@pytest.mark.parametrize(
    ("place", "market", "drops", "rlusd"),
    [
        (buy("2.02"), 2.01, 100 * DROPS, "201"),
        (buy("2.01"), 2.01, 100 * DROPS, "201"),
        (sell("1.99"), 1.99, 100 * DROPS, "199"),
        (sell("1.9"), 1.99, 95_477_387, "190"),  # an offer ends when it has received what it asks for
    ],
)
def test_an_offer_that_crosses_the_market_fills_at_once_at_the_market_price(
    place: Place, market: float, drops: int, rlusd: str
) -> None:
    seen = Desk().do(place)
    (event,) = seen.account.events
    assert (event.event, event.drops, event.rlusd) == ("filled", drops, Decimal(rlusd))
    assert (event.rest_drops, event.rest_rlusd) == (0, NOTHING)
    assert event.tx_hash == seen.account.transactions[0].tx_hash
    assert seen.account.offers == ()
    sign = 1 if place.side is Side.BUY else -1
    assert seen.account.xrp_drops == 1_000 * DROPS - FEE + sign * drops
    assert seen.account.rlusd == 2_000 - sign * Decimal(rlusd)
    assert event.drops <= place.drops
    assert event.rlusd <= place.rlusd


@pytest.mark.parametrize(
    ("place", "opening", "drops", "rlusd"),
    [
        (buy("2.02"), replace(OPENING, rlusd=Decimal("100.5")), 50 * DROPS, "100.5"),
        (sell("1.99"), replace(OPENING, xrp_drops=51_200_000), 50 * DROPS, "99.5"),
    ],
)
def test_an_offer_that_runs_out_of_funds_while_it_crosses_is_not_placed(
    place: Place, opening: Opening, drops: int, rlusd: str
) -> None:
    seen = Desk(opening).do(place)
    (event,) = seen.account.events
    assert (event.event, event.cause) == ("removed", "funds_used_up")
    assert (event.drops, event.rlusd) == (drops, Decimal(rlusd))
    assert event.rest_drops == place.drops - drops
    assert event.rest_rlusd == place.rlusd - Decimal(rlusd)
    assert (seen.account.offers, results(seen)) == ((), ["tesSUCCESS"])


@pytest.mark.parametrize(
    ("place", "opening", "result"),
    [
        (buy("1.95"), replace(OPENING, rlusd=Decimal(0)), "tecUNFUNDED_OFFER"),
        (sell("2.05"), replace(OPENING, xrp_drops=1_200_000), "tecUNFUNDED_OFFER"),
        (buy("1.95"), replace(OPENING, xrp_drops=1_399_999), "tecINSUF_RESERVE_OFFER"),
        (buy("1.95", expires_at=FIRST_CLOSE + 4), OPENING, "tecEXPIRED"),
    ],
)
def test_an_offer_that_cannot_be_placed_costs_its_fee_and_leaves_no_event(
    place: Place, opening: Opening, result: str
) -> None:
    seen = Desk(opening).do(place)
    assert results(seen) == [result]
    assert (seen.account.offers, seen.account.events) == ((), ())
    assert seen.account.xrp_drops == opening.xrp_drops - FEE


def test_the_reserve_is_looked_at_before_the_fee() -> None:
    seen = Desk(replace(OPENING, xrp_drops=1_400_000)).do(buy("1.95"))
    assert results(seen) == ["tesSUCCESS"]
    assert seen.account.xrp_drops == 1_400_000 - FEE


def test_of_two_offers_of_one_ledger_that_cross_the_older_is_deleted() -> None:
    desk = Desk()
    seen = desk.do(sell("2.004"), sell("2.002"), buy("2.002"))
    assert told(seen.account.events) == [
        ("placed", "", 1),
        ("placed", "", 2),
        ("removed", "self_cross", 2),
        ("placed", "", 3),
    ]
    assert [offer.sequence for offer in seen.account.offers] == [1, 3]
    assert seen.account.reserve_drops == 1_200_000 + 2 * 200_000


def test_an_own_offer_that_would_be_crossed_is_deleted_and_never_traded() -> None:
    desk = Desk()
    desk.do(sell("2.000"), sell("2.002"), sell("2.004"))
    seen = desk.do(buy("2.002"))
    assert told(seen.account.events) == [
        ("removed", "self_cross", 1),
        ("removed", "self_cross", 2),
        ("placed", "", 4),
    ]
    assert [offer.sequence for offer in seen.account.offers] == [3, 4]
    assert seen.account.rlusd == 2_000


def test_an_own_offer_behind_the_market_is_not_reached() -> None:
    desk = Desk()
    desk.do(sell("2.005"), sell("2.015"))
    seen = desk.do(buy("2.02"))
    assert told(seen.account.events) == [("removed", "self_cross", 1), ("filled", "", 3)]
    assert [offer.sequence for offer in seen.account.offers] == [2]


# --- the trades of others ----------------------------------------------------------------------------------


def test_a_taker_takes_our_best_price_first_and_only_what_is_wanted() -> None:
    desk = Desk()
    desk.do(buy("1.993", 10), buy("1.995", 10), buy("1.995", 10))
    seen = desk.ledger(replace(QUIET, takers=(seller(25),)))
    assert told(seen.account.events) == [("filled", "", 2), ("filled", "", 3), ("partial_fill", "", 1)]
    assert seen.account.offers == (Offer(1, Side.BUY, 5 * DROPS, Decimal("9.965")),)
    assert seen.account.xrp_drops == 1_000 * DROPS - 3 * FEE + 25 * DROPS
    assert seen.account.rlusd == 2_000 - Decimal("19.95") * 2 - Decimal("9.965")


@pytest.mark.parametrize(
    ("price", "taker", "reached"),
    [
        ("1.99", seller(10), True),
        ("1.98999", seller(10), False),
        ("1.995", buyer(10), False),
    ],
)
def test_a_buy_is_reached_from_the_markets_bid_upwards(price: str, taker: Taker, reached: bool) -> None:
    desk = Desk()
    desk.do(buy(price))
    assert bool(desk.ledger(replace(QUIET, takers=(taker,))).account.events) is reached


@pytest.mark.parametrize(
    ("price", "taker", "reached"),
    [
        ("2.01", buyer(10), True),
        ("2.01001", buyer(10), False),
        ("2.005", seller(10), False),
    ],
)
def test_a_sell_is_reached_from_the_markets_ask_downwards(price: str, taker: Taker, reached: bool) -> None:
    desk = Desk()
    desk.do(sell(price))
    assert bool(desk.ledger(replace(QUIET, takers=(taker,))).account.events) is reached


def test_in_an_empty_book_a_taker_meets_us_at_any_price() -> None:
    desk = Desk()
    desk.do(buy("1.5"), sell("2.5"))
    seen = desk.ledger(MarketTick(None, None, None, (seller(1), buyer(1))))
    assert told(seen.account.events) == [("partial_fill", "", 1), ("partial_fill", "", 2)]
    assert told(desk.ledger(MarketTick(None, None)).account.events) == []


@pytest.mark.parametrize(
    ("place", "tick", "rlusd"),
    [
        (buy("1.95"), MarketTick(1.94, 1.95), "195"),
        (sell("2.05"), MarketTick(2.05, 2.06), "205"),
    ],
)
def test_a_market_that_moves_through_us_fills_us_whole_at_our_price(
    place: Place, tick: MarketTick, rlusd: str
) -> None:
    desk = Desk()
    desk.do(place)
    (event,) = desk.ledger(tick).account.events
    assert (event.event, event.drops, event.rlusd) == ("filled", 100 * DROPS, Decimal(rlusd))


def test_a_cancel_sometimes_loses_the_race_against_a_fill_and_the_ledger_says_which() -> None:
    outcomes = set()
    for seed in range(20):
        desk = Desk(replace(OPENING, seed=seed))
        desk.do(buy("1.995"))
        account = desk.do(Cancel("o-1", 1, "x"), tick=replace(QUIET, takers=(seller(500),))).account
        assert len(account.events) == 1
        assert account.rlusd == (2_000 - Decimal("199.5") if account.events[0].drops else 2_000)
        outcomes.add(told(account.events)[0])
    assert outcomes == {("filled", "", 1), ("removed", "cancelled", 1)}


def test_our_transactions_of_one_ledger_stay_together() -> None:
    for seed in range(20):
        desk = Desk(replace(OPENING, seed=seed))
        desk.do(buy("1.995", 10))
        takers = (seller(10),) * 3
        account = desk.do(Cancel("o-1", 1, "x"), buy("1.994", 10), tick=replace(QUIET, takers=takers)).account
        mine = [event for event in account.events if event.cause == "cancelled" or event.event == "placed"]
        places = [account.events.index(event) for event in mine]
        assert places == list(range(places[0], places[0] + len(places)))


# --- expiry ------------------------------------------------------------------------------------------------


def test_an_offer_can_be_taken_until_the_parent_ledger_closed_at_its_expiration() -> None:
    for late, outcome in ((0, ("filled", "")), (1, ("removed", "expired"))):
        desk = Desk()
        placed = desk.do(buy("1.995", 10, expires_at=desk.seen.close_time + 12))
        assert placed.close_time == desk.gateway.now()
        for _ in range(1 + late):
            desk.ledger()
        parent = desk.seen.close_time
        seen = desk.ledger(replace(QUIET, takers=(seller(10),)))
        assert told(seen.account.events)[0][:2] == outcome
        assert (parent >= FIRST_CLOSE + 16) is (late == 1)


def test_an_expired_offer_stays_visible_until_a_taker_meets_it() -> None:
    desk = Desk()
    desk.do(buy("1.995", 10, expires_at=desk.seen.close_time + 5), buy("1.992", 10))
    for _ in range(5):
        assert len(desk.ledger().account.offers) == 2
    seen = desk.ledger(replace(QUIET, takers=(seller(4),)))
    assert told(seen.account.events) == [("removed", "expired", 1), ("partial_fill", "", 2)]
    assert seen.account.events[0].drops == 0
    assert seen.account.events[0].tx_hash == seen.account.events[1].tx_hash


def test_an_expired_offer_can_be_cancelled() -> None:
    desk = Desk()
    desk.do(buy("1.995", 10, expires_at=desk.seen.close_time + 5))
    desk.ledger()
    desk.ledger()
    assert told(desk.do(Cancel("o-1", 1, "x")).account.events) == [("removed", "cancelled", 1)]


# --- funds -------------------------------------------------------------------------------------------------


def test_a_buy_that_uses_up_the_funds_is_removed_with_its_rest_and_the_next_one_as_unfunded() -> None:
    desk = Desk(replace(OPENING, rlusd=Decimal("99.75")))
    desk.do(buy("1.995"), buy("1.994"))
    seen = desk.ledger(replace(QUIET, takers=(seller(150),)))
    first, second = seen.account.events
    assert told([first, second]) == [("removed", "funds_used_up", 1), ("removed", "unfunded_or_dust", 2)]
    assert (first.drops, first.rlusd) == (50 * DROPS, Decimal("99.75"))
    assert (first.rest_drops, first.rest_rlusd) == (50 * DROPS, Decimal("99.75"))
    assert (second.drops, seen.account.rlusd, seen.account.offers) == (0, NOTHING, ())


def test_a_sell_never_touches_the_reserve() -> None:
    desk = Desk(replace(OPENING, xrp_drops=31_400_000 + FEE))
    desk.do(sell("2.005"))
    seen = desk.ledger(replace(QUIET, takers=(buyer(100),)))
    (event,) = seen.account.events
    assert (event.event, event.cause, event.drops) == ("removed", "funds_used_up", 30 * DROPS)
    assert (event.rlusd, event.rest_drops) == (Decimal("60.15"), 70 * DROPS)
    assert seen.account.xrp_drops == 1_400_000


def test_an_offer_without_funds_stays_until_a_taker_meets_it_and_revives_with_funds() -> None:
    desk = Desk(replace(OPENING, rlusd=Decimal("19.95")))
    desk.do(buy("1.995", 10), buy("1.994", 10))
    seen = desk.ledger(replace(QUIET, takers=(seller(10),)))
    assert told(seen.account.events) == [("filled", "", 1)]
    assert (seen.account.rlusd, [offer.sequence for offer in seen.account.offers]) == (NOTHING, [2])
    desk.do(sell("1.995", 1), tick=MarketTick(1.996, 2.01))
    seen = desk.ledger(replace(QUIET, takers=(seller(10),)))
    assert told(seen.account.events) == [("removed", "funds_used_up", 2)]
    assert (seen.account.events[0].rlusd, seen.account.rlusd) == (Decimal("1.995"), NOTHING)
