"""Scenarios as markets: what the tables promise. How sessions in them end is proven with the engine."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import islice, pairwise

import pytest

from neo_core.config import Raw, check
from neo_core.errors import UsageError
from neo_core.markets import Flow, MarketTick, Phase, Scenario, find, names, skip
from neo_core.model import DROPS, Side

ALL = (
    "calm",
    "cycling",
    "hostile",
    "waiting",
    "trend",
    "runaway_inventory",
    "flapping",
    "dead_node",
    "cancel_storm",
    "phantom",
    "wallet_mismatch",
)
CAP_BPS = 10.0

every_scenario = pytest.mark.parametrize("name", ALL)


def ticks(scenario: Scenario, seed: int = 1, count: int | None = None) -> list[MarketTick]:
    return list(islice(scenario.market(seed), scenario.ticks if count is None else count))


def mid(tick: MarketTick) -> float:
    assert tick.bid is not None
    assert tick.ask is not None
    return (tick.bid + tick.ask) / 2


def anchor_error(tick: MarketTick) -> float:
    assert tick.amm_price is not None
    return max(-CAP_BPS, min(CAP_BPS, (tick.amm_price / mid(tick) - 1.0) * 5_000))


def errors(name: str, start: int, stop: int) -> list[float]:
    return [anchor_error(tick) for tick in ticks(find(name), count=stop)[start:]]


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def test_names_are_those_of_the_stories() -> None:
    assert names() == ALL


@every_scenario
def test_each_scenario_tells_its_story_and_its_end(name: str) -> None:
    scenario = find(name)
    assert scenario.name == name
    assert 2 <= scenario.story.count(". ") + 1 <= 5
    assert scenario.ends.split()[0].rstrip(",;") in {
        "duration_elapsed",
        "degraded_episode_limit_halt",
        "risk_rpc_failure_halt",
        "inventory_truth_halt",
    }


def test_unknown_scenario_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError) as refusal:
        find("clam")
    assert str(refusal.value) == f"expected a scenario, one of {', '.join(ALL)}; got 'clam'"


@every_scenario
def test_phases_fill_the_natural_length(name: str) -> None:
    scenario = find(name)
    assert sum(phase.ticks for phase in scenario.phases) == scenario.ticks


@pytest.mark.rule("TICK-3")
@every_scenario
def test_same_seed_same_market_and_another_seed_another(name: str) -> None:
    scenario = find(name)
    assert ticks(scenario, seed=7) == ticks(scenario, seed=7)
    assert ticks(scenario, seed=7) != ticks(scenario, seed=8)


@pytest.mark.rule("TICK-3")
def test_a_market_does_not_depend_on_the_process_it_runs_in() -> None:
    show = "from neo_core.markets import find; from itertools import islice; from hashlib import sha256; "
    show += "print(sha256(repr(list(islice(find('calm').market(3), 300))).encode()).hexdigest())"
    seen = {
        subprocess.run(
            [sys.executable, "-c", show],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for hash_seed in ("0", "1", "2")
    }
    assert len(seen) == 1


@every_scenario
def test_a_market_goes_on_beyond_its_natural_length_as_it_ended(name: str) -> None:
    scenario = find(name)
    beyond = ticks(scenario, count=scenario.ticks + 200)[scenario.ticks :]
    assert len(beyond) == 200
    assert {tick.failure for tick in beyond} == {scenario.phases[-1].failure}


def test_a_phase_that_is_used_twice_lasts_as_long_as_it_says() -> None:
    quiet = Phase(3)
    scenario = Scenario("twice", "", "", 9, (quiet, Phase(3, failure="gone"), quiet))
    assert [bool(tick.failure) for tick in ticks(scenario)] == [False] * 3 + [True] * 3 + [False] * 3


@every_scenario
def test_every_book_has_two_sides_in_order_and_six_decimals(name: str) -> None:
    for tick in ticks(find(name)):
        assert tick.bid is not None
        assert tick.ask is not None
        assert 0 < tick.bid < tick.ask
        assert round(tick.bid, 6) == tick.bid
        assert round(tick.ask, 6) == tick.ask


@pytest.mark.parametrize("seen", [0, 1, 250])
def test_a_skipped_market_goes_on_where_it_was(seen: int) -> None:
    scenario = find("cycling")
    whole = ticks(scenario)
    assert list(islice(skip(scenario.market(1), seen), 50)) == whole[seen : seen + 50]


@pytest.mark.parametrize("seed", range(10))
def test_balanced_takers_never_come_more_than_twice_in_a_row_from_one_side(seed: int) -> None:
    balanced = Scenario("balanced", "", "", 900, (Phase(900),))
    came = [(i, taker) for i, tick in enumerate(ticks(balanced, seed)) for taker in tick.takers]
    sides = [taker.side for _, taker in came]
    assert len(came) > 60
    assert abs(sides.count(Side.BUY) - sides.count(Side.SELL)) <= 1
    assert all(len({*sides[i : i + 3]}) == 2 for i in range(len(sides) - 2))
    arrivals = [i for i, _ in came]
    assert {8 <= later - earlier <= 16 for earlier, later in pairwise(arrivals)} == {True}
    assert all(54 * DROPS <= taker.drops <= 126 * DROPS for _, taker in came)


def test_a_flow_without_buyers_has_only_sellers() -> None:
    scenario = Scenario("x", "", "", 100, (Phase(100, flow=Flow(50.0, 0.0, gap=(1, 1))),))
    came = [taker.side for tick in ticks(scenario) for taker in tick.takers]
    assert came == [Side.SELL] * 50


def test_calm_keeps_the_anchor_near_the_mid_and_the_mid_near_home() -> None:
    for tick in ticks(find("calm")):
        assert abs(anchor_error(tick)) < 1.0
        assert abs(mid(tick) / 2.0 - 1.0) < 0.001


@pytest.mark.parametrize(
    ("name", "start", "stop", "sign"),
    [
        ("cycling", 90, 170, 1),
        ("cycling", 330, 400, -1),
        ("hostile", 60, 120, 1),
        ("hostile", 230, 290, 1),
        ("hostile", 450, 600, 1),
        ("waiting", 60, 660, 1),
    ],
)
def test_a_pool_that_left_saturates_the_anchor_long_enough_to_enter(
    name: str, start: int, stop: int, sign: int
) -> None:
    away = errors(name, start, stop)
    assert min(sign * error for error in away) > 8.0
    assert len(away) > 25
    assert max(abs(error) for error in errors(name, 0, 60)) < 1.0


def test_waiting_keeps_the_pool_away_for_more_than_half_an_hour() -> None:
    away = [error for error in errors("waiting", 0, 900) if error > 8.0]
    assert len(away) * 4 > 30 * 60


def test_flapping_plays_between_the_thresholds() -> None:
    below_entry = errors("flapping", 40, 120)
    assert 5.0 < mean(below_entry) < 6.0
    above_entry = errors("flapping", 120, 170)
    assert min(above_entry) > 7.0
    hovering = errors("flapping", 170, 320)
    windows = [hovering[i : i + 25] for i in range(len(hovering) - 24)]
    assert all(4.0 < mean(window) < 6.0 for window in windows)
    assert max(hovering) > 6.0
    assert min(hovering) < 4.0
    after_hovering = errors("flapping", 170, 440)
    windows = [after_hovering[i : i + 25] for i in range(len(after_hovering) - 24)]
    clean = [mean(window) < 4.0 and sum(e > 5.0 for e in window) < 0.3 * 25 for window in windows]
    assert 0 < sum(clean) < 30


def test_trend_slides_by_two_percent_and_only_sellers_come() -> None:
    sliding = ticks(find("trend"))[90:130]
    assert mid(sliding[-1]) / mid(sliding[0]) == pytest.approx(0.98, abs=0.002)
    assert {taker.side for tick in sliding for taker in tick.takers} == {Side.SELL}


def test_runaway_inventory_sells_whole_lots_and_buys_crumbs() -> None:
    takers = [taker for tick in ticks(find("runaway_inventory"))[20:270] for taker in tick.takers]
    sold = [taker.drops for taker in takers if taker.side is Side.SELL]
    bought = [taker.drops for taker in takers if taker.side is Side.BUY]
    assert abs(len(sold) - len(bought)) <= 1
    assert sum(sold) > 10 * sum(bought)


def test_dead_node_misses_two_ledgers_and_dies_later() -> None:
    failed = [bool(tick.failure) for tick in ticks(find("dead_node"))]
    assert failed == [False] * 60 + [True] * 2 + [False] * 38 + [True] * 50


@every_scenario
def test_the_settings_of_a_scenario_are_sections_that_the_configuration_takes(name: str) -> None:
    settings, _ = check(Raw(find(name).settings, name), {})
    for section, values in find(name).settings.items():
        assert values.items() <= getattr(settings, section).model_dump().items()


def test_a_crowd_comes_in_one_ledger_and_both_sides_take_turns_in_it() -> None:
    flow = Flow(50.0, 50.0, gap=(3, 3), crowd=4)
    came = [tick.takers for tick in ticks(Scenario("x", "", "", 30, (Phase(30, flow=flow),)))]
    assert [len(takers) for takers in came] == [0, 0, 4] * 10
    for crowd in came[2::3]:
        sides = [taker.side for taker in crowd]
        assert sides.count(Side.BUY) == sides.count(Side.SELL) == 2
        assert len({*sides[:2]}) == 2


def test_of_a_crowd_without_buyers_the_sellers_come() -> None:
    flow = Flow(50.0, 0.0, gap=(1, 1), crowd=4)
    came = [tick.takers for tick in ticks(Scenario("x", "", "", 9, (Phase(9, flow=flow),)))]
    assert {tuple(taker.side for taker in takers) for takers in came} == {(Side.SELL, Side.SELL)}


@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize("start", [60, 207])
def test_cancel_storm_has_nobody_while_quotes_are_replaced_and_crowds_once_the_anchor_has_left(
    start: int, seed: int
) -> None:
    storm = ticks(find("cancel_storm"), seed)
    away, crowds = storm[start : start + 17], storm[start + 17 : start + 37]
    assert not any(tick.takers for tick in storm[start - 60 : start] + away)
    assert all(len(tick.takers) == 6 for tick in crowds)
    errors_of = [anchor_error(tick) for tick in away]
    assert sum(errors_of[:16]) / 25 < 5.95  # with eight or nine ledgers before it, as good as zero
    assert sum(errors_of) / 25 > 6.05


@pytest.mark.parametrize("seed", range(1, 6))
def test_phantom_has_takers_of_whole_quotes_and_then_one_after_more_than_five_minutes(seed: int) -> None:
    arrivals = [number for number, tick in enumerate(ticks(find("phantom"), seed)) if tick.takers]
    young = [number for number in arrivals if number < 100]
    assert len(young) > 10
    assert all(later - earlier >= 4 for earlier, later in pairwise(young))
    assert 4 * (arrivals[len(young)] - young[-1]) > 300 + 60
    assert all(taker.drops >= 100 * DROPS for tick in ticks(find("phantom"), seed) for taker in tick.takers)


@pytest.mark.parametrize("seed", range(1, 6))
def test_wallet_mismatch_withdraws_once(seed: int) -> None:
    taken = [tick.withdrawal_drops for tick in ticks(find("wallet_mismatch"), seed, 400)]
    assert taken == [0] * 80 + [25 * DROPS] + [0] * 319
