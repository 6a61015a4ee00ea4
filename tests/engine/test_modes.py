"""Modes, causes and episodes; what a cancel_all needs to be complete. (docs/behaviour.md, section 2)"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from msgspec.structs import replace

from neo_core.model import DROPS, Cause, Input, Inventory, Observation, OrderStatus
from neo_core.state import Regime, State
from neo_core.testing import order
from neo_core.testing.rehearsal import Rehearsal

from .making import (
    account,
    cancels,
    degraded,
    guard,
    kinds,
    named,
    places,
    reason,
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


# --- timeouts ---


@pytest.mark.rule("MODE-6")
@pytest.mark.parametrize(
    ("source", "token", "shown"),
    [
        (
            "wallet_truth",
            "inventory_truth_halt",
            lambda seen: account(seen, xrp_drops=seen.account.xrp_drops + DROPS),
        ),
        ("reconciler", "reconciler_halt", lambda seen: seen),
        ("plugin_fault", "plugin_fault_halt", lambda seen: seen),
    ],
)
def test_an_integrity_cause_times_out_with_its_own_reason_source_and_seconds(
    source: str, token: str, shown: Callable[[Observation], Observation]
) -> None:
    cause = Cause(source, "it is so", 0, 0.0, 0.0)
    held = {"1": order(id="1", status=OrderStatus.HELD_PENDING_REVIEW)}
    stage = Rehearsal(
        settings={**PATIENT, "wallet_truth": {"halt_after_checks": 1000}, "reconcile": {"max_held_orders": 0}},
        state=State(
            session=1,
            regime=Regime(integrity=(cause,)),
            inventory=Inventory(10_000 * DROPS, Decimal(20_000)),
            orders=held if source == "reconciler" else {},
            armed=True,
        ),
    )
    stage.ticks(75, shown=shown)
    assert (stage.state.elapsed, reason(stage)) == (296.0, None)
    stage.tick(shown=shown)
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
