"""What a ledger says without a session: of an account, and of one transaction."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import closing

import msgspec
from msgspec.structs import replace

from neo_core.config import LiveConfig
from neo_core.errors import UnreadableTransaction, UsageError
from neo_core.gateways import paper_wallet
from neo_core.model import Inventory, Offer
from neo_core.wiring.live import link_to, trader_of
from neo_core.wiring.paper import wallet_file

__all__ = ["Wallet", "transaction", "wallet_of", "wallet_on_the_ledger"]

_HASH = re.compile(r"[0-9A-Fa-f]{64}")


class Wallet(msgspec.Struct, frozen=True):
    """What the ledger says of an account, without a session: `busy_ledgers` are those that did something to it, as
    far as could be told: from ledger `told_from` on.
    """

    ledger_index: int
    holds: Inventory
    offers: tuple[Offer, ...]
    busy_ledgers: tuple[int, ...]
    told_from: int = 0


def wallet_of(database_url: str, account: str, last: int) -> Wallet:
    """A paper wallet. Its file ends with the last ledger that did something to it; it held the same in those
    after, up to `last`, the last that its engine has seen.
    """
    wallet = paper_wallet.read(wallet_file(database_url, account))
    busy = tuple([entry.ledger_index for entry in wallet.entries])
    found = Wallet(wallet.index, Inventory(wallet.xrp_drops, wallet.rlusd), wallet.offers, busy)
    return replace(found, ledger_index=max(found.ledger_index, last))


def wallet_on_the_ledger(live: LiveConfig, account: str, last: int) -> Wallet:
    """As the newest validated ledger of a node shows it, with what happened to it after ledger `last`."""
    if not live.nodes or live.issued_by is None:
        raise UsageError(
            f"account {account} is on the ledger, and a node has to be asked what it holds: name the "
            "configuration that the engine trades with (--config), whose section `live` has nodes and issuer"
        )
    from neo_core.gateways.xrpl.observing.observation import Known, observing

    trader = trader_of(live, account, account)
    with closing(link_to(live, network_id=live.network_id, brief=True)) as link:
        closed = link.next_ledger(None)
        asking = observing(trader, closed, min(last, closed.ledger_index) or None, link.node, Known())
        requests = next(asking)
        while True:
            try:
                requests = asking.send(link.ask(requests))
            except StopIteration as done:
                shown = done.value
                break
    seen = shown.observation.account
    busy = {event.ledger_index for event in seen.events} | {one.ledger_index for one in seen.transactions}
    holds = Inventory(seen.xrp_drops, seen.rlusd)
    return Wallet(closed.ledger_index, holds, seen.offers, tuple(sorted(busy)), seen.covers_from)


def transaction(live: LiveConfig, nodes: Sequence[str], tx_hash: str) -> bytes:
    """A validated transaction as a node shows it, as one line of JSON, with the parent ledger's close time."""
    if not _HASH.fullmatch(tx_hash):
        raise UsageError(f"--tx: expected a hash, 64 hex digits, got {tx_hash[:80]!r}")
    if not nodes:
        raise UsageError("--tx: expected a node that knows the transaction; name one with --node or in live.nodes")
    with closing(link_to(live, nodes, brief=True)) as link:
        link.next_ledger(None)
        (found,) = link.ask([{"command": "tx", "transaction": tx_hash.upper(), "binary": False}])
        if "error" in found:
            raise UnreadableTransaction(f"{link.node} does not know transaction {tx_hash} ({found['error']})")
        if found.get("validated") is not True:
            raise UnreadableTransaction(
                f"transaction {tx_hash} is not validated yet: what it did may still change"
            )
        (header,) = link.ask([{"command": "ledger", "ledger_index": found.get("ledger_index")}])
    ledger = header.get("ledger")
    parent = ledger.get("parent_close_time") if isinstance(ledger, dict) else None
    return json.dumps({**found, "parent_close_time": parent}).encode()
