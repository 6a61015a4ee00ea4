"""Guards that fail in a running engine, and what a fault leads to. (docs/behaviour.md, section 11)"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from neo_core import Clear, Enter, GuardConfig, Recover, View, hookimpl
from neo_core.markets import Taker
from neo_core.model import DROPS, Observation, OfferEvent, Side
from neo_core.testing.rehearsal import Rehearsal

from .making import account, cancels, guard, kinds, measures, named, places, reason
from .misbehaving import ANY_HOOK, ENTRIES, RECOVERIES, SILENT, Record, answers, cases, raises

NAN = float("nan")
SELLER = (Taker(Side.SELL, 40 * DROPS),)
NEAR = {"quoting": {"bid_offset_bps": 3.0, "ask_offset_bps": 3.0}}


AT_ONCE = [
    *cases("observe", ANY_HOOK | SILENT),
    *cases("on_rearm", ANY_HOOK | SILENT),
    *cases("evaluate_entry", ENTRIES),
]


class Misbehaving:
    """A guard that is as it should be, but for one hook from tick `since` on."""

    source = "bad"
    config_class = GuardConfig
    hook = ""
    since = 0
    enters_on = 0
    misbehaviour: Callable[..., Any]

    def __init__(self, config: GuardConfig) -> None:
        pass

    def does(self, hook: str, view: View, well: Any) -> Any:
        if hook == self.hook and view.tick >= self.since:
            return type(self).misbehaviour(view)
        return well

    @hookimpl
    def observe(self, view: View) -> Any:
        return self.does("observe", view, None)

    @hookimpl
    def evaluate_entry(self, view: View) -> Any:
        return self.does("evaluate_entry", view, Enter("bad") if view.tick == self.enters_on else Clear())

    @hookimpl
    def evaluate_recovery(self, view: View) -> Any:
        return self.does("evaluate_recovery", view, Recover("well again"))

    @hookimpl
    def on_rearm(self, view: View) -> Any:
        return self.does("on_rearm", view, None)


def misbehaving(hook: str, since: int, misbehaviour: Callable[..., Any], enters_on: int = 0) -> type[Misbehaving]:
    told = {"hook": hook, "since": since, "misbehaviour": staticmethod(misbehaviour), "enters_on": enters_on}
    return type("Misbehaving", (Misbehaving,), told)


@pytest.mark.rule("PLUG-3", "MODE-X1")
@pytest.mark.parametrize(("hook", "misbehaviour"), AT_ONCE)
def test_a_guard_that_fails_degrades_at_once(hook: str, misbehaviour: Callable[..., Any]) -> None:
    stage = Rehearsal({"bad": misbehaving(hook, 4, misbehaviour)}, NEAR)
    stage.ticks(3)
    if hook == "on_rearm":
        stage.state = replace(stage.state, armed=False)
    before = stage.state.inventory
    decision = stage.tick(takers=SELLER)
    assert decision.fills
    assert (decision.mode, decision.source) == ("DEGRADED", "plugin_fault")
    assert dict(named(decision, "plugin_fault").facts) | {"where": ""} == {
        "plugin": "bad",
        "hook": hook,
        "where": "",
    }
    assert not places(decision)
    assert len(cancels(decision)) == 2
    assert stage.state.faults.count == 1
    assert stage.state.regime.episodes == {}
    assert before is not None
    assert stage.state.inventory is not None
    assert stage.state.inventory.drops == before.drops + 40 * DROPS


@pytest.mark.rule("PLUG-3")
@pytest.mark.parametrize(("hook", "misbehaviour"), cases("evaluate_recovery", RECOVERIES))
def test_a_guard_that_fails_when_asked_for_recovery_is_not_recovered(
    hook: str, misbehaviour: Callable[..., Any]
) -> None:
    plugin = misbehaving(hook, 4, misbehaviour, enters_on=3)
    stage = Rehearsal({"bad": plugin})
    stage.ticks(3)
    decision = stage.tick(shown=with_a_fill(stage))
    assert decision.fills
    assert (decision.mode, decision.source) == ("DEGRADED", "bad")
    assert named(decision, "plugin_fault").facts["hook"] == hook
    assert stage.state.regime.integrity == ()
    plugin.since = 100
    assert stage.tick().mode == "OK"


def with_a_fill(stage: Rehearsal) -> Callable[[Observation], Observation]:
    """What the ledger shows when our first order was filled before its cancel came."""
    order = next(iter(stage.state.orders.values()))

    def shown(seen: Observation) -> Observation:
        fill = OfferEvent(
            "filled", "F", seen.ledger_index, order.sequence, order.side, order.drops, order.rlusd, 0, Decimal(0)
        )
        return account(seen, events=(fill, *seen.account.events))

    return shown


@pytest.mark.rule("PLUG-3", "COOL-12")
@pytest.mark.parametrize("misbehaviour", [raises(RuntimeError()), answers(0)])
def test_a_guard_that_cannot_be_rearmed_after_a_recovery_degrades_at_once(
    misbehaviour: Callable[..., Any],
) -> None:
    stage = Rehearsal({"bad": misbehaving("on_rearm", 4, misbehaviour, enters_on=3)})
    stage.ticks(3)
    decision = stage.tick()
    assert kinds(decision) == ["cancel_all_complete", "degraded_ended", "plugin_fault", "degraded_entered"]
    assert (decision.mode, decision.source) == ("DEGRADED", "plugin_fault")
    assert stage.state.regime.episodes == {"bad": 1}


@pytest.mark.rule("PLUG-3")
def test_numbers_that_are_none_are_measures_all_the_same() -> None:
    stage = Rehearsal({"bad": misbehaving("evaluate_entry", 1, answers(Clear({"mean": NAN, "n": 1, "s": None})))})
    decision = stage.tick()
    assert decision.mode == "OK"
    assert measures(decision) == {"bad": {"mean": None, "n": 1, "s": None}}


@pytest.mark.rule("PLUG-3")
def test_measures_in_a_record_are_told_by_name_as_those_in_a_dict_are() -> None:
    stage = Rehearsal({"bad": misbehaving("evaluate_entry", 1, answers(Enter("far", Record(1.5))))})
    decision = stage.tick()
    assert measures(decision) == {"bad": {"mean": 1.5}}
    assert named(decision, "degraded_entered").facts == {"mean": 1.5}


# --- how often, and for how long ---


@pytest.mark.rule("PLUG-3")
def test_a_fault_is_gone_after_thirty_ticks_without_one() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin})
    script.fail = "observe"
    stage.tick()
    script.fail = ""
    stage.ticks(30)
    assert stage.state.mode == "DEGRADED"
    assert stage.tick().mode == "OK"


@pytest.mark.rule("PLUG-3")
def test_a_further_fault_starts_the_count_of_clean_ticks_again() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin}, {"plugin_fault": {"clear_ticks": 5}})
    for _ in range(2):
        script.fail = "observe"
        stage.tick()
        script.fail = ""
        stage.ticks(4)
    stage.tick()
    assert stage.state.mode == "DEGRADED"
    assert stage.tick().mode == "OK"


@pytest.mark.rule("PLUG-3")
@pytest.mark.parametrize("most", [0, 1, 3])
def test_more_faults_than_allowed_halt(most: int) -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin}, {"plugin_fault": {"max": most}})
    stage.ticks(2)
    script.fail = "evaluate_entry"
    for _ in range(most):
        assert stage.tick().mode == "DEGRADED"
    decision = stage.tick()
    assert reason(stage) == "plugin_fault_halt"
    assert decision.halt is not None
    assert decision.halt.source == "amber"
    assert f"fault {most + 1}, {most} allowed" in decision.halt.detail


@pytest.mark.rule("PLUG-3")
def test_with_the_policy_halt_the_first_fault_halts() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin}, {"plugin_fault": {"policy": "halt"}})
    stage.ticks(2)
    script.fail = "observe"
    decision = stage.tick()
    assert reason(stage) == "plugin_fault_halt"
    assert len(cancels(decision)) == 2


@pytest.mark.rule("PLUG-3")
def test_one_guard_that_fails_silences_no_other() -> None:
    first, amber = guard("amber")
    second, brass = guard("brass")
    stage = Rehearsal({"amber": amber, "brass": brass})
    first.fail = "observe"
    stage.tick()
    assert second.ticks_of("observe") == second.ticks_of("evaluate_entry") == [1]
