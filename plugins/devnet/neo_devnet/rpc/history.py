"""What became of transactions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neo_devnet.history import Ledger, meta_blob
from neo_devnet.openledger import Entered
from neo_devnet.rpc.call import Call, account_of, fail, invalid
from neo_devnet.rpc.showing import ctid, fields_of, with_place
from neo_devnet.times import iso

__all__ = ["METHODS"]

HEX_64 = 64
WIDEST_RANGE = 1000
PAGE, BINARY_PAGE = 200, 500
ANY_END = -1


def _is_hash(text: Any) -> bool:
    return (
        isinstance(text, str) and len(text) == HEX_64 and all(digit in "0123456789abcdefABCDEF" for digit in text)
    )


def _ledger_of(call: Call, one: Entered) -> Ledger:
    ledger = call.node.history.get(one.ledger_index)
    assert ledger is not None
    return ledger


def tx(call: Call) -> dict[str, Any]:
    low, high = call.params.get("min_ledger"), call.params.get("max_ledger")
    named = call.params.get("transaction")
    if named is None:
        raise fail("invalidParams")
    if not _is_hash(named):
        raise fail("notImpl")
    if low is not None and high is not None:
        if not isinstance(low, int) or not isinstance(high, int) or low > high:
            raise fail("invalidLgrRange")
        if high - low > WIDEST_RANGE:
            raise fail("excessiveLgrRange")
    one = call.node.history.find(named.upper())
    if one is not None and call.has(one.ledger_index):
        return _validated(call, one)
    seen = call.node.history.seen.get(named.upper())
    if seen is not None and one is None:
        if call.version > 1:
            return {"hash": seen.hash, "tx_json": fields_of(seen, 2, hashed=False), "validated": False}
        return {**fields_of(seen, 1, hashed=True), "validated": False}
    if low is None or high is None:
        raise fail("txnNotFound")
    raise fail("txnNotFound", searched_all=_searched_all(call, low, high))


def _searched_all(call: Call, low: int, high: int) -> bool:
    """The count is over the table of transactions: a ledger without any looks like one that is missing."""
    full = sum(1 for ledger in call.node.history.between(low, high) if ledger.entered and call.has(ledger.index))
    return full == high - low + 1


def _validated(call: Call, one: Entered) -> dict[str, Any]:
    ledger = _ledger_of(call, one)
    answer: dict[str, Any] = {"ctid": ctid(one, call.node.network_id or 0), "validated": True}
    binary = bool(call.params.get("binary", False))
    if call.version == 1:
        if binary:
            answer |= {"tx": one.tx.blob.hex().upper(), "meta": meta_blob(one.meta), "hash": one.tx.hash}
            return {**answer, "date": ledger.close_time, "inLedger": ledger.index, "ledger_index": ledger.index}
        return {**with_place(one, ledger, 1), **answer, "meta": one.meta}
    answer |= {
        "close_time_iso": iso(ledger.close_time),
        "hash": one.tx.hash,
        "ledger_hash": call.faults.hash_of(ledger.hash),
        "ledger_index": ledger.index,
    }
    if binary:
        return {**answer, "tx_blob": one.tx.blob.hex().upper(), "meta_blob": meta_blob(one.meta)}
    return {**answer, "tx_json": with_place(one, ledger, 2), "meta": one.meta}


def transaction_entry(call: Call) -> dict[str, Any]:
    ground = call.ground()
    named = call.params.get("tx_hash")
    if named is None:
        raise fail("invalidParams", "Missing field 'tx_hash'.", **ground.shown)
    if ground.ledger is None:
        raise fail("notImpl", **ground.shown)
    one = next((one for one in ground.ledger.entered if one.tx.hash == str(named).upper()), None)
    if one is None:
        raise fail("transactionNotFound", **ground.shown)
    if call.version == 1:
        return {"tx_json": fields_of(one.tx, 1, hashed=True), "metadata": one.meta, **ground.shown}
    return {
        "close_time_iso": iso(ground.ledger.close_time),
        "hash": one.tx.hash,
        "meta": one.meta,
        "tx_json": fields_of(one.tx, 2, hashed=False),
        **ground.shown,
    }


def account_tx(call: Call) -> dict[str, Any]:
    address = account_of(call, None)
    low, high = _asked_range(call)
    binary, forward = bool(call.params.get("binary", False)), bool(call.params.get("forward", False))
    asked = call.params.get("limit", 0)
    if isinstance(asked, bool) or not isinstance(asked, int) or asked < 0:
        raise invalid("limit", "unsigned integer")
    longest = BINARY_PAGE if binary else PAGE
    limit = longest if asked == 0 or (asked > longest and not call.admin) else asked
    found = [one for one in call.node.history.of(address) if low <= one.ledger_index <= high]
    if not forward:
        found.reverse()
    found = _from_marker(call, found, forward=forward)
    answer: dict[str, Any] = {
        "account": address,
        "ledger_index_max": high,
        "ledger_index_min": low,
        "limit": asked,
        "transactions": [_told(call, one, binary=binary) for one in found[:limit]],
        "validated": True,
    }
    if len(found) > limit:
        answer["marker"] = {"ledger": found[limit].ledger_index, "seq": found[limit].position}
    return answer


def _asked_range(call: Call) -> tuple[int, int]:
    params = call.params
    first, last = call.faults.whole_range(call.node.validated.index)
    if "ledger_index_min" in params or "ledger_index_max" in params:
        if call.version > 1 and ("ledger_index" in params or "ledger_hash" in params):
            raise fail("invalidParams", "invalidParams")
        low, high = params.get("ledger_index_min", ANY_END), params.get("ledger_index_max", ANY_END)
        if not isinstance(low, int) or not isinstance(high, int):
            raise fail("invalidParams", "invalidParams")
        if call.version > 1 and (high > last or (high >= 0 and low > last) or 0 < low < first):
            raise fail("lgrIdxMalformed")
        low, high = max(low, first), last if high < 0 else min(high, last)
        if low > high:
            raise fail("lgrIdxsInvalid" if call.version == 1 else "invalidLgrRange")
        return low, high
    if "ledger_index" in params or "ledger_hash" in params:
        ground = call.ground()
        if ground.ledger is None or not first <= ground.index <= last:
            raise fail("lgrNotValidated")
        return ground.index, ground.index
    return first, last


def _from_marker(call: Call, found: Sequence[Entered], *, forward: bool) -> list[Entered]:
    marker = call.params.get("marker")
    if marker is None:
        return list(found)
    try:
        start = (int(marker["ledger"]), int(marker["seq"]))
    except (KeyError, TypeError, ValueError):
        raise fail(
            "invalidParams",
            "invalid marker. Provide ledger index via ledger field, and transaction sequence number via seq field",
        ) from None
    places = [(one.ledger_index, one.position) for one in found]
    return [
        one for one, place in zip(found, places, strict=True) if (place >= start if forward else place <= start)
    ]


def _told(call: Call, one: Entered, *, binary: bool) -> dict[str, Any]:
    ledger = _ledger_of(call, one)
    if binary:
        name = "meta_blob" if call.version > 1 else "meta"
        blob = one.tx.blob.hex().upper()
        return {name: meta_blob(one.meta), "tx_blob": blob, "ledger_index": ledger.index, "validated": True}
    if call.version == 1:
        return {"meta": one.meta, "tx": with_place(one, ledger, 1), "validated": True}
    return {
        "close_time_iso": iso(ledger.close_time),
        "hash": one.tx.hash,
        "ledger_hash": call.faults.hash_of(ledger.hash),
        "ledger_index": ledger.index,
        "meta": one.meta,
        "tx_json": with_place(one, ledger, 2),
        "validated": True,
    }


METHODS = {"account_tx": account_tx, "transaction_entry": transaction_entry, "tx": tx}
