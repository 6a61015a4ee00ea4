"""What the passes of a live session cost: looking at a ledger, quoting on it, cancelling everything at once."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from decimal import Decimal
from itertools import count
from pathlib import Path
from statistics import median

import msgspec
from devnet import Devnet, gateway_to, sent
from signal_to_marks import encode, on_the_ledger

from neo_core.engine import Engine
from neo_core.log import open_log
from neo_core.model import DROPS, Cancel, Decision, Mode, Order, OrderStatus, Place, Side
from neo_core.operators import Operator
from neo_core.session import Session
from neo_core.state import State
from neo_core.store import Store
from neo_core.wiring import Asked, configure, open_run
from neo_core.wiring.live import Idle

__all__ = ["Cancelling", "Observing", "Passing", "cancelling", "observing", "passing"]

LOOKS = 15
PASSES = 80
SETTLING = 10
"""Passes of a session before those that count: the wallet, the first quotes."""
CANCELLINGS = 5
LONG = 100_000.0


class Observing(msgspec.Struct, frozen=True):
    """Medians, in milliseconds, wall from when the ledger was announced; the most round trips that one took, and
    how many requests there were in them.
    """

    offers: int
    trips: int
    requests: int
    cpu: float
    wall: float


class Cancelling(msgspec.Struct, frozen=True):
    """Milliseconds from the signal until the last blob has left and is answered, and ledgers until none of the
    offers was there. Most of the wall is what a session that waits for a ledger takes to hear of the signal.
    """

    orders: int
    cpu: float
    wall: float
    ledgers: int


class Passing(msgspec.Struct, frozen=True):
    """Milliseconds of CPU and of wall: of a pass that leaves its quotes alone, and of one that sends something."""

    quiet: tuple[float, float]
    sending: tuple[float, float]
    sent: int


def observing(net: Devnet, numbers: Sequence[int]) -> list[Observing]:
    """`numbers`: of own offers, ascending."""
    gateway, link = gateway_to(net.settings)
    found, offers = [], gateway.observe(None).account.offers
    for number in numbers:
        far = [_far(f"3-{one}", one, gateway.now() + LONG) for one in range(len(offers), number)]
        sent(gateway.send(gateway.prepare(far)), far)
        net.close_ledger()
        offers = gateway.observe(None).account.offers
        assert len(offers) == number
        index, cpus, walls, trips, requests = 0, [], [], [], []
        for _ in range(LOOKS):
            net.close_ledger()
            link.trips, link.requests, start = 0, 0, time.process_time()
            index = gateway.observe(index or None).ledger_index
            cpus.append((time.process_time() - start) * 1e3)
            walls.append((time.perf_counter() - link.came_at) * 1e3)
            trips.append(link.trips)
            requests.append(link.requests)
        found.append(Observing(number, max(trips), max(requests), median(cpus), median(walls)))
    cancels = [Cancel(f"3-{one.sequence}", one.sequence, "requote") for one in offers]
    sent(gateway.send(gateway.prepare(cancels)), cancels)
    net.close_ledger()
    assert not gateway.observe(None).account.offers
    gateway.close()
    return found


def _far(name: str, number: int, expires_at: float) -> Place:
    """Five per cent beside the market, where nobody comes."""
    side = Side.BUY if number % 2 else Side.SELL
    price = Decimal("1.9") if side is Side.BUY else Decimal("2.1")
    return Place(name, side, 100 * DROPS, 100 * price, expires_at)


# --- everything cancelled ---


def cancelling(net: Devnet, orders: int) -> Cancelling:
    with tempfile.TemporaryDirectory(dir=net.config.parent) as folder:
        runs = [_cancelled(net, orders, Path(folder) / str(number)) for number in range(CANCELLINGS)]
    cpus, walls = [cpu for cpu, _, _ in runs], [wall for _, wall, _ in runs]
    return Cancelling(orders, median(cpus), median(walls), max([ledgers for _, _, ledgers in runs]))


def _cancelled(net: Devnet, number: int, folder: Path) -> tuple[float, float, int]:
    """A session that knows so many open orders hears the signal while it waits for a ledger."""
    folder.mkdir()
    configured = configure(Asked(config=net.config))
    settings, name = configured.settings, configured.settings.engine.name
    engine = Engine(settings, configured.plugins)
    log, log_file = open_log(folder / "neo.log", "info")
    assert log_file is not None
    with closing(log_file), closing(Store.open(f"sqlite:///{(folder / 'neo.db').as_posix()}")) as store:
        store.hold(name)
        opened = store.begin(
            name, mode="live", account=net.account, started_at=time.time(), plugins=[], config={}, sources=[]
        )
        operator = Operator(lambda: store.requests(name), commands=lambda: store.commands(name))
        idle = Idle(operator, store, opened.state.session, settings.shutdown.max_seconds, alone=False)
        gateway, link = gateway_to(settings, idle)
        gateway.observe(None)
        orders = _orders(number, gateway.now())
        state = on_the_ledger(gateway, engine, State(opened.state.session), orders, net.close_ledger)
        rows = tuple(state.orders.values())
        before = Decision(state.tick, gateway.now(), state.ledger_index or 0, Mode.OK, orders=rows)
        store.commit(before, encode(before), state)
        seen = state.ledger_index or 0
        flat_at = 0

        def show(decision: Decision, after: State) -> None:
            nonlocal flat_at
            if after.sweep is None and not flat_at:
                flat_at = decision.ledger_index
            else:
                net.close_ledger()

        session = Session(
            engine=engine,
            gateway=gateway,
            records=store,
            operator=operator,
            settings=settings,
            state=state,
            log=log,
            wall=time.time,
            show=show,
        )
        cpu, wall = time.process_time(), time.perf_counter()
        operator.signal("SIGTERM")
        ending = session.run()
    assert flat_at, ending
    return (link.left[0] - cpu) * 1e3, (link.left[1] - wall) * 1e3, flat_at - seen


def _orders(number: int, now: float) -> list[Order]:
    serial = count(1)
    far = [_far(f"1-{next(serial):06d}", one, now + LONG) for one in range(number)]
    return [
        Order(
            id=place.order_id,
            side=place.side,
            price=float(place.rlusd) / 100,
            drops=place.drops,
            rlusd=place.rlusd,
            rest_drops=place.drops,
            rest_rlusd=place.rlusd,
            status=OrderStatus.PENDING,
            placed_at=now,
            placed_tick=1,
            expires_at=place.expires_at,
        )
        for place in far
    ]


# --- a calm market ---


def passing(net: Devnet) -> Passing:
    """`neo run --mode live`, with a ledger closed as soon as the last one was dealt with."""
    quiet, busy = list[tuple[float, float]](), list[tuple[float, float]]()
    cpu = wall = 0.0

    def show(decision: Decision, state: State) -> None:
        nonlocal cpu, wall
        took = (time.process_time() - cpu) * 1e3, (time.perf_counter() - wall) * 1e3
        if decision.tick > SETTLING and state.halt is None:
            (busy if decision.intents else quiet).append(took)
        net.close_ledger()
        cpu, wall = time.process_time(), time.perf_counter()

    with tempfile.TemporaryDirectory(dir=net.config.parent) as folder:
        database = f"sqlite:///{(Path(folder) / 'neo.db').as_posix()}"
        run = open_run(Asked(config=net.config, ticks=PASSES + SETTLING, database=database), show)
        run.run()
        run.close()
    assert quiet, "no pass left the quotes alone"
    return Passing(_middle(quiet), _middle(busy or [(0.0, 0.0)]), len(busy))


def _middle(found: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return median([cpu for cpu, _ in found]), median([wall for _, wall in found])
