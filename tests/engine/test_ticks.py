"""The order of a tick, and what a tick without an observation still does. (docs/behaviour.md, section 1)"""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from neo_core import Order, View, hookimpl
from neo_core.markets import Taker
from neo_core.model import DROPS, Observation, Side
from neo_core.testing.rehearsal import Rehearsal

from .houses import Desk
from .making import Script, Scripted, account, cancels, degraded, guard, kinds, places, reason, refuse

NEAR = {"quoting": {"bid_offset_bps": 3.0, "ask_offset_bps": 3.0}}
SELLER = (Taker(Side.SELL, 40 * DROPS),)


def told(name: str, calls: list[str], rank: int = 100) -> type[Any]:
    """A guard, named after its source, that writes down each of its calls."""

    class Told(Scripted):
        script = Script()
        source = name

        @hookimpl
        def observe(self, view: View) -> None:
            calls.append(f"{name}.observe")

        @hookimpl
        def evaluate_entry(self, view: View) -> Any:
            calls.append(f"{name}.entry")
            return super().evaluate_entry(view)

        @hookimpl
        def evaluate_recovery(self, view: View) -> Any:
            calls.append(f"{name}.recovery")
            return super().evaluate_recovery(view)

    Told.rank = rank  # type: ignore[attr-defined]  # third parties may declare one, so the base class does not
    return Told


# --- the order of plugins and of steps ---

BUILT_IN = ("anchor_guard", "drift_guard", "corridor_guard")
RANKS = {"zebra": 50, "apple": 100, "mango": 100}


@pytest.mark.rule("TICK-1")
@pytest.mark.parametrize("installed", list(permutations((*BUILT_IN, *RANKS)))[::97])
def test_plugins_are_called_in_one_order_however_they_come(installed: tuple[str, ...]) -> None:
    calls: list[str] = []
    stage = Rehearsal({name: told(name, calls, RANKS.get(name, 7)) for name in installed})
    stage.tick()
    order = [*BUILT_IN, "zebra", "apple", "mango"]
    assert calls == [f"{name}.observe" for name in order] + [f"{name}.entry" for name in order]


@pytest.mark.rule("TICK-1")
def test_layers_are_asked_by_rank_then_by_name() -> None:
    asked: list[str] = []

    def layer(name: str, its_rank: int) -> type[Any]:
        class Layer:
            rank = its_rank

            def __init__(self, config: object) -> None:
                pass

            @hookimpl
            def on_disappeared_order(self, order: Order) -> None:
                asked.append(name)

        return Layer

    stage = Rehearsal(
        {"late": layer("late", 60), "b": layer("b", 55), "a": layer("a", 55), "soon": layer("soon", 5)}
    )
    stage.ticks(2)
    stage.tick(shown=lambda seen: account(seen, offers=seen.account.offers[1:]))
    assert asked == ["soon", "a", "b", "late"]


@pytest.mark.rule("TICK-1")
@pytest.mark.parametrize("names", list(permutations(BUILT_IN)))
def test_names_on_the_command_line_do_not_set_the_order(names: tuple[str, ...], tmp_path: Path) -> None:
    run = Desk(tmp_path).open(plugins=names)
    run.close()
    assert [name for name, _ in run.plugins] == list(BUILT_IN)


@pytest.mark.rule("TICK-1")
def test_every_guard_observes_before_recovery_is_asked_and_that_before_any_entry() -> None:
    calls: list[str] = []
    first, second = told("first", calls), told("second", calls)
    stage = Rehearsal({"first": first, "second": second})
    second.script.enter = True
    stage.tick()
    calls.clear()
    stage.tick()
    assert calls == ["first.observe", "second.observe", "second.recovery", "first.entry", "second.entry"]


@pytest.mark.rule("TICK-1", "TICK-4")
def test_what_settling_finds_comes_before_the_kill_switch_and_that_before_a_stop() -> None:
    stage = Rehearsal()
    stage.ticks(3)
    stage.tick(stop="please", kill="now")
    assert reason(stage) == "kill_switch_halt"
    stage = Rehearsal()
    stage.ticks(3)
    stage.tick(stop="please", kill="now", shown=grown)
    assert reason(stage) == "reconciler_halt"


def grown(seen: Observation) -> Observation:
    """Our offers have more left than was ever placed."""
    return account(seen, offers=tuple(replace(offer, drops=offer.drops + 1) for offer in seen.account.offers))


@pytest.mark.rule("TICK-1")
def test_risk_comes_before_the_clock() -> None:
    stage = Rehearsal(settings={"session": {"duration_seconds": 4.0}})
    stage.tick()
    stage.tick(cannot_trade="amendment blocked")
    assert reason(stage) == "risk_gateway_halt"


@pytest.mark.rule("TICK-1")
def test_the_timeout_of_an_episode_comes_before_the_end_of_the_time() -> None:
    settings = {
        "session": {"duration_seconds": 24.0},
        "degraded": {"timeout_seconds": 16.0},
        "plugins": {"amber": {"recovery_enabled": False}},
    }
    _, stage = degraded(settings=settings)
    stage.ticks(4)
    assert (stage.state.elapsed, reason(stage)) == (24.0, "degraded_timeout_halt")


@pytest.mark.rule("TICK-1", "TICK-4")
def test_a_timeout_comes_before_a_recovery_on_the_same_tick() -> None:
    script, stage = degraded(settings={"degraded": {"guard_timeout_seconds": 12.0}})
    stage.ticks(2)
    script.well = True
    decision = stage.tick()
    assert reason(stage) == "degraded_timeout_halt"
    assert "degraded_ended" not in kinds(decision)
    assert script.ticks_of("evaluate_recovery") == [4, 5]


# --- a failed observation ---


@pytest.mark.rule("TICK-2")
def test_a_failed_observation_asks_no_guard_and_quotes_nothing_but_is_counted() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin})
    stage.ticks(2)
    inventory, orders = stage.state.inventory, stage.state.orders
    asked = list(script.asked)
    decision = stage.tick(failure="the node is away", mid=3.0)
    assert script.asked == asked
    assert (decision.mode, decision.intents, decision.anchor) == ("OK", (), None)
    assert (stage.state.inventory, stage.state.orders) == (inventory, orders)
    assert stage.state.risk.failures == 1
    stage.tick()
    assert stage.state.risk.failures == 0


@pytest.mark.rule("TICK-2")
def test_a_failed_observation_keeps_an_episode_as_it_is() -> None:
    script, stage = degraded()
    script.well = True
    regime = stage.state.regime
    stage.ticks(3, failure="the node is away")
    assert stage.state.regime == regime
    assert stage.tick().mode == "OK"


@pytest.mark.rule("TICK-2")
def test_the_kill_switch_works_while_the_node_is_down() -> None:
    stage = Rehearsal()
    stage.ticks(2)
    decision = stage.tick(failure="the node is away", kill="enough")
    assert reason(stage) == "kill_switch_halt"
    assert len(cancels(decision)) == 2


@pytest.mark.rule("TICK-2")
def test_a_stop_and_a_timeout_work_while_the_node_is_down() -> None:
    stage = Rehearsal()
    stage.tick()
    stage.tick(failure="the node is away", stop="SIGTERM received")
    assert reason(stage) == "engine_requested_halt"
    settings = {"degraded": {"timeout_seconds": 8.0}, "plugins": {"amber": {"recovery_enabled": False}}}
    _, stage = degraded(settings=settings)
    stage.ticks(2, failure="the node is away")
    assert reason(stage) == "degraded_timeout_halt"


@pytest.mark.rule("TICK-X1")
def test_a_refusal_counts_on_a_tick_whose_observation_failed() -> None:
    stage = Rehearsal()
    send, stage.send = stage.send, refuse
    (buy, sell) = places(stage.tick())
    stage.send = send
    decision = stage.tick(failure="the node is away")
    assert [(order.id, order.status) for order in decision.orders] == [(buy.id, "REJECTED"), (sell.id, "REJECTED")]
    assert not stage.state.orders


# --- what settled stands; the same again ---


@pytest.mark.rule("TICK-4")
def test_a_fill_that_settled_on_the_tick_of_a_halt_stays_booked() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin}, NEAR)
    stage.ticks(2)
    before = stage.state.inventory
    assert before is not None
    asked = list(script.asked)
    decision = stage.tick(takers=SELLER, kill="enough")
    assert [fill.drops for fill in decision.fills] == [40 * DROPS]
    assert stage.state.inventory is not None
    assert stage.state.inventory.drops == before.drops + 40 * DROPS
    assert script.asked == asked
    assert not places(decision)


def log_of(folder: Path, scenario: str, seed: int) -> list[str]:
    folder.mkdir()
    run = Desk(folder).open(scenario=scenario, seed=seed)
    run.run()
    lines = list(run.store.decisions("neo"))
    run.close()
    return lines


@pytest.mark.rule("TICK-3")
@pytest.mark.parametrize("scenario", ["calm", "hostile", "trend", "dead_node"])
def test_the_same_seed_gives_the_same_decision_log_byte_for_byte_and_another_does_not(
    scenario: str, tmp_path: Path
) -> None:
    first = log_of(tmp_path / "first", scenario, 7)
    assert len(first) > 100
    assert log_of(tmp_path / "second", scenario, 7) == first
    assert log_of(tmp_path / "other", scenario, 8) != first
