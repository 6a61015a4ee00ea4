"""What the drift guard's section refuses."""

from __future__ import annotations

import pytest
from neo_drift_guard import DriftConfig
from pydantic import ValidationError


@pytest.mark.rule("DRI-1", "DRI-2", "DRI-3", "DRI-4")
def test_the_defaults_are_those_of_the_rules():
    assert DriftConfig().model_dump() == {
        "enabled": True,
        "recovery_enabled": True,
        "burst_enabled": True,
        "burst_fills": 3,
        "burst_window_ticks": 15,
        "net_enabled": True,
        "lookback_ticks": 50,
        "net_notional_pct": 20.0,
        "silence_enabled": True,
        "min_same_side_fills": 4,
        "opposing_silence_ticks": 60,
        "recovery_quiet_ticks": 30,
    }


def test_every_key_says_what_it_is():
    assert all(field.description for field in DriftConfig.model_fields.values())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("burst_enabled", 1),
        ("burst_fills", 0),
        ("burst_fills", 3.0),
        ("burst_window_ticks", 0),
        ("net_enabled", "no"),
        ("lookback_ticks", 0),
        ("net_notional_pct", 0.0),
        ("net_notional_pct", 100.1),
        ("net_notional_pct", float("nan")),
        ("silence_enabled", None),
        ("min_same_side_fills", 0),
        ("opposing_silence_ticks", 0),
        ("recovery_quiet_ticks", 0),
        ("recovery_quiet_ticks", True),
        ("burst_fill", 3),
    ],
)
def test_values_out_of_range_or_of_the_wrong_kind_are_refused(key, value):
    with pytest.raises(ValidationError) as refused:
        DriftConfig.model_validate({key: value})
    assert [fault["loc"] for fault in refused.value.errors()] == [(key,)]
