"""Leases between real processes: killed, hung, woken up, alive, and two that want the same one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from neo_core.errors import StoreError
from neo_core.store import Store

from .making import ENVIRONMENT, begin, rows

pytestmark = pytest.mark.rule("INT-1")

LEASE = 10.0
DEADLINE = 60.0

ENGINE = """
import sys
from neo_core.errors import NeoError
from store.making import Store, begin, commit, tick
store = Store.open(sys.argv[1], durable=False)
state, now = None, [0.0]
for line in sys.stdin:
    now[0] = float(line)
    try:
        if state is None:
            store.hold("neo", float(sys.argv[2]), wall=lambda: now[0], clock=lambda: now[0])
            state = begin(store).state
        store.beat()
        state = commit(store, tick(state))
        print("traded", flush=True)
    except NeoError as error:
        print(f"{type(error).__name__}: {error}", flush=True)
store.close()
"""


class Engine:
    """A process that does a pass whenever it is told to, at the time that it is told, and nothing in between."""

    def __init__(self, url: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", ENGINE, url, str(LEASE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=ENVIRONMENT,
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    def tell(self, now: float) -> None:
        assert self.process.stdin is not None
        print(now, file=self.process.stdin, flush=True)

    def answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def trade(self, now: float) -> str:
        self.tell(now)
        return self.answer()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def engines(url: str) -> Iterator[list[Engine]]:
    with ExitStack() as ends:
        started = []
        for _ in range(2):
            started.append(Engine(url))
            ends.callback(started[-1].end)
        yield started


def test_a_process_that_was_killed_is_replaced_at_once(url: str, engines: list[Engine]) -> None:
    engine, other = engines
    assert engine.trade(0.0) == "traded"
    assert f"process {engine.pid} on" in other.trade(0.1)
    engine.process.kill()
    engine.process.wait(DEADLINE)
    with closing(Store.open(url, durable=False)) as store:
        assert store.holder("neo", wall=lambda: 0.1) is None
        assert store.crashed("neo") == 1
    assert other.trade(0.1) == "traded"


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no process can be stopped like this here")
def test_a_process_that_hangs_is_replaced_when_its_lease_is_over_and_stops_when_it_wakes_up(
    url: str, engines: list[Engine]
) -> None:
    hung, other = engines
    assert hung.trade(0.0) == "traded"
    os.kill(hung.pid, signal.SIGSTOP)
    assert f"process {hung.pid} on" in other.trade(LEASE - 0.1)
    assert other.trade(LEASE) == "traded"

    hung.tell(LEASE)
    os.kill(hung.pid, signal.SIGCONT)

    assert hung.answer().startswith(f"LeaseLost: engine 'neo' was taken over by process {other.pid} on ")
    assert hung.trade(LEASE + 0.1).startswith("LeaseLost")
    assert rows(url, "SELECT session, count(*) FROM ticks GROUP BY session") == [(1, 1), (2, 1)]
    assert other.trade(LEASE + 0.1) == "traded"


def test_a_process_that_lives_is_never_replaced_however_long_it_runs(engines: list[Engine]) -> None:
    engine, other = engines
    for number in range(10):
        assert engine.trade(number * LEASE / 2) == "traded"
        refused = other.trade((number + 0.9) * LEASE / 2)
        assert f"process {engine.pid} on" in refused


@pytest.mark.parametrize("_round", range(3))
def test_of_two_that_want_an_expired_lease_at_the_same_time_one_gets_it(
    url: str, engines: list[Engine], _round: int
) -> None:
    with closing(Store.open(url, durable=False)) as hung:
        hung.hold("neo", LEASE, wall=lambda: 0.0)
        begin(hung)
        for engine in engines:
            engine.tell(LEASE)
        said = sorted(engine.answer() for engine in engines)
        with pytest.raises(StoreError, match="taken over"):
            begin(hung)
    assert said[1] == "traded"
    assert said[0].startswith("StoreError: engine 'neo' is running on")
