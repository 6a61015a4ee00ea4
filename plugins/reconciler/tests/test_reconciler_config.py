"""What the reconciler's section refuses."""

from __future__ import annotations

import pytest
from neo_reconciler import ReconcilerConfig
from pydantic import ValidationError


@pytest.mark.rule("REC-3")
def test_the_defaults_are_those_of_the_rules():
    assert ReconcilerConfig().model_dump() == {"enabled": True, "age_threshold_seconds": 300.0}


def test_every_key_says_what_it_is():
    assert all(field.description for field in ReconcilerConfig.model_fields.values())


def test_a_threshold_may_be_a_whole_number_and_below_a_second():
    assert ReconcilerConfig.model_validate({"age_threshold_seconds": 30}).age_threshold_seconds == 30.0
    assert ReconcilerConfig.model_validate({"age_threshold_seconds": 0.5}).age_threshold_seconds == 0.5


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("age_threshold_seconds", 0),
        ("age_threshold_seconds", -300.0),
        ("age_threshold_seconds", float("nan")),
        ("age_threshold_seconds", float("inf")),
        ("age_threshold_seconds", "300"),
        ("age_threshold_seconds", True),
        ("age_threshold_seconds", None),
        ("enabled", 1),
        ("age_threshold", 300.0),
        ("recovery_enabled", True),
        ("max_held_orders", 3),
    ],
)
def test_values_out_of_range_or_of_the_wrong_kind_and_unknown_keys_are_refused(key, value):
    with pytest.raises(ValidationError) as refused:
        ReconcilerConfig.model_validate({key: value})
    assert [fault["loc"] for fault in refused.value.errors()] == [(key,)]
