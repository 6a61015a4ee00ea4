"""Leases between real processes: killed, hung, woken up, alive, and two that want the same one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from neo_core.errors import StoreError
from neo_core.store import Store

from .making import ENVIRONMENT, START, begin, rows

pytestmark = pytest.mark.rule("INT-1")

DEADLINE = 60.0
SOON = 1.0
LATE = 3600.0

ENGINE = """
import sys
from neo_core.errors import NeoError
from store.making import Store, begin, commit, tick
store = Store.open(sys.argv[1], durable=False)
state = None
for line in sys.stdin:
    try:
        if state is None:
            store.hold("neo", float(sys.argv[2]))
            state = begin(store).state
        store.beat()
        state = commit(store, tick(state))
        print("traded", flush=True)
    except NeoError as error:
        print(f"{type(error).__name__}: {error}", flush=True)
store.close()
"""


class Engine:
    """A process that does a pass whenever it is told to, and nothing in between."""

    def __init__(self, url: str, seconds: float) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", ENGINE, url, str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=ENVIRONMENT,
        )

    def tell(self) -> None:
        assert self.process.stdin is not None
        print("go", file=self.process.stdin, flush=True)

    def answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def trade(self) -> str:
        self.tell()
        return self.answer()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def ends() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def start(ends: ExitStack, url: str, seconds: float) -> Engine:
    engine = Engine(url, seconds)
    ends.callback(engine.end)
    return engine


def refusal(url: str) -> str | None:
    with closing(Store.open(url, durable=False)) as store:
        try:
            store.hold("neo", LATE)
        except StoreError as error:
            return str(error)
    return None


def test_a_process_that_was_killed_is_replaced_at_once(url: str, ends: ExitStack) -> None:
    engine = start(ends, url, LATE)
    assert engine.trade() == "traded"
    assert f"process {engine.process.pid} on" in str(refusal(url))
    engine.process.kill()
    engine.process.wait(DEADLINE)
    with closing(Store.open(url, durable=False)) as store:
        assert store.holder("neo") is None
        store.hold("neo", LATE)
        assert store.crashed("neo") == 1


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no process can be stopped like this here")
def test_a_process_that_hangs_is_replaced_when_its_lease_is_over_and_stops_when_it_wakes_up(
    url: str, ends: ExitStack
) -> None:
    hung, other = start(ends, url, SOON), start(ends, url, SOON)
    assert hung.trade() == "traded"
    os.kill(hung.process.pid, signal.SIGSTOP)
    ends.callback(os.kill, hung.process.pid, signal.SIGCONT)
    until = time.monotonic() + DEADLINE
    while (said := other.trade()) != "traded" and time.monotonic() < until:
        assert f"process {hung.process.pid} on" in said
    assert said == "traded"

    hung.tell()
    os.kill(hung.process.pid, signal.SIGCONT)

    assert hung.answer().startswith(f"LeaseLost: engine 'neo' was taken over by process {other.process.pid} on ")
    assert hung.trade().startswith("LeaseLost")
    assert rows(url, "SELECT session, count(*) FROM ticks GROUP BY session") == [(1, 1), (2, 1)]
    assert other.trade() == "traded"


def test_a_process_that_lives_is_never_replaced_however_often_one_tries(url: str, ends: ExitStack) -> None:
    engine = start(ends, url, SOON)
    assert engine.trade() == "traded"
    until, tries = time.monotonic() + 2 * SOON, 0
    while time.monotonic() < until:
        assert "is running on" in str(refusal(url))
        assert engine.trade() == "traded"
        tries += 1
    assert tries >= 2


@pytest.mark.parametrize("round_number", range(3))
def test_of_two_that_want_an_expired_lease_at_the_same_time_one_gets_it(
    url: str, ends: ExitStack, round_number: int
) -> None:
    with closing(Store.open(url, durable=False)) as hung:
        hung.hold("neo", SOON, wall=lambda: START)
        begin(hung)
        takers = [start(ends, url, LATE) for _ in range(2)]
        for taker in takers:
            taker.tell()
        said = sorted(taker.answer() for taker in takers)
    assert said[1] == "traded"
    assert said[0].startswith("StoreError: engine 'neo' is running on")
