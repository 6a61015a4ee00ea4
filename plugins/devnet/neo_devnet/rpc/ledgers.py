"""Ledgers and their entries."""

from __future__ import annotations

from typing import Any

from xrpl.core.addresscodec import is_valid_classic_address

from neo_devnet.history import Ledger, meta_blob
from neo_devnet.ledger import keys
from neo_devnet.openledger import Entered
from neo_devnet.rpc.books import is_currency, sender_funds
from neo_devnet.rpc.call import Call, Ground, RpcError, fail
from neo_devnet.rpc.showing import fields_of
from neo_devnet.times import human, iso

__all__ = ["METHODS"]

NO_CLOSE_TIME = 0


def ledger_current(call: Call) -> dict[str, Any]:
    return {"ledger_current_index": call.open_index}


def ledger_closed(call: Call) -> dict[str, Any]:
    newest = call.newest
    return {"ledger_hash": call.faults.hash_of(newest.hash), "ledger_index": newest.index}


def ledger_accept(call: Call) -> dict[str, Any]:
    return {"ledger_current_index": call.node.accept()}


def ledger(call: Call) -> dict[str, Any]:
    ground = call.ground()
    wanted = bool(call.params.get("transactions", False))
    if ground.ledger is None:
        shown: dict[str, Any] = {
            "closed": False,
            "ledger_index": _index(call, ground.index),
            "parent_hash": call.faults.hash_of(call.newest.hash),
        }
        if wanted:
            expand = bool(call.params.get("expand", False))
            shown["transactions"] = [
                _waiting(call, tx) if expand else tx.hash
                for tx in sorted(call.node.open.txs, key=lambda tx: tx.hash)
            ]
        return {"ledger": shown, **ground.shown}
    shown = _header(call, ground.ledger)
    if wanted:
        every = sorted(ground.ledger.entered, key=lambda one: one.tx.hash)
        expand = bool(call.params.get("expand", False))
        shown["transactions"] = [_told(call, ground, one) if expand else one.tx.hash for one in every]
    return {"ledger": shown, **ground.shown}


def _index(call: Call, index: int) -> int | str:
    return index if call.version > 1 else str(index)


def _header(call: Call, closed: Ledger) -> dict[str, Any]:
    shown = {
        "account_hash": closed.state_root,
        "close_flags": 0,
        "close_time": closed.close_time,
        "close_time_resolution": 10,
        "closed": True,
        "ledger_hash": call.faults.hash_of(closed.hash),
        "ledger_index": _index(call, closed.index),
        "parent_close_time": closed.parent_close_time,
        "parent_hash": call.faults.hash_of(closed.parent_hash),
        "total_coins": str(closed.total_coins),
        "transaction_hash": closed.tx_root,
    }
    if closed.close_time != NO_CLOSE_TIME:
        shown |= {"close_time_human": human(closed.close_time), "close_time_iso": iso(closed.close_time)}
    return shown


def _waiting(call: Call, tx: Any) -> dict[str, Any]:
    if call.version == 1:
        return fields_of(tx, 1, hashed=True)
    return {"hash": tx.hash, "tx_json": fields_of(tx, 2, hashed=False), "validated": False}


def _told(call: Call, ground: Ground, one: Entered) -> dict[str, Any]:
    closed = ground.ledger
    assert closed is not None
    if call.params.get("binary", False):
        shown: dict[str, Any] = {"tx_blob": one.tx.blob.hex().upper()}
        shown["meta_blob" if call.version > 1 else "meta"] = meta_blob(one.meta)
    elif call.version == 1:
        shown = {**fields_of(one.tx, 1, hashed=True), "metaData": one.meta}
    else:
        shown = {
            "close_time_iso": iso(closed.close_time),
            "hash": one.tx.hash,
            "ledger_hash": call.faults.hash_of(closed.hash),
            "ledger_index": closed.index,
            "meta": one.meta,
            "tx_json": fields_of(one.tx, 2, hashed=False),
            "validated": True,
        }
    if call.params.get("owner_funds", False):
        funds = sender_funds(one.tx, ground.state, call.rules(ground))
        if funds is not None:
            shown["owner_funds"] = funds
    return shown


def ledger_entry(call: Call) -> dict[str, Any]:
    ground = call.ground()
    key = _entry_key(call, ground)
    entry = ground.state.get(key)
    if entry is None:
        raise _without_number("entryNotFound", ground)
    if call.params.get("binary", False):
        raise fail("notSupported", **ground.shown)
    return {"index": key, "node": {**entry, "index": key}, **ground.shown}


def _without_number(token: str, ground: Ground) -> RpcError:
    return RpcError({**ground.shown, "error": token})


def _entry_key(call: Call, ground: Ground) -> str:
    params = call.params
    if "index" in params:
        return str(params["index"]).upper()
    for name, key_of in (
        ("account_root", keys.account),
        ("ticket", None),
        ("offer", None),
        ("ripple_state", None),
    ):
        if name not in params:
            continue
        asked = params[name]
        if isinstance(asked, str):
            if key_of is None or len(asked) == 64:
                return asked.upper()
            if not is_valid_classic_address(asked):
                raise _without_number("malformedAddress", ground)
            return key_of(asked)
        if not isinstance(asked, dict):
            raise _without_number("malformedRequest", ground)
        return _named_entry(name, asked, ground)
    if "amm" in params:
        return _pool_key(params["amm"], ground)
    raise _without_number("unknownOption", ground)


def _pool_key(asked: Any, ground: Ground) -> str:
    if isinstance(asked, str):
        return asked.upper()
    if not isinstance(asked, dict):
        raise _without_number("malformedRequest", ground)
    return keys.amm(_asset(asked.get("asset"), ground), _asset(asked.get("asset2"), ground))


def _asset(side: Any, ground: Ground) -> keys.Asset:
    if not isinstance(side, dict) or not is_currency(side.get("currency")):
        raise _without_number("malformedRequest", ground)
    issuer = str(side.get("issuer") or "")
    if issuer and not is_valid_classic_address(issuer):
        raise _without_number("malformedAddress", ground)
    return str(side["currency"]), issuer


def _named_entry(name: str, asked: dict[str, Any], ground: Ground) -> str:
    if name == "ripple_state":
        holders = asked.get("accounts")
        if not isinstance(holders, list) or len(holders) != 2 or "currency" not in asked:
            raise _without_number("malformedRequest", ground)
        if not all(is_valid_classic_address(str(holder)) for holder in holders):
            raise _without_number("malformedAddress", ground)
        return keys.line(holders[0], holders[1], str(asked["currency"]))
    number = asked.get("seq" if name == "offer" else "ticket_seq")
    if "account" not in asked or not isinstance(number, int):
        raise _without_number("malformedRequest", ground)
    if not is_valid_classic_address(str(asked["account"])):
        raise _without_number("malformedAddress", ground)
    return (keys.offer if name == "offer" else keys.ticket)(asked["account"], number)


METHODS = {
    "ledger": ledger,
    "ledger_accept": ledger_accept,
    "ledger_closed": ledger_closed,
    "ledger_current": ledger_current,
    "ledger_entry": ledger_entry,
}
