"""What plugins answer, checked: anything but what the contract says raises, and is then a fault. (SPEC PLUG-3)"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import PurePath

import msgspec

from neo_core.measures import Measures, facts_of
from neo_core.model import Clear, Enter, Mark, Outcome, Recover, Resolution, Stay, Wait

__all__ = [
    "entry",
    "marks",
    "names_are_texts",
    "nothing",
    "record",
    "recovery",
    "verdict",
    "where",
    "words",
]

FACTS = frozenset({str, int, float, bool, type(None)})
PROVEN = (Outcome.FILLED, Outcome.REJECTED)
SHOWN = 80

_encode = msgspec.json.Encoder().encode

names_are_texts = "".join
"""Raises TypeError on a mapping whose keys are not all texts: the quickest such check that Python has."""


def nothing(answer: object) -> None:
    if answer is not None:
        raise TypeError(f"expected no answer, got {_shown(answer)}")


def entry(answer: object) -> Clear | Enter:
    if type(answer) is Enter:
        _sentence(answer.reason)
    elif type(answer) is not Clear:
        raise TypeError(f"expected Clear or Enter, got {_shown(answer)}")
    _facts(answer.measures)
    return answer


def recovery(answer: object) -> Stay | Recover:
    if type(answer) is Recover:
        _sentence(answer.reason)
    elif type(answer) is not Stay:
        raise TypeError(f"expected Stay or Recover, got {_shown(answer)}")
    _facts(answer.measures)
    return answer


def verdict(answer: object) -> Resolution | Wait:
    """About an order that vanished without proof."""
    if type(answer) is Wait:
        if type(answer.from_ledger) is not int or type(answer.to_ledger) is not int:
            raise TypeError(f"expected a Wait for ledgers by their numbers, got {_shown(answer)}")
        if not 0 < answer.from_ledger <= answer.to_ledger:
            raise TypeError(f"expected a Wait for ledgers from a first to a last, got {_shown(answer)}")
    elif type(answer) is not Resolution or type(answer.outcome) is not Outcome:
        raise TypeError(f"expected a Resolution with an Outcome, a Wait, or None, got {_shown(answer)}")
    elif answer.outcome in PROVEN:
        raise TypeError(f"expected no {answer.outcome}, which needs proof, got {_shown(answer)}")
    _sentence(answer.token)
    _facts(answer.evidence)
    return answer


def record(answer: object) -> Resolution:
    """About an order that the ledger has ended."""
    if type(answer) is not Resolution or type(answer.outcome) is not Outcome:
        raise TypeError(f"expected a Resolution with an Outcome, or None, got {_shown(answer)}")
    _sentence(answer.token)
    _facts(answer.evidence)
    return answer


def marks(answer: object, order_ids: Collection[str]) -> list[Mark]:
    if type(answer) not in (list, tuple):
        raise TypeError(f"expected a list of Mark, got {_shown(answer)}")
    assert isinstance(answer, list | tuple)
    for mark in answer:
        if type(mark) is not Mark or mark.order_id not in order_ids:
            raise TypeError(f"expected a Mark of an order that is being cancelled, got {_shown(mark)}")
        _sentence(mark.cancelled_at)
        _sentence(mark.cancel_reason)
    return list(answer)


def words(error: BaseException) -> str:
    """What was raised, even if it cannot be printed."""
    try:
        text = f"{type(error).__name__}: {error}"
    except BaseException:  # noqa: BLE001 (a plugin's own exception may fail when it is printed)
        text = f"{type(error).__name__}, which cannot be printed"
    return text.encode("utf-8", "backslashreplace").decode()


def where(error: BaseException) -> str:
    """The line that raised, for the plugin's author."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{PurePath(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"


def _sentence(text: object) -> None:
    if type(text) is not str or not text.strip():
        raise TypeError(f"expected a text that says something, got {_shown(text)}")
    text.encode()


def _facts(given: object) -> None:
    """What goes to the decision log and the database: plain values by name."""
    facts = facts_of(given) if isinstance(given, Measures) else given
    if type(facts) is not dict:
        raise TypeError(f"expected a dict of plain values, got {_shown(facts)}")
    for name, value in facts.items():
        if type(name) is not str or type(value) not in FACTS:
            raise TypeError(f"expected plain values by name, got {_shown(name)}: {_shown(value)}")
    _encode(facts)


def _shown(value: object) -> str:
    return repr(value)[:SHOWN]
