"""Whether the account may trade at all, and what to do where it may not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from neo_core.gateways.xrpl.observing.answers import drops, fields
from neo_core.gateways.xrpl.observing.questions import Pair
from neo_core.gateways.xrpl.reading.transaction import whole

__all__ = ["Root", "cannot_trade", "root_of"]

_DISABLE_MASTER, _GLOBAL_FREEZE = 0x0010_0000, 0x0040_0000
_REQUIRE_AUTH, _DEFAULT_RIPPLE = 0x0004_0000, 0x0080_0000
PARITY = 1_000_000_000  # a transfer rate that takes no fee


class Root(msgspec.Struct, frozen=True, gc=False):
    """An account as the ledger holds it. `tick_size` is in digits of a price, `transfer_rate` in billionths."""

    balance: int
    sequence: int
    owner_count: int
    flags: int
    regular_key: str | None
    tick_size: int
    transfer_rate: int


def root_of(what: str, answer: Mapping[str, Any]) -> Root:
    """What is left out is zero."""
    given = fields(f"{what}, account_data", answer.get("account_data"))
    key = given.get("RegularKey")
    return Root(
        drops(f"{what}, Balance", given.get("Balance")),
        whole(given.get("Sequence"), f"{what}, Sequence"),
        whole(given.get("OwnerCount", 0), f"{what}, OwnerCount"),
        whole(given.get("Flags", 0), f"{what}, Flags"),
        key if isinstance(key, str) else None,
        whole(given.get("TickSize", 0), f"{what}, TickSize"),
        whole(given.get("TransferRate", 0), f"{what}, TransferRate") or PARITY,
    )


def cannot_trade(
    account: str,
    signer: str,
    pair: Pair,
    root: Root | None,
    issuer: Root | None,
    line: Mapping[str, Any] | None,
    server: Mapping[str, Any],
) -> str | None:
    """The first reason, in one sentence. A missing trust line is none: whoever sells XRP is given one."""
    if server.get("amendment_blocked") is True:
        return "the node does not know the ledger's rules any more (amendment blocked): update it, or name another"
    if root is None:
        return f"the account {account} does not exist on this ledger: send it XRP, or correct the address"
    if signer == account:
        if root.flags & _DISABLE_MASTER:
            return f"the master key of {account} is disabled: sign with its regular key"
    elif signer != root.regular_key:
        return (
            f"the key of {signer} may not sign for {account}: use its master key, or set this one as regular key"
        )
    if issuer is None:
        return (
            f"the issuer {pair.issuer} does not exist on this ledger: correct the issuer, or name another network"
        )
    if issuer.flags & _GLOBAL_FREEZE:
        return f"the issuer {pair.issuer} has frozen all that it issued: wait until it ends the freeze"
    return _line_stops(account, pair, issuer, {} if line is None else line)


def _line_stops(account: str, pair: Pair, issuer: Root, line: Mapping[str, Any]) -> str | None:
    ours = f"the trust line of {account} with {pair.issuer}"
    if line.get("freeze_peer") is True or line.get("deep_freeze_peer") is True:
        return f"the issuer has frozen {ours}: ask the issuer"
    if line.get("deep_freeze") is True:
        return f"the account itself has deep frozen {ours}: clear that flag"
    if issuer.flags & _REQUIRE_AUTH and line.get("peer_authorized") is not True:
        return f"the issuer has not authorised {ours}: ask the issuer"
    if line.get("no_ripple_peer") is True and not issuer.flags & _DEFAULT_RIPPLE:
        return f"nothing can be traded over {ours} (its issuer lets nothing ripple): ask the issuer"
    return None
