"""What the anchor guard's section refuses, and in which words."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from neo_anchor_guard import AnchorConfig
from pydantic import ValidationError


def refusals(section: dict[str, object], cap: float | None = None) -> dict[str, str]:
    """What is refused, by key. Without a cap the section is validated alone."""
    context = None if cap is None else {"settings": SimpleNamespace(quoting=SimpleNamespace(anchor_cap_bps=cap))}
    try:
        AnchorConfig.model_validate(section, context=context)
    except ValidationError as error:
        return {str(fault["loc"][0]): fault["msg"] for fault in error.errors()}
    return {}


def test_the_defaults_are_those_of_the_rules():
    assert AnchorConfig().model_dump() == {
        "enabled": True,
        "recovery_enabled": True,
        "lookback_ticks": 25,
        "bias_threshold_bps": 6.0,
        "prevalence_threshold_bps": 5.0,
        "prevalence_pct": 40.0,
        "recovery_exit_bias_threshold_bps": 4.0,
        "recovery_exit_prevalence_pct": 30.0,
        "recovery_stability_ticks": 30,
    }


def test_every_key_says_what_it_is():
    assert all(field.description for field in AnchorConfig.model_fields.values())


@pytest.mark.rule("ANC-6")
@pytest.mark.parametrize(
    ("section", "key", "sentence"),
    [
        (
            {"recovery_exit_bias_threshold_bps": 6.0},
            "recovery_exit_bias_threshold_bps",
            "expected less than bias_threshold_bps (6.0), got 6.0",
        ),
        (
            {"bias_threshold_bps": 3.0},
            "recovery_exit_bias_threshold_bps",
            "expected less than bias_threshold_bps (3.0), got 4.0",
        ),
        (
            {"recovery_exit_prevalence_pct": 40.0},
            "recovery_exit_prevalence_pct",
            "expected less than prevalence_pct (40.0), got 40.0",
        ),
        (
            {"prevalence_pct": 25.0},
            "recovery_exit_prevalence_pct",
            "expected less than prevalence_pct (25.0), got 30.0",
        ),
        (
            {"bias_threshold_bps": 10.0},
            "bias_threshold_bps",
            "expected less than quoting.anchor_cap_bps (10.0), got 10.0",
        ),
        (
            {"prevalence_threshold_bps": 10.0},
            "prevalence_threshold_bps",
            "expected less than quoting.anchor_cap_bps (10.0), got 10.0",
        ),
    ],
)
def test_hysteresis_the_wrong_way_round_is_refused_with_what_was_expected_and_what_came(section, key, sentence):
    refused = refusals(section)
    assert list(refused) == [key]
    assert sentence in refused[key]


@pytest.mark.rule("ANC-6")
def test_limits_just_below_theirs_are_taken():
    assert not refusals(
        {
            "bias_threshold_bps": 9.9,
            "prevalence_threshold_bps": 9.9,
            "recovery_exit_bias_threshold_bps": 9.8,
            "recovery_exit_prevalence_pct": 39.9,
        }
    )


@pytest.mark.rule("ANC-6")
def test_the_configured_cap_is_what_counts_for_defaults_too():
    assert not refusals({"bias_threshold_bps": 15.0}, cap=20.0)
    assert set(refusals({}, cap=5.0)) == {"bias_threshold_bps", "prevalence_threshold_bps"}
    assert not refusals({}, cap=6.1)


@pytest.mark.rule("ANC-6")
def test_without_valid_core_settings_nothing_is_compared_with_the_cap():
    section = AnchorConfig.model_validate({"bias_threshold_bps": 50.0}, context={"settings": None})
    assert section.bias_threshold_bps == 50.0


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("lookback_ticks", 0),
        ("lookback_ticks", 25.0),
        ("lookback_ticks", True),
        ("bias_threshold_bps", 0.0),
        ("bias_threshold_bps", "7"),
        ("bias_threshold_bps", float("nan")),
        ("bias_threshold_bps", float("inf")),
        ("bias_threshold_bps", None),
        ("prevalence_threshold_bps", -1.0),
        ("prevalence_pct", 100.0),
        ("prevalence_pct", -0.1),
        ("recovery_exit_bias_threshold_bps", 0.0),
        ("recovery_exit_prevalence_pct", 0.0),
        ("recovery_stability_ticks", 0),
        ("recovery_enabled", 1),
        ("enabled", "yes"),
        ("lookback", 25),
    ],
)
def test_values_out_of_range_or_of_the_wrong_kind_are_refused(key, value):
    assert key in refusals({key: value})


def test_every_fault_is_found_at_once():
    refused = refusals(
        {"recovery_exit_bias_threshold_bps": 9.0, "recovery_exit_prevalence_pct": 90.0, "lookbak": 1}
    )
    assert set(refused) == {"recovery_exit_bias_threshold_bps", "recovery_exit_prevalence_pct", "lookbak"}
