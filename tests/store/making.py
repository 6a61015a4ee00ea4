"""Sessions, ticks, orders and fills for the tests of the store."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec.structs import replace

import neo_core
from neo_core.model import Cause, Decision, Fill, Inventory, Order, OrderStatus, Side
from neo_core.state import Regime, State
from neo_core.store import Opened, Plugin, Store

START = 1_767_225_600.0
SOURCES = ("anchor", "corridor", "drift")
LINE = b'{"tick":1}'
OWNED = Inventory(10_000_000_001, Decimal("20000.123456789012"))
CAUSE = Cause("anchor", "mean 7.20 bps, the limit is 6.00", 1, START + 4, 4.0)
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join(str(Path(file).parents[1]) for file in (__file__, neo_core.__file__)),
}
"""In which another process can import this file and the engine."""


def begin(store: Store, engine: str = "neo", **changes: Any) -> Opened:
    given: dict[str, Any] = {
        "mode": "paper",
        "account": "wallet-1",
        "started_at": START,
        "plugins": [Plugin("anchor_guard", "0.1.0")],
        "config": {"risk": {"collar_bps": 100.0}},
        "sources": SOURCES,
        "scenario": "calm",
        "seed": 7,
    }
    return store.begin(engine, **{**given, **changes})


def tick(state: State, **changes: Any) -> State:
    number = state.tick + 1
    now = START + 4 * number
    moved = {"tick": number, "now": now, "elapsed": 4.0 * number, "ledger_index": 1000 + number}
    return replace(state, **{**moved, "close_time": now, "inventory": OWNED, **changes})


def decide(state: State, **changes: Any) -> Decision:
    assert state.now is not None
    assert state.ledger_index is not None
    return Decision(state.tick, state.now, state.ledger_index, state.mode, state.regime.source, **changes)


def commit(store: Store, state: State, line: bytes = LINE, **changes: Any) -> State:
    store.commit(decide(state, **changes), line, state)
    return state


def order(number: int, status: OrderStatus = OrderStatus.OPEN, **changes: Any) -> Order:
    amount = Decimal("212.3456789012345")
    made = Order(f"1-{number}", Side.BUY, 2.123456789, 10**8, amount, 10**8, amount, status, START, 1)
    return replace(made, sequence=number, **changes)


def fill(tx_hash: str = "AB", sequence: int = 1, **changes: Any) -> Fill:
    made = Fill("1-1", Side.BUY, 10**8, Decimal("212.3456789012345"), tx_hash, sequence, 1001, 1, START + 4)
    return replace(made, **changes)


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        return connection.execute(query).fetchall()


def engine_state(url: str) -> dict[str, str]:
    return dict(rows(url, "SELECT key, value FROM engine_state"))


def degraded(state: State, count: int = 1) -> State:
    regime = Regime(
        CAUSE, (), {**state.regime.episodes, "anchor": count}, {**state.regime.cooldowns, "anchor": 120}, None
    )
    return replace(state, regime=regime, mode_since=state.tick)
