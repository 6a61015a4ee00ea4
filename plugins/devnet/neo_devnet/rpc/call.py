"""One request: what was asked of which node, and the ledger that it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from xrpl.core.addresscodec import is_valid_classic_address

from neo_devnet.faults import Faults
from neo_devnet.history import Ledger
from neo_devnet.ledger import Rules, State, keys

if TYPE_CHECKING:
    from neo_devnet.node import Node

__all__ = ["CODES", "Call", "Ground", "RpcError", "account_of", "fail", "invalid", "limit_of", "missing", "page"]

CODES = {
    "actMalformed": (35, "Account malformed."),
    "actNotFound": (19, "Account not found."),
    "badMarket": (42, "No such market."),
    "dstAmtMalformed": (51, "Destination amount/currency/issuer is malformed."),
    "dstIsrMalformed": (53, "Destination issuer is malformed."),
    "excessiveLgrRange": (78, "Ledger range exceeds 1000."),
    "forbidden": (3, "Bad credentials."),
    "invalidLgrRange": (79, "Ledger range is invalid."),
    "invalidParams": (31, "Invalid parameters."),
    "issueMalformed": (93, "Issue is malformed."),
    "lgrIdxMalformed": (58, "Ledger index malformed."),
    "lgrIdxsInvalid": (57, "Ledger indexes invalid."),
    "lgrNotFound": (21, "Ledger not found."),
    "lgrNotValidated": (54, "Ledger not validated."),
    "malformedStream": (71, "Stream malformed."),
    "noNetwork": (17, "Not synced to the network."),
    "notImpl": (74, "Not implemented."),
    "notSupported": (75, "Operation not supported."),
    "notSynced": (18, "Not synced to the network."),
    "srcCurMalformed": (69, "Source currency is malformed."),
    "srcIsrMalformed": (70, "Source issuer is malformed."),
    "tooBusy": (9, "The server is too busy to help you now."),
    "transactionNotFound": (None, None),
    "txnNotFound": (29, "Transaction not found."),
    "unknownCmd": (32, "Unknown method."),
}


class RpcError(Exception):
    def __init__(self, fields: dict[str, Any]) -> None:
        super().__init__(fields["error"])
        self.fields = fields


def fail(token: str, message: str | None = None, **fields: Any) -> RpcError:
    """The error as a node answers it: token, number and sentence, and what else belongs to it."""
    code, usual = CODES[token]
    named = {} if code is None else {"error_code": code, "error_message": message or usual}
    return RpcError({**fields, "error": token, **named})


def invalid(name: str, expected: str = "") -> RpcError:
    return fail("invalidParams", f"Invalid field '{name}'{', not ' + expected if expected else ''}.")


def missing(name: str) -> RpcError:
    return fail("invalidParams", f"Missing field '{name}'.")


class Ground(msgspec.Struct):
    """A ledger that a request is about, closed or open."""

    state: State
    index: int
    parent_close_time: int
    ledger: Ledger | None
    """None: the open ledger."""
    shown: dict[str, Any]
    """What every answer says of it."""


class Call(msgspec.Struct):
    node: Node
    params: dict[str, Any]
    version: int
    admin: bool
    faults: Faults

    @property
    def newest(self) -> Ledger:
        ledger = self.node.history.get(self.faults.newest(self.node.validated.index))
        assert ledger is not None
        return ledger

    @property
    def open_index(self) -> int:
        return self.newest.index + 1

    def rules(self, ground: Ground) -> Rules:
        return self.node.fees.rules(self.newest if ground.ledger is None else ground.ledger)

    def has(self, index: int) -> bool:
        return self.faults.has(index, self.node.validated.index)

    def ground(self) -> Ground:
        """The ledger named by ledger_hash or ledger_index; without both the open one."""
        ledger_hash = self.params.get("ledger_hash")
        if ledger_hash is not None:
            return self._closed(self._by_hash(ledger_hash))
        index = self.params.get("ledger_index", self.params.get("ledger", "current"))
        if index == "current":
            return self._open()
        if index in ("validated", "closed"):
            return self._closed(self.newest)
        number = index if isinstance(index, int) and not isinstance(index, bool) else _number(index)
        if number == self.open_index:
            return self._open()
        ledger = self.node.history.get(number)
        if ledger is None or (number > 1 and not self.has(number)):
            raise fail("lgrNotFound", "ledgerNotFound")
        return self._closed(ledger)

    def _by_hash(self, ledger_hash: Any) -> Ledger:
        if not isinstance(ledger_hash, str) or len(ledger_hash) != 64:
            raise fail("invalidParams", "ledgerHashMalformed")
        ledger = self.faults.find(self.node.history, ledger_hash.upper(), self.node.validated.index)
        if ledger is None:
            raise fail("lgrNotFound", "ledgerNotFound")
        return ledger

    def _open(self) -> Ground:
        newest = self.newest
        behind = newest.index != self.node.validated.index
        state = newest.state if behind else self.node.open.state
        assert state is not None
        shown = {"ledger_current_index": newest.index + 1, "validated": False}
        return Ground(state, newest.index + 1, newest.close_time, None, shown)

    def _closed(self, ledger: Ledger) -> Ground:
        if ledger.state is None:
            raise fail("lgrNotFound", "ledgerNotFound")
        shown = {
            "ledger_hash": self.faults.hash_of(ledger.hash),
            "ledger_index": ledger.index,
            "validated": True,
        }
        return Ground(ledger.state, ledger.index, ledger.parent_close_time, ledger, shown)


def _number(text: Any) -> int:
    if isinstance(text, str) and text.isdigit():
        return int(text)
    raise fail("invalidParams", "ledgerIndexMalformed")


def account_of(call: Call, ground: Ground | None, name: str = "account", *, must_be_there: bool = True) -> str:
    """The account asked about. What ledger it was looked for in is part of some refusals, not of others."""
    address = call.params.get(name)
    if address is None:
        raise missing(name)
    if not isinstance(address, str):
        raise invalid(name)
    shown = ground.shown if ground else {}
    if not is_valid_classic_address(address):
        raise fail("actMalformed", **shown)
    if must_be_there and ground is not None and ground.state.get(keys.account(address)) is None:
        raise fail("actNotFound")
    return address


def limit_of(call: Call, least: int, usual: int, most: int) -> int:
    limit = call.params.get("limit")
    if limit is None:
        return usual
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:
        raise invalid("limit", "unsigned integer")
    if limit == 0:
        raise invalid("limit")
    return limit if call.admin else max(least, min(most, limit))


def page(keys_in_order: list[str], call: Call, limit: int) -> tuple[list[str], str | None]:
    """One page of keys, and the marker of the next: the last key of this page, and a hint that nobody needs."""
    start = 0
    marker = call.params.get("marker")
    if marker is not None:
        if not isinstance(marker, str):
            raise invalid("marker", "string")
        after = marker.partition(",")[0].upper()
        if after not in keys_in_order:
            raise invalid("marker")
        start = keys_in_order.index(after) + 1
    found = keys_in_order[start : start + limit]
    more = start + limit < len(keys_in_order)
    return found, f"{found[-1]},0" if more and found else None
