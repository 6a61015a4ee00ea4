"""What a tick costs, in CPU time of one run on this machine, and how long a cancel_all takes.

Nothing here is a test: it prints.

python dev.py bench                 every figure
python dev.py bench live            the figures of live trading alone, on a devnet
python dev.py bench paper           all the others
python dev.py bench --ticks 20000   a shorter run
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from itertools import islice
from pathlib import Path
from statistics import median

import live
import signal_to_marks

from neo_core.engine import Engine
from neo_core.gateways.paper import PaperGateway
from neo_core.gateways.paper_journal import Opening
from neo_core.gateways.paper_ledger import PaperLedger
from neo_core.markets import find
from neo_core.model import DROPS, Ack, Decision, Input
from neo_core.state import State
from neo_core.wiring import Asked, Configured, configure, open_run

ROUNDS = 5


def cpu(*works: Callable[[], int]) -> list[float]:
    """Microseconds of CPU for each of the pieces of work that each says it did, the medians of a few rounds.

    They take turns in each round, so that what the machine does besides falls on all of them.
    """
    rounds = []
    for _ in range(ROUNDS):
        figures = []
        for work in works:
            start = time.process_time()
            pieces = work()
            figures.append((time.process_time() - start) * 1e6 / pieces)
        rounds.append(figures)
    return [median(figures) for figures in zip(*rounds, strict=True)]


def ticks_in_memory(configured: Configured, ticks: int) -> int:
    """Market, paper execution, three guards and a decision log in memory; no store."""
    engine = Engine(configured.settings, configured.plugins)
    ledger = PaperLedger.open(None, Opening(xrp_drops=10_000 * DROPS, rlusd=Decimal(20_000)))
    gateway = PaperGateway(ledger, find("calm").market(1))
    state, log = State(session=1), list[Decision]()
    acks: tuple[Ack, ...] = ()
    for _ in range(ticks):
        seen = gateway.observe(state.ledger_index)
        decision, state = engine.tick(state, Input(seen.close_time, seen, acks=acks))
        acks = ()
        if decision.intents:
            ready = gateway.prepare(decision.intents)
            decision, state = engine.prepared(state, decision, ready)
            acks = gateway.send(ready)
        log.append(decision)
    return ticks


def yardstick(ticks: int) -> int:
    """What the language itself takes: the same market, quoted by a loop that keeps nothing and checks nothing."""
    window, total, placed = deque([0.0] * 25), 0.0, 0
    buy = sell = 0.0
    for tick in islice(find("calm").market(1), ticks):
        assert tick.bid is not None
        assert tick.ask is not None
        assert tick.amm_price is not None
        mid = (tick.bid + tick.ask) / 2
        error = (tick.amm_price / mid - 1.0) * 5_000
        window.append(error)
        total += error - window.popleft()
        anchor = mid * (1.0 + error / 10_000)
        wanted = anchor * 0.9992
        if abs(total) < 150.0 and abs(wanted - buy) > wanted * 0.0002:
            buy, sell, placed = wanted, anchor * 1.0008, placed + 2
    assert 0.0 < buy < sell
    assert placed
    return ticks


def market_alone(ticks: int) -> int:
    market = find("calm").market(1)
    for _ in range(ticks):
        next(market)
    return ticks


def ticks_with_store(ticks: int) -> int:
    """The whole session as `neo run --speed 0` has it: batched store, wallet file, log file."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path.cwd()
        os.chdir(folder)
        run = open_run(Asked(scenario="calm", speed=0.0, ticks=ticks, database="sqlite:///bench.db"))
        run.run()
        run.close()
        os.chdir(here)
    return ticks


def wall_of(command: list[str]) -> float:
    """Milliseconds, the median of several runs."""
    figures = []
    for _ in range(9):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        figures.append((time.perf_counter() - start) * 1000)
    return median(figures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", choices=["all", "live", "paper"], default="all")
    parser.add_argument("--ticks", type=int, default=50_000)
    asked = parser.parse_args()
    if asked.part != "live":
        report_paper(asked.ticks)
    if asked.part != "paper":
        live.report()


def report_paper(ticks: int) -> None:
    configured = configure(Asked())
    ticks_in_memory(configured, 2_000)
    alone, plain, in_memory, stored = cpu(
        lambda: market_alone(ticks),
        lambda: yardstick(ticks),
        lambda: ticks_in_memory(configured, ticks),
        lambda: ticks_with_store(ticks),
    )
    print(f"calm, three guards, {ticks} ticks, CPU a tick, median of {ROUNDS}")
    print(f"  market alone                                  {alone:7.2f} µs")
    print(f"  market, and a loop of plain Python on it      {plain:7.2f} µs  (the yardstick)")
    for what, figure, allowed in (
        ("market, paper, engine, decision log in memory", in_memory, 15),
        ("the same as a session with batched store     ", stored, 30),
    ):
        print(f"  {what} {figure:7.2f} µs  ({allowed} allowed), {figure / plain:5.1f} yardsticks")
    signal_to_marks.report(configured)
    print(f"neo --help, wall, median of 9                   {wall_of([neo(), '--help']):7.1f} ms  (90 allowed)")
    print(f"  python -c pass, for comparison                {wall_of([sys.executable, '-c', 'pass']):7.1f} ms")


def neo() -> str:
    return str(Path(sys.executable).with_name("neo.exe" if os.name == "nt" else "neo"))


if __name__ == "__main__":
    main()
