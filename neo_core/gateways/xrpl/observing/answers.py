"""An answer of a ledger's server, checked before anything is read from it.

What is refused is said without the server's name and the ledger: whoever asks the questions puts them in front.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from neo_core.errors import ObservationFailed
from neo_core.gateways.xrpl.reading.amounts import amount_of

__all__ = [
    "Pin",
    "drops",
    "error_of",
    "fields",
    "not_there",
    "number",
    "pinned",
    "rows",
    "shown",
    "succeeded",
]

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 70
_SHORT.maxlevel, _SHORT.maxdict, _SHORT.maxlist = 2, 3, 3


def shown(value: object) -> str:
    """What was told, cut to what a sentence can hold."""
    return _SHORT.repr(value)


class Pin(msgspec.Struct, frozen=True, gc=False):
    """The one validated ledger that every answer has to be of."""

    ledger_index: int
    ledger_hash: str


def error_of(answer: Any) -> str | None:
    """The error that the server names instead of an answer."""
    given = answer.get("error") if isinstance(answer, Mapping) else None
    return given if given is None or isinstance(given, str) else shown(given)


def succeeded(what: str, answer: Any) -> Mapping[str, Any]:
    if not isinstance(answer, Mapping):
        raise ObservationFailed(f"{what}: expected an answer with its fields by name, got {shown(answer)}")
    error = error_of(answer)
    if error is not None:
        said = answer.get("error_message", answer.get("error_exception", ""))
        raise ObservationFailed(f"{what}: expected an answer, got the error {shown(error)} {shown(said)}")
    return answer


def pinned(what: str, answer: Any, pin: Pin) -> Mapping[str, Any]:
    told = succeeded(what, answer)
    if not _of(told, pin) or told.get("validated") is not True:
        raise ObservationFailed(
            f"{what}: expected validated ledger {pin.ledger_index} with hash {pin.ledger_hash}, "
            f"got ledger {shown(told.get('ledger_index', told.get('ledger_current_index')))} "
            f"with hash {shown(told.get('ledger_hash'))}, validated {shown(told.get('validated'))}"
        )
    return told


def not_there(what: str, answer: Any, pin: Pin, errors: Collection[str]) -> bool:
    """Whether the server says that the ledger holds no such thing. Not every server then names the ledger."""
    if error_of(answer) not in errors:
        return False
    told = {"ledger_index", "ledger_hash"} & answer.keys()
    if (told and not _of({**msgspec.structs.asdict(pin), **answer}, pin)) or answer.get("validated") is False:
        raise ObservationFailed(f"{what}: expected ledger {pin.ledger_index}, got an error about another ledger")
    return True


def _of(answer: Mapping[str, Any], pin: Pin) -> bool:
    index, ledger_hash = answer.get("ledger_index"), answer.get("ledger_hash")
    return (
        index == pin.ledger_index
        and isinstance(ledger_hash, str)
        and ledger_hash.upper() == pin.ledger_hash.upper()
    )


def fields(what: str, given: Any) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise ObservationFailed(f"{what}: expected fields by name, got {shown(given)}")
    return given


def rows(what: str, given: Any) -> list[Mapping[str, Any]]:
    if not isinstance(given, list):
        raise ObservationFailed(f"{what}: expected a list, got {shown(given)}")
    return [fields(what, row) for row in given]


def number(what: str, given: Any) -> float:
    """A plain number, not below zero."""
    if not isinstance(given, int | float) or isinstance(given, bool) or not 0 <= given < math.inf:
        raise ObservationFailed(f"{what}: expected a number that is not below zero, got {shown(given)}")
    try:
        return float(given)
    except OverflowError:
        raise ObservationFailed(f"{what}: expected a number, got one of hundreds of digits") from None


def drops(what: str, given: Any) -> int:
    amount = amount_of(given, what)
    if not isinstance(amount, int) or amount < 0:
        raise ObservationFailed(f"{what}: expected whole drops, got {shown(given)}")
    return amount
