"""The parts of an observation that are asked: each says what it still wants to know, and takes the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from neo_core.errors import ObservationFailed
from neo_core.gateways.xrpl.connecting.link import Answer, Request
from neo_core.gateways.xrpl.observing.answers import Pin, fields, not_there, pinned, rows, shown, succeeded
from neo_core.gateways.xrpl.observing.questions import header
from neo_core.gateways.xrpl.reading.transaction import whole

__all__ = ["Header", "Once", "Part", "Raw", "Rows", "older_header"]


class Part(Protocol):
    what: str

    @property
    def request(self) -> Request | None:
        """What to ask next; None once there is nothing more."""
        ...

    def take(self, answer: Any) -> None: ...


class Once:
    """One answer, of the pinned ledger if a pin is given. With one of the errors `missing`, `told` stays None."""

    def __init__(self, what: str, request: Request, pin: Pin | None = None, missing: Sequence[str] = ()) -> None:
        self.what = what
        self.request: Request | None = request
        self.told: Mapping[str, Any] | None = None
        self._pin = pin
        self._missing = missing

    def take(self, answer: Any) -> None:
        self.request = None
        if self._pin is None:
            self.told = succeeded(self.what, answer)
        elif not not_there(self.what, answer, self._pin, self._missing):
            self.told = pinned(self.what, answer, self._pin)


class Raw:
    """An answer that somebody else reads."""

    def __init__(self, what: str, request: Request) -> None:
        self.what = what
        self.request: Request | None = request
        self.told: Answer = {}

    def take(self, answer: Any) -> None:
        self.request, self.told = None, answer


class Rows:
    """A list, page after page on the pinned ledger. Of an account that does not exist it is empty."""

    def __init__(self, what: str, request: Request, name: str, pin: Pin) -> None:
        self.what = what
        self.request: Request | None = request
        self.rows: list[Mapping[str, Any]] = []
        self._name = name
        self._pin = pin
        self._markers: list[Any] = []

    def take(self, answer: Any) -> None:
        asked, self.request = self.request, None
        if not_there(self.what, answer, self._pin, ("actNotFound",)):
            if self._markers:
                raise ObservationFailed(f"{self.what}: expected the next page, got that there is no such account")
            return
        told = pinned(self.what, answer, self._pin)
        self.rows += rows(self.what, told.get(self._name))
        marker = told.get("marker")
        if marker is None:
            return
        if marker in self._markers:
            raise ObservationFailed(f"{self.what}: expected the next page, got the marker {shown(marker)} twice")
        self._markers.append(marker)
        assert asked is not None
        self.request = {**asked, "marker": marker}


class Header:
    """The ledger itself. Its times are in the ledger's own seconds."""

    what = "ledger"

    def __init__(self, pin: Pin) -> None:
        self.request: Request | None = header(pin.ledger_index)
        self.close_time = 0
        self.parent_close_time = 0
        self.parent_hash = ""
        self._pin = pin

    def take(self, answer: Any) -> None:
        self.request = None
        told = fields("ledger, ledger", pinned(self.what, answer, self._pin).get("ledger"))
        self.close_time = whole(told.get("close_time"), "ledger, close_time")
        self.parent_close_time = whole(told.get("parent_close_time"), "ledger, parent_close_time")
        parent = told.get("parent_hash")
        if told.get("closed") is not True or not isinstance(parent, str):
            raise ObservationFailed(f"ledger: expected a closed ledger with its parent's hash, got {shown(told)}")
        self.parent_hash = parent.upper()


def older_header(ledger_index: int, answer: Any) -> tuple[str, int, int]:
    """Hash, close time and parent's close time of an older ledger."""
    told = succeeded("ledger", answer)
    if told.get("ledger_index") != ledger_index or told.get("validated") is not True:
        raise ObservationFailed(
            f"ledger: expected validated ledger {ledger_index}, got {shown(told.get('ledger_index'))}, "
            f"validated {shown(told.get('validated'))}"
        )
    known = fields("ledger, ledger", told.get("ledger"))
    return (
        str(told.get("ledger_hash")).upper(),
        whole(known.get("close_time"), "ledger, close_time"),
        whole(known.get("parent_close_time"), "ledger, parent_close_time"),
    )
