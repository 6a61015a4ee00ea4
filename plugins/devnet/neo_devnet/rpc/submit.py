"""Taking in a signed transaction."""

from __future__ import annotations

from typing import Any

from neo_devnet.rpc.call import Call, RpcError, fail
from neo_devnet.tx import NotATransaction

__all__ = ["METHODS"]

DEPRECATED = (
    "Signing support in the 'submit' command has been deprecated and will be removed in a future version of the "
    "server. Please migrate to a standalone signing tool."
)


def submit(call: Call) -> dict[str, Any]:
    if "tx_blob" not in call.params:
        if not call.admin or "secret" in call.params:
            raise fail("notSupported", "Signing is not supported by this server.")
        raise fail("invalidParams", "Missing field 'secret'.", deprecated=DEPRECATED)
    try:
        blob = bytes.fromhex(call.params["tx_blob"])
    except (TypeError, ValueError):
        blob = b""
    if not blob:
        raise fail("invalidParams")
    try:
        answer = call.node.submit(blob, fail_hard=bool(call.params.get("fail_hard", False)))
    except NotATransaction as reason:
        raise RpcError({"error": "invalidTransaction", "error_exception": str(reason)}) from reason
    return {**answer, "validated_ledger_index": call.newest.index}


METHODS = {"submit": submit}
