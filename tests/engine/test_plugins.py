"""Plugins that mark, resolve and watch; and a third party's guard. (docs/behaviour.md, section 11)"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from neo_core import Clear, Enter, GuardConfig, Mark, Outcome, Recover, Resolution, Stay, View, hookimpl
from neo_core.model import Decision
from neo_core.state import State
from neo_core.testing.rehearsal import Rehearsal

from .houses import House
from .making import account, guard, kinds, places, reason
from .misbehaving import NO_MEASURES, RAISING, Odd, answers, cases, changes

# --- marks and layers ---


AT, WHY = "2026-01-01T00:00:00Z", "DEGRADED_CANCEL"


def marks(wrong: Callable[[str], object]) -> Callable[..., Any]:
    """Answers something wrong about the first order that is being cancelled."""
    return lambda orders, cause: wrong(orders[0].id)


NO_MARKS: dict[str, Callable[..., Any]] = RAISING | {
    "changes_an_order": lambda orders, cause: changes(orders[0], "status"),
    "replaces_an_order": lambda orders, cause: orders.__setitem__(0, None),
    "answers_none": answers(None),
    "answers_a_mark": marks(lambda order: Mark(order, AT, WHY)),
    "answers_a_text": answers("marks"),
    "answers_a_dict": marks(lambda order: {order: Mark(order, AT, WHY)}),
    "answers_something_else_in_a_list": marks(lambda order: [Mark(order, AT, WHY), order]),
    "marks_a_strange_order": answers([Mark("9-9", AT, WHY)]),
    "marks_what_is_no_name": answers([Mark([], AT, WHY)]),  # type: ignore[arg-type]  # that is the point
    "marks_without_a_time": marks(lambda order: [Mark(order, None, WHY)]),  # type: ignore[arg-type]  # likewise
    "marks_with_a_number_for_a_reason": marks(lambda order: [Mark(order, AT, 7)]),  # type: ignore[arg-type]  # likewise
    "marks_with_an_object": marks(lambda order: [Mark(order, Odd(), WHY)]),  # type: ignore[arg-type]  # likewise
    "marks_with_what_is_no_text": marks(lambda order: [Mark(order, AT, "\ud800")]),
}


@pytest.mark.rule("PLUG-3")
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
    assert house.gateway.cancels == [order.id for order in places(house.seen[0][0])]
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


@pytest.mark.rule("PLUG-3")
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
    gone = places(house.seen[0][0])[0].id
    assert state.orders[gone].status == "HELD_PENDING_REVIEW"
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
    assert house.books.decisions[0].events[1].facts == {"limit": 1.0}


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
    assert heard == [("opening_inventory", 1), ("degraded_entered", 1), ("halt", 3)]


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
        told += [(kind, decision.tick) for kind in kinds(decision) if kind.startswith("degraded")]
    assert told == [
        ("degraded_entered", 5),
        ("degraded_ended", 6),
        ("degraded_entered", 11),
        ("degraded_ended", 18),
        ("degraded_entered", 23),
    ]
    assert reason(stage) == "degraded_episode_limit_halt"
    assert stage.state.regime.episodes == {"tides": 3}
