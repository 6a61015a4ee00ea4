"""One validated transaction as a line of JSON, the way servers tell it in either version of their interface."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from neo_core.errors import UnreadableTransaction
from neo_core.gateways.xrpl.reading.metadata import Event, explain

__all__ = ["explain_line"]

# Best first. A ledger closes no earlier than the one before it: by its own close time an offer can only be told as
# expired too early, and only one that expired in the seconds between the two.
_CLOSE_TIMES = ("parent_close_time", "close_time", "date")


def explain_line(line: bytes, account: str | None = None) -> tuple[Event, ...]:
    record = _record(line)
    transaction = record.get("tx_json", record.get("tx"))
    if not isinstance(transaction, Mapping):
        raise UnreadableTransaction("expected a transaction as tx or tx_json")
    # Fields of the transaction itself come second: since version 2 its hash and ledger stand beside it.
    told = {**transaction, **{name: given for name, given in record.items() if given is not None}}
    if told.get("validated") is False:
        raise UnreadableTransaction("the transaction is not validated yet: what it did may still change")
    return explain(
        {**transaction, "hash": told.get("hash")},
        record.get("meta"),
        told.get("ledger_index", told.get("inLedger")),
        _close_time(told),
        account,
    )


def _record(line: bytes) -> Mapping[str, Any]:
    try:
        record = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        byte = line[error.start]
        raise UnreadableTransaction(f"expected JSON in UTF-8, got the byte 0x{byte:02x}") from None
    except (ValueError, RecursionError):  # ValueError: no JSON, or a number of thousands of digits
        raise UnreadableTransaction("expected a transaction as one line of JSON, got something else") from None
    if not isinstance(record, Mapping):
        raise UnreadableTransaction("expected a JSON object with tx or tx_json, meta and ledger_index")
    return record


def _close_time(told: Mapping[str, Any]) -> float | None:
    for name in _CLOSE_TIMES:
        given = told.get(name)
        if given is None:
            continue
        if not isinstance(given, int | float) or isinstance(given, bool) or not math.isfinite(given):
            raise UnreadableTransaction(f"{name}: expected a number of seconds")
        return given
    return None
