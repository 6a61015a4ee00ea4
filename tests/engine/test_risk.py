"""Limits that end a session, and the gate before every order. (docs/behaviour.md, section 10)"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from neo_core.config import RiskConfig
from neo_core.markets import Taker
from neo_core.model import DROPS, Account, Decision, Inventory, Refusal, Side
from neo_core.rules import risk
from neo_core.rules.quoting import Quote
from neo_core.state import Holding, State
from neo_core.testing.rehearsal import Rehearsal

from .making import account, cancels, guard, kinds, named, places, reason, replaced

NEAR = {"bid_offset_bps": 3.0, "ask_offset_bps": 3.0}
SELLER = (Taker(Side.SELL, 100 * DROPS),)
NAN = float("nan")


def stage_with(risk: dict[str, Any], **quoting: Any) -> Rehearsal:
    return Rehearsal(settings={"risk": risk, "quoting": {**NEAR, **quoting}})


def buy_100(stage: Rehearsal) -> Decision:
    """Our bid is taken whole; it takes a few ledgers until it rests there."""
    stage.ticks(2)
    decision = stage.tick(takers=SELLER)
    assert [fill.drops for fill in decision.fills] == [100 * DROPS]
    return decision


# --- limits ---


@pytest.mark.rule("RISK-1")
@pytest.mark.parametrize(
    ("limit", "token", "measured"),
    [
        ({"max_xrp_exposure": 9_999.0}, "risk_xrp_exposure_halt", "10000 XRP held"),
        ({"max_rlusd_exposure": 19_999.0}, "risk_rlusd_exposure_halt", "20000 RLUSD held"),
    ],
)
def test_an_exposure_limit_halts_with_what_was_measured_and_the_limit(
    limit: dict[str, float], token: str, measured: str
) -> None:
    stage = stage_with(limit)
    stage.tick()
    assert reason(stage) == token
    assert stage.state.halt is not None
    assert measured in stage.state.halt.detail
    assert f"the limit is {next(iter(limit.values())):g}" in stage.state.halt.detail


@pytest.mark.rule("RISK-1", "TICK-2")
def test_exposure_is_judged_by_the_last_known_values_while_nothing_is_seen() -> None:
    before = Rehearsal()
    before.ticks(2)
    stage = stage_with({"max_xrp_exposure": 9_000.0})
    stage.state = before.state
    stage.tick(failure="the node is away")
    assert reason(stage) == "risk_xrp_exposure_halt"


@pytest.mark.rule("RISK-1", "TICK-2")
def test_what_a_session_begins_with_is_known_before_anything_is_seen() -> None:
    owned = Inventory(10_000 * DROPS, Decimal(20_000))
    stage = Rehearsal(
        settings={"risk": {"max_xrp_exposure": 9_000.0}}, state=State(session=2, inventory=owned, ledger_index=1)
    )
    stage.tick(failure="the node is away")
    assert reason(stage) == "risk_xrp_exposure_halt"


@pytest.mark.rule("RISK-1")
def test_the_fifth_failed_observation_in_a_row_halts() -> None:
    stage = Rehearsal()
    stage.tick()
    for _ in range(3):
        stage.ticks(4, failure="the node is away")
        stage.tick()
    assert reason(stage) is None
    stage.ticks(4, failure="the node is away")
    assert reason(stage) is None
    stage.tick(failure="the node is away")
    assert reason(stage) == "risk_rpc_failure_halt"
    assert stage.state.halt is not None
    assert stage.state.halt.detail == (
        "5 failed observations in a row, the limit is 5; the last: the node is away"
    )


@pytest.mark.rule("RISK-1")
@pytest.mark.parametrize(("age", "halts"), [(30.0, False), (30.1, True)])
def test_a_validated_ledger_that_is_too_old_halts(age: float, halts: bool) -> None:
    stage = Rehearsal()
    stage.tick(ledger_age=age)
    assert (reason(stage) == "risk_stale_ledger_halt") is halts


@pytest.mark.rule("RISK-1")
def test_the_last_ledger_grows_old_while_nothing_is_seen() -> None:
    stage = Rehearsal(settings={"risk": {"max_failed_observations": None}})
    stage.tick()
    stage.ticks(7, failure="the node is away")
    assert reason(stage) is None
    stage.tick(failure="the node is away")
    assert reason(stage) == "risk_stale_ledger_halt"


@pytest.mark.rule("RISK-1")
def test_what_is_not_a_number_is_within_no_limit() -> None:
    stage = Rehearsal()
    stage.tick(ledger_age=NAN)
    assert reason(stage) == "risk_generic_halt"


@pytest.mark.rule("RISK-1")
def test_the_loss_of_a_session_is_measured_against_holding_what_it_began_with() -> None:
    stage = stage_with({"max_session_loss_rlusd": 10.0})
    buy_100(stage)
    stage.tick(mid=1.95)  # holding alone loses 500 here, which is no loss of the session
    assert reason(stage) is None
    stage.tick(mid=1.8)
    assert reason(stage) == "risk_loss_halt"
    assert stage.state.halt is not None
    assert "RLUSD lost in this session, the limit is 10" in stage.state.halt.detail
    now = stage.state.inventory
    assert now is not None
    held, paid = (now.drops - 10_000 * DROPS) / DROPS, float(20_000 - now.rlusd)
    assert -stage.state.risk.pnl == pytest.approx(paid - held * 1.8)


@pytest.mark.rule("RISK-1")
def test_the_fall_from_the_best_moment_is_limited_too() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin}, {"risk": {"max_drawdown_rlusd": 10.0}, "quoting": NEAR})
    stage.ticks(2)
    script.enter = True
    assert stage.tick(takers=SELLER).fills
    stage.tick()
    stage.ticks(3, mid=2.15)
    assert reason(stage) is None
    assert stage.state.risk.peak_pnl > 10
    stage.tick(mid=2.02)
    assert stage.state.risk.pnl > 0
    assert reason(stage) == "risk_loss_halt"
    assert stage.state.halt is not None
    assert "RLUSD lost since the peak, the limit is 10" in stage.state.halt.detail


@pytest.mark.rule("RISK-1")
def test_fees_are_a_loss() -> None:
    stage = Rehearsal(settings={"risk": {"max_session_loss_rlusd": 0.00003}})
    stage.ticks(2)
    assert reason(stage) == "risk_loss_halt"


@pytest.mark.rule("RISK-1")
def test_limits_that_are_null_are_off() -> None:
    off = dict.fromkeys(
        (
            "max_xrp_exposure",
            "max_rlusd_exposure",
            "max_failed_observations",
            "max_ledger_age_seconds",
            "max_session_loss_rlusd",
            "max_drawdown_rlusd",
            "max_messages_per_minute",
            "max_order_notional_rlusd",
        )
    )
    stage = stage_with(off)
    buy_100(stage)
    stage.ticks(50, failure="the node is away")
    stage.tick(ledger_age=1e9, mid=0.5)
    assert reason(stage) is None


@pytest.mark.rule("RISK-1")
def test_a_crowded_minute_holds_quotes_back_and_cancels_never() -> None:
    stage = stage_with({"max_messages_per_minute": 3})
    assert len(places(stage.tick())) == 2
    stage.tick()
    moved = stage.tick(mid=2.0008)
    assert (len(replaced(moved)), len(places(moved)), len(cancels(moved))) == (1, 1, 1)
    assert [refusal.code for refusal in moved.refusals] == ["throttled"]
    full = stage.tick(mid=2.0)
    assert (len(cancels(full)), places(full)) == (1, [])
    script, plugin = guard()
    crowded = Rehearsal({"amber": plugin}, {"risk": {"max_messages_per_minute": 1}})
    assert len(places(crowded.tick())) == 1
    crowded.tick()
    script.enter = True
    assert len(cancels(crowded.tick())) == 1


@pytest.mark.rule("RISK-1")
def test_a_minute_later_there_is_room_again() -> None:
    stage = stage_with({"max_messages_per_minute": 2}, order_ttl_seconds=1000.0)
    stage.tick()
    held = stage.ticks(15, mid=2.001)
    assert not any(places(decision) for decision in held[:-1])
    assert places(stage.tick(mid=2.001))


# --- the gate ---


@pytest.mark.rule("RISK-2")
@pytest.mark.parametrize(
    ("code", "sides", "risk", "quoting", "measured", "limit"),
    [
        ("notional_too_large", "buy sell", {"max_order_notional_rlusd": 199.0}, {}, 200.0, 199.0),
        ("outside_collar", "buy sell", {"collar_bps": 7.0}, {}, 8.0, 7.0),
        ("xrp_exposure", "buy", {"max_xrp_exposure": 10_050.0}, {}, 10_100.0, 10_050.0),
        ("rlusd_exposure", "sell", {"max_rlusd_exposure": 20_100.0}, {}, 20_200.16, 20_100.0),
        ("throttled", "sell", {"max_messages_per_minute": 1}, {}, 1.0, 1.0),
        ("reserve_headroom", "sell", {"max_order_xrp": 9_999.0}, {"order_size_xrp": 9_999.0}, -0.6, 0.0),
        ("rlusd_funds", "buy", {"max_order_xrp": 99_999.0}, {"order_size_xrp": 10_010.0}, -3.984, 0.0),
    ],
)
def test_a_refusal_has_its_code_what_was_measured_and_the_limit(
    code: str, sides: str, risk: dict[str, Any], quoting: dict[str, Any], measured: float, limit: float
) -> None:
    decision = Rehearsal(settings={"risk": risk, "quoting": quoting}).tick()
    refused = [refusal for refusal in decision.refusals if refusal.code == code]
    assert [str(refusal.side) for refusal in refused] == sides.split()
    for refusal in refused:
        assert refusal.measured == pytest.approx(measured, rel=2e-3)
        assert refusal.limit == limit
    assert not {order.side for order in places(decision)} & {refusal.side for refusal in refused}


@pytest.mark.rule("RISK-2")
def test_an_offer_needs_xrp_for_its_reserve_though_it_buys() -> None:
    stage = Rehearsal()
    decision = stage.tick(shown=lambda seen: account(seen, xrp_drops=seen.account.reserve_drops + 100_000))
    assert [(refusal.code, str(refusal.side)) for refusal in decision.refusals] == [
        ("reserve_headroom", "buy"),
        ("reserve_headroom", "sell"),
    ]
    assert decision.refusals[0].measured == pytest.approx(-0.1)


@pytest.mark.rule("RISK-2")
def test_an_order_that_would_cross_our_own_opposite_offer_is_refused() -> None:
    stage = stage_with({}, anchor_cap_bps=100.0)
    stage.ticks(2)
    (sell,) = [order for order in stage.state.orders.values() if order.side is Side.SELL]
    decision = stage.tick(pool_bps=100.0)
    (refusal,) = decision.refusals
    assert (refusal.code, refusal.side, refusal.limit) == ("crosses_own_order", Side.BUY, sell.price)
    assert refusal.measured is not None
    assert refusal.measured >= sell.price
    assert {order.side for order in places(decision)} == {Side.SELL}


@pytest.mark.rule("RISK-2")
def test_exposure_counts_an_order_that_is_being_cancelled() -> None:
    stage = stage_with({"max_xrp_exposure": 10_150.0})
    assert len(places(stage.tick())) == 2
    stage.tick()
    decision = stage.tick(mid=2.0005, pool_bps=-20.0)
    (refusal,) = decision.refusals
    assert (refusal.code, refusal.side) == ("xrp_exposure", Side.BUY)
    assert refusal.measured == pytest.approx(10_200.0, rel=1e-4)


def gate(**changed: Any) -> Refusal | None:
    """The gate, asked about a good order unless something is changed."""
    given = {
        "quote": Quote(Side.BUY, 1.999, 100 * DROPS),
        "mid": 2.0,
        "held": Holding(10_000.0, 20_000.0),
        "account": Account(10_000 * DROPS, Decimal(20_000), 1_200_000, 200_000),
        "alive": risk.exposure(()),
        "messages_sent": 0,
        "bounds": risk.bounds(RiskConfig()),
    }
    return risk.gate(**{**given, **changed})


@pytest.mark.rule("RISK-2")
def test_a_good_order_passes() -> None:
    assert gate() is None


@pytest.mark.rule("RISK-2")
@pytest.mark.parametrize("missing", ["mid", "held", "account"])
def test_input_that_is_missing_refuses(missing: str) -> None:
    assert gate(**{missing: None}) == Refusal("missing_input", Side.BUY, None, None)


@pytest.mark.rule("RISK-2")
@pytest.mark.parametrize(
    ("drops", "refusal"),
    [
        (DROPS - 1, Refusal("size_too_small", Side.BUY, 0.999999, 1.0)),
        (1000 * DROPS + 1, Refusal("size_too_large", Side.BUY, 1000.000001, 1000.0)),
    ],
)
def test_a_size_out_of_range_is_refused(drops: int, refusal: Refusal) -> None:
    assert gate(quote=Quote(Side.BUY, 1.999, drops)) == refusal


@pytest.mark.rule("RISK-2")
@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("changed", ["price", "mid", "messages_sent"])
def test_what_is_not_a_number_passes_no_check(side: Side, changed: str) -> None:
    quote = Quote(side, NAN if changed == "price" else 2.0, 100 * DROPS)
    other = {} if changed == "price" else {changed: NAN}
    assert gate(quote=quote, **other) is not None


# --- what is told of a refusal ---


@pytest.mark.rule("RISK-X1")
def test_a_refusal_is_one_event_while_its_reason_stays_and_the_decision_log_has_each() -> None:
    stage = Rehearsal(settings={"risk": {"max_xrp_exposure": 10_050.0}})
    first = stage.tick()
    told = named(first, "order_refused")
    assert dict(told.facts) == {"code": "xrp_exposure", "measured": pytest.approx(10_100.0), "limit": 10_050.0}
    for decision in stage.ticks(10):
        assert [refusal.code for refusal in decision.refusals] == ["xrp_exposure"]
        assert "order_refused" not in kinds(decision)


@pytest.mark.rule("RISK-X1")
def test_a_new_reason_and_the_same_one_after_a_placement_are_events_again() -> None:
    stage = stage_with({}, anchor_cap_bps=100.0)

    def refused() -> list[str]:
        return [
            event.text for event in (stage.decision.events if stage.decision else ()) if "refused" in event.kind
        ]

    stage.ticks(2)
    stage.tick(pool_bps=100.0)
    assert len(refused()) == 1
    stage.ticks(3, pool_bps=100.0)
    assert refused() == []
    stage.ticks(3)
    stage.tick(pool_bps=100.0)
    assert len(refused()) == 1


@pytest.mark.rule("RISK-X1")
def test_the_two_sides_are_told_apart() -> None:
    stage = Rehearsal(settings={"risk": {"collar_bps": 7.0}})
    assert kinds(stage.tick()) == ["opening_inventory", "order_refused", "order_refused"]


@pytest.mark.rule("RISK-X2", "RISK-1")
def test_a_ledger_that_was_not_waited_for_is_no_failed_observation() -> None:
    stage = Rehearsal()
    stage.tick()
    stage.ticks(4, failure="the node is away")
    stage.tick(failure="the next ledger is not waited for", stop="SIGTERM received")
    assert reason(stage) == "engine_requested_halt"
