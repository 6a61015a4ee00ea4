"""Each scenario, played by the whole engine, ends as its story says. (docs/behaviour.md, section 3)"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from neo_core.gateways.paper_wallet import read
from neo_core.model import DROPS, Inventory

from .houses import Desk

SEEDS = (1, 2, 3, 4, 5)


class End(NamedTuple):
    """How a scenario ends: after how many ticks, and between which ticks each episode enters and ends."""

    token: str
    exit_code: int
    ticks: int
    episodes: tuple[tuple[str, range, range | None], ...] = ()


ENDS = {
    "calm": End("duration_elapsed", 0, 900),
    "cycling": End(
        "duration_elapsed",
        0,
        600,
        (("anchor", range(91, 116), range(200, 230)), ("anchor", range(331, 356), range(475, 505))),
    ),
    "hostile": End(
        "degraded_episode_limit_halt",
        3,
        467,
        (
            ("anchor", range(61, 86), range(150, 180)),
            ("anchor", range(231, 256), range(380, 410)),
            ("anchor", range(451, 476), None),
        ),
    ),
    "waiting": End("duration_elapsed", 0, 900, (("anchor", range(61, 86), range(690, 720)),)),
    "trend": End("duration_elapsed", 0, 400, (("drift", range(91, 131), range(120, 161)),)),
    "runaway_inventory": End("duration_elapsed", 0, 900, (("corridor", range(100, 271), range(280, 471)),)),
    "flapping": End("duration_elapsed", 0, 600, (("anchor", range(121, 146), range(441, 520)),)),
    "dead_node": End("risk_rpc_failure_halt", 3, 105),
}


def assert_ended_as_told(scenario: str, session: Mapping[str, Any], exit_code: int) -> None:
    end = ENDS[scenario]
    told = (session["halt_reason"], exit_code, session["ticks"])
    assert told == (end.token, end.exit_code, end.ticks)
    assert [episode["source"] for episode in session["episodes"]] == [source for source, *_ in end.episodes]
    for episode, (_, entered, ended) in zip(session["episodes"], end.episodes, strict=True):
        assert episode["entered_tick"] in entered
        assert episode["ended_tick"] is None if ended is None else episode["ended_tick"] in ended


def owned(inventory: Mapping[str, str]) -> Inventory:
    drops = Decimal(inventory["xrp"]) * DROPS
    assert drops == int(drops)
    return Inventory(int(drops), Decimal(inventory["rlusd"]))


@pytest.mark.rule("HALT-3", "HALT-5", "HALT-7")
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("scenario", ENDS)
def test_a_scenario_ends_as_its_story_says_and_the_books_agree_with_the_wallet(
    scenario: str, seed: int, tmp_path: Path
) -> None:
    desk = Desk(tmp_path)
    ending, session = desk.play(scenario=scenario, seed=seed)
    assert_ended_as_told(scenario, session, ending.halt.reason.exit_code)
    assert session["fills"]
    wallet = read(desk.wallet())
    if scenario == "dead_node":
        # Whatever the last cancels cost or came too late for, nobody has seen: the engine cannot know it.
        assert "may still be open" in session["halt_detail"]
        return
    assert owned(session["inventory_end"]) == Inventory(wallet.xrp_drops, wallet.rlusd)
    assert wallet.offers == ()
    assert "open" not in session["halt_detail"]


@pytest.mark.rule("COOL-2", "COOL-3")
def test_the_second_episode_of_cycling_waits_for_its_cooldown(tmp_path: Path) -> None:
    _, session = Desk(tmp_path).play(scenario="cycling")
    first, second = session["episodes"]
    assert first["ended_tick"] - first["entered_tick"] < 120
    assert second["ended_tick"] - second["entered_tick"] == 119 + 30  # the 120th tick is judged already


@pytest.mark.rule("HALT-6", "PAP-X1", "MODE-8")
@pytest.mark.parametrize(
    ("first", "then"), [("hostile", "cycling"), ("dead_node", "trend"), ("runaway_inventory", "flapping")]
)
def test_two_scenarios_in_one_database_both_end_as_told(first: str, then: str, tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    for scenario in (first, then):
        ending, session = desk.play(scenario=scenario)
        assert_ended_as_told(scenario, session, ending.halt.reason.exit_code)


@pytest.mark.rule("MODE-6")
def test_waiting_outlasts_every_timeout(tmp_path: Path) -> None:
    _, session = Desk(tmp_path).play(scenario="waiting")
    (episode,) = session["episodes"]
    assert 4 * (episode["ended_tick"] - episode["entered_tick"]) > 5 * 300


@pytest.mark.rule("PLUG-1")
def test_without_its_guard_a_scenario_has_no_episode_of_it(tmp_path: Path) -> None:
    ending, session = Desk(tmp_path).play(scenario="hostile", without=("anchor_guard",))
    assert ending.halt.reason == "duration_elapsed"
    assert "anchor" not in {episode["source"] for episode in session["episodes"]}
