"""Ledgers that no node can tell of: an order that vanished in them is waited for, and never guessed about."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .audit import Books, audit
from .house import SEED, Engine, Net, Start, quoting, step
from .trading import taker

PORTS = ("second", "public")


def faults(net: Net, **changes: Any) -> None:
    for port in PORTS:
        net.fault(port=port, **changes)


def taken_in_a_gap(net: Net, engine: Engine) -> int:
    """Somebody takes the engine's quotes in a ledger that it does not see, and that nobody can tell of."""
    faults(net, stale=True)
    taker(net, SEED).sweep()
    net.close()
    unseen = net.ledger
    faults(net, stale=False, gap=[unseen, unseen])
    step(net, engine)
    return unseen


def kinds(engine: Engine) -> list[str]:
    return [event["kind"] for event in engine.events()]


def booked(engine: Engine, ledger: int) -> list[dict[str, Any]]:
    return [row for row in Books(engine.database).fills if row["ledger_index"] == ledger]


@pytest.mark.rule("REC-2", "REC-11", "REC-13", "REC-X4")
def test_what_happened_in_a_gap_is_booked_when_it_is_told_and_not_before(start: Start) -> None:
    net, engine = start(
        "--by-hand",
        "--market",
        "calm",
        wallet_truth={"interval_ticks": 1, "halt_after_checks": 20},
        plugins={"drift_guard": {"enabled": False}},
    )
    session = engine.start()
    quoting(net, engine)
    unseen = taken_in_a_gap(net, engine)
    step(net, engine, 2)
    assert "order_waits" in kinds(engine), engine.said()
    assert not booked(engine, unseen)
    assert not engine.ask("orders", "held")

    faults(net, clear=True)
    step(net, engine, 2)
    assert booked(engine, unseen)
    session.terminate()
    while session.poll() is None:
        net.close()
    audit(net, engine.database, always_true=False)


@pytest.mark.rule("REC-2", "REC-8", "REC-X4")
def test_what_nobody_ever_tells_is_held_and_not_guessed(start: Start) -> None:
    most = 4
    net, engine = start(
        "--by-hand",
        "--market",
        "calm",
        wallet_truth={"enabled": False},
        plugins={"drift_guard": {"enabled": False}, "ledger_evidence": {"max_wait_ledgers": most}},
    )
    engine.start()
    quoting(net, engine)
    unseen = taken_in_a_gap(net, engine)
    step(net, engine, most + 2)

    held = engine.ask("orders", "held")
    assert held
    assert all(str(unseen) in json.dumps(order) for order in held)
    assert not booked(engine, unseen)
    assert all(row["proven"] for row in Books(engine.database).fills)
