"""How long it takes from a signal until every open order is marked on the disk, before the first cancel leaves."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from itertools import count
from pathlib import Path
from statistics import quantiles

import msgspec
from msgspec.structs import replace

from neo_core.engine import Engine
from neo_core.gateways.base import Gateway
from neo_core.gateways.paper import PaperGateway
from neo_core.gateways.paper_journal import Opening
from neo_core.gateways.paper_ledger import PaperLedger
from neo_core.markets import MarketTick
from neo_core.model import DROPS, Decision, Input, Inventory, Mode, Order, OrderStatus, Place, Side
from neo_core.operators import Operator
from neo_core.state import State
from neo_core.store import Store
from neo_core.wiring import Configured

__all__ = ["encode", "on_the_ledger", "report"]

ORDERS = 200
RUNS = 250
PAGE = b"\0" * 4096
BASE_MS, SYNCS = 5.0, 3.0

encode = msgspec.json.Encoder().encode
sync = getattr(os, "fdatasync", os.fsync)  # macOS and Windows have the latter only


def quiet() -> Iterator[MarketTick]:
    while True:
        yield MarketTick(1.999, 2.001, 2.0)


def quoted(serial: Iterator[int], tick: int, now: float) -> list[Order]:
    orders = []
    for number in range(ORDERS):
        side = Side.BUY if number % 2 else Side.SELL
        price = 1.99 - number / 10_000 if side is Side.BUY else 2.01 + number / 10_000
        rlusd = Decimal(repr(round(price * 100, 6)))
        pending = OrderStatus.PENDING
        size = 100 * DROPS
        orders.append(Order(f"1-{next(serial):06d}", side, price, size, rlusd, size, rlusd, pending, now, tick))
    return orders


def on_the_ledger(
    gateway: Gateway,
    engine: Engine,
    state: State,
    placed: Sequence[Order],
    close: Callable[[], None] = lambda: None,
) -> State:
    """The state with these orders, which the ledger has just placed, once it was closed."""
    now, tick = gateway.now(), state.tick + 1
    orders = {order.id: order for order in placed}
    places = [Place(one.id, one.side, one.drops, one.rlusd, one.expires_at) for one in placed]
    ready = gateway.prepare(places)
    decision = Decision(tick, now, state.ledger_index or 0, Mode.OK, orders=tuple(orders.values()))
    _, state = engine.prepared(replace(state, tick=tick, orders=orders), decision, ready)
    gateway.send(ready)
    close()
    seen = gateway.observe(state.ledger_index)
    account = seen.account
    opened = {
        name: replace(order, status=OrderStatus.OPEN, seen=True, rest_drops=order.drops)
        for name, order in state.orders.items()
    }
    assert len(account.offers) == len(placed)
    return replace(
        state,
        now=seen.close_time,
        close_time=seen.close_time,
        ledger_index=seen.ledger_index,
        inventory=Inventory(account.xrp_drops, account.rlusd),
        orders=opened,
        matched=account.offers,
        armed=True,
        fresh=False,
        watched_since=tick,
    )


def one_run(engine: Engine, store: Store, session: int, tick: int, serial: Iterator[int]) -> tuple[float, int]:
    """Milliseconds from the signal to the durable marks, and the tick that marked."""
    opening = Opening(xrp_drops=10_000_000 * DROPS, rlusd=Decimal(20_000_000))
    gateway = PaperGateway(PaperLedger.open(None, opening), quiet())
    orders = quoted(serial, tick + 1, gateway.now())
    state = on_the_ledger(gateway, engine, State(session=session, tick=tick), orders)
    rows = tuple(state.orders.values())
    before = Decision(state.tick, gateway.now(), state.ledger_index or 0, Mode.OK, orders=rows)
    store.commit(before, encode(before), state)
    operator = Operator(lambda: store.requests("bench"), commands=lambda: store.commands("bench"))

    start = time.perf_counter()
    operator.signal("SIGTERM")
    seen = gateway.observe(state.ledger_index)
    stop, kill, commands = operator.poll()
    given = Input(seen.close_time, seen, "", stop, kill, commands=commands)
    decision, state = engine.tick(state, given)
    decision, state = engine.prepared(state, decision, gateway.prepare(decision.intents))
    store.commit(decision, encode(decision), state)
    took = (time.perf_counter() - start) * 1000

    assert len(decision.intents) == ORDERS
    assert {order.status for order in state.orders.values()} == {OrderStatus.CANCELLED_BY_ENGINE}
    return took, state.tick


def syncs(folder: Path) -> Iterator[float]:
    """Milliseconds of writing four KB and having the disk keep them, again and again."""
    with (folder / "page").open("wb", buffering=0) as file:
        while True:
            start = time.perf_counter()
            file.write(PAGE)
            sync(file.fileno())
            yield (time.perf_counter() - start) * 1000


def half_and_99(figures: list[float]) -> tuple[float, float]:
    cuts = quantiles(figures, n=100, method="inclusive")
    return cuts[49], cuts[98]


def report(configured: Configured) -> None:
    engine, serial, marks, disk = Engine(configured.settings, configured.plugins), count(1), [], []
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        database = (Path(folder) / "bench.db").as_posix()
        with closing(Store.open(f"sqlite:///{database}", durable=True)) as store:
            store.hold("bench")
            opened = store.begin(
                "bench", mode="paper", account="bench", started_at=0.0, plugins=[], config={}, sources=[]
            )
            tick, syncing = 0, syncs(Path(folder))
            for _ in range(RUNS):
                took, tick = one_run(engine, store, opened.state.session, tick, serial)
                marks.append(took)
                disk += [next(syncing), next(syncing)]
    half, most = half_and_99(marks)
    disk_half, disk_most = half_and_99(disk)
    allowed = BASE_MS + SYNCS * disk_most
    print(f"cancel_all, {ORDERS} open orders, signal to durable marks, wall, {RUNS} runs")
    print(f"  p50 {half:6.2f} ms   p99 {most:6.2f} ms")
    print(f"  fdatasync of 4 KB in the same folder: p50 {disk_half:.2f} ms   p99 {disk_most:.2f} ms")
    verdict = "kept" if most <= allowed else "MISSED"
    print(f"  allowed p99: {BASE_MS:g} ms + {SYNCS:g} x {disk_most:.2f} ms = {allowed:.2f} ms: {verdict}")
