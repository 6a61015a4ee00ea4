"""What counts as a field, and as agreement."""

from __future__ import annotations

from typing import Any

import pytest

from .comparing import fields
from .excused import Excuse, excuse, excuse_for


def compared(expected: Any, got: Any, *excuses: Excuse) -> list[tuple[str, bool]]:
    def judge(key: str) -> Excuse | None:
        return next((each for each in excuses if key in each.keys), None)

    return [(field.path, field.agrees) for field in fields(expected, got, judge)]


def test_every_value_down_to_the_last_counts_once() -> None:
    answer = {"a": 1, "b": {"c": [1, {"d": "x"}], "e": {}}, "f": []}
    paths = ["a", "b.c.0", "b.c.1.d", "b.e", "f"]
    assert compared(answer, answer) == [(path, True) for path in paths]


@pytest.mark.parametrize(
    ("expected", "got", "differ"),
    [
        ({"a": 1}, {"a": 2}, ["a"]),
        ({"a": 1}, {"a": True}, ["a"]),
        ({"a": 1}, {"a": "1"}, ["a"]),
        ({"a": 1}, {}, ["a"]),
        ({}, {"a": 1}, ["a"]),
        ({"a": [1, 2]}, {"a": [2, 1]}, ["a.0", "a.1"]),
        ({"a": [1]}, {"a": [1, {"b": 2}]}, ["a.1"]),
        ({"a": {"b": 1, "c": 2}}, {"a": "x"}, ["a.b", "a.c"]),
        ({"a": {"b": 1, "c": 2}}, {}, ["a.b", "a.c"]),
    ],
)
def test_whatever_is_not_the_same_in_the_same_place_differs(expected: Any, got: Any, differ: list[str]) -> None:
    assert [path for path, agrees in compared(expected, got) if not agrees] == differ


def test_what_is_excused_need_only_be_there() -> None:
    timely = excuse("time", "it passes")
    assert compared({"time": 1, "a": 2}, {"time": {"now": 5}, "a": 2}, timely) == [("a", True)]
    assert compared({"time": 1}, {}, timely) == [("time", False)]
    assert compared({"time": 1}, {}, excuse("time", "it passes", may_be_missing=True)) == []


def test_an_excuse_counts_only_where_it_is_given() -> None:
    assert excuse_for("01_server", "server_info", "uptime") is not None
    assert excuse_for("01_server", "ledger", "uptime") is None
    assert excuse_for("06_expiration", "ledger", "total_coins") is not None
    assert excuse_for("01_server", "ledger", "total_coins") is None
