"""All the ways in which a hook can misbehave, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from neo_core import Clear, Enter, Measures, Recover, Stay


class Unprintable(Exception):
    def __str__(self) -> str:
        raise ValueError("not even this")


class Odd:
    def __repr__(self) -> str:
        raise ValueError("not even this")


def raises(error: BaseException) -> Callable[..., Any]:
    def hook(*handed: Any) -> Any:
        raise error

    return hook


def answers(answer: object) -> Callable[..., Any]:
    return lambda *handed: answer


def changes(handed: object, name: str) -> None:
    setattr(handed, name, None)


RAISING: dict[str, Callable[..., Any]] = {
    "raises": raises(RuntimeError("out of order")),
    "raises_SystemExit": raises(SystemExit(0)),
    "raises_KeyboardInterrupt": raises(KeyboardInterrupt()),
    "raises_GeneratorExit": raises(GeneratorExit()),
    "raises_what_cannot_be_printed": raises(Unprintable()),
    "raises_what_is_no_text": raises(RuntimeError("\ud800")),
}
CHANGING_A_VIEW: dict[str, Callable[..., Any]] = {
    "changes_the_view": lambda view: changes(view, "anchor"),
    "deletes_from_the_view": lambda view: delattr(view, "anchor"),
    "changes_a_fill": lambda view: changes(view.fills[0], "drops"),
    "changes_the_fills": lambda view: view.fills.append(None),
    "changes_an_order": lambda view: changes(view.open_orders[0], "status"),
    "replaces_an_order": lambda view: view.open_orders.__setitem__(0, None),
}


class Record(Measures, frozen=True):
    mean: object


NO_MEASURES: dict[str, object] = {
    "measures_are_an_object": object(),
    "measures_are_a_list": [1.0],
    "measures_are_none": None,
    "a_measure_is_an_object": {"mean": object()},
    "a_measure_is_a_list": {"mean": [1.0]},
    "a_measure_has_no_name": {1: 2.0},
    "a_measure_is_no_text": {"mean": "\ud800"},
    "a_measure_of_a_record_is_a_list": Record([1.0]),
    "a_measure_of_a_record_is_a_record": Record(Record(1.0)),
    "a_measure_of_a_record_is_an_object": Record(object()),
}
NO_REASON: dict[str, Any] = {
    "no_reason": "",
    "a_blank_reason": "  ",
    "reason_is_none": None,
    "reason_is_bytes": b"far",
    "reason_is_no_text": "\ud800",
}


def wrong_verdicts(calm: type[Any], alarm: type[Any], other: object) -> dict[str, Callable[..., Any]]:
    wrong: dict[str, object] = {
        "answers_none": None,
        "answers_a_text": "Clear",
        "answers_false": False,
        "answers_the_class": calm,
        "answers_the_other_hooks_verdict": other,
        "answers_what_cannot_be_shown": Odd(),
    }
    wrong |= {name: calm(measures) for name, measures in NO_MEASURES.items()}
    wrong |= {f"{name}_and_it_fires": alarm("far", measures) for name, measures in NO_MEASURES.items()}
    wrong |= {name: alarm(said) for name, said in NO_REASON.items()}
    return {name: answers(answer) for name, answer in wrong.items()}


SILENT = {"answers_something": answers(Clear()), "answers_false": answers(False)}
ANY_HOOK = RAISING | CHANGING_A_VIEW
ENTRIES = ANY_HOOK | wrong_verdicts(Clear, Enter, Stay())
RECOVERIES = ANY_HOOK | wrong_verdicts(Stay, Recover, Enter("far"))


def cases(hook: str, misbehaviours: dict[str, Callable[..., Any]]) -> list[Any]:
    return [pytest.param(hook, told, id=f"{hook}-{name}") for name, told in misbehaviours.items()]
