"""How a process begins: a start that waits for what was not told, and a clock that is not the ledger's."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from neo_core.markets import Taker
from neo_core.model import DROPS, Decision, Input, Inventory, Observation, OrderStatus, Side
from neo_core.state import RiskMemory, State
from neo_core.store.state import restore, texts
from neo_core.testing.rehearsal import Rehearsal

from .houses import AWAY, House, Ledgers
from .making import account, alive, cancels, guard, kinds, named, places, reason
from .test_orders import owned
from .test_untold import NEAR, last, untold, wallet

SELLER = (Taker(Side.SELL, 40 * DROPS),)
MARKED = OrderStatus.CANCELLED_BY_ENGINE


def kept(state: State, *, resumed: bool) -> State:
    """What another process finds of it: the same session, or a fresh one."""
    again, _ = restore(state.session, texts(state), [*state.orders.values(), *state.closed.values()], ("amber",))
    if resumed:
        return replace(again, now=None, close_time=None, fresh=False)
    return State(
        session=state.session + 1,
        ledger_index=again.ledger_index,
        inventory=again.inventory,
        orders=again.orders,
        closed=again.closed,
        untold=again.untold,
    )


def left(stage: Rehearsal, *, resumed: bool = True) -> int:
    """Its quotes are taken while nobody watches; answers the ledger that was seen last."""
    stage.ticks(3)
    since, before = last(stage), stage.state
    stage.ticks(2, takers=SELLER, failure="nobody watches")
    stage.state = kept(before, resumed=resumed)
    return since


def stage_of(*, resumed: bool = True, **settings: Any) -> tuple[Rehearsal, int]:
    stage = Rehearsal(settings={**NEAR, **settings})
    return stage, left(stage, resumed=resumed)


# --- waiting for what was not told ---


@pytest.mark.rule("INT-X3", "INT-1", "TRU-X3")
@pytest.mark.parametrize("resumed", [True, False], ids=["resumed", "fresh"])
@pytest.mark.parametrize("enabled", [True, False], ids=["checks on", "checks off"])
def test_a_difference_at_the_start_that_may_be_told_yet_is_waited_for_and_the_session_goes_on(
    resumed: bool, enabled: bool
) -> None:
    stage, since = stage_of(resumed=resumed, wallet_truth={"enabled": enabled, "interval_ticks": 1})
    waiting = stage.ticks(6, shown=untold)
    first = waiting[0]
    assert named(first, "startup_waits").text.count(f"ledgers {since + 1} to {since + 3}") == 1
    assert dict(named(first, "startup_waits").facts) == {"first": since + 1, "last": since + 3}
    assert [kinds(decision).count("startup_waits") for decision in waiting] == [1, 0, 0, 0, 0, 0]
    assert not any(places(decision) or decision.halt for decision in waiting)
    verdicts = [decision.truth.verdict for decision in waiting if decision.truth]
    assert verdicts == ["not_made"] * 6 * enabled
    told = stage.tick()
    assert (told.halt, told.mode, owned(stage)) == (None, "OK", wallet(stage))
    assert len(places(told)) == 2
    assert stage.tick().halt is None


@pytest.mark.rule("INT-X3")
def test_a_difference_that_is_still_there_when_all_is_told_halts_at_once() -> None:
    stage, _ = stage_of()
    stage.ticks(3, shown=untold)
    assert reason(stage) is None
    stage.tick(shown=lambda seen: account(seen, xrp_drops=seen.account.xrp_drops + DROPS))
    assert reason(stage) == "startup_integrity_halt"
    assert stage.state.halt is not None
    assert "+1 XRP and +0 RLUSD" in stage.state.halt.detail
    assert "neo realign" in stage.state.halt.detail


@pytest.mark.rule("INT-X3")
def test_ledgers_that_nobody_tells_are_waited_for_during_256_ledgers_and_named_by_the_halt() -> None:
    stage, since = stage_of()
    while stage.state.halt is None:
        assert places(stage.tick(shown=untold)) == []
    assert (reason(stage), last(stage)) == ("startup_integrity_halt", since + 3 + 257)
    assert f"ledgers {since + 1} to {last(stage)} were not told" in stage.state.halt.detail


@pytest.mark.rule("INT-X3", "REC-X4")
def test_ledgers_that_are_given_up_are_waited_for_no_longer() -> None:
    stage, since = stage_of()

    def newest(seen: Observation) -> Observation:
        return account(seen, events=(), transactions=(), covers_from=seen.ledger_index)

    while stage.state.halt is None:
        decision = stage.tick(shown=newest)
    assert (reason(stage), last(stage)) == ("startup_integrity_halt", since + 2 + 257)
    assert "ledgers_untold" in kinds(decision)


@pytest.mark.rule("INT-X3")
def test_a_history_of_many_ledgers_that_takes_long_to_tell_is_waited_for() -> None:
    stage = Rehearsal(settings=NEAR)
    left(stage)
    known = stage.state
    stage.ticks(900, failure="nobody watches")
    stage.state = known
    stage.ticks(3, shown=untold)
    assert reason(stage) is None
    stage.tick()
    assert (reason(stage), owned(stage)) == (None, wallet(stage))


@pytest.mark.rule("INT-X3")
def test_a_gap_without_a_difference_is_no_reason_to_wait() -> None:
    stage = Rehearsal()
    stage.ticks(3)
    stage.state = kept(stage.state, resumed=True)
    first = stage.tick(shown=untold)
    assert ("startup_waits" in kinds(first), first.halt) == (False, None)
    assert stage.state.armed


@pytest.mark.rule("INT-X3")
@pytest.mark.parametrize("resumed", [True, False], ids=["resumed", "fresh"])
def test_what_was_left_over_is_cancelled_while_the_start_waits(resumed: bool) -> None:
    stage, _ = stage_of(resumed=resumed)
    names = {order.id for order in alive(stage.state)}
    first = stage.tick(shown=untold)
    assert {cancel.order_id for cancel in cancels(first)} == names
    assert {cancel.reason for cancel in cancels(first)} == {"STARTUP_CANCEL"}
    waiting = stage.ticks(3, shown=untold)
    assert ["cancel_all_complete" in kinds(decision) for decision in waiting] == [True, False, False]
    assert stage.ledger.offers == ()
    assert not any(places(decision) for decision in waiting)


@pytest.mark.rule("INT-X3", "INT-X2")
def test_adopted_offers_stay_while_the_start_waits() -> None:
    stage, _ = stage_of(resumed=False, startup={"leftover_offers": "adopt"})
    first, *rest = stage.ticks(3, shown=untold)
    assert {"offers_adopted", "startup_waits"} <= set(kinds(first))
    assert not any(decision.intents for decision in (first, *rest))
    assert len(stage.ledger.offers) == 2


@pytest.mark.rule("INT-X3")
def test_guards_see_what_is_told_while_the_start_waits_and_are_asked_once_it_is_over() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin}, NEAR)
    left(stage)
    script.asked.clear()
    script.enter = True
    stage.ticks(3, shown=untold)
    assert {hook for hook, _ in script.asked} == {"observe"}
    script.asked.clear()
    stage.tick()
    assert [hook for hook, _ in script.asked] == ["on_rearm", "observe", "evaluate_entry"]
    assert stage.state.regime.episodes == {"amber": 1}


@pytest.mark.rule("INT-X3", "COOL-5")
def test_an_episode_goes_on_as_it_was_while_the_start_waits() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin}, NEAR)
    stage.ticks(2)
    script.enter = True
    stage.tick(takers=SELLER, shown=untold)
    script.enter, script.well = False, True
    stage.state = kept(stage.state, resumed=True)
    stage.ticks(3, shown=untold)
    assert stage.state.mode == "DEGRADED"
    assert script.ticks_of("evaluate_recovery") == []
    assert "degraded_ended" in kinds(stage.tick())
    assert stage.state.regime.episodes == {"amber": 1}


@pytest.mark.rule("INT-X3")
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"stop": "neo stop"}, "engine_requested_halt"),
        ({"kill": "neo kill"}, "kill_switch_halt"),
        ({"stop": "neo stop", "failure": "the node is away"}, "engine_requested_halt"),
    ],
)
def test_whoever_wants_it_to_end_ends_a_session_that_waits(given: dict[str, Any], expected: str) -> None:
    stage, _ = stage_of()
    stage.ticks(2, shown=untold)
    stage.tick(shown=untold, **given)
    assert reason(stage) == expected


@pytest.mark.rule("INT-X3", "TICK-2")
def test_a_failed_observation_in_between_neither_ends_the_waiting_nor_tells_of_it_again() -> None:
    stage, since = stage_of()
    stage.tick(shown=untold)
    stage.tick(failure="the node is away")
    assert "startup_waits" not in kinds(stage.tick(shown=untold))
    while stage.state.halt is None:
        stage.tick(shown=untold)
    assert last(stage) == since + 3 + 257


@pytest.mark.rule("INT-X3")
def test_a_waiting_start_is_said_aloud() -> None:
    house = House(ticks=3, state=State(session=1, ledger_index=1, inventory=Inventory(DROPS, Decimal(0))))
    house.gateway.showing = untold
    assert house.run().halt.reason == "duration_elapsed"
    assert [level for level, event, _ in house.log.kept if event == "startup_waits"] == ["warning"]


# --- the machine's clock, until a ledger was seen ---


def by_the_machine(stage: Rehearsal, off: float) -> Decision:
    """A tick without an observation in a process that has seen no ledger: only the machine's clock is known."""
    given = Input(stage.ledger.close_time + off, None, "the node is away")
    decision, stage.state = stage.engine.tick(stage.state, given)
    return decision


@pytest.mark.rule("TICK-X2", "HALT-X1")
@pytest.mark.parametrize("off", [-7200.0, 0.0, 7200.0])
def test_a_clock_that_is_off_counts_no_second_of_the_session_before_its_first_ledger(off: float) -> None:
    stage = Rehearsal(settings={"session": {"duration_seconds": 60.0}})
    by_the_machine(stage, off)
    by_the_machine(stage, off + 4.0)
    stage.tick()
    assert (stage.state.elapsed, reason(stage)) == (0.0, None)
    ticks = 1
    while stage.state.halt is None:
        stage.tick()
        ticks += 1
    assert (reason(stage), stage.state.elapsed, ticks) == ("duration_elapsed", 60.0, 16)


@pytest.mark.rule("TICK-X2", "MODE-8")
@pytest.mark.parametrize("off", [-7200.0, 7200.0])
def test_a_resumed_session_goes_on_with_the_seconds_that_it_had(off: float) -> None:
    stage = Rehearsal()
    stage.ticks(4)
    before = stage.state.elapsed
    stage.state = kept(stage.state, resumed=True)
    by_the_machine(stage, off)
    stage.tick()
    assert stage.state.elapsed == before == 12.0
    stage.tick()
    assert stage.state.elapsed == 16.0


@pytest.mark.rule("TICK-X2", "HALT-X1")
def test_seconds_go_on_in_an_outage_that_comes_after_a_ledger() -> None:
    house = House(
        settings={
            "session": {"duration_seconds": 40.0},
            "risk": {"max_failed_observations": None, "max_ledger_age_seconds": None},
        },
        market=Ledgers(dict.fromkeys(range(3, 100), AWAY)),
    )
    ending = house.run()
    assert (ending.halt.reason, ending.ticks) == ("duration_elapsed", 11)


@pytest.mark.rule("TICK-X2", "RISK-1")
def test_messages_that_were_sent_by_a_clock_that_was_ahead_do_not_hold_quotes_back() -> None:
    stage = Rehearsal(settings={"risk": {"max_messages_per_minute": 3}})
    ahead = stage.ledger.close_time + 7200.0
    stage.state = State(session=1, risk=RiskMemory(sent=(ahead, ahead)))
    assert len(places(stage.tick())) == 2
