"""A transaction as each version of the API shows it."""

from __future__ import annotations

from typing import Any

from neo_devnet.history import Ledger
from neo_devnet.openledger import Entered
from neo_devnet.tx import Tx

__all__ = ["ctid", "fields_of", "with_place"]


def fields_of(tx: Tx, version: int, *, hashed: bool) -> dict[str, Any]:
    """The fields; from version 2 on a Payment says DeliverMax instead of Amount, before it says both."""
    fields = dict(tx.fields)
    if not hashed:
        del fields["hash"]
    if fields["TransactionType"] == "Payment" and "Amount" in fields:
        fields["DeliverMax"] = fields["Amount"]
        if version > 1:
            del fields["Amount"]
    return fields


def with_place(one: Entered, ledger: Ledger, version: int) -> dict[str, Any]:
    """The fields with date and ledger, as `tx` and `account_tx` have them."""
    fields = fields_of(one.tx, version, hashed=version == 1)
    fields |= {"date": ledger.close_time, "ledger_index": ledger.index}
    if version == 1:
        fields["inLedger"] = ledger.index
    return fields


def ctid(one: Entered, network_id: int) -> str:
    """The short name of a validated transaction: its ledger, its place there, its network."""
    return f"C{one.ledger_index:07X}{one.position:04X}{network_id:04X}"
