"""Modes, causes and episodes; what a cancel_all needs to be complete. (docs/behaviour.md, section 2)"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from neo_core.markets import Taker
from neo_core.model import DROPS, Cause, Input, Observation, Offer, OfferEvent, Side
from neo_core.state import Regime, State
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
    refuse,
    swallow,
)

PATIENT = {"plugin_fault": {"clear_ticks": 1000, "max": 100}}
QUICK = {"plugin_fault": {"clear_ticks": 3}}


# --- entering ---


@pytest.mark.rule("MODE-1")
def test_an_entry_cancels_everything_on_its_own_tick_and_nothing_is_quoted_from_then_on() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin})
    quoted = places(stage.tick())
    stage.tick()
    script.enter = True
    decision = stage.tick(mid=2.0002)
    assert (decision.mode, decision.source) == ("DEGRADED", "amber")
    assert [cancel.order_id for cancel in cancels(decision)] == [order.id for order in quoted]
    assert {cancel.reason for cancel in cancels(decision)} == {"DEGRADED_CANCEL"}
    assert not places(decision)
    assert not any(places(later) for later in stage.ticks(20, mid=2.0002))
    assert stage.ledger.offers == ()


@pytest.mark.rule("MODE-1")
def test_an_entry_also_cancels_what_was_sent_and_has_not_been_seen_yet() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin})
    stage.send = swallow
    stage.tick()
    script.enter = True
    assert len(cancels(stage.tick())) == 2


@pytest.mark.rule("MODE-1")
def test_guards_keep_observing_while_degraded() -> None:
    script, stage = degraded()
    stage.ticks(10)
    assert script.ticks_of("observe") == list(range(1, 14))
    assert script.ticks_of("evaluate_entry") == list(range(1, 14))


@pytest.mark.rule("MODE-2")
def test_a_second_entry_while_degraded_changes_nothing() -> None:
    first, amber = guard("amber")
    second, brass = guard("brass")
    stage = Rehearsal({"amber": amber, "brass": brass})
    stage.ticks(2)
    first.enter = True
    stage.tick()
    stage.tick()
    regime = stage.state.regime
    second.enter = True
    for decision in stage.ticks(5):
        assert (kinds(decision), decision.intents, decision.source) == ([], (), "amber")
    assert stage.state.regime == regime
    assert (regime.episodes, regime.cooldowns) == ({"amber": 1}, {"amber": 0})


@pytest.mark.rule("MODE-2")
def test_of_two_guards_that_enter_on_one_tick_only_the_first_counts() -> None:
    first, amber = guard("amber")
    second, brass = guard("brass")
    stage = Rehearsal({"brass": brass, "amber": amber})
    first.enter = second.enter = True
    stage.tick()
    assert stage.state.regime.source == "amber"
    assert stage.state.regime.episodes == {"amber": 1}


# --- integrity causes ---


@pytest.mark.rule("MODE-3")
def test_an_integrity_cause_joins_an_episode_and_no_guard_is_asked_until_it_is_gone() -> None:
    script, stage = degraded(settings=QUICK)
    counts = dict(stage.state.regime.episodes)
    script.fail = "observe"
    decision = stage.tick()  # tick 4
    assert named(decision, "cause_joined").source == "plugin_fault"
    assert (decision.source, stage.state.regime.episodes) == ("plugin_fault", counts)
    script.fail, script.well = "", True
    stage.ticks(3)  # 5 to 7, without a fault
    assert stage.state.regime.integrity
    assert script.ticks_of("evaluate_recovery") == []
    decision = stage.tick()
    assert "cause_ended" in kinds(decision)
    assert script.ticks_of("evaluate_recovery") == [8]
    assert decision.mode == "OK"


@pytest.mark.rule("MODE-3")
def test_a_guards_cause_that_is_left_goes_on_uncounted_with_its_windows_kept() -> None:
    script, stage = degraded(settings=QUICK)
    script.fail = "observe"
    stage.tick()
    script.fail = ""
    rearms = script.ticks_of("on_rearm")
    stage.ticks(4)
    assert stage.state.regime.source == "amber"
    assert (stage.state.regime.episodes, stage.state.mode) == ({"amber": 1}, "DEGRADED")
    assert script.ticks_of("on_rearm") == rearms == [1]


@pytest.mark.rule("MODE-3")
def test_a_guard_that_enters_during_an_integrity_episode_is_not_counted() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin}, QUICK)
    script.fail = "observe"
    stage.tick()
    script.fail, script.enter = "", True
    stage.ticks(2)
    assert stage.state.regime.episodes == {}
    assert stage.state.regime.guard is None


@pytest.mark.rule("MODE-7")
def test_an_integrity_episode_ends_without_emptying_windows() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin}, QUICK)
    stage.ticks(2)
    script.fail = "observe"
    stage.tick()
    script.fail = ""
    stage.ticks(3)
    assert stage.state.mode == "DEGRADED"
    decision = stage.tick()
    assert (decision.mode, kinds(decision)) == ("OK", ["degraded_ended"])
    assert not places(decision)
    assert len(places(stage.tick())) == 2
    assert script.ticks_of("on_rearm") == [1]


@pytest.mark.rule("MODE-X1")
def test_a_fault_degrades_on_its_own_tick_before_quoting() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin})
    script.fail = "evaluate_entry"
    decision = stage.tick()
    assert (decision.mode, decision.source, decision.intents) == ("DEGRADED", "plugin_fault", ())


@pytest.mark.rule("MODE-X1")
def test_ticks_without_an_observation_are_no_ticks_without_a_fault() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin}, QUICK)
    script.fail = "observe"
    stage.tick()
    script.fail = ""
    stage.ticks(2)
    stage.ticks(4, failure="the node is away")
    assert stage.state.mode == "DEGRADED"
    stage.tick()
    assert stage.state.mode == "DEGRADED"
    assert stage.tick().mode == "OK"


# --- a cancel_all is complete when the ledger says so ---


@pytest.mark.rule("MODE-4")
@pytest.mark.parametrize("plugins", [{}, {"marker": Marker}], ids=["unmarked", "marked"])
def test_a_lost_cancel_is_sent_again_after_two_ledgers_and_the_episode_waits_for_it(
    plugins: dict[str, Any],
) -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin, **plugins})
    stage.ticks(2)
    script.enter = script.well = True
    send, stage.send = stage.send, swallow
    entry = stage.tick()
    stage.send = send
    script.enter = False
    assert (stage.tick().intents, stage.state.mode) == ((), "DEGRADED")
    again = stage.tick()
    assert cancels(again) == cancels(entry)
    assert dict(named(again, "cancel_all_incomplete").facts) == {"left": 2, "ledgers": 2}
    assert again.mode == "DEGRADED"
    decision = stage.tick()
    assert kinds(decision) == ["cancel_all_complete", "degraded_ended"]
    assert decision.mode == "OK"


@pytest.mark.rule("MODE-4")
def test_a_cancel_that_the_gateway_refused_is_sent_again_on_the_next_tick() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin})
    stage.ticks(2)
    script.enter = script.well = True
    send, stage.send = stage.send, refuse
    entry = stage.tick()
    stage.send = send
    again = stage.tick()
    assert cancels(again) == cancels(entry)
    assert dict(named(again, "cancel_all_incomplete").facts) == {"left": 2, "ledgers": 1}


@pytest.mark.rule("MODE-4")
def test_only_what_is_left_is_cancelled_again() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin})
    stage.ticks(2)
    script.enter = True
    send = stage.send
    stage.send = lambda ready: (*send(ready[:1]), *swallow(ready[1:]))
    _, second = cancels(stage.tick())
    stage.send = send
    stage.tick()
    again = stage.tick()
    assert cancels(again) == [second]
    assert named(again, "cancel_all_incomplete").facts["left"] == 1


@pytest.mark.rule("MODE-4")
def test_a_failed_observation_proves_no_cancel_all_complete() -> None:
    script, stage = degraded()
    script.well = True
    stage.tick(failure="the node is away")
    assert stage.state.mode == "DEGRADED"
    assert stage.state.sweep is not None
    assert kinds(stage.tick()) == ["cancel_all_complete", "degraded_ended"]


@pytest.mark.rule("MODE-4", "PAP-X2")
def test_a_cancel_that_loses_the_race_leaves_a_booked_fill_and_a_complete_cancel_all() -> None:
    outcomes = set()
    for ticks in range(2, 22):
        script, plugin = guard()
        stage = Rehearsal({"amber": plugin}, {"quoting": {"bid_offset_bps": 3.0}})
        stage.ticks(ticks)
        script.enter = True
        stage.tick()
        decision = stage.tick(takers=(Taker(Side.SELL, 1000 * DROPS),))
        outcomes.add(sum(fill.drops for fill in decision.fills))
        assert "cancel_all_complete" in kinds(decision)
        assert alive(stage.state) == []
        inventory = stage.state.inventory
        assert inventory is not None
        assert (inventory.drops, inventory.rlusd) == (stage.ledger.xrp_drops, stage.ledger.rlusd)
    assert outcomes == {0, 100 * DROPS}


def landed(stage: Rehearsal) -> Any:
    """What the ledger shows once every order of the engine has landed on it."""
    orders = stage.state.orders.values()
    offers = tuple(Offer(order.sequence, order.side, order.rest_drops, order.rest_rlusd) for order in orders)
    return lambda seen: account(seen, offers=offers)


def removed(stage: Rehearsal) -> Any:
    orders = stage.state.orders.values()

    def shown(seen: Observation) -> Observation:
        events = tuple(
            OfferEvent(
                "removed",
                f"C{order.sequence}",
                seen.ledger_index,
                order.sequence,
                order.side,
                0,
                Decimal(0),
                order.rest_drops,
                order.rest_rlusd,
                "cancelled",
            )
            for order in orders
        )
        return account(seen, offers=(), events=events)

    return shown


@pytest.mark.rule("MODE-4")
def test_an_order_that_lands_after_its_cancel_is_cancelled_again() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin})
    stage.send = swallow
    stage.tick()
    script.enter = script.well = True
    assert len(cancels(stage.tick())) == 2
    script.enter = False
    assert (kinds(stage.tick()), stage.state.mode) == ([], "DEGRADED")  # flat to the eye, but it may still land
    late = stage.tick(shown=landed(stage))
    assert len(cancels(late)) == 2
    assert late.mode == "DEGRADED"
    assert kinds(stage.tick(shown=removed(stage))) == ["cancel_all_complete", "degraded_ended"]


@pytest.mark.rule("MODE-4")
def test_an_order_that_never_lands_is_waited_for_until_no_ledger_can_take_it() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin})
    stage.send = swallow
    (order, _) = places(stage.tick())
    script.enter = True
    stage.tick()
    script.enter, script.well = False, True
    last = stage.state.orders[order.id].last_ledger
    while stage.state.mode == "DEGRADED":
        assert (stage.state.ledger_index or 0) <= last
        stage.tick()
    assert stage.state.ledger_index == last + 1
    assert {order.status for order in stage.state.orders.values()} == {"HELD_PENDING_REVIEW"}


# --- timeouts ---


@pytest.mark.rule("MODE-6")
@pytest.mark.parametrize(
    ("source", "token"),
    [
        ("wallet_truth", "inventory_truth_halt"),
        ("reconciler", "reconciler_halt"),
        ("plugin_fault", "plugin_fault_halt"),
    ],
)
def test_an_integrity_cause_times_out_with_its_own_reason_source_and_seconds(source: str, token: str) -> None:
    cause = Cause(source, "it is so", 0, 0.0, 0.0)
    stage = Rehearsal(settings=PATIENT, state=State(session=1, regime=Regime(integrity=(cause,))))
    stage.ticks(75)
    assert (stage.state.elapsed, reason(stage)) == (296.0, None)
    stage.tick()
    assert reason(stage) == token
    halt = stage.state.halt
    assert halt is not None
    assert halt.source == source
    assert "300 s" in halt.detail
    assert source in halt.detail


@pytest.mark.rule("MODE-6")
def test_the_timeout_of_a_cause_that_joined_counts_from_when_it_joined() -> None:
    script, stage = degraded(settings={**PATIENT, "degraded": {"timeout_seconds": 20.0}})
    stage.ticks(3)
    script.fail = "observe"
    stage.tick()  # tick 7
    script.fail = ""
    stage.ticks(4)
    assert reason(stage) is None
    stage.tick()
    assert (stage.state.tick, reason(stage)) == (12, "plugin_fault_halt")


@pytest.mark.rule("MODE-6", "ANC-7")
def test_a_guard_that_may_not_recover_times_out() -> None:
    _, stage = degraded(settings={"plugins": {"amber": {"recovery_enabled": False}}})
    stage.ticks(74)
    assert reason(stage) is None
    stage.tick()
    assert stage.state.halt is not None
    assert (reason(stage), stage.state.halt.source) == ("degraded_timeout_halt", "amber")
    assert "amber: DEGRADED for 300 s" in stage.state.halt.detail


@pytest.mark.rule("MODE-6")
def test_a_guard_that_can_recover_is_waited_out() -> None:
    script, stage = degraded()
    stage.ticks(1000)
    assert stage.state.mode == "DEGRADED"
    script.well = True
    assert stage.tick().mode == "OK"


@pytest.mark.rule("MODE-6")
def test_the_guards_own_timeout_counts_from_the_entry_and_later_from_the_end_of_its_cooldown() -> None:
    settings = {"degraded": {"guard_timeout_seconds": 20.0}, "degraded_recovery": {"recovery_cooldown_ticks": 3}}
    script, stage = degraded(settings=settings)  # entered on tick 3
    stage.ticks(4)
    assert reason(stage) is None
    stage.tick()
    assert (stage.state.tick, reason(stage)) == (8, "degraded_timeout_halt")

    script, stage = degraded(settings=settings)
    script.well = True
    stage.tick()
    script.well, script.enter = False, True
    stage.tick()  # tick 5: the second episode
    stage.ticks(3 + 4)  # cooled on tick 8
    assert reason(stage) is None
    stage.tick()
    assert (stage.state.tick, reason(stage)) == (13, "degraded_timeout_halt")
    assert stage.state.halt is not None
    assert "20 s" in stage.state.halt.detail


@pytest.mark.rule("MODE-6")
def test_a_clock_that_stands_in_for_a_close_time_and_lies_behind_it_makes_no_time_pass_twice() -> None:
    stage = Rehearsal(settings={"risk": {"max_ledger_age_seconds": None}})
    stage.tick()
    start = stage.state.now
    assert start is not None
    state = replace(stage.state, now=start + 100.0, elapsed=100.0)
    for seconds in (90.0, 101.0, 95.0, 102.0):
        _, state = stage.engine.tick(state, Input(start + seconds, None, "the node is away"))
    assert state.elapsed == 102.0
