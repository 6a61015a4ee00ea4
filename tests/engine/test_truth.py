"""Wallet truth: the books against the wallet, and never bent to fit it. (docs/behaviour.md, section 9)"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest

from neo_core.markets import Taker
from neo_core.model import DROPS, Decision, Inventory, Observation, Side
from neo_core.testing.rehearsal import Rehearsal

from .making import (
    Marker,
    account,
    alive,
    cancels,
    degraded,
    guard,
    kinds,
    named,
    places,
    reason,
    swallow,
)
from .test_orders import NEAR, owned

Shown = Callable[[Observation], Observation]
RLUSD_STEP = Decimal("0.000000000001")


def holding(drops: int = 0, rlusd: Decimal = Decimal(0)) -> Shown:
    """The wallet holds so much more than our own transactions explain."""

    def shown(seen: Observation) -> Observation:
        held = seen.account
        return account(seen, xrp_drops=held.xrp_drops + drops, rlusd=held.rlusd + rlusd)

    return shown


MORE = holding(DROPS)


def checking(**limits: Any) -> Mapping[str, Any]:
    """A check on every tick, if nothing else is said."""
    return {"wallet_truth": {"interval_ticks": 1, **limits}}


def verdict(decision: Decision) -> str | None:
    return None if decision.truth is None else decision.truth.verdict


def verdicts(decisions: list[Decision]) -> list[str | None]:
    return [verdict(decision) for decision in decisions]


def quoting(**limits: Any) -> Rehearsal:
    stage = Rehearsal(settings=checking(**limits))
    stage.ticks(3)
    assert len(alive(stage.state)) == 2
    return stage


# --- when a check is made, and of what ---


@pytest.mark.rule("TRU-1")
@pytest.mark.parametrize(
    ("settings", "ticks"),
    [({}, [1, 16, 31]), ({"wallet_truth": {"interval_ticks": 4}}, list(range(1, 41, 4)))],
    ids=["default", "every 4 ticks"],
)
def test_a_check_is_made_at_the_start_and_then_every_interval(settings: dict[str, Any], ticks: list[int]) -> None:
    decisions = Rehearsal(settings=settings).ticks(40)
    assert [decision.tick for decision in decisions if decision.truth is not None] == ticks


@pytest.mark.rule("TRU-1")
def test_fees_and_fills_of_the_checked_ledger_itself_are_on_both_sides() -> None:
    stage = Rehearsal(settings={**NEAR, **checking()})
    in_the_same_ledger = 0
    for number in range(60):
        taker = Taker((Side.SELL, Side.BUY)[number % 2], (7 + number) * DROPS)
        decision = stage.tick(mid=2.0 + number % 5 / 2000, takers=(taker,))
        assert decision.truth is not None
        assert decision.truth.verdict == "ok"
        assert decision.truth.inventory == decision.truth.wallet
        assert decision.truth.wallet == Inventory(stage.ledger.xrp_drops, stage.ledger.rlusd)
        in_the_same_ledger += bool(decision.fills)
    assert in_the_same_ledger > 20


@pytest.mark.rule("TRU-1")
@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (holding(), "ok"),
        (holding(9_999), "ok"),
        (holding(10_000), "ok"),
        (holding(-10_000), "ok"),
        (holding(10_001), "beyond"),
        (holding(-10_001), "beyond"),
        (holding(rlusd=Decimal("0.01")), "ok"),
        (holding(rlusd=Decimal("-0.01")), "ok"),
        (holding(rlusd=Decimal("0.01") + RLUSD_STEP), "beyond"),
        (holding(rlusd=Decimal("-0.01") - RLUSD_STEP), "beyond"),
        (holding(10_000, Decimal("-0.01")), "ok"),
    ],
)
def test_a_difference_up_to_the_tolerance_is_ok_and_the_least_more_is_beyond(shown: Shown, expected: str) -> None:
    stage = quoting()
    assert verdict(stage.tick(shown=shown)) == expected
    assert stage.state.mode == {"ok": "OK", "beyond": "DEGRADED"}[expected]


@pytest.mark.rule("TRU-1")
def test_with_no_tolerance_one_drop_is_too_much() -> None:
    stage = quoting(tolerance_xrp=0, tolerance_rlusd=0)
    assert verdict(stage.tick()) == "ok"
    assert verdict(stage.tick(shown=holding(1))) == "beyond"


@pytest.mark.rule("TRU-1", "MODE-1")
def test_beyond_tolerance_nothing_is_quoted_any_more_and_everything_is_cancelled_in_the_same_tick() -> None:
    stage = Rehearsal({"marker": Marker}, checking(halt_after_checks=50))
    stage.ticks(3)
    open_before = set(stage.state.orders)
    entry = stage.tick(mid=2.001, shown=MORE)
    assert (entry.mode, entry.source) == ("DEGRADED", "wallet_truth")
    assert {one.order_id for one in cancels(entry)} == open_before
    assert {order.cancel_reason for order in entry.orders} == {"DEGRADED_CANCEL"}
    assert "+1 XRP" in named(entry, "degraded_entered").text
    for decision in stage.ticks(5, mid=2.001, shown=MORE):
        assert (decision.mode, places(decision)) == ("DEGRADED", [])


@pytest.mark.rule("TRU-1", "TRU-X1")
def test_beyond_tolerance_a_check_is_made_on_every_tick() -> None:
    stage = Rehearsal(settings={"wallet_truth": {"halt_after_checks": 50}})
    stage.ticks(15)
    assert verdicts(stage.ticks(9, shown=MORE)) == ["beyond"] * 9


@pytest.mark.rule("TRU-1")
def test_switched_off_no_check_is_made_however_far_the_wallet_is_off() -> None:
    stage = Rehearsal(settings={"wallet_truth": {"enabled": False}})
    stage.tick()
    assert verdicts(stage.ticks(40, shown=holding(1000 * DROPS))) == [None] * 40
    assert stage.state.mode == "OK"


# --- how it ends ---


@pytest.mark.rule("TRU-2", "HALT-5")
@pytest.mark.parametrize("further", [1, 2, 3])
def test_still_beyond_tolerance_on_the_last_further_check_halts_and_not_before(further: int) -> None:
    stage = quoting(halt_after_checks=further)
    for _ in range(further):
        assert stage.tick(shown=MORE).mode == "DEGRADED"
    last = stage.tick(shown=MORE)
    assert reason(stage) == "inventory_truth_halt"
    assert last.halt is not None
    assert last.halt.source == "wallet_truth"
    assert "+1 XRP" in last.halt.detail


@pytest.mark.rule("TRU-2")
@pytest.mark.parametrize(
    ("limit", "at_it", "beyond_it"),
    [
        ({"halt_tolerance_xrp": 5.0}, holding(5 * DROPS), holding(5 * DROPS + 1)),
        ({"halt_tolerance_xrp": 5.0}, holding(-5 * DROPS), holding(-5 * DROPS - 1)),
        (
            {"halt_tolerance_rlusd": 5.0},
            holding(rlusd=Decimal(5)),
            holding(rlusd=Decimal(5) + RLUSD_STEP),
        ),
        (
            {"halt_tolerance_rlusd": 5.0},
            holding(rlusd=Decimal(-5)),
            holding(rlusd=Decimal(-5) - RLUSD_STEP),
        ),
    ],
)
def test_beyond_the_halt_tolerance_it_halts_at_once(limit: dict[str, Any], at_it: Shown, beyond_it: Shown) -> None:
    near, far = quoting(halt_after_checks=9, **limit), quoting(halt_after_checks=9, **limit)
    assert verdict(near.tick(shown=at_it)) == "beyond"
    assert near.state.mode == "DEGRADED"
    assert verdict(far.tick(shown=beyond_it)) == "far_beyond"
    assert reason(far) == "inventory_truth_halt"


@pytest.mark.rule("TRU-2")
def test_a_pass_in_between_starts_the_count_of_further_checks_again() -> None:
    stage = quoting(halt_after_checks=2)
    told = [stage.tick(shown=shown) for shown in (MORE, MORE, holding(), MORE, MORE)]
    assert verdicts(told) == ["beyond", "beyond", "ok", "beyond", "beyond"]
    assert stage.state.mode == "DEGRADED"
    stage.tick(shown=MORE)
    assert reason(stage) == "inventory_truth_halt"


@pytest.mark.rule("TRU-2", "TRU-5")
def test_a_check_that_could_not_be_made_in_between_neither_halts_nor_starts_the_count_again() -> None:
    stage = quoting(halt_after_checks=2)
    stage.ticks(2, shown=MORE)
    assert verdict(stage.tick(failure="the node is away")) == "not_made"
    assert stage.state.mode == "DEGRADED"
    stage.tick(shown=MORE)
    assert reason(stage) == "inventory_truth_halt"


@pytest.mark.rule("TRU-3")
def test_a_pass_ends_the_cause_and_quoting_goes_on_one_tick_later() -> None:
    stage = quoting()
    stage.tick(shown=MORE)
    passed = stage.tick()
    assert (verdict(passed), passed.mode, places(passed)) == ("ok", "OK", [])
    assert kinds(passed) == ["cancel_all_complete", "degraded_ended"]
    assert len(places(stage.tick())) == 2


@pytest.mark.rule("TRU-3", "MODE-4")
def test_a_pass_does_not_end_the_cause_before_the_cancel_all_is_complete() -> None:
    stage = Rehearsal()
    stage.ticks(15)
    send, stage.send = stage.send, swallow
    stage.tick(shown=MORE)
    stage.send = send
    waiting = stage.ticks(2)
    assert [(verdict(decision), decision.mode) for decision in waiting] == [("ok", "DEGRADED")] * 2
    done = stage.tick()
    assert (verdict(done), done.mode) == ("ok", "OK")


@pytest.mark.rule("TRU-3")
def test_after_a_pass_the_next_check_is_an_interval_away_again() -> None:
    stage = Rehearsal()
    stage.ticks(15)
    stage.tick(shown=MORE)
    passed = stage.tick()
    assert (passed.tick, passed.mode) == (17, "OK")
    following = stage.ticks(20)
    assert [decision.tick for decision in following if decision.truth is not None] == [32]


@pytest.mark.rule("TRU-3", "COOL-7")
def test_one_episode_after_another_meets_no_cap_and_no_cool_down() -> None:
    recovery = {"max_degraded_episodes_per_source_per_session": 1, "recovery_cooldown_ticks": 500}
    stage = Rehearsal(settings={**checking(), "degraded_recovery": recovery})
    stage.tick()
    for _ in range(6):
        assert stage.tick(shown=MORE).mode == "DEGRADED"
        assert stage.tick().mode == "OK"
        stage.tick()
    assert dict(stage.state.regime.episodes) == dict(stage.state.regime.cooldowns) == {}


@pytest.mark.rule("MODE-7", "TRU-3")
def test_an_episode_of_wallet_truth_alone_empties_no_guards_window() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin}, checking())
    stage.ticks(3)
    stage.tick(shown=MORE)
    stage.ticks(3)
    assert stage.state.mode == "OK"
    assert script.ticks_of("on_rearm") == [1]
    assert script.ticks_of("evaluate_recovery") == []


# --- what it never does ---


@pytest.mark.rule("TRU-4")
def test_no_difference_ever_moves_the_books() -> None:
    stage = quoting(halt_after_checks=3)
    stage.tick(shown=MORE)
    for decision in stage.ticks(5, shown=MORE):
        assert decision.fills == ()
        paid = 0 if decision.moved is None else decision.moved.before.drops - decision.moved.after.drops
        assert paid in (0, 20)  # the fees of two cancels
        assert owned(stage) == Inventory(stage.ledger.xrp_drops, stage.ledger.rlusd)
        assert decision.truth is None or decision.truth.inventory == owned(stage)
    assert reason(stage) == "inventory_truth_halt"


@pytest.mark.rule("TRU-5", "TICK-2", "TRU-X1")
def test_a_check_that_is_due_while_nothing_is_seen_is_counted_and_made_up_for_at_once() -> None:
    stage = Rehearsal()
    stage.ticks(15)
    away = stage.ticks(3, failure="the node is away")
    assert verdicts(away) == ["not_made"] * 3
    assert all(one.truth is not None and one.truth.wallet is None is one.truth.inventory for one in away)
    assert (stage.state.truth.not_made, stage.state.mode) == (3, "OK")
    back = stage.tick()
    assert (back.tick, verdict(back)) == (19, "ok")
    assert stage.state.truth.not_made == 3


@pytest.mark.rule("TRU-5")
def test_a_failed_observation_between_two_checks_is_no_check_that_could_not_be_made() -> None:
    stage = Rehearsal()
    stage.ticks(3)
    assert verdict(stage.tick(failure="the node is away")) is None
    assert stage.state.truth.not_made == 0


# --- with other causes ---


@pytest.mark.rule("MODE-3", "COOL-7")
def test_it_joins_a_guards_episode_which_goes_on_uncounted_and_unasked_until_the_wallet_agrees() -> None:
    script, stage = degraded(settings=checking(halt_after_checks=50))
    stage.tick()
    asked = script.ticks_of("evaluate_recovery")
    joined = stage.tick(shown=MORE)
    assert (joined.source, cancels(joined)) == ("wallet_truth", [])
    assert "cause_joined" in kinds(joined)
    stage.ticks(3, shown=MORE)
    assert script.ticks_of("evaluate_recovery") == asked
    left = stage.tick()
    assert (left.mode, left.source) == ("DEGRADED", "amber")
    assert "cause_ended" in kinds(left)
    assert dict(stage.state.regime.episodes) == {"amber": 1}
    assert script.ticks_of("evaluate_recovery") == [*asked, left.tick]
    assert script.ticks_of("on_rearm") == [1]
    script.well = True
    assert stage.tick().mode == "OK"


@pytest.mark.rule("MODE-2", "MODE-3", "COOL-1")
def test_a_guard_that_would_enter_during_an_episode_of_wallet_truth_changes_nothing() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin}, checking())
    stage.ticks(2)
    stage.tick(shown=MORE)
    script.enter = True
    stage.tick(shown=MORE)
    script.enter = False
    assert dict(stage.state.regime.episodes) == {}
    assert stage.tick().mode == "OK"


@pytest.mark.rule("MODE-6")
def test_an_episode_that_no_check_ends_halts_when_its_time_is_over() -> None:
    limits = {**checking(halt_after_checks=1000), "degraded": {"timeout_seconds": 20.0}}
    stage = Rehearsal(settings=limits)
    stage.ticks(3)
    waiting = stage.ticks(5, shown=MORE)
    assert {decision.mode for decision in waiting} == {"DEGRADED"}
    last = stage.tick(shown=MORE)
    assert reason(stage) == "inventory_truth_halt"
    assert last.halt is not None
    assert "wallet_truth: DEGRADED for 20 s" in last.halt.detail


@pytest.mark.rule("TRU-1")
def test_the_measures_of_a_difference_name_it_with_its_tolerances() -> None:
    stage = quoting()
    entry = stage.tick(shown=holding(-2 * DROPS, Decimal("0.5")))
    assert dict(named(entry, "degraded_entered").facts) == {
        "xrp_difference": -2.0,
        "xrp_tolerance": 0.01,
        "rlusd_difference": 0.5,
        "rlusd_tolerance": 0.01,
    }
