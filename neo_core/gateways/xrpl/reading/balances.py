"""By how much a transaction changed what an account holds, as the ledger's own entries tell it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from neo_core.errors import UnreadableTransaction
from neo_core.gateways.xrpl.reading.amounts import Issued, amount_of, less, more
from neo_core.gateways.xrpl.reading.transaction import CREATED, Node, Transaction

__all__ = ["drops_change", "issued_change"]

_NONE = Decimal(0)


def drops_change(tx: Transaction, account: str) -> int | None:
    """With the fee in it, if the account paid one. None: its entry was not touched."""
    change = None
    for node in tx.nodes:
        if node.entry == "AccountRoot" and node.final.get("Account") == account:
            after = node.final.get("Balance")
            # The balance need not be among the previous fields: a trade may bring exactly what the fee takes.
            before = "0" if node.kind == CREATED else node.previous.get("Balance", after)
            change = (change or 0) + _drops(after) - _drops(before)
    return change


def issued_change(tx: Transaction, account: str, currency: str, issuer: str) -> Decimal:
    """By the account's line with the issuer. An issuer has a line with everybody who holds."""
    change = _NONE
    for node in tx.nodes:
        if node.entry != "RippleState" or (node.kind != CREATED and "Balance" not in node.previous):
            continue
        low, high = _end(node, "LowLimit"), _end(node, "HighLimit")
        if account not in (low, high) or issuer not in (low, high):
            continue
        after = _line(node.final.get("Balance"))
        if after.currency != currency:
            continue
        before = _NONE if node.kind == CREATED else _line(node.previous["Balance"]).value
        moved = less(after.value, before)
        # A line's balance is told from the side of its low account.
        change = more(change, moved) if account == low else less(change, moved)
    return change


def _drops(given: Any) -> int:
    drops = amount_of(given, "an account's XRP")
    if not isinstance(drops, int):
        raise UnreadableTransaction("an account's XRP: expected whole drops")
    return drops


def _line(given: Any) -> Issued:
    balance = amount_of(given, "the balance of a trust line")
    if isinstance(balance, int):
        raise UnreadableTransaction("the balance of a trust line: expected currency, issuer and value")
    return balance


def _end(node: Node, side: str) -> Any:
    limit = node.final.get(side)
    if not isinstance(limit, Mapping):
        raise UnreadableTransaction(f"a trust line: expected its {side}")
    return limit.get("issuer")
