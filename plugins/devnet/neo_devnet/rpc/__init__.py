"""The methods of the API, one module a group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neo_devnet.faults import FAULT_METHOD, Faults
from neo_devnet.rpc import accounts, books, history, ledgers, server, submit
from neo_devnet.rpc.call import Call, RpcError, fail

if TYPE_CHECKING:
    from neo_devnet.node import Node

__all__ = ["ADMIN_ONLY", "METHODS", "answer", "refused"]

METHODS = {
    **accounts.METHODS,
    **books.METHODS,
    **history.METHODS,
    **ledgers.METHODS,
    **server.METHODS,
    **submit.METHODS,
}
ADMIN_ONLY = frozenset({"ledger_accept", FAULT_METHOD})
ALWAYS_ANSWERED = frozenset({"server_info", "server_state", "version", "ping", "feature"})
BY_LEDGER = frozenset({"ledger", "ledger_entry", *accounts.METHODS, *books.METHODS})
MASKED = ("secret", "seed", "seed_hex", "passphrase")


def answer(
    node: Node, method: str, params: dict[str, Any], version: int, *, admin: bool, faults: Faults
) -> dict[str, Any]:
    """The `result` of a response, an error's too."""
    try:
        if method not in METHODS:
            raise fail("unknownCmd")
        if method in ADMIN_ONLY and not admin:
            raise fail("forbidden")
        if faults.uses("too_busy", method):
            raise fail("tooBusy")
        if method not in ALWAYS_ANSWERED and faults.uses("not_synced", method):
            raise _not_synced(method, version)
        result = METHODS[method](Call(node, params, version, admin, faults))
    except RpcError as error:
        return refused(error, method, params)
    return {**result, "status": "success"}


def refused(error: RpcError, method: str, params: dict[str, Any]) -> dict[str, Any]:
    request = {**params, "command": method}
    for name in MASKED:
        if name in request:
            request[name] = "<masked>"
    return {**error.fields, "request": request, "status": "error"}


def _not_synced(method: str, version: int) -> RpcError:
    if version > 1:
        return fail("notSynced", "notSynced" if method in BY_LEDGER else None)
    if method == "account_tx":
        return fail("lgrIdxsInvalid")
    return fail("noNetwork", "InsufficientNetworkMode" if method in BY_LEDGER else None)
