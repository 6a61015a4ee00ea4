"""SPEC section 6, from outside: views in, answers out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from neo_corridor_guard import CorridorConfig, CorridorGuard

from neo_core import Clear, Enter, Mode, Recover, Stay, View
from neo_core.testing import conform, view, walk

INSIDE, OUTSIDE = 50.0, 75.0


def views(shares: list[float | None], first: int = 1, *, episode: bool = False) -> list[View]:
    """Views with these shares of XRP. Without a share there is no mid either."""
    shown = {"mode": Mode.DEGRADED, "source": "corridor"} if episode else {}
    return [
        view(first + nth, mid=None, **shown) if share is None else view(first + nth, inventory_pct=share, **shown)
        for nth, share in enumerate(shares)
    ]


def entries(shares: list[float | None], **config: object) -> list[Clear | Enter]:
    return [step.entry for step in walk(CorridorGuard(CorridorConfig(**config)), views(shares))]


def recoveries(
    guard: CorridorGuard, shares: list[float | None], first: int = 11, **how: object
) -> list[Stay | Recover]:
    return [step.recovery for step in walk(guard, views(shares, first, episode=True), **how)]


def degraded_guard() -> CorridorGuard:
    """A guard that entered on tick 10."""
    guard = CorridorGuard(CorridorConfig())
    assert isinstance(walk(guard, views([OUTSIDE] * 10))[-1].entry, Enter)
    return guard


def index_of(kind: type, answers: list[object]) -> int | None:
    return next((nth for nth, answer in enumerate(answers) if isinstance(answer, kind)), None)


@pytest.mark.rule("COR-1")
@pytest.mark.parametrize("share", [29.99, 0.0, 70.01, 100.0])
def test_the_tenth_tick_in_a_row_outside_enters(share):
    assert index_of(Enter, entries([share] * 12)) == 9


@pytest.mark.rule("COR-1")
@pytest.mark.parametrize("share", [30.0, 70.0, 50.0])
def test_a_share_equal_to_a_limit_is_inside(share):
    assert index_of(Enter, entries([share] * 30)) is None


@pytest.mark.rule("COR-1")
def test_entering_says_what_was_measured_and_the_limits():
    answer = entries([OUTSIDE] * 10)[-1]
    assert answer.reason == "[CORRIDOR] inventory=75.0% outside 30.0% to 70.0% for 10 ticks (limit 10)"
    assert answer.measures == {
        "inventory_pct": 75.0,
        "min_pct": 30.0,
        "max_pct": 70.0,
        "outside_ticks": 10,
        "outside_limit_ticks": 10,
    }


@pytest.mark.rule("COR-1")
def test_one_tick_inside_starts_the_count_again():
    assert index_of(Enter, entries([OUTSIDE] * 9 + [INSIDE] + [OUTSIDE] * 10)) == 19


@pytest.mark.rule("COR-1")
def test_above_and_below_are_both_outside():
    assert index_of(Enter, entries([75.0, 25.0] * 5)) == 9


@pytest.mark.rule("COR-1")
def test_a_tick_without_a_mid_neither_counts_nor_resets():
    answers = entries([OUTSIDE] * 9 + [None] * 5 + [OUTSIDE])
    assert index_of(Enter, answers) == 14
    assert answers[9].measures["inventory_pct"] is None
    assert answers[9].measures["outside_ticks"] == 9


@pytest.mark.rule("COR-1")
def test_what_was_outside_for_long_enough_is_so_on_a_tick_without_a_mid_too():
    answer = entries([OUTSIDE] * 10 + [None])[-1]
    assert isinstance(answer, Enter)
    assert "inventory=(no mid now) outside" in answer.reason


@pytest.mark.rule("COR-1")
def test_a_failed_observation_neither_counts_nor_resets():
    guard = CorridorGuard(CorridorConfig())
    walk(guard, views([OUTSIDE] * 9))
    assert isinstance(walk(guard, views([OUTSIDE], first=15))[0].entry, Enter)


@pytest.mark.rule("COR-1")
@given(st.lists(st.sampled_from([None, 0.0, 29.9, 30.0, 50.0, 70.0, 70.1]), max_size=60), st.integers(1, 6))
def test_entry_is_what_counting_back_says(shares, lookback):
    for nth, answer in enumerate(entries(shares, corridor_lookback_ticks=lookback)):
        last = [share for share in shares[: nth + 1] if share is not None][-lookback:]
        outside = len(last) == lookback and all(share < 30 or share > 70 for share in last)
        assert isinstance(answer, Enter) is outside


@pytest.mark.rule("COR-1")
@pytest.mark.parametrize("mode", list(Mode))
def test_the_guard_answers_in_every_mode(mode):
    steps = walk(
        CorridorGuard(CorridorConfig()),
        [view(n, inventory_pct=OUTSIDE, mode=mode, source="anchor") for n in range(1, 11)],
    )
    assert isinstance(steps[-1].entry, Enter)


@pytest.mark.rule("COR-2")
def test_the_tenth_evaluation_in_a_row_inside_recovers():
    answers = recoveries(degraded_guard(), [INSIDE] * 10)
    assert index_of(Recover, answers) == 9
    assert [answer.measures["stable_ticks"] for answer in answers] == list(range(1, 11))
    assert answers[-1].reason == (
        "[CORRIDOR_RECOVERY] Exited DEGRADED — inventory=50.0% inside 30.0% to 70.0% stable for 10 ticks"
    )


@pytest.mark.rule("COR-2")
def test_limits_are_inside_and_beyond_them_is_not():
    assert index_of(Recover, recoveries(degraded_guard(), [30.0, 70.0] * 5)) == 9
    assert index_of(Recover, recoveries(degraded_guard(), [29.99] * 20)) is None
    assert index_of(Recover, recoveries(degraded_guard(), [70.01] * 20)) is None


@pytest.mark.rule("COR-2")
@pytest.mark.parametrize("disturbance", [None, OUTSIDE])
def test_a_tick_without_a_mid_or_outside_starts_the_count_again(disturbance):
    answers = recoveries(degraded_guard(), [INSIDE] * 9 + [disturbance] + [INSIDE] * 10)
    assert index_of(Recover, answers) == 19


@pytest.mark.rule("COR-2")
def test_a_failed_observation_starts_the_count_again():
    guard = degraded_guard()
    recoveries(guard, [INSIDE] * 9, first=11)
    assert index_of(Recover, recoveries(guard, [INSIDE] * 20, first=21)) == 9  # tick 20 failed


@pytest.mark.rule("COR-2", "MODE-3")
def test_ticks_of_an_integrity_cause_break_the_count():
    guard = degraded_guard()
    recoveries(guard, [INSIDE] * 9, first=11)
    joined = view(20, inventory_pct=INSIDE, mode=Mode.DEGRADED, source="wallet_truth")
    assert walk(guard, [joined])[0].recovery is None
    assert index_of(Recover, recoveries(guard, [INSIDE] * 20, first=21)) == 9


@pytest.mark.rule("COR-2")
def test_suppressed_ticks_do_not_count():
    answers = recoveries(degraded_guard(), [INSIDE] * 40, suppressed=range(11, 31))
    assert index_of(Recover, answers) == 20 + 9


@pytest.mark.rule("COR-2")
def test_a_recovery_that_has_to_wait_for_the_last_offer_is_answered_again():
    guard = degraded_guard()
    recoveries(guard, [INSIDE] * 9)
    for tick in (20, 21):
        assert isinstance(guard.evaluate_recovery(*views([INSIDE], tick, episode=True)), Recover)


@pytest.mark.rule("COR-2")
def test_a_guard_that_knows_nothing_stays():
    assert isinstance(CorridorGuard(CorridorConfig()).evaluate_recovery(*views([None], episode=True)), Stay)


@pytest.mark.rule("COR-2", "COOL-12")
def test_rearming_starts_both_counts_again():
    guard = degraded_guard()
    recoveries(guard, [INSIDE] * 9, first=11)
    guard.on_rearm()
    assert index_of(Recover, recoveries(guard, [INSIDE] * 10, first=20)) == 9
    guard = CorridorGuard(CorridorConfig())
    walk(guard, views([OUTSIDE] * 9))
    guard.on_rearm()
    assert index_of(Enter, [step.entry for step in walk(guard, views([OUTSIDE] * 10, first=10))]) == 9


@pytest.mark.rule("TICK-3")
@pytest.mark.parametrize("seed", range(5))
def test_it_keeps_the_plugin_contract(seed):
    conform(lambda: CorridorGuard(CorridorConfig()), seed=seed)
    conform(lambda: CorridorGuard(CorridorConfig(corridor_lookback_ticks=2)), seed=seed)
