"""A live session on a devnet, over real sockets, in a hostile market and with everything going wrong."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from .audit import Books, audit
from .house import Engine, Net, devnet, until

SOAKING = os.environ.get("NEO_SOAK") == "1"
LEDGERS = 300
SEEDS = range(1, 13) if SOAKING else (7,)

BOLD: dict[str, Any] = {
    # Quotes as often as it can and forgives quickly, so that as much as possible happens.
    "quoting": {"bid_offset_bps": 3, "ask_offset_bps": 3, "order_size_xrp": 40},
    "wallet_truth": {"interval_ticks": 1, "tolerance_xrp": 0, "tolerance_rlusd": 0},
    "risk": {"max_failed_observations": 60, "max_ledger_age_seconds": None},
    "degraded_recovery": {"recovery_cooldown_ticks": 3, "max_degraded_episodes_per_source_per_session": 1000},
    "plugins": {
        "anchor_guard": {"lookback_ticks": 5, "recovery_stability_ticks": 3},
        "drift_guard": {"recovery_quiet_ticks": 3},
        "corridor_guard": {"corridor_lookback_ticks": 3},
        "ledger_evidence": {"max_wait_ledgers": 60},
    },
    "shutdown": {"max_ledgers": 40},
}

TROUBLE: dict[str, list[dict[str, Any]]] = {
    "an answer that never comes, to a submit": [{"drop_answer": 1, "methods": ["submit"]}],
    "a submit that never arrives": [{"drop": 1, "methods": ["submit"]}],
    "too busy": [{"too_busy": 4}],
    "a broken connection": [{"break_connections": True}],
    "a close for too much load": [{"close_1008": 1}],
    "nonsense": [{"garbage": 2}],
    "messages twice": [{"duplicate": True}],
    "messages in another order": [{"reorder": True}],
    "a node that stands still": [{"stale": True}],
    "a node that is behind": [{"lag": 3}],
    "slow answers": [{"latency_ms": 60}],
    "a ledger that takes 20 s": [{"slow_ledger_seconds": 20}],
}


def trouble(net: Net, draw: random.Random, first: int, last: int) -> Counter[str]:
    """One thing after the other goes wrong, on one of the two ports, for a few ledgers each."""
    met: Counter[str] = Counter()
    ledger = first
    names = list(TROUBLE)
    while ledger < last:
        name = names[sum(met.values())] if sum(met.values()) < len(names) else draw.choice(names)
        port = draw.choice(("second", "second", "public"))
        for changes in TROUBLE[name]:
            net.fault(port=port, **changes)
        met[name] += 1
        ledger = net.reach(ledger + draw.randint(3, 9))
        net.fault(port=port, clear=True)
        ledger = net.reach(ledger + draw.randint(2, 8))
    gap = net.ledger
    for port in ("second", "public"):
        net.fault(port=port, gap=[gap - 3, gap - 2])
    net.reach(gap + 4)
    for port in ("second", "public"):
        net.fault(port=port, clear=True)
    return met


@pytest.fixture(scope="module", params=SEEDS)
def played(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Books, str]]:
    seed, folder = request.param, tmp_path_factory.mktemp("hostile")
    words = ["--seed", str(seed), "--market", "hostile", "--close-seconds", "0.1", "--ledger-seconds", "4"]
    with devnet(folder, *words) as net:
        engine = Engine(net, BOLD)
        try:
            session = engine.start()
            first = net.ledger
            until(engine.seen_until, "the first tick")
            met = trouble(net, random.Random(seed), first, first + LEDGERS)
            assert len(met) >= len(TROUBLE) or sum(met.values()) >= 12
            code = engine.stop(session)
            assert code == 0, engine.said()
            yield audit(net, engine.database), engine.said()
        finally:
            engine.kill_all()


@pytest.mark.rule("REC-7", "REC-11", "REC-13", "TRU-1", "INT-1")
def test_every_fill_is_booked_once_and_truth_is_zero_at_every_check(played: tuple[Books, str]) -> None:
    books, said = played
    assert len([row for row in books.checks if row["verdict"] == "ok"]) > LEDGERS / 3, said
    assert len(books.fills) > 20, said


@pytest.mark.rule("MODE-1", "COOL-12")
def test_it_degrades_and_comes_back_many_times(played: tuple[Books, str]) -> None:
    books, said = played
    kinds = books.kinds()
    assert kinds["degraded_entered"] >= 3, said
    assert kinds["degraded_ended"] >= 2, said


def test_what_goes_wrong_ends_nothing_and_is_told(played: tuple[Books, str]) -> None:
    books, said = played
    [session] = books.sessions
    assert session["halt_reason"] == "engine_requested_halt"
    # Whether a ledger goes unseen, or another node is asked in time, is for the clock to say.
    assert "the ledger is not seen" in said or "is asked from now on, instead of" in said


def test_no_order_is_left_without_an_end(played: tuple[Books, str]) -> None:
    books, said = played
    assert not [row for row in books.orders if row["status"] == "HELD_PENDING_REVIEW"], said
    assert not [row for row in books.orders if not row["closed_ledger"]], said
