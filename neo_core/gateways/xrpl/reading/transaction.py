"""A validated transaction with its metadata, read into what can be relied on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from neo_core.errors import UnreadableTransaction
from neo_core.gateways.xrpl.reading.amounts import ACCOUNT

__all__ = ["CREATED", "MODIFIED", "SUCCESS", "Node", "Transaction", "read", "whole"]

CREATED, MODIFIED, _DELETED = "CreatedNode", "ModifiedNode", "DeletedNode"

SUCCESS = "tesSUCCESS"
"""Only with this result is an offer placed, replaced or crossed. Dead offers are removed with others as well."""

_HASH = re.compile(r"[0-9A-F]{64}", re.IGNORECASE)
_INDEX = re.compile(r"[0-9]{1,10}")
_MOST = 2**32 - 1


class Node(msgspec.Struct, frozen=True):
    """One entry of the ledger that the transaction touched."""

    kind: str
    entry: str
    final: Mapping[str, Any]
    previous: Mapping[str, Any]


class Transaction(msgspec.Struct, frozen=True):
    fields: Mapping[str, Any]
    tx_hash: str
    kind: str
    sender: str
    result: str
    ledger_index: int
    parent_close_time: float | None
    nodes: tuple[Node, ...]


def read(transaction: Any, metadata: Any, ledger_index: Any, parent_close_time: float | None) -> Transaction:
    if not isinstance(transaction, Mapping):
        raise UnreadableTransaction("expected a transaction with its fields by name")
    if not isinstance(metadata, Mapping):
        raise UnreadableTransaction(
            "expected metadata with its fields by name, which only a validated transaction has"
        )
    tx_hash, sender = transaction.get("hash"), transaction.get("Account")
    kind, result = transaction.get("TransactionType"), metadata.get("TransactionResult")
    if not isinstance(tx_hash, str) or not _HASH.fullmatch(tx_hash):
        raise UnreadableTransaction("expected the transaction's hash, 64 hex digits")
    if not isinstance(sender, str) or not ACCOUNT.fullmatch(sender):
        raise UnreadableTransaction("expected the address of the transaction's Account")
    if not isinstance(kind, str):
        raise UnreadableTransaction("expected the transaction's TransactionType")
    if transaction.get("validated") is False:
        raise UnreadableTransaction("the transaction is not validated yet: what it did may still change")
    if not isinstance(result, str) or not result.startswith(("tes", "tec")):
        raise UnreadableTransaction("expected tesSUCCESS or a tec code as the metadata's TransactionResult")
    nodes = metadata.get("AffectedNodes")
    if not isinstance(nodes, list | tuple):
        raise UnreadableTransaction("expected the list AffectedNodes in the metadata")
    # Inside a whole ledger, servers write its index as text.
    text = isinstance(ledger_index, str) and _INDEX.fullmatch(ledger_index)
    index = whole(int(ledger_index) if text else ledger_index, "ledger_index")
    return Transaction(
        transaction,
        tx_hash,
        kind,
        sender,
        result,
        index,
        parent_close_time,
        tuple([_node(node) for node in nodes]),
    )


def _node(given: Any) -> Node:
    if not isinstance(given, Mapping) or len(given) != 1:
        raise UnreadableTransaction("expected each of AffectedNodes to be one created, modified or deleted node")
    [(kind, node)] = given.items()
    if (
        kind not in (CREATED, MODIFIED, _DELETED)
        or not isinstance(node, Mapping)
        or not isinstance(node.get("LedgerEntryType"), str)
    ):
        raise UnreadableTransaction("expected each of AffectedNodes to be one created, modified or deleted node")
    final = node.get("NewFields" if kind == CREATED else "FinalFields", {})
    previous = node.get("PreviousFields", {})
    if not isinstance(final, Mapping) or not isinstance(previous, Mapping):
        raise UnreadableTransaction(f"a {kind}: expected its fields by name")
    return Node(kind, node["LedgerEntryType"], final, previous)


def whole(given: Any, what: str) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or not 0 <= given <= _MOST:
        raise UnreadableTransaction(f"{what}: expected a whole number from 0 to {_MOST}")
    return given
