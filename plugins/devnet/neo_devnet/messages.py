"""What streams say of a transaction."""

from __future__ import annotations

from typing import Any

from xrpl.core.addresscodec import is_valid_classic_address

from neo_devnet.faults import Faults
from neo_devnet.history import Ledger
from neo_devnet.ledger import amounts
from neo_devnet.ledger.keys import Asset
from neo_devnet.node import Node
from neo_devnet.openledger import Entered
from neo_devnet.results import code_of, message_of
from neo_devnet.rpc.books import sender_funds
from neo_devnet.rpc.showing import fields_of
from neo_devnet.times import iso
from neo_devnet.tx import Tx

__all__ = ["Book", "accounts_in", "books_touched", "proposal", "validated"]

Book = tuple[Asset, Asset]
"""(asset of the offers' TakerPays, asset of their TakerGets)"""


def accounts_in(tx: Tx) -> set[str]:
    """Who is named by a transaction that is in no ledger yet."""
    return {value for value in tx.fields.values() if isinstance(value, str) and is_valid_classic_address(value)}


def proposal(node: Node, tx: Tx, result: str, version: int) -> dict[str, Any]:
    view = node.open
    rules = node.fees.rules(node.validated, is_open=True)
    funds = sender_funds(tx, view.state, rules)
    message = {
        "engine_result": result,
        "engine_result_code": code_of(result),
        "engine_result_message": message_of(result),
        "ledger_current_index": view.index,
        "status": "proposed",
        "type": "transaction",
        "validated": False,
    }
    return message | _named(tx, version, {} if funds is None else {"owner_funds": funds})


def validated(node: Node, faults: Faults, one: Entered, ledger: Ledger, version: int) -> dict[str, Any]:
    more: dict[str, Any] = {"date": ledger.close_time}
    if ledger.state is not None:
        funds = sender_funds(one.tx, ledger.state, node.fees.rules(ledger))
        if funds is not None:
            more["owner_funds"] = funds
    message = {
        "close_time_iso": iso(ledger.close_time),
        "engine_result": one.result,
        "engine_result_code": code_of(one.result),
        "engine_result_message": message_of(one.result),
        "ledger_hash": faults.hash_of(ledger.hash),
        "ledger_index": ledger.index,
        "meta": one.meta,
        "status": "closed",
        "type": "transaction",
        "validated": True,
    }
    return message | _named(one.tx, version, more)


def _named(tx: Tx, version: int, more: dict[str, Any]) -> dict[str, Any]:
    if version == 1:
        return {"transaction": {**fields_of(tx, 1, hashed=True), **more}}
    return {"hash": tx.hash, "tx_json": {**fields_of(tx, 2, hashed=False), **more}}


def books_touched(one: Entered) -> set[Book]:
    """The books whose offers it made, changed or removed; of no interest where it failed."""
    found: set[Book] = set()
    if one.result != "tesSUCCESS":
        return found
    for node in one.meta["AffectedNodes"]:
        ((kind, inner),) = node.items()
        if inner["LedgerEntryType"] != "Offer":
            continue
        part = {"CreatedNode": "NewFields", "ModifiedNode": "PreviousFields", "DeletedNode": "FinalFields"}[kind]
        fields = inner.get(part, {})
        if "TakerPays" in fields and "TakerGets" in fields:
            found.add((amounts.asset(fields["TakerPays"]), amounts.asset(fields["TakerGets"])))
    return found
