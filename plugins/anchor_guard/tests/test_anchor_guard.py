"""SPEC section 4, from outside: views in, answers out."""

from __future__ import annotations

from fractions import Fraction
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from neo_anchor_guard import AnchorConfig, AnchorGuard

from neo_core import Clear, Enter, Mode, Recover, Stay, View
from neo_core.testing import conform, view, walk

WINDOW = 25
SATURATED = [7.0] * WINDOW
CLEAN = 0.5


def views(errors: list[float | None], first: int = 1, *, episode: bool = False) -> list[View]:
    shown = {"mode": Mode.DEGRADED, "source": "anchor"} if episode else {}
    return [view(first + nth, anchor_error_bps=error, **shown) for nth, error in enumerate(errors)]


def entry_after(errors: list[float | None], **config: object) -> Clear | Enter:
    return walk(AnchorGuard(AnchorConfig(**config)), views(errors))[-1].entry


def degraded_guard(**config: object) -> AnchorGuard:
    """A guard that entered on tick 25, with its window full of large errors."""
    guard = AnchorGuard(AnchorConfig(**config))
    assert isinstance(walk(guard, views(SATURATED))[-1].entry, Enter)
    return guard


def recoveries(
    guard: AnchorGuard, errors: list[float | None], first: int = 26, **how: object
) -> list[Stay | Recover]:
    return [step.recovery for step in walk(guard, views(errors, first, episode=True), **how)]


def first_recovery(answers: list[Stay | Recover]) -> int | None:
    """The index of the first Recover."""
    return next((nth for nth, answer in enumerate(answers) if isinstance(answer, Recover)), None)


# --- entering ---


@pytest.mark.rule("ANC-1")
def test_a_full_window_beyond_both_limits_enters_and_says_what_it_measured():
    answer = entry_after(SATURATED)
    assert isinstance(answer, Enter)
    assert answer.reason == (
        "[ANCHOR_SAT] mean=7.00bps (limit ±6.00), 100.0% beyond ±5.00bps (limit 40.0%) in 25 ticks"
    )
    assert answer.measures == {
        "mean_bps": 7.0,
        "bias_limit_bps": 6.0,
        "prevalence_pct": 100.0,
        "prevalence_limit_pct": 40.0,
        "window_ticks": 25,
    }


@pytest.mark.rule("ANC-1")
def test_a_window_that_lacks_one_tick_does_not_enter():
    answer = entry_after([10.0] * (WINDOW - 1))
    assert isinstance(answer, Clear)
    assert answer.measures["mean_bps"] is None
    assert answer.measures["window_ticks"] == WINDOW - 1


@pytest.mark.rule("ANC-1")
@pytest.mark.parametrize(
    ("errors", "enters"),
    [
        pytest.param([6.0] * 25, False, id="mean-equal-to-its-limit"),
        pytest.param([6.0] * 24 + [6.001], True, id="mean-just-above"),
        pytest.param([10.0] * 10 + [5.0] * 15, False, id="prevalence-equal-to-its-limit"),
        pytest.param([10.0] * 10 + [5.001] + [5.0] * 14, True, id="prevalence-just-above"),
        pytest.param([20.0] * 10 + [0.0] * 15, False, id="bias-alone"),
        pytest.param([5.9] * 25, False, id="prevalence-alone"),
    ],
)
def test_only_more_than_both_limits_enters(errors, enters):
    assert isinstance(entry_after(errors), Enter) is enters


@pytest.mark.rule("ANC-1")
@pytest.mark.parametrize("limit", [6.1, 7.3, 9.7])
def test_a_mean_equal_to_a_limit_that_binary_fractions_cannot_hold_does_not_enter(limit):
    noise = [0.1, -9.3, 3.7] * 9
    assert isinstance(entry_after(noise + [limit] * 25, bias_threshold_bps=limit), Clear)
    assert isinstance(entry_after(noise + [limit] * 24 + [limit + 0.001], bias_threshold_bps=limit), Enter)


@pytest.mark.rule("ANC-1")
def test_a_tick_without_an_anchor_adds_nothing_to_the_window():
    blind: list[float | None] = [None] * 40
    assert isinstance(entry_after([*SATURATED[:-1], *blind]), Clear)
    assert isinstance(entry_after([*SATURATED[:-1], *blind, 7.0]), Enter)
    assert isinstance(entry_after([*SATURATED, *blind]), Enter)


@pytest.mark.rule("ANC-1")
@pytest.mark.parametrize("error", [nan, inf, -inf])
def test_an_error_that_is_no_number_is_refused_and_leaves_the_window_as_it_was(error):
    guard = AnchorGuard(AnchorConfig())
    walk(guard, views(SATURATED))
    before = guard.evaluate_entry(view(26))
    with pytest.raises(ValueError, match="expected an error in bps"):
        guard.observe(view(26, anchor_error_bps=error))
    assert guard.evaluate_entry(view(26)) == before


def test_the_largest_window_at_the_largest_cap_forgets_what_has_left_it():
    config = AnchorConfig.model_validate({"lookback_ticks": 10_000})
    guard = AnchorGuard(config)
    for nth in range(10_000):
        guard.observe(view(nth + 1, anchor_error_bps=1000.0 - nth % 7 / 1e8))
    for nth in range(10_000):
        guard.observe(view(nth + 10_001, anchor_error_bps=0.1))
    answer = guard.evaluate_entry(view(20_001))
    assert (answer.measures.mean_bps, answer.measures.prevalence_pct) == (0.1, 0.0)


def test_windows_move_in_every_mode_and_the_guard_answers_in_every_mode():
    for mode in Mode:
        guard = AnchorGuard(AnchorConfig())
        steps = walk(guard, [view(n, anchor_error_bps=7.0, mode=mode, source="drift") for n in range(1, 26)])
        assert isinstance(steps[-2].entry, Clear)
        assert isinstance(steps[-1].entry, Enter)


@pytest.mark.rule("ANC-7")
def test_without_recovery_the_guard_fires_all_the_same():
    assert isinstance(entry_after(SATURATED, recovery_enabled=False), Enter)


# --- recovering ---


@pytest.mark.rule("ANC-2", "ANC-8")
def test_thirty_clean_evaluations_recover_and_twenty_nine_do_not():
    guard = degraded_guard()
    cleaning = 14  # 25 errors of 7: after 14 ticks of 0.5 the mean is 3.36 and the prevalence 44 %
    answers = recoveries(guard, [CLEAN] * (cleaning + 60))
    prevalence = [answer.measures["prevalence_pct"] for answer in answers]
    first_clean = next(nth for nth, pct in enumerate(prevalence) if pct < 30.0)
    assert first_recovery(answers) == first_clean + 29
    assert [answer.measures["stable_ticks"] for answer in answers[: first_clean + 30]] == [0] * first_clean + list(
        range(1, 31)
    )


@pytest.mark.rule("ANC-8")
@pytest.mark.parametrize("sign", [1, -1])
def test_recovery_says_mean_prevalence_and_stability_in_the_fixed_form(sign):
    guard = degraded_guard()
    # In any 25 of these there are 3 large ones (12 %) and the mean is 3.5.
    cycle = [5.5, 5.5, 5.5] + [(87.5 - 16.5) / 22] * 22
    answers = recoveries(guard, [sign * error for error in cycle * 4])
    recovered = answers[first_recovery(answers)]
    shown = "3.50" if sign > 0 else "-3.50"
    assert recovered.reason == (
        f"[ANCHOR_SAT_RECOVERY] Exited DEGRADED — mean={shown}bps prevalence=12.0% stable for 30 ticks"
    )


@pytest.mark.rule("ANC-8")
def test_a_mean_that_rounds_to_zero_is_shown_without_a_sign():
    guard = AnchorGuard(AnchorConfig(lookback_ticks=1, recovery_stability_ticks=1))
    assert "mean=0.00bps" in recoveries(guard, [-0.001])[0].reason


def stable_guard(clean_evaluations: int) -> tuple[AnchorGuard, int]:
    """A guard in its episode, its window clean, with so many clean evaluations counted; and the next tick."""
    guard = degraded_guard()
    suppressed = range(26, 26 + 2 * WINDOW)
    walk(guard, views([CLEAN] * len(suppressed), 26, episode=True), suppressed=suppressed)
    first = suppressed.stop
    answers = recoveries(guard, [CLEAN] * clean_evaluations, first)
    assert all(isinstance(answer, Stay) for answer in answers)
    return guard, first + clean_evaluations


@pytest.mark.rule("ANC-2")
def test_the_thirtieth_clean_evaluation_recovers():
    guard, tick = stable_guard(29)
    assert isinstance(recoveries(guard, [CLEAN], tick)[0], Recover)


@pytest.mark.rule("ANC-2")
def test_one_clean_evaluation_is_not_enough():
    guard, tick = stable_guard(0)
    assert isinstance(recoveries(guard, [CLEAN], tick)[0], Stay)


@pytest.mark.rule("ANC-2")
def test_suppressed_ticks_do_not_count_towards_stability():
    guard, tick = stable_guard(0)  # 50 clean ticks passed, all suppressed
    assert first_recovery(recoveries(guard, [CLEAN] * 40, tick)) == 29


@pytest.mark.rule("ANC-2")
def test_one_unclean_evaluation_starts_the_count_again():
    guard, tick = stable_guard(29)
    answers = recoveries(guard, [500.0] + [-500.0] + [CLEAN] * 100, tick)
    assert answers[0].measures["stable_ticks"] == 0
    assert answers[1].measures["stable_ticks"] == 1  # the two cancel out: clean again, and counted from 1
    assert first_recovery(answers) is not None
    assert first_recovery(answers) >= 30


@pytest.mark.rule("ANC-2")
def test_a_tick_without_an_anchor_starts_the_count_again():
    guard, tick = stable_guard(29)
    answers = recoveries(guard, [None] + [CLEAN] * 40, tick)
    assert isinstance(answers[0], Stay)
    assert first_recovery(answers) == 30


@pytest.mark.rule("ANC-2")
def test_a_failed_observation_starts_the_count_again():
    guard, tick = stable_guard(29)
    assert first_recovery(recoveries(guard, [CLEAN] * 40, tick + 1)) == 29  # tick number `tick` failed


@pytest.mark.rule("ANC-2", "MODE-3")
def test_ticks_of_an_integrity_cause_break_the_count_and_keep_the_window():
    guard, tick = stable_guard(29)
    joined = [view(tick + n, anchor_error_bps=CLEAN, mode=Mode.DEGRADED, source="wallet_truth") for n in range(3)]
    assert all(step.recovery is None for step in walk(guard, joined))
    answers = recoveries(guard, [CLEAN] * 40, tick + 3)
    assert answers[0].measures["mean_bps"] == CLEAN
    assert first_recovery(answers) == 29


@pytest.mark.rule("ANC-2")
def test_the_count_starts_at_zero_with_each_episode():
    guard, tick = stable_guard(29)
    assert isinstance(recoveries(guard, [CLEAN], tick)[0], Recover)
    again = walk(guard, views(SATURATED, tick + 1))
    assert isinstance(again[-1].entry, Enter)
    tick += 1 + WINDOW
    answers = recoveries(guard, [CLEAN] * 80, tick)
    first_clean = next(nth for nth, answer in enumerate(answers) if answer.measures["prevalence_pct"] < 30.0)
    assert first_recovery(answers) == first_clean + 29


@pytest.mark.rule("ANC-2")
def test_a_recovery_that_has_to_wait_for_the_last_offer_is_answered_again():
    guard, tick = stable_guard(29)
    for nth in range(3):
        shown = view(tick + nth, anchor_error_bps=CLEAN, mode=Mode.DEGRADED, source="anchor")
        guard.observe(shown)
        assert isinstance(guard.evaluate_recovery(shown), Recover)  # and no re-arm: its cancel_all is not complete


@pytest.mark.rule("ANC-3")
def test_bias_clean_and_prevalence_high_does_not_recover():
    guard = degraded_guard()
    answers = recoveries(guard, [9.0, -9.0] * 100)
    assert abs(answers[-1].measures["mean_bps"]) < 4.0
    assert first_recovery(answers) is None


@pytest.mark.rule("ANC-4", "ANC-5")
@pytest.mark.parametrize("error", [4.5, -4.5])
def test_prevalence_clean_and_bias_high_does_not_recover(error):
    guard = degraded_guard()
    answers = recoveries(guard, [error] * 200)
    assert answers[-1].measures["prevalence_pct"] == 0.0
    assert first_recovery(answers) is None


@pytest.mark.rule("ANC-3", "ANC-4")
@pytest.mark.parametrize(
    ("cycle", "recovers"),
    [
        pytest.param([4.0] * 20, False, id="mean-equal-to-its-exit-limit"),
        pytest.param([3.999] * 20, True, id="mean-just-below"),
        pytest.param(
            [6.0, -6.0, 6.0, -6.0, 6.0, -6.0] + [0.0] * 14, False, id="prevalence-equal-to-its-exit-limit"
        ),
        pytest.param([6.0, -6.0, 6.0, -6.0, 6.0] + [0.0] * 15, True, id="prevalence-just-below"),
    ],
)
def test_only_less_than_both_exit_limits_recovers(cycle, recovers):
    guard = AnchorGuard(AnchorConfig(lookback_ticks=20))
    answers = recoveries(guard, cycle * 5, first=1)
    assert (first_recovery(answers) is not None) is recovers


@pytest.mark.rule("ANC-2")
def test_a_guard_that_knows_nothing_stays():
    shown = view(anchor_error_bps=0.0, mode=Mode.DEGRADED, source="anchor")
    assert isinstance(AnchorGuard(AnchorConfig()).evaluate_recovery(shown), Stay)
    answers = recoveries(AnchorGuard(AnchorConfig(recovery_stability_ticks=1)), [0.0] * 25, first=1)
    assert first_recovery(answers) == 24  # not before the window is full


@pytest.mark.rule("ANC-5")
@given(st.lists(st.floats(-10, 10), min_size=25, max_size=90), st.booleans())
def test_mirrored_errors_get_mirrored_answers(errors, episode):
    config = AnchorConfig(recovery_stability_ticks=3)
    steps = walk(AnchorGuard(config), views(errors, episode=episode))
    mirrored = walk(AnchorGuard(config), views([-error for error in errors], episode=episode))
    for step, mirror in zip(steps, mirrored, strict=True):
        assert type(step.entry) is type(mirror.entry)
        assert type(step.recovery) is type(mirror.recovery)
        mean, mirrored_mean = step.entry.measures["mean_bps"], mirror.entry.measures["mean_bps"]
        assert mean is None if mirrored_mean is None else mean == -mirrored_mean


@pytest.mark.rule("ANC-5")
def test_negative_saturation_enters_and_recovers():
    guard = AnchorGuard(AnchorConfig())
    assert isinstance(walk(guard, views([-7.0] * 25))[-1].entry, Enter)
    assert first_recovery(recoveries(guard, [-CLEAN] * 80)) is not None


@pytest.mark.rule("ANC-6")
def test_after_recovery_a_mean_between_the_limits_does_not_enter_again():
    guard, tick = stable_guard(29)
    assert isinstance(recoveries(guard, [CLEAN], tick)[0], Recover)
    between = walk(guard, views([5.9] * 100, tick + 1))
    assert all(isinstance(step.entry, Clear) for step in between)
    assert isinstance(walk(guard, views([6.1] * 25, tick + 101))[-1].entry, Enter)


@pytest.mark.rule("COOL-12")
def test_rearming_empties_the_window():
    guard = degraded_guard()
    guard.on_rearm()
    assert isinstance(walk(guard, views([7.0] * 24, 26))[-1].entry, Clear)
    assert isinstance(walk(guard, views([7.0], 50))[-1].entry, Enter)


@pytest.mark.rule("COOL-12", "ANC-2")
def test_rearming_starts_the_count_of_clean_evaluations_again():
    guard = AnchorGuard(AnchorConfig(lookback_ticks=1, recovery_stability_ticks=3))
    assert first_recovery(recoveries(guard, [CLEAN] * 2, first=1)) is None
    guard.on_rearm()
    assert first_recovery(recoveries(guard, [CLEAN] * 5, first=3)) == 2


# --- the window and the contract ---


@pytest.mark.rule("ANC-1")
@given(
    st.integers(1, 30),
    st.lists(st.one_of(st.none(), st.floats(-10, 10), st.sampled_from([5.0, -5.0, 0.1])), max_size=120),
)
def test_the_running_window_measures_what_adding_up_afresh_does(size, errors):
    guard = AnchorGuard(AnchorConfig(lookback_ticks=size))
    seen: list[Fraction] = []
    for error, step in zip(errors, walk(guard, views(errors)), strict=True):
        if error is not None:
            seen.append(Fraction(round(error * 10**9), 10**9))
        last = seen[-size:]
        full = len(last) == size
        expected_pct = 100 * sum(abs(each) > 5 for each in last) / size if full else None
        assert step.entry.measures["mean_bps"] == (float(sum(last) / size) if full else None)
        assert step.entry.measures["prevalence_pct"] == expected_pct


@pytest.mark.rule("TICK-3")
@pytest.mark.parametrize("seed", range(5))
def test_it_keeps_the_plugin_contract(seed):
    conform(lambda: AnchorGuard(AnchorConfig()), seed=seed)
    conform(lambda: AnchorGuard(AnchorConfig(lookback_ticks=3, recovery_stability_ticks=2)), seed=seed)
