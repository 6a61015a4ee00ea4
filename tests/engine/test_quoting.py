"""The anchor and the quotes around it. (docs/behaviour.md, section 10)"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from neo_core.markets import Taker
from neo_core.model import DROPS, Decision, Market, Observation, Order, Side
from neo_core.testing.rehearsal import Rehearsal

from .making import cancels, places
from .making import replaced as replaced_by

NAN, INF = float("nan"), float("inf")


def market(
    bid: float | None, ask: float | None, pool: float | None = None
) -> Callable[[Observation], Observation]:
    return lambda seen: replace(seen, market=Market(bid, ask, pool))


def quoted(decision: Decision) -> tuple[Order, Order]:
    buy, sell = places(decision)
    assert (buy.side, sell.side) == (Side.BUY, Side.SELL)
    return buy, sell


# --- the anchor ---


@pytest.mark.rule("QUO-1")
@pytest.mark.parametrize(
    ("weights", "pool_bps", "error"),
    [
        ((0.5, 0.5), 0.0, 0.0),
        ((0.5, 0.5), 8.0, 4.0),
        ((0.5, 0.5), -8.0, -4.0),
        ((0.75, 0.25), 8.0, 2.0),
        ((3.0, 1.0), 8.0, 2.0),
        ((0.0, 1.0), 8.0, 8.0),
        ((1.0, 0.0), 8.0, 0.0),
        ((0.5, 0.5), 19.9, 9.95),
        ((0.5, 0.5), 20.1, 10.0),
        ((0.5, 0.5), 5000.0, 10.0),
        ((0.5, 0.5), -5000.0, -10.0),
    ],
)
def test_the_anchor_blends_book_and_pool_and_keeps_within_the_cap(
    weights: tuple[float, float], pool_bps: float, error: float
) -> None:
    stage = Rehearsal(settings={"quoting": {"mid_weight": weights[0], "amm_weight": weights[1]}})
    decision = stage.tick(pool_bps=pool_bps)
    assert decision.anchor_error_bps == pytest.approx(error, abs=1e-6)
    assert decision.anchor == pytest.approx(2.0 * (1 + error / 10_000), rel=1e-12)


@pytest.mark.rule("QUO-1")
@pytest.mark.parametrize("weights", [(0.5, 0.5), (0.1, 0.9)])
def test_without_a_pool_the_anchor_is_the_mid(weights: tuple[float, float]) -> None:
    stage = Rehearsal(settings={"quoting": {"mid_weight": weights[0], "amm_weight": weights[1]}})
    decision = stage.tick(pool_bps=None)
    assert (decision.anchor, decision.anchor_error_bps) == (2.0, 0.0)


@pytest.mark.rule("QUO-1", "QUO-X1")
@pytest.mark.parametrize(
    ("bid", "ask"),
    [
        (1.999, None),
        (None, 2.001),
        (None, None),
        (2.001, 1.999),
        (2.0, 2.0),
        (0.0, 2.001),
        (-1.0, 2.001),
        (-2.0, -1.0),
        (NAN, 2.001),
        (1.999, NAN),
        (1.999, INF),
    ],
)
def test_a_book_that_proves_no_mid_has_no_anchor_and_takes_the_quotes_away(
    bid: float | None, ask: float | None
) -> None:
    stage = Rehearsal()
    stage.ticks(2)
    decision = stage.tick(shown=market(bid, ask, 2.0))
    assert (decision.mode, decision.anchor, decision.anchor_error_bps) == ("OK", None, None)
    assert (len(cancels(decision)), places(decision)) == (2, [])
    assert stage.tick(shown=market(bid, ask, 2.0)).intents == ()
    assert len(places(stage.tick())) == 2


@pytest.mark.rule("QUO-X1")
@pytest.mark.parametrize("pool", [0.0, -2.0, NAN, INF])
def test_a_pool_price_that_is_no_positive_number_is_no_pool(pool: float) -> None:
    decision = Rehearsal().tick(shown=market(1.999, 2.001, pool))
    assert (decision.anchor, decision.anchor_error_bps) == (2.0, 0.0)


# --- the quotes ---


@pytest.mark.rule("QUO-2")
def test_quotes_stand_at_their_offsets_around_the_anchor() -> None:
    settings = {"bid_offset_bps": 10.0, "ask_offset_bps": 20.0, "order_size_xrp": 50.0}
    buy, sell = quoted(Rehearsal(settings={"quoting": settings}).tick(pool_bps=10.0))
    anchor = 2.0 * 1.0005
    assert buy.price == pytest.approx(anchor * 0.999, abs=1.01e-5)
    assert sell.price == pytest.approx(anchor * 1.002, abs=1.01e-5)
    assert buy.price <= anchor * 0.999
    assert sell.price >= anchor * 1.002
    for order in (buy, sell):
        assert (order.drops, order.rest_drops) == (50 * DROPS, 50 * DROPS)
        assert order.rlusd == order.rest_rlusd
        assert float(order.rlusd) == pytest.approx(50 * order.price, rel=1e-12)


@pytest.mark.rule("QUO-2")
@pytest.mark.parametrize(("mid", "share"), [(2.0, 50.0), (6.0, 75.0), (0.5, 20.0)])
def test_quotes_lean_against_what_we_hold_too_much_of(mid: float, share: float) -> None:
    skewed = quoted(Rehearsal(settings={"quoting": {"skew_bps": 12.0}}).tick(mid=mid))
    plain = quoted(Rehearsal(settings={"quoting": {"skew_bps": 0.0}}).tick(mid=mid))
    for one, other in zip(skewed, plain, strict=True):
        moved = (one.price / other.price - 1) * 10_000
        assert moved == pytest.approx(-12.0 * (share - 50.0) / 50.0, abs=0.5)


@pytest.mark.rule("QUO-2")
@pytest.mark.parametrize("pool_bps", [-200.0, 0.0, 200.0])
@pytest.mark.parametrize("spread_bps", [0.2, 1.0, 10.0, 60.0])
def test_quotes_never_cross_the_book(pool_bps: float, spread_bps: float) -> None:
    settings = {"anchor_cap_bps": 60.0, "bid_offset_bps": 1.0, "ask_offset_bps": 1.0}
    bid, ask = 2.0 * (1 - spread_bps / 20_000), 2.0 * (1 + spread_bps / 20_000)
    stage = Rehearsal(settings={"quoting": settings})
    buy, sell = quoted(stage.tick(shown=market(bid, ask, 2.0 * (1 + pool_bps / 10_000))))
    assert buy.price < ask
    assert sell.price > bid
    assert buy.price < sell.price


@pytest.mark.rule("QUO-2")
@pytest.mark.parametrize(("moved_bps", "replaced"), [(1.5, 0), (-1.5, 0), (2.5, 2), (-2.5, 2)])
def test_quotes_are_replaced_when_they_are_off_by_more_than_the_limit(moved_bps: float, replaced: int) -> None:
    stage = Rehearsal()
    stage.ticks(3)
    resting = list(stage.state.orders)
    decision = stage.tick(mid=2.0 * (1 + moved_bps / 10_000))
    assert replaced_by(decision) == resting[:replaced]
    assert (len(cancels(decision)), len(places(decision))) == (0, replaced)


@pytest.mark.rule("QUO-2")
def test_a_quote_that_was_filled_in_part_is_replaced_by_a_whole_one() -> None:
    stage = Rehearsal(settings={"quoting": {"bid_offset_bps": 3.0}})
    old, _ = quoted(stage.tick())
    stage.tick()
    decision = stage.tick(takers=(Taker(Side.SELL, 40 * DROPS),))
    assert (replaced_by(decision), cancels(decision)) == ([old.id], [])
    assert [(order.side, order.drops) for order in places(decision)] == [(Side.BUY, 100 * DROPS)]


@pytest.mark.rule("QUO-2")
def test_a_quote_that_was_filled_whole_is_quoted_again() -> None:
    stage = Rehearsal(settings={"quoting": {"bid_offset_bps": 3.0}})
    stage.ticks(2)
    decision = stage.tick(takers=(Taker(Side.SELL, 100 * DROPS),))
    assert (replaced_by(decision), cancels(decision)) == ([], [])
    assert [(order.side, order.drops) for order in places(decision)] == [(Side.BUY, 100 * DROPS)]


@pytest.mark.rule("QUO-2")
def test_quotes_are_renewed_before_they_expire() -> None:
    stage = Rehearsal(settings={"quoting": {"order_ttl_seconds": 40.0, "renew_before_seconds": 12.0}})
    buy, sell = quoted(stage.tick())
    assert buy.expires_at == sell.expires_at == buy.placed_at + 40.0
    assert not any(decision.intents for decision in stage.ticks(6))
    decision = stage.tick()  # 28 seconds old, 12 to live
    assert replaced_by(decision) == [buy.id, sell.id]
    assert decision.now == buy.placed_at + 28.0


@pytest.mark.rule("QUO-2")
@pytest.mark.parametrize("mid", [0.00003, 0.00012, 0.5, 2.0, 250.0, 90_000.0])
def test_quotes_of_any_price_are_placed_or_refused_and_break_nothing(mid: float) -> None:
    stage = Rehearsal(settings={"risk": {"max_order_xrp": 1000.0}})
    stage.tick(mid=2.0)
    for decision in stage.ticks(6, mid=mid):
        assert decision.mode == "OK"
        for order in places(decision):
            assert order.price > 0
            assert order.rlusd > 0


@pytest.mark.rule("QUO-2")
def test_ids_of_orders_are_never_given_twice() -> None:
    stage = Rehearsal()
    ids: list[Any] = []
    for number in range(60):
        ids += [order.id for order in places(stage.tick(mid=2.0 + number % 2 / 500))]
    assert len(ids) > 50
    assert len(set(ids)) == len(ids)


@pytest.mark.rule("QUO-X2")
def test_when_one_quote_is_near_expiry_both_are_renewed_on_that_tick() -> None:
    near = {"quoting": {"bid_offset_bps": 3.0, "ask_offset_bps": 3.0}}
    stage = Rehearsal(settings=near)
    first_buy, first_sell = quoted(stage.tick())
    stage.ticks(4)
    stage.tick(mid=2.0, takers=(Taker(Side.SELL, 100 * DROPS),))
    (second_buy,) = [order for order in stage.state.orders.values() if order.side is Side.BUY]
    assert second_buy.expires_at is not None
    assert first_sell.expires_at is not None
    assert second_buy.expires_at > first_sell.expires_at
    renewed = next(decision for decision in (stage.tick() for _ in range(20)) if decision.intents)
    assert set(replaced_by(renewed)) == {first_sell.id, second_buy.id}
    assert len(quoted(renewed)) == 2
    assert renewed.now + 8.0 >= first_sell.expires_at
    assert first_buy.id not in stage.state.orders
