"""SPEC section 5, from outside: views in, answers out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from neo_drift_guard import DriftConfig, DriftGuard

from neo_core import Clear, Enter, Mode, Recover, Side, Stay, View
from neo_core.testing import Answers, conform, fill, view, walk

BUY, SELL = Side.BUY, Side.SELL
ONLY_A = {"net_enabled": False, "silence_enabled": False}
ONLY_B = {"burst_enabled": False, "silence_enabled": False}
ONLY_C = {"burst_enabled": False, "net_enabled": False}

Fills = Mapping[int, Sequence[Side | tuple[Side, int]]]


def views(ticks: range, fills: Fills, *, episode: bool = False, **overrides: object) -> list[View]:
    """One view a tick, with fills by tick: a side (worth 200 RLUSD), or a side and what it is worth."""
    shown = {"mode": Mode.DEGRADED, "source": "drift"} if episode else {}
    return [
        view(tick, fills=tuple(_fill(each, tick) for each in fills.get(tick, ())), **(shown | overrides))
        for tick in ticks
    ]


def _fill(wanted: Side | tuple[Side, int], tick: int):
    side, worth = wanted if isinstance(wanted, tuple) else (wanted, 200)
    return fill(side, tick=tick, rlusd=worth)


def entries(last: int, fills: Fills, **config: object) -> dict[int, Clear | Enter]:
    """What a fresh guard answers on ticks 1 to `last`, by tick. It is armed on tick 0."""
    guard = armed_guard(**config)
    return {tick: step.entry for tick, step in enumerate(walk(guard, views(range(1, last + 1), fills)), start=1)}


def armed_guard(**config: object) -> DriftGuard:
    guard = DriftGuard(DriftConfig(**config))
    guard.on_rearm(view(0))
    return guard


def entry_ticks(answers: Mapping[int, Clear | Enter]) -> list[int]:
    return [tick for tick, answer in answers.items() if isinstance(answer, Enter)]


def degraded_guard(side: Side = BUY, **config: object) -> DriftGuard:
    """A guard that entered on tick 3, by a burst of three."""
    guard = armed_guard(**config)
    steps = walk(guard, views(range(1, 4), {1: [side], 2: [side], 3: [side]}))
    assert isinstance(steps[-1].entry, Enter)
    return guard


def episode(guard: DriftGuard, ticks: range, fills: Fills | None = None, **how: object) -> list[Answers]:
    return walk(guard, views(ticks, fills or {}, episode=True), **how)


def recovered_on(steps: list[Answers], first: int = 4) -> int | None:
    return next((first + nth for nth, step in enumerate(steps) if isinstance(step.recovery, Recover)), None)


# --- A: burst ---


@pytest.mark.rule("DRI-1")
@pytest.mark.parametrize("side", [BUY, SELL])
def test_three_fills_of_one_side_enter_and_two_do_not(side):
    answers = entries(10, {1: [side], 4: [side], 9: [side]}, **ONLY_A)
    assert entry_ticks(answers) == [9, 10]
    assert answers[9].reason == (f"[DRIFT] 3 {side} fills and no {side.opposite} fill within 15 ticks (limit 3)")


@pytest.mark.rule("DRI-1")
def test_three_fills_on_one_tick_are_a_burst():
    assert entry_ticks(entries(1, {1: [BUY, BUY, BUY]}, **ONLY_A)) == [1]


@pytest.mark.rule("DRI-1")
def test_the_window_is_this_tick_and_the_fourteen_before_it():
    assert entry_ticks(entries(15, {1: [BUY], 2: [BUY], 15: [BUY]}, **ONLY_A)) == [15]
    assert entry_ticks(entries(16, {1: [BUY], 2: [BUY], 16: [BUY]}, **ONLY_A)) == []


@pytest.mark.rule("DRI-1")
def test_an_opposing_fill_within_the_window_holds_the_burst_back_until_it_leaves():
    fills: Fills = {1: [SELL], 10: [BUY], 11: [BUY], 12: [BUY]}
    assert entry_ticks(entries(24, fills, **ONLY_A)) == list(range(16, 25))


# --- B: net ---


@pytest.mark.rule("DRI-2")
@pytest.mark.parametrize("side", [BUY, SELL])
def test_net_notional_above_its_share_of_the_portfolio_enters_and_equal_to_it_does_not(side):
    # The portfolio of `view` is worth 40,000 RLUSD: 20 % are 8,000.
    assert entry_ticks(entries(5, {2: [(side, 8_000)]}, **ONLY_B)) == []
    answers = entries(5, {2: [(side, 8_001)]}, **ONLY_B)
    assert entry_ticks(answers) == [2, 3, 4, 5]
    assert answers[2].reason == (
        f"[DRIFT] net {side} fills of 8001.00 RLUSD within 50 ticks are 20.0% of the portfolio (limit 20.0%)"
    )


@pytest.mark.rule("DRI-2")
def test_opposing_notional_is_taken_off():
    assert entry_ticks(entries(4, {1: [(BUY, 9_000)], 2: [(SELL, 1_000)]}, **ONLY_B)) == [1]


@pytest.mark.rule("DRI-2")
def test_fills_leave_the_sum_after_lookback_ticks():
    assert entry_ticks(entries(60, {5: [(SELL, 9_000)]}, **ONLY_B)) == list(range(5, 55))


@pytest.mark.rule("DRI-2")
@pytest.mark.parametrize("value", [None, 0.0])
def test_without_a_portfolio_value_net_is_not_judged(value):
    guard = armed_guard(**ONLY_B)
    blind = walk(guard, views(range(1, 2), {1: [(BUY, 9_000)]}, portfolio_value=value))[0].entry
    assert isinstance(blind, Clear)
    assert blind.measures["net_pct"] is None
    assert isinstance(walk(guard, views(range(2, 3), {}))[0].entry, Enter)


# --- C: silence ---


@pytest.mark.rule("DRI-3")
def test_four_fills_since_an_opposing_one_more_than_sixty_ticks_ago_enter():
    fills: Fills = {5: [SELL], 10: [BUY], 25: [BUY], 40: [BUY], 55: [BUY]}
    answers = entries(70, fills, **ONLY_C)
    assert entry_ticks(answers) == list(range(66, 71))
    assert answers[65].measures["silence_ticks"] == 60
    assert answers[66].reason == "[DRIFT] 4 buy fills and no sell fill for 61 ticks (limits 4 and 60)"


@pytest.mark.rule("DRI-3")
def test_three_fills_are_too_few_for_silence():
    assert entry_ticks(entries(200, {5: [SELL], 10: [BUY], 25: [BUY], 40: [BUY]}, **ONLY_C)) == []


@pytest.mark.rule("DRI-3")
def test_an_opposing_fill_starts_count_and_clock_again():
    fills: Fills = {5: [SELL], 10: [BUY], 25: [BUY], 40: [BUY], 50: [SELL], 55: [BUY]}
    assert entry_ticks(entries(150, fills, **ONLY_C)) == []


@pytest.mark.rule("DRI-3")
def test_without_an_opposing_fill_the_clock_runs_from_the_rearm():
    fills: Fills = {10: [SELL], 25: [SELL], 40: [SELL], 55: [SELL]}
    assert entry_ticks(entries(62, fills, **ONLY_C)) == [61, 62]
    guard = DriftGuard(DriftConfig(**ONLY_C))
    guard.on_rearm(view(9))
    steps = walk(guard, views(range(10, 75), fills))
    assert [10 + n for n, step in enumerate(steps) if isinstance(step.entry, Enter)] == [70, 71, 72, 73, 74]


# --- switches ---


@pytest.mark.rule("DRI-1", "DRI-2", "DRI-3")
@pytest.mark.parametrize(
    ("fills", "only", "switch"),
    [
        ({100: [BUY, BUY, BUY]}, ONLY_A, "burst_enabled"),
        ({100: [(BUY, 9_000)]}, ONLY_B, "net_enabled"),
        ({1: [SELL], 10: [BUY], 30: [BUY], 50: [BUY], 70: [BUY]}, ONLY_C, "silence_enabled"),
    ],
)
def test_each_condition_enters_alone_and_can_be_switched_off(fills, only, switch):
    assert entry_ticks(entries(100, fills, **only))
    assert entry_ticks(entries(100, fills)) == entry_ticks(entries(100, fills, **only))
    assert entry_ticks(entries(100, fills, **{switch: False})) == []


@pytest.mark.rule("DRI-1")
@pytest.mark.parametrize("mode", list(Mode))
def test_windows_move_and_the_guard_answers_in_every_mode(mode):
    guard = armed_guard()
    steps = walk(guard, views(range(1, 4), {1: [BUY], 2: [BUY], 3: [BUY]}, mode=mode, source="anchor"))
    assert [isinstance(step.entry, Enter) for step in steps] == [False, False, True]


# --- recovering ---


@pytest.mark.rule("DRI-4")
@pytest.mark.parametrize("side", [BUY, SELL])
def test_an_opposing_fill_since_the_entry_recovers(side):
    steps = episode(degraded_guard(side), range(4, 10), {6: [side.opposite]})
    assert recovered_on(steps) == 6
    assert steps[2].recovery.reason == (
        f"[DRIFT_RECOVERY] Exited DEGRADED — {side.opposite} fill on tick 6 opposes the {side} fills"
    )


@pytest.mark.rule("DRI-4")
def test_thirty_ticks_without_a_same_side_fill_recover_and_twenty_nine_do_not():
    steps = episode(degraded_guard(), range(4, 40))
    assert recovered_on(steps) == 33  # 30 ticks after the entry
    assert [step.recovery.measures["quiet_ticks"] for step in steps[:30]] == list(range(1, 31))
    assert steps[29].recovery.reason == "[DRIFT_RECOVERY] Exited DEGRADED — no buy fill for 30 ticks"


@pytest.mark.rule("DRI-4")
def test_a_same_side_fill_starts_the_quiet_again():
    assert recovered_on(episode(degraded_guard(), range(4, 90), {20: [BUY]})) == 50


@pytest.mark.rule("DRI-4")
def test_opposing_fills_from_before_the_entry_are_none_since_it():
    guard = armed_guard(**ONLY_B)
    steps = walk(guard, views(range(1, 4), {2: [SELL], 3: [SELL, (BUY, 9_000)]}))
    assert isinstance(steps[-1].entry, Enter)
    assert recovered_on(episode(guard, range(4, 40))) == 33


@pytest.mark.rule("DRI-4")
def test_an_opposing_fill_during_the_cooldown_recovers_on_the_first_evaluation():
    steps = episode(degraded_guard(), range(4, 40), {8: [SELL]}, suppressed=range(4, 20))
    assert recovered_on(steps) == 20


@pytest.mark.rule("DRI-4", "COOL-4")
def test_suppressed_ticks_are_no_quiet_ones():
    # Entered on tick 3, cool-down 3: suppressed on 4 and 5, judged from 6, and 30 evaluations end on 35.
    assert recovered_on(episode(degraded_guard(), range(4, 50), suppressed=range(4, 6))) == 35


@pytest.mark.rule("DRI-4")
def test_a_failed_observation_adds_nothing_to_the_quiet_and_takes_nothing_from_it():
    guard = degraded_guard()
    assert recovered_on(episode(guard, range(4, 14))) is None
    assert recovered_on(episode(guard, range(20, 60)), first=20) == 39


@pytest.mark.rule("DRI-4", "MODE-3")
def test_ticks_of_an_integrity_cause_are_no_quiet_ones_but_their_fills_are_seen():
    guard = degraded_guard()
    episode(guard, range(4, 14))
    joined = views(range(14, 20), {15: [BUY]}, mode=Mode.DEGRADED, source="wallet_truth")
    assert all(step.recovery is None for step in walk(guard, joined))
    assert recovered_on(episode(guard, range(20, 60)), first=20) == 49


@pytest.mark.rule("DRI-4")
def test_silence_takes_no_part_in_recovery():
    guard = armed_guard(**ONLY_C)
    fills: Fills = {5: [SELL], 10: [BUY], 25: [BUY], 40: [BUY], 55: [BUY]}
    assert isinstance(walk(guard, views(range(1, 67), fills))[-1].entry, Enter)
    steps = episode(guard, range(67, 100))
    assert isinstance(steps[28].entry, Enter)  # condition C goes on being met
    assert recovered_on(steps, first=67) == 96


@pytest.mark.rule("DRI-4")
def test_an_entry_answered_while_degraded_already_does_not_move_the_start_of_the_episode():
    guard = degraded_guard()
    steps = episode(guard, range(4, 24), {5: [SELL], 21: [BUY, BUY, BUY]}, suppressed=range(4, 23))
    assert any(isinstance(step.entry, Enter) for step in steps[17:19])
    assert recovered_on(steps) == 23


@pytest.mark.rule("DRI-4")
def test_a_recovery_that_has_to_wait_for_the_last_offer_is_answered_again():
    guard = degraded_guard()
    for shown in views(range(4, 7), {4: [SELL]}, episode=True):
        guard.observe(shown)
        assert isinstance(guard.evaluate_recovery(shown), Recover)


@pytest.mark.rule("DRI-4")
def test_a_guard_that_knows_no_entry_stays_until_it_has_seen_enough_quiet():
    guard = armed_guard()
    assert isinstance(guard.evaluate_recovery(view(1, mode=Mode.DEGRADED, source="drift")), Stay)
    assert recovered_on(episode(armed_guard(), range(4, 50), {9: [BUY], 10: [SELL]})) == 40
    assert recovered_on(episode(armed_guard(), range(4, 50))) == 34


@pytest.mark.rule("COOL-12", "DRI-4")
def test_rearming_empties_windows_run_and_episode():
    guard = degraded_guard()
    guard.on_rearm(view(4))
    assert isinstance(walk(guard, views(range(5, 7), {5: [BUY], 6: [BUY]}))[-1].entry, Clear)
    answer = guard.evaluate_entry(view(6))
    assert answer.measures.burst_buys == 2
    assert answer.measures.net_pct == 1.0
    assert answer.measures.run_fills == 2
    assert answer.measures.silence_ticks == 2
    assert isinstance(guard.evaluate_recovery(view(7, mode=Mode.DEGRADED, source="drift")), Stay)


# --- the windows and the contract ---


@pytest.mark.rule("DRI-1", "DRI-2", "DRI-3")
@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from([BUY, SELL]), st.decimals("0.000001", 9_000, places=6)), max_size=3),
        max_size=60,
    ),
    st.integers(1, 12),
    st.integers(1, 12),
)
def test_running_windows_measure_what_adding_up_afresh_does(by_tick, burst_window, lookback):
    guard = armed_guard(burst_window_ticks=burst_window, lookback_ticks=lookback)
    fills = dict(enumerate(by_tick, start=1))
    steps = walk(guard, views(range(1, len(by_tick) + 1), fills))
    past: list[tuple[int, Side, float]] = []
    for tick, step in enumerate(steps, start=1):
        past += [(tick, side, float(worth)) for side, worth in fills[tick]]
        recent = [side for at, side, _ in past if at > tick - burst_window]
        net = sum(worth if side is BUY else -worth for at, side, worth in past if at > tick - lookback)
        last = past[-1][1] if past else None
        opposing = [nth for nth, (_, side, _) in enumerate(past) if side is not last]
        since = past[opposing[-1]][0] if opposing else 0
        measures = step.entry.measures
        assert measures["burst_buys"] == recent.count(BUY)
        assert measures["burst_sells"] == recent.count(SELL)
        assert measures["net_pct"] == pytest.approx(100 * abs(net) / 40_000.0)
        assert measures["run_fills"] == len(past) - (opposing[-1] + 1 if opposing else 0)
        assert measures["silence_ticks"] == tick - since


@pytest.mark.rule("TICK-3")
@pytest.mark.parametrize("seed", range(5))
def test_it_keeps_the_plugin_contract(seed):
    conform(lambda: DriftGuard(DriftConfig()), seed=seed)
    conform(lambda: DriftGuard(DriftConfig(recovery_quiet_ticks=2, burst_window_ticks=3)), seed=seed)
