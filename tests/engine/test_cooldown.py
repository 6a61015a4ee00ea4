"""Episodes, cool-downs and caps. (docs/behaviour.md, section 7)"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace
from neo_anchor_guard import AnchorGuard
from neo_corridor_guard import CorridorGuard
from neo_drift_guard import DriftGuard

from neo_core import Clear, Enter, GuardConfig, View, hookimpl
from neo_core.errors import ConfigError
from neo_core.markets import Taker
from neo_core.model import DROPS, Ack, Decision, Prepared, Side
from neo_core.store import Store
from neo_core.testing.rehearsal import Rehearsal

from .houses import Desk, House
from .making import Script, degraded, guard, kinds, measures, named, places, reason

THREE = {"degraded_recovery": {"recovery_cooldown_ticks": 3}}


def enter_again(script: Script, stage: Rehearsal) -> Decision:
    """Recovers on the next tick and enters on the one after."""
    script.well, script.enter = True, False
    while stage.state.mode == "DEGRADED":
        stage.tick()
    script.well, script.enter = False, True
    decision = stage.tick()
    script.enter = False
    return decision


def standing(stage: Rehearsal, source: str = "amber") -> tuple[int, int]:
    regime = stage.state.regime
    return regime.episodes.get(source, 0), regime.cooldowns.get(source, 0)


# --- counting and cooling down ---


@pytest.mark.rule("COOL-1", "COOL-3")
def test_the_first_entry_is_counted_and_arms_no_cooldown_the_second_does() -> None:
    script, stage = degraded(settings=THREE)
    assert standing(stage) == (1, 0)
    decision = enter_again(script, stage)
    assert standing(stage) == (2, 3)
    assert named(decision, "degraded_entered").source == "amber"


@pytest.mark.rule("COOL-1")
def test_an_entry_is_in_the_database_whole_before_its_first_cancel_is_sent(tmp_path: Path) -> None:
    url = f"sqlite:///{(tmp_path / 'neo.db').as_posix()}"
    store = Store.open(url)
    begun = store.begin(
        "neo", mode="paper", account="wallet", started_at=0.0, plugins=[], config={}, sources=["amber"]
    )
    script, plugin = guard()
    seen: list[tuple[Any, ...]] = []

    def show(decision: Decision, state: Any) -> None:
        script.enter = decision.tick == 2

    house = House({"amber": plugin}, ticks=4, state=begun.state, records=store, show=show)
    send = house.gateway.sending

    def sending(prepared: Sequence[Prepared]) -> tuple[Ack, ...]:
        with closing(sqlite3.connect(tmp_path / "neo.db")) as reader:
            kept = dict(reader.execute("select key, value from engine_state where engine = 'neo'").fetchall())
            statuses = [status for (status,) in reader.execute("select status from orders order by id")]
        seen.append(
            (kept["mode"], kept["degraded_recovery.amber.episode_count"], kept["degraded_source"], statuses)
        )
        return send(prepared)

    house.gateway.sending = sending
    house.run()
    store.close()
    assert seen == [
        ("OK", "0", "", ["PENDING", "PENDING"]),
        ("DEGRADED", "1", "amber", ["CANCEL_REQUESTED", "CANCEL_REQUESTED"]),
    ]


@pytest.mark.rule("COOL-2")
@pytest.mark.parametrize("cap", [1, 2, 3])
def test_the_entry_that_reaches_the_cap_halts_and_names_source_count_and_cap(cap: int) -> None:
    settings = {"degraded_recovery": {"max_degraded_episodes_per_source_per_session": cap}}
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin}, settings)
    stage.tick()
    decision = enter_again(script, stage)
    for _ in range(cap - 1):
        assert reason(stage) is None
        decision = enter_again(script, stage)
    assert reason(stage) == "degraded_episode_limit_halt"
    assert stage.state.regime.episodes == {"amber": cap}
    limit = named(decision, "episode_limit")
    assert limit.text.startswith("[DEGRADED_RECOVERY] ")
    assert limit.text.endswith("escalating to HALT")
    assert (limit.source, dict(limit.facts)) == ("amber", {"count": cap, "cap": cap})
    assert decision.halt is not None
    assert decision.halt.source == "amber"
    for said in (f"episode {cap} of amber", f"cap is {cap}"):
        assert said in decision.halt.detail
        assert said in limit.text


@pytest.mark.rule("COOL-3")
def test_the_entry_that_halts_arms_no_cooldown() -> None:
    settings = {"degraded_recovery": {"max_degraded_episodes_per_source_per_session": 2}}
    script, stage = degraded(settings=settings)
    enter_again(script, stage)
    assert (reason(stage), standing(stage)) == ("degraded_episode_limit_halt", (2, 0))


@pytest.mark.rule("COOL-4")
def test_a_cooldown_suppresses_one_evaluation_less_than_it_has_ticks_and_says_so_in_the_debug_log() -> None:
    script, stage = degraded(settings=THREE)
    enter_again(script, stage)
    entered = stage.state.tick
    script.well = True
    asked = len(script.ticks_of("evaluate_recovery"))
    for remaining in (2, 1):
        event = named(stage.tick(), "recovery_suppressed_by_cooldown")
        assert event.debug
        assert dict(event.facts) == {"source": "amber", "cooldown_ticks_remaining": remaining}
        assert standing(stage) == (2, remaining)
    assert len(script.ticks_of("evaluate_recovery")) == asked
    decision = stage.tick()
    assert script.ticks_of("evaluate_recovery")[asked:] == [entered + 3]
    assert (decision.mode, standing(stage)) == ("OK", (2, 0))


@pytest.mark.rule("COOL-4")
def test_a_cooldown_never_goes_below_zero() -> None:
    script, stage = degraded(settings=THREE)
    enter_again(script, stage)
    stage.ticks(20)
    assert standing(stage) == (2, 0)


@pytest.mark.rule("COOL-5")
def test_no_further_entry_extends_a_cooldown() -> None:
    script, stage = degraded(settings=THREE)
    enter_again(script, stage)
    script.enter = True
    stage.ticks(2)
    assert standing(stage) == (2, 1)


@pytest.mark.rule("COOL-5", "COOL-7")
def test_a_cooldown_stands_still_while_an_integrity_cause_is_active() -> None:
    script, stage = degraded(settings={**THREE, "plugin_fault": {"clear_ticks": 4}})
    enter_again(script, stage)
    stage.tick()
    assert standing(stage) == (2, 2)
    script.fail = "observe"
    stage.tick()
    script.fail = ""
    stage.ticks(4)
    assert (stage.state.regime.source, standing(stage)) == ("plugin_fault", (2, 2))
    stage.tick()
    assert (stage.state.regime.source, standing(stage)) == ("amber", (2, 1))


@pytest.mark.rule("COOL-4", "TICK-2")
def test_a_failed_observation_is_no_evaluation_and_lowers_no_cooldown() -> None:
    script, stage = degraded(settings=THREE)
    enter_again(script, stage)
    stage.ticks(3, failure="the node is away")
    assert standing(stage) == (2, 3)


@pytest.mark.rule("COOL-6")
def test_counts_and_cooldowns_are_each_sources_own() -> None:
    first, amber = guard("amber")
    second, brass = guard("brass")
    stage = Rehearsal({"amber": amber, "brass": brass}, THREE)
    enter_again(first, stage)
    enter_again(first, stage)
    assert (standing(stage, "amber"), standing(stage, "brass")) == ((2, 3), (0, 0))
    first.well = True
    while stage.state.mode == "DEGRADED":
        stage.tick()
    second.enter = True
    stage.tick()
    assert (reason(stage), standing(stage, "brass")) == (None, (1, 0))


@pytest.mark.rule("COOL-7")
def test_integrity_episodes_are_not_counted_not_cooled_down_and_not_capped() -> None:
    settings = {
        "degraded_recovery": {"recovery_cooldown_ticks": 50, "max_degraded_episodes_per_source_per_session": 1},
        "plugin_fault": {"clear_ticks": 2, "max": 100},
    }
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin}, settings)
    for _ in range(5):
        script.fail = "observe"
        assert stage.tick().mode == "DEGRADED"
        script.fail = ""
        assert [decision.mode for decision in stage.ticks(3)] == ["DEGRADED", "DEGRADED", "OK"]
    assert (stage.state.regime.episodes, stage.state.regime.cooldowns) == ({}, {})


@pytest.mark.rule("COOL-8")
def test_a_guard_that_may_not_recover_keeps_its_cooldown_untouched() -> None:
    script, stage = degraded(settings={**THREE, "plugins": {"amber": {"recovery_enabled": False}}})
    # from a time when it might still recover
    armed = replace(stage.state.regime, episodes={"amber": 2}, cooldowns={"amber": 3}, cooled_at=None)
    stage.state = replace(stage.state, regime=armed)
    script.well = True
    for decision in stage.ticks(5):
        assert "recovery_suppressed_by_cooldown" not in kinds(decision)
    assert standing(stage) == (2, 3)
    assert script.ticks_of("evaluate_recovery") == []


@pytest.mark.rule("COOL-X1", "COOL-8", "MODE-6")
def test_a_guard_that_cannot_be_asked_for_recovery_times_out_like_one_that_may_not() -> None:
    class OneWay:
        source = "one_way"
        config_class = GuardConfig

        def __init__(self, config: GuardConfig) -> None:
            pass

        @hookimpl
        def evaluate_entry(self, view: View) -> Clear | Enter:
            return Enter("out") if view.tick == 3 else Clear()

    stage = Rehearsal({"one_way": OneWay})
    stage.ticks(3 + 74)
    assert (stage.state.mode, reason(stage)) == ("DEGRADED", None)
    stage.tick()
    assert reason(stage) == "degraded_timeout_halt"


@pytest.mark.rule("COOL-9")
@pytest.mark.parametrize("value", [None, "", "many", "-1", "1.5", "nan"])
def test_a_broken_counter_reads_as_0_is_logged_and_halts_nothing(value: str | None, tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.crash(250, scenario="hostile")  # OK again, after the first episode
    key = "degraded_recovery.anchor.episode_count"
    with closing(sqlite3.connect(tmp_path / "neo.db")) as database:
        if value is None:
            changed = database.execute("delete from engine_state where key = ?", (key,))
        else:
            changed = database.execute("update engine_state set value = ? where key = ?", (value, key))
        assert changed.rowcount == 1
        database.commit()
    run = desk.open(scenario="hostile", resume="crashed", ticks=400)
    assert run.opened.state.regime.episodes["anchor"] == 0
    assert [note for note in run.opened.notes if key in note and "reads as 0" in note]
    assert run.run().halt.reason == "duration_elapsed"
    run.close()


@pytest.mark.rule("COOL-11")
@pytest.mark.parametrize("key", ["recovery_cooldown_ticks", "max_degraded_episodes_per_source_per_session"])
@pytest.mark.parametrize("value", [0, -3])
def test_a_value_below_one_is_refused_with_what_to_do_instead(key: str, value: int) -> None:
    with pytest.raises(ConfigError, match=rf"{key}.*recovery_enabled: false"):
        Rehearsal(settings={"degraded_recovery": {key: value}})


@pytest.mark.rule("COOL-11")
def test_the_retired_key_is_refused_by_its_name() -> None:
    with pytest.raises(ConfigError, match="max_recovery_attempts_per_episode"):
        Rehearsal(settings={"degraded_recovery": {"max_recovery_attempts_per_episode": 3}})


@pytest.mark.rule("COOL-12")
def test_a_recovery_empties_every_guards_window_and_quoting_resumes_on_the_next_tick() -> None:
    first, amber = guard("amber")
    second, brass = guard("brass")
    stage = Rehearsal({"amber": amber, "brass": brass})
    stage.ticks(2)
    first.enter = True
    stage.tick()
    first.enter, first.well = False, True
    decision = stage.tick()
    assert (decision.mode, decision.source, kinds(decision)) == (
        "OK",
        "",
        ["cancel_all_complete", "degraded_ended"],
    )
    assert not places(decision)
    assert (first.ticks_of("on_rearm"), second.ticks_of("on_rearm")) == ([1, 4], [1, 4])
    assert stage.state.regime.episodes == {"amber": 1}
    assert len(places(stage.tick())) == 2


@pytest.mark.rule("COOL-12")
def test_an_entry_on_the_tick_of_a_recovery_is_a_fresh_counted_one() -> None:
    script, stage = degraded(settings=THREE)
    script.well = script.enter = True
    decision = stage.tick()
    assert kinds(decision) == ["cancel_all_complete", "degraded_ended", "degraded_entered"]
    assert (decision.mode, standing(stage)) == ("DEGRADED", (2, 3))
    assert stage.state.regime.guard is not None
    assert stage.state.regime.guard.tick == stage.state.tick


@pytest.mark.rule("COOL-13")
def test_only_the_guard_of_the_episode_is_asked_for_recovery() -> None:
    first, amber = guard("amber")
    second, brass = guard("brass")
    stage = Rehearsal({"amber": amber, "brass": brass})
    second.enter = True
    stage.tick()
    first.well = True
    stage.ticks(5)
    assert first.ticks_of("evaluate_recovery") == []
    assert second.ticks_of("evaluate_recovery") == [2, 3, 4, 5, 6]


# --- the whole life of each guard ---


class Life(NamedTuple):
    plugin: type[Any]
    source: str
    section: dict[str, Any]
    bad: Callable[[Rehearsal], Decision]


SELLER = (Taker(Side.SELL, 100 * DROPS),)
LIVES = [
    Life(AnchorGuard, "anchor", {"lookback_ticks": 1}, lambda stage: stage.tick(pool_bps=20.0)),
    Life(DriftGuard, "drift", {"burst_fills": 1}, lambda stage: stage.tick(takers=SELLER)),
    Life(
        CorridorGuard,
        "corridor",
        {"corridor_lookback_ticks": 30, "max_pct": 60.0},
        lambda stage: stage.tick(mid=5.0),
    ),
]


@pytest.mark.rule("COOL-10")
@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.source)
def test_whole_life_with_a_cooldown_of_3_and_30_stable_evaluations(life: Life) -> None:
    name = f"{life.source}_guard"
    settings = {**THREE, "quoting": {"bid_offset_bps": 3.0}, "plugins": {name: life.section}}
    stage = Rehearsal({name: life.plugin}, settings)

    def enter() -> int:
        for _ in range(100):
            life.bad(stage)
            if stage.state.mode != "OK":
                return stage.state.tick
        raise AssertionError("it never entered")

    def suppressed(decisions: list[Decision]) -> list[int]:
        return [decision.tick for decision in decisions if "recovery_suppressed_by_cooldown" in kinds(decision)]

    def judged(decisions: list[Decision]) -> list[int]:
        return [decision.tick for decision in decisions if f"{life.source}.recovery" in measures(decision)]

    stage.ticks(40)
    entered = enter()
    episode = stage.ticks(30)
    assert {decision.mode for decision in episode[:-1]} == {"DEGRADED"}
    assert (suppressed(episode), judged(episode)) == ([], list(range(entered + 1, entered + 31)))
    assert episode[-1].mode == "OK"

    stage.ticks(40)
    entered = enter()
    assert standing(stage, life.source) == (2, 3)
    episode = stage.ticks(32)
    assert {decision.mode for decision in episode[:-1]} == {"DEGRADED"}
    assert suppressed(episode) == [entered + 1, entered + 2]
    assert judged(episode) == list(range(entered + 3, entered + 33))
    assert episode[-1].mode == "OK"

    stage.ticks(40)
    enter()
    assert reason(stage) == "degraded_episode_limit_halt"
    assert standing(stage, life.source)[0] == 3
