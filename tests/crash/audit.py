"""What must be true of the books of a killed engine, told against the paper ledger's own file."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

from neo_core.gateways.paper_journal import load
from neo_core.gateways.paper_wallet import PaperWallet, read
from neo_core.model import DROPS

__all__ = ["Books", "audit", "episodes"]

Row = dict[str, Any]


class Books:
    """The database as any program may read it, one account of it."""

    def __init__(self, database: Path, account: str = "") -> None:
        with closing(sqlite3.connect(database)) as connection:
            connection.row_factory = sqlite3.Row
            self.sessions = list(self._rows(connection, "SELECT * FROM sessions ORDER BY id"))
            mine = [row["id"] for row in self.sessions if row["account"] == account]
            self.orders = list(self._rows(connection, f"SELECT * FROM orders WHERE account = '{account}'"))
            self.fills = list(self._rows(connection, f"SELECT * FROM fills WHERE account = '{account}'"))
            ticks = self._rows(connection, "SELECT session, decision FROM ticks ORDER BY id")
            self.decisions = [json.loads(row["decision"]) for row in ticks if row["session"] in mine]
            self.texts = {row["key"]: row["value"] for row in self._rows(connection, "SELECT * FROM engine_state")}
        self.runtime = json.loads(self.texts["runtime"]) if "runtime" in self.texts else {}

    @staticmethod
    def _rows(connection: sqlite3.Connection, query: str) -> Iterator[Row]:
        return (dict(row) for row in connection.execute(query))


def episodes(database: Path) -> dict[str, Any]:
    """What a resumed session has to go on with."""
    books = Books(database)
    kept = {key: text for key, text in books.texts.items() if key.startswith("degraded")}
    runtime = {name: books.runtime.get(name) for name in ("guard", "integrity", "tick", "elapsed", "inventory")}
    return {**kept, **runtime}


def audit(database: Path, *, proven: bool) -> None:
    for file in sorted(database.with_name(f"{database.stem}-paper").glob("*.jsonl")):
        if load(file)[0] is not None:
            _Audit(Books(database, file.stem), read(file), is_last=file.stem == _last(database)).run(proven)


def _last(database: Path) -> str:
    sessions = Books(database).sessions
    return str(sessions[-1]["account"]) if sessions else ""


class _Audit:
    def __init__(self, books: Books, wallet: PaperWallet, *, is_last: bool) -> None:
        self.books, self.wallet, self.is_last = books, wallet, is_last
        self.known_until = books.runtime.get("ledger_index") or 0 if is_last else wallet.index
        self.entries = list(wallet.entries)
        self.landed = {one.tx_hash: one for entry in self.entries for one in entry.transactions}
        placed = [row for row in books.orders if row["tx_hash"] in self.landed]
        self.by_sequence = {row["sequence"]: row for row in placed}
        assert len(self.by_sequence) == len(placed), "two orders claim one offer"
        self.traded = {
            (event.tx_hash, event.sequence): event
            for entry in self.entries
            for event in entry.events
            if event.drops and entry.ledger_index <= self.known_until
        }

    def run(self, proven: bool) -> None:
        self._a_tick_is_kept_whole_or_not_at_all()
        self._nothing_is_sent_twice()
        self._what_a_cancel_all_cancels_is_marked()
        if proven:
            self._every_trade_is_booked_once()
        else:
            self._nothing_is_guessed_of_a_marked_order()
            self._what_is_not_booked_is_held_or_was_cancelled()
        if self.is_last:
            self._the_inventory_is_the_wallet_but_for_that()

    def _a_tick_is_kept_whole_or_not_at_all(self) -> None:
        if not self.books.decisions:
            return
        last = {order["id"]: order["status"] for one in self.books.decisions for order in one.get("orders", ())}
        assert last == {row["id"]: row["status"] for row in self.books.orders}
        fills = [fill["tx_hash"] for decision in self.books.decisions for fill in decision.get("fills", ())]
        assert sorted(fills) == sorted(row["tx_hash"] for row in self.books.fills)
        if self.is_last and self.books.runtime.get("tick"):
            assert self.books.decisions[-1]["tick"] == self.books.runtime["tick"]

    def _nothing_is_sent_twice(self) -> None:
        placements = Counter(row["tx_hash"] for row in self.books.orders if row["tx_hash"])
        cancels = {
            order["cancel_tx_hash"]
            for decision in self.books.decisions
            for order in decision.get("orders", ())
            if order.get("cancel_tx_hash")
        }
        for tx_hash in self.landed:  # a placement may be the cancel of the one that it replaces
            known = placements[tx_hash] == 1 or (not placements[tx_hash] and tx_hash in cancels)
            assert known, f"{tx_hash} is not one transaction of ours"
        sequences = [one.sequence for one in self.landed.values()]
        assert len(sequences) == len(set(sequences))
        for event in (event for entry in self.entries for event in entry.events):
            assert event.sequence in self.by_sequence

    def _what_a_cancel_all_cancels_is_marked(self) -> None:
        orders = {row["id"]: row for row in self.books.orders}
        reasons = {}
        for decision in self.books.decisions:
            asked = {
                one["order_id"]: one["reason"] for one in decision.get("intents", ()) if one["type"] == "cancel"
            }
            asked |= {
                one["replaced_id"]: "replaced" for one in decision.get("intents", ()) if one.get("replaced_id")
            }
            for order in decision.get("orders", ()):
                if order["id"] in asked:
                    reasons[order["cancel_tx_hash"]] = (order["id"], asked[order["id"]])
            for name, reason in asked.items():
                assert orders[name]["cancel_reason"] or not reason.endswith("_CANCEL"), f"{name} is not marked"
        for event in (event for entry in self.entries for event in entry.events):
            if event.cause in ("cancelled", "replaced"):
                name, why = reasons[event.tx_hash]
                assert (why == "replaced") == (event.cause == "replaced")
                assert orders[name]["sequence"] == event.sequence

    def _every_trade_is_booked_once(self) -> None:
        booked = {(row["tx_hash"], row["sequence"]): row for row in self.books.fills}
        assert len(booked) == len(self.books.fills)
        assert all(row["proven"] for row in booked.values())
        assert booked.keys() == self.traded.keys()
        for key, event in self.traded.items():
            row = booked[key]
            assert (row["drops"], Decimal(row["rlusd"]), row["side"]) == (event.drops, event.rlusd, event.side)
            assert row["order_id"] == self.by_sequence[event.sequence]["id"]

    def _nothing_is_guessed_of_a_marked_order(self) -> None:
        orders = {row["id"]: row for row in self.books.orders}
        for fill in self.books.fills:
            assert not fill["proven"]
            order = orders[fill["order_id"]]
            if order["cancel_reason"]:
                assert fill["tx_hash"].startswith("seen:")
                assert fill["at"] <= self._marked_at(order["id"])

    def _marked_at(self, name: str) -> float:
        for decision in self.books.decisions:
            for order in decision.get("orders", ()):
                if order["id"] == name and order.get("cancel_reason"):
                    return float(decision["now"])
        raise AssertionError(f"no decision marks order {name}")

    def _moved(self) -> tuple[Counter[str], Counter[str]]:
        """What each order truly traded, and what of it is booked."""
        traded, booked = Counter[str](), Counter[str]()
        for event in self.traded.values():
            traded[self.by_sequence[event.sequence]["id"]] += event.drops
        for fill in self.books.fills:
            booked[fill["order_id"]] += fill["drops"]
        return traded, booked

    def _what_is_not_booked_is_held_or_was_cancelled(self) -> None:
        traded, booked = self._moved()
        for row in self.books.orders:
            name = row["id"]
            assert booked[name] <= traded[name], f"{name}: more is booked than was traded"
            if booked[name] < traded[name]:
                assert row["status"] == "HELD_PENDING_REVIEW" or row["cancel_tx_hash"], (
                    f"{name}: nobody explains it"
                )

    def _the_inventory_is_the_wallet_but_for_that(self) -> None:
        inventory = self.books.runtime.get("inventory")
        if inventory is None:
            return
        wallet = PaperWallet(self.wallet.opening)
        for entry in self.entries:
            if entry.ledger_index <= self.known_until:
                wallet.replay(entry)
        traded, booked = self._moved()
        sides = {row["id"]: 1 if row["side"] == "buy" else -1 for row in self.books.orders}
        unbooked = sum(sides[name] * (traded[name] - booked[name]) for name in sides)
        assert wallet.xrp_drops - inventory["drops"] == unbooked
        if not unbooked and traded == booked:
            assert wallet.rlusd == Decimal(inventory["rlusd"]), f"{unbooked / DROPS} XRP apart"
