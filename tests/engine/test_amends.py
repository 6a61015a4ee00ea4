"""What an operator changes in the books while no engine runs. (docs/behaviour.md, sections 8 and 9)"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from neo_core import amend
from neo_core.config import LiveConfig
from neo_core.errors import StoreError, UsageError
from neo_core.gateways.paper_journal import Opening
from neo_core.gateways.paper_ledger import PaperLedger
from neo_core.gateways.paper_wallet import read
from neo_core.markets import MarketTick, Taker
from neo_core.model import DROPS, Inventory, Side
from neo_core.store import Store

from .houses import Desk

BLIND = "paper: {fill_visibility: disappearance}\nquoting: {order_ttl_seconds: 3600.0}"


def sold_to_us_meanwhile(desk: Desk) -> None:
    """The engine is down, and somebody takes our whole bid."""
    wallet = desk.wallet()
    opening = read(wallet).opening
    assert isinstance(opening, Opening)
    ledger = PaperLedger.open(wallet, opening)
    ledger.close(MarketTick(1.5, 2.5, 2.0, (Taker(Side.SELL, 1000 * DROPS),)))
    ledger.shut()


def owned(store: Store) -> Inventory:
    books = store.books("neo")
    assert books is not None
    assert books[1].inventory is not None
    return books[1].inventory


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path, BLIND)
    desk.crash(20)
    sold_to_us_meanwhile(desk)
    return desk


@pytest.mark.rule("REC-11", "REC-13", "TRU-X2", "INT-1")
def test_a_fill_that_nobody_saw_is_in_the_books_once_after_a_realign_whatever_is_said_of_the_order_later(
    desk: Desk,
) -> None:
    ending, _ = desk.play(resume="auto", ticks=30)
    assert ending.halt.reason == "startup_integrity_halt"
    store = Store.open(desk.url)
    try:
        seen = amend.sides(store, "neo", desk.url, LiveConfig())
        assert seen.drops == 100 * DROPS
        amend.realign(store, "neo", seen, "the bid was taken while the engine was down")
        taken = owned(store)
        assert taken == seen.wallet.holds
        (held,) = store.orders("neo", held=True)
        amend.resolve(store, "neo", held["id"], True, "it is the one that was taken")
        assert (owned(store), store.orders("neo", held=True)) == (taken, [])
        assert amend.sides(store, "neo", desk.url, LiveConfig()).drops == 0
    finally:
        store.close()


@pytest.mark.rule("REC-11", "REC-13", "TRU-X2")
def test_an_order_that_was_gone_at_the_realign_moves_nothing_when_it_is_missed_later(desk: Desk) -> None:
    store = Store.open(desk.url)
    try:
        amend.realign(
            store,
            "neo",
            amend.sides(store, "neo", desk.url, LiveConfig()),
            "it was taken while the engine was down",
        )
    finally:
        store.close()
    ending, _ = desk.play(resume="auto", ticks=30)
    assert ending.halt.reason == "duration_elapsed"
    store = Store.open(desk.url)
    try:
        taken = owned(store)
        (held,) = store.orders("neo", held=True)
        amend.resolve(store, "neo", held["id"], True, "it is the one that was taken")
        assert owned(store) == taken
    finally:
        store.close()


@pytest.mark.rule("TRU-4", "TRU-X2")
def test_a_realign_of_what_is_no_longer_as_it_was_shown_is_refused(desk: Desk) -> None:
    store = Store.open(desk.url)
    try:
        shown = amend.sides(store, "neo", desk.url, LiveConfig())
        amend.realign(store, "neo", shown, "once")
        with pytest.raises(UsageError, match="changed since they were shown"):
            amend.realign(store, "neo", shown, "twice")
    finally:
        store.close()


# --- what is not cleared up stays ---


@pytest.mark.rule("PAP-X1", "INT-1", "REC-12", "TRU-4")
def test_a_held_order_keeps_its_wallet_until_somebody_says_what_became_of_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    ending, _ = desk.play(scenario="phantom")
    assert ending.halt.reason == "inventory_truth_halt"
    ending, _ = desk.play(ticks=5)
    assert ending.halt.reason == "startup_integrity_halt"
    assert "settle first what `neo orders held` lists" in ending.halt.detail
    store = Store.open(desk.url)
    try:
        (held,) = store.orders("neo", held=True)
        amend.resolve(store, "neo", held["id"], True, "the wallet says so")
    finally:
        store.close()
    ending, session = desk.play(ticks=5)
    assert (ending.halt.reason, session["account"]) == ("duration_elapsed", "neo-paper-1")
    assert desk.play(ticks=5)[1]["account"] == "neo-paper-2"


@pytest.mark.rule("PAP-X1", "INT-1")
@pytest.mark.parametrize("spoil", [lambda text: text + b"junk\n", lambda text: b""], ids=["damaged", "empty"])
def test_a_wallet_file_that_cannot_be_read_is_refused_before_a_session_begins(tmp_path: Path, spoil: Any) -> None:
    desk = Desk(tmp_path)
    crashed = desk.crash(20)
    wallet = desk.wallet()
    wallet.write_bytes(spoil(wallet.read_bytes()))
    for _ in range(2):
        with pytest.raises(StoreError, match=r"neo-paper-1\.jsonl"):
            desk.open()
    store = Store.open(desk.url)
    try:
        assert [row["id"] for row in store.sessions("neo")] == [crashed]
        assert store.crashed("neo") == crashed
    finally:
        store.close()


@pytest.mark.rule("INT-1", "REC-10")
@pytest.mark.parametrize("resume", [None, "auto"])
def test_an_open_order_of_an_unknown_status_is_never_passed_over(tmp_path: Path, resume: str | None) -> None:
    desk = Desk(tmp_path)
    crashed = desk.crash(20)
    with closing(sqlite3.connect(tmp_path / "neo.db")) as books:
        books.execute("UPDATE orders SET status = 'WEIRD' WHERE status = 'OPEN'")
        books.commit()
    with pytest.raises(StoreError, match="expected an order as NEO writes it, got something else"):
        desk.open(resume=resume)
    store = Store.open(desk.url)
    try:
        assert (store.crashed("neo"), store.status("neo")["open_orders"]) == (crashed, 2)
    finally:
        store.close()


def test_a_resume_without_anything_to_resume_makes_no_wallet(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.play(ticks=2)
    with pytest.raises(UsageError, match="nothing to resume"):
        desk.open(resume="crashed")
    assert [file.name for file in desk.wallet().parent.iterdir()] == [desk.wallet().name]


@pytest.mark.rule("INT-1", "INT-2")
def test_books_that_lost_their_state_begin_anew_with_the_wallet(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.crash(20)
    with closing(sqlite3.connect(tmp_path / "neo.db")) as books:
        books.execute("UPDATE engine_state SET value = 'torn' WHERE key = 'runtime'")
        books.commit()
    ending, session = desk.play(ticks=5)
    assert (ending.halt.reason, session["account"]) == ("duration_elapsed", "neo-paper-1")
