"""What the corridor guard's section refuses, and in which words."""

from __future__ import annotations

import pytest
from neo_corridor_guard import CorridorConfig
from pydantic import ValidationError


def refusals(section: dict[str, object]) -> dict[str, str]:
    try:
        CorridorConfig.model_validate(section)
    except ValidationError as error:
        return {str(fault["loc"][0]): fault["msg"] for fault in error.errors()}
    return {}


@pytest.mark.rule("COR-1")
def test_the_defaults_are_those_of_the_rules():
    assert CorridorConfig().model_dump() == {
        "enabled": True,
        "recovery_enabled": True,
        "min_pct": 30.0,
        "max_pct": 70.0,
        "corridor_lookback_ticks": 10,
    }


def test_every_key_says_what_it_is():
    assert all(field.description for field in CorridorConfig.model_fields.values())


@pytest.mark.rule("COR-1")
@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ({"min_pct": 70.0}, "expected more than min_pct (70.0), got 70.0"),
        ({"max_pct": 30.0}, "expected more than min_pct (30.0), got 30.0"),
        ({"min_pct": 60.0, "max_pct": 40.0}, "expected more than min_pct (60.0), got 40.0"),
    ],
)
def test_a_corridor_without_room_is_refused_with_what_was_expected_and_what_came(section, sentence):
    refused = refusals(section)
    assert list(refused) == ["max_pct"]
    assert sentence in refused["max_pct"]


def test_the_widest_and_a_very_narrow_corridor_are_taken():
    assert not refusals({"min_pct": 0.0, "max_pct": 100.0})
    assert not refusals({"min_pct": 50.0, "max_pct": 50.1})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("min_pct", -0.1),
        ("min_pct", "30"),
        ("max_pct", 100.1),
        ("max_pct", float("nan")),
        ("max_pct", None),
        ("corridor_lookback_ticks", 0),
        ("corridor_lookback_ticks", 1.0),
        ("lookback_ticks", 10),
    ],
)
def test_values_out_of_range_or_of_the_wrong_kind_are_refused(key, value):
    assert key in refusals({key: value})
