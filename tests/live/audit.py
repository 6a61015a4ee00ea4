"""The books of an engine, told against the history that the node itself gives of its account."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

from neo_core.gateways.xrpl.reading.amounts import size
from neo_core.gateways.xrpl.reading.metadata import Event, explain

from .house import Net, rows

__all__ = ["Books", "audit", "told"]

Row = dict[str, Any]
FOREIGN = {"TrustSet"}
"""What the account did before an engine had it."""


class Books:
    def __init__(self, database: Path) -> None:
        self.sessions = rows(database, "SELECT * FROM sessions ORDER BY id")
        self.orders = rows(database, "SELECT * FROM orders")
        self.fills = rows(database, "SELECT * FROM fills")
        self.checks = rows(database, "SELECT * FROM truth_checks ORDER BY id")
        self.events = rows(database, "SELECT * FROM events ORDER BY id")
        self.decisions = [
            json.loads(row["decision"]) for row in rows(database, "SELECT decision FROM ticks ORDER BY id")
        ]
        self.seen_until = max((one["ledger_index"] for one in self.decisions), default=0)

    def kinds(self) -> Counter[str]:
        return Counter(row["kind"] for row in self.events)


def told(net: Net, until: int) -> tuple[list[Row], list[Event]]:
    """The account's own transactions, and the events of its offers, up to a ledger."""
    history = [one for one in net.history() if one["ledger_index"] <= until]
    parents = {index: net.close_time(index - 1) for index in {one["ledger_index"] for one in history}}
    own, events = [], []
    for one in history:
        transaction = {**one["tx_json"], "hash": one["hash"]}
        events += explain(
            transaction, one["meta"], one["ledger_index"], parents[one["ledger_index"]], account=net.account
        )
        if transaction["Account"] == net.account and transaction["TransactionType"] not in FOREIGN:
            own.append({**transaction, "result": one["meta"]["TransactionResult"]})
    return own, events


def audit(net: Net, database: Path, *, always_true: bool = True) -> Books:
    """Raises AssertionError at the first thing that is not as it has to be.

    `always_true`: at every check of wallet truth, and not only at the last.
    """
    books = Books(database)
    own, events = told(net, books.seen_until)
    _nothing_is_sent_twice(books, own)
    _every_fill_is_booked_once(books, events)
    _no_check_finds_a_difference(books, 0 if always_true else -1)
    return books


def _nothing_is_sent_twice(books: Books, own: list[Row]) -> None:
    placements = Counter(row["tx_hash"] for row in books.orders if row["tx_hash"])
    assert not [tx_hash for tx_hash, count in placements.items() if count > 1], "two orders, one transaction"
    cancels = {
        order["cancel_tx_hash"]
        for decision in books.decisions
        for order in decision.get("orders", ())
        if order.get("cancel_tx_hash")
    }
    numbers: Counter[int] = Counter()
    for one in own:
        known = placements[one["hash"]] or one["hash"] in cancels
        assert known or one["TransactionType"] == "TicketCreate", f"{one['hash']} is in no book: {one}"
        numbers[one["Sequence"] or -one["TicketSequence"]] += 1
        if one["TransactionType"] == "OfferCreate":
            assert placements[one["hash"]] == 1, f"an offer of no order: {one}"
            assert one.get("Expiration"), f"an offer that never expires: {one}"
    assert set(numbers.values()) <= {1}, "one sequence, two transactions"


def _every_fill_is_booked_once(books: Books, events: list[Event]) -> None:
    on_ledger = {
        (event.tx_hash, event.sequence): event for event in events if size(event.gets) and size(event.pays)
    }
    booked = {(row["tx_hash"], row["sequence"]): row for row in books.fills}
    assert len(booked) == len(books.fills)
    assert all(row["proven"] for row in books.fills)
    missing, invented = on_ledger.keys() - booked.keys(), booked.keys() - on_ledger.keys()
    assert not missing, f"fills that the ledger made and the books do not have: {missing}"
    assert not invented, f"fills that no transaction made: {invented}"
    for key, event in on_ledger.items():
        row = booked[key]
        xrp, rlusd = (event.gets, event.pays) if isinstance(event.gets, int) else (event.pays, event.gets)
        side = "sell" if isinstance(event.gets, int) else "buy"
        assert (row["side"], row["drops"], Decimal(row["rlusd"])) == (side, xrp, size(rlusd)), key


def _no_check_finds_a_difference(books: Books, first: int) -> None:
    made = [row for row in books.checks if row["verdict"] != "not_made"]
    assert made
    for row in made[first:]:
        told = (row["verdict"], Decimal(row["xrp_difference"]), Decimal(row["rlusd_difference"]))
        assert told == ("ok", 0, 0), f"tick {row['tick']}: {told}"
