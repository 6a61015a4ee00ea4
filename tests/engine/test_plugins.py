"""Plugins that misbehave in a running engine. (docs/behaviour.md, section 11)"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from neo_core import Clear, Enter, GuardConfig, Mark, Outcome, Recover, Resolution, Stay, View, hookimpl
from neo_core.markets import Taker
from neo_core.model import DROPS, Decision, Observation, OfferEvent, Side
from neo_core.state import State
from neo_core.testing.rehearsal import Rehearsal

from .houses import House
from .making import account, cancels, guard, kinds, measures, named, places, reason

NAN = float("nan")
SELLER = (Taker(Side.SELL, 40 * DROPS),)
NEAR = {"quoting": {"bid_offset_bps": 3.0, "ask_offset_bps": 3.0}}


class Unprintable(Exception):
    def __str__(self) -> str:
        raise ValueError("not even this")


class Odd:
    def __repr__(self) -> str:
        raise ValueError("not even this")


def raises(error: BaseException) -> Callable[..., Any]:
    def hook(*handed: Any) -> Any:
        raise error

    return hook


def answers(answer: object) -> Callable[..., Any]:
    return lambda *handed: answer


def changes(handed: object, name: str) -> None:
    setattr(handed, name, None)


RAISING: dict[str, Callable[..., Any]] = {
    "raises": raises(RuntimeError("out of order")),
    "raises_SystemExit": raises(SystemExit(0)),
    "raises_KeyboardInterrupt": raises(KeyboardInterrupt()),
    "raises_GeneratorExit": raises(GeneratorExit()),
    "raises_what_cannot_be_printed": raises(Unprintable()),
    "raises_what_is_no_text": raises(RuntimeError("\ud800")),
}
CHANGING_A_VIEW: dict[str, Callable[..., Any]] = {
    "changes_the_view": lambda view: changes(view, "anchor"),
    "deletes_from_the_view": lambda view: delattr(view, "anchor"),
    "changes_a_fill": lambda view: changes(view.fills[0], "drops"),
    "changes_the_fills": lambda view: view.fills.append(None),
    "changes_an_order": lambda view: changes(view.open_orders[0], "status"),
    "replaces_an_order": lambda view: view.open_orders.__setitem__(0, None),
}
NO_MEASURES: dict[str, object] = {
    "measures_are_an_object": object(),
    "measures_are_a_list": [1.0],
    "measures_are_none": None,
    "a_measure_is_an_object": {"mean": object()},
    "a_measure_has_no_name": {1: 2.0},
    "a_measure_is_no_text": {"mean": "\ud800"},
}
NO_REASON: dict[str, Any] = {
    "no_reason": "",
    "a_blank_reason": "  ",
    "reason_is_none": None,
    "reason_is_bytes": b"far",
    "reason_is_no_text": "\ud800",
}


def wrong_verdicts(calm: type[Any], alarm: type[Any], other: object) -> dict[str, Callable[..., Any]]:
    wrong: dict[str, object] = {
        "answers_none": None,
        "answers_a_text": "Clear",
        "answers_false": False,
        "answers_the_class": calm,
        "answers_the_other_hooks_verdict": other,
        "answers_what_cannot_be_shown": Odd(),
    }
    wrong |= {name: calm(measures) for name, measures in NO_MEASURES.items()}
    wrong |= {f"{name}_and_it_fires": alarm("far", measures) for name, measures in NO_MEASURES.items()}
    wrong |= {name: alarm(said) for name, said in NO_REASON.items()}
    return {name: answers(answer) for name, answer in wrong.items()}


SILENT = {"answers_something": answers(Clear()), "answers_false": answers(False)}
ANY_HOOK = RAISING | CHANGING_A_VIEW
ENTRIES = ANY_HOOK | wrong_verdicts(Clear, Enter, Stay())
RECOVERIES = ANY_HOOK | wrong_verdicts(Stay, Recover, Enter("far"))


def cases(hook: str, misbehaviours: dict[str, Callable[..., Any]]) -> list[Any]:
    return [pytest.param(hook, told, id=f"{hook}-{name}") for name, told in misbehaviours.items()]


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


# --- marks and layers ---


MARK = Mark("1-1", "2026-01-01T00:00:00Z", "DEGRADED_CANCEL")
NO_MARKS: dict[str, Callable[..., Any]] = RAISING | {
    "changes_an_order": lambda orders, cause: changes(orders[0], "status"),
    "replaces_an_order": lambda orders, cause: orders.__setitem__(0, None),
    "answers_none": answers(None),
    "answers_a_mark": answers(MARK),
    "answers_a_text": answers("marks"),
    "answers_a_dict": answers({"1-1": MARK}),
    "answers_something_else_in_a_list": answers([MARK, "1-2"]),
    "marks_a_strange_order": answers([Mark("9-9", MARK.cancelled_at, MARK.cancel_reason)]),
    "marks_what_is_no_name": answers([Mark([], MARK.cancelled_at, MARK.cancel_reason)]),  # type: ignore[arg-type]
    "marks_without_a_time": answers([Mark("1-1", None, MARK.cancel_reason)]),  # type: ignore[arg-type]
    "marks_with_a_number_for_a_reason": answers([Mark("1-1", MARK.cancelled_at, 7)]),  # type: ignore[arg-type]
    "marks_with_an_object": answers([Mark("1-1", object(), object())]),  # type: ignore[arg-type]
}


@pytest.mark.rule("PLUG-3", "REC-1")
@pytest.mark.parametrize(("hook", "misbehaviour"), cases("on_cancel_all", NO_MARKS))
def test_a_marker_that_fails_holds_no_cancel_back_and_ends_the_session(
    hook: str, misbehaviour: Callable[..., Any]
) -> None:
    class Marker:
        def __init__(self, config: object) -> None:
            pass

        @hookimpl
        def on_cancel_all(self, orders: Any, cause: str) -> Any:
            return misbehaviour(orders, cause)

    script, plugin = guard()
    house = House({"amber": plugin, "marker": Marker}, show=lambda *_: setattr(script, "enter", True))
    ending = house.run()
    assert (ending.halt.reason, ending.halt.source) == ("plugin_fault_halt", "marker")
    assert sorted(house.gateway.cancels) == ["1-1", "1-2"]
    assert house.gateway.observe(None).account.offers == ()
    assert [facts["hook"] for facts in house.log.of("plugin_fault")] == [hook]


NO_RESOLUTION: dict[str, Callable[..., Any]] = RAISING | {
    "changes_the_order": lambda order, view: changes(order, "status"),
    "changes_the_view": lambda order, view: changes(view, "mid"),
    "answers_false": answers(False),
    "answers_an_outcome": answers(Outcome.CANCELLED),
    "answers_a_text": answers("cancelled"),
    "outcome_is_a_text": answers(Resolution("phantom_fill", "guess")),  # type: ignore[arg-type]
    "outcome_is_unknown": answers(Resolution("gone", "guess")),  # type: ignore[arg-type]
    "outcome_is_none": answers(Resolution(None, "guess")),  # type: ignore[arg-type]
    "no_token": answers(Resolution(Outcome.CANCELLED, "")),
    "token_is_none": answers(Resolution(Outcome.CANCELLED, None)),  # type: ignore[arg-type]
    "token_is_no_text": answers(Resolution(Outcome.CANCELLED, "\ud800")),
    **{
        f"evidence_{name}": answers(Resolution(Outcome.PHANTOM_FILL, "guess", evidence))  # type: ignore[arg-type]
        for name, evidence in NO_MEASURES.items()
    },
}


@pytest.mark.rule("PLUG-3", "REC-8")
@pytest.mark.parametrize(("hook", "misbehaviour"), cases("on_disappeared_order", NO_RESOLUTION))
def test_a_layer_that_fails_leaves_the_order_held_and_the_inventory_alone(
    hook: str, misbehaviour: Callable[..., Any]
) -> None:
    class Layer:
        def __init__(self, config: object) -> None:
            pass

        @hookimpl
        def on_disappeared_order(self, order: Any, view: Any) -> Any:
            return misbehaviour(order, view)

    house = House({"layer": Layer}, ticks=4)
    house.gateway.showing = lambda seen: account(seen, offers=seen.account.offers[1:])
    ending = house.run()
    assert ending.halt.reason == "duration_elapsed"
    _, state = house.seen[-1]
    assert {order.status for order in state.orders.values() if order.id == "1-1"} == {"HELD_PENDING_REVIEW"}
    assert [facts["hook"] for facts in house.log.of("plugin_fault")][:1] == [hook]
    assert not [fill for decision, _ in house.seen for fill in decision.fills if not fill.proven]


# --- watchers ---


WATCHING: dict[str, Callable[..., Any]] = RAISING | {
    "answers_something": answers(5),
    "changes_the_event": lambda event: changes(event, "text"),
    "changes_a_fact": lambda event: event.facts.__setitem__("limit", 2.0),
    "empties_the_facts": lambda event: event.facts.clear(),
}


@pytest.mark.rule("PLUG-3")
@pytest.mark.parametrize(("hook", "misbehaviour"), cases("on_event", WATCHING))
def test_a_watcher_that_fails_is_logged_and_never_stops_trading(
    hook: str, misbehaviour: Callable[..., Any]
) -> None:
    class Watcher:
        def __init__(self, config: object) -> None:
            pass

        @hookimpl
        def on_event(self, event: Any) -> Any:
            return misbehaviour(event)

    script, plugin = guard()
    script.enter = script.well = True

    def show(decision: Decision, state: State) -> None:
        script.enter = False

    house = House({"amber": plugin, "watcher": Watcher}, ticks=6, show=show)
    ending = house.run()
    assert (ending.halt.reason, ending.ticks) == ("duration_elapsed", 6)
    failed = house.log.of("watcher_failed")
    assert failed
    assert {facts["plugin"] for facts in failed} == {"watcher"}
    assert [len(places(decision)) for decision, _ in house.seen][2:4] == [2, 0]
    assert house.books.decisions[0].events[0].facts == {"limit": 1.0}


@pytest.mark.rule("PLUG-3")
def test_a_watcher_hears_every_event_after_it_was_committed() -> None:
    heard: list[tuple[str, int]] = []

    class Watcher:
        def __init__(self, config: object) -> None:
            pass

        @hookimpl
        def on_event(self, event: Any) -> None:
            heard.append((event.kind, len(house.books.decisions)))

    script, plugin = guard()
    script.enter = True
    house = House({"amber": plugin, "watcher": Watcher}, ticks=3)
    house.run()
    assert heard == [("degraded_entered", 1), ("halt", 3)]


# --- a third party's guard ---


@pytest.mark.rule("PLUG-4", "COOL-2", "COOL-3")
def test_a_third_partys_guard_gets_counts_cooldown_cap_and_reset_by_declaring_its_source() -> None:
    class Tides:
        source = "tides"
        config_class = GuardConfig

        def __init__(self, config: GuardConfig) -> None:
            self.window: list[int] = []

        @hookimpl
        def observe(self, view: View) -> None:
            self.window.append(view.tick)

        @hookimpl
        def evaluate_entry(self, view: View) -> Clear | Enter:
            return Enter("high water") if len(self.window) >= 5 else Clear()

        @hookimpl
        def evaluate_recovery(self, view: View) -> Stay | Recover:
            return Recover("low water")

        @hookimpl
        def on_rearm(self) -> None:
            self.window.clear()

    stage = Rehearsal({"tides": Tides}, {"degraded_recovery": {"recovery_cooldown_ticks": 7}})
    told = []
    while stage.state.halt is None:
        decision = stage.tick()
        told += [
            (event.kind, event.source, decision.tick) for event in decision.events if "degraded" in event.kind
        ]
    assert told == [
        ("degraded_entered", "tides", 6),
        ("degraded_ended", "tides", 7),
        ("degraded_entered", "tides", 12),
        ("degraded_ended", "tides", 19),
        ("degraded_entered", "tides", 24),
    ]
    assert reason(stage) == "degraded_episode_limit_halt"
    assert stage.state.regime.episodes == {"tides": 3}
