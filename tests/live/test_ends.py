"""How quotes end when the engine does: killed, stopped, or told to cancel all. (QUO-3, MODE-4, MODE-5)"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from .audit import audit, told
from .house import SEED, Engine, Net, Start, closing_until_ended, quoting, rows, until
from .trading import engine_hand, taker

TTL_SECONDS = 40


@pytest.mark.rule("QUO-3")
@pytest.mark.skipif(os.name != "posix", reason="SIGKILL exists on POSIX only")
def test_nobody_can_take_a_quote_once_the_engine_is_dead_for_its_time_to_live(start: Start) -> None:
    net, engine = start("--by-hand", "--market", "calm", quoting={"order_ttl_seconds": TTL_SECONDS})
    session = engine.start()
    quoting(net, engine)
    session.kill()
    session.wait()
    killed_at = net.close_time(net.ledger)
    assert net.offers()
    # One ledger more: an offer is compared with the close of the ledger before.
    while net.close_time(net.ledger) < killed_at + TTL_SECONDS:
        net.close()
    net.close()
    dead_since = net.ledger

    taker(net, SEED).sweep()
    net.close(2)

    _, events = told(net, net.ledger)
    after = [event for event in events if event.ledger_index > dead_since]
    assert {event.event for event in after} == {"removed"}
    assert {event.cause for event in after} == {"expired"}
    assert not net.offers()


@pytest.mark.rule("MODE-4", "MODE-5", "REC-3")
def test_fifty_offers_are_gone_within_three_ledgers_of_a_cancel_all(start: Start) -> None:
    net, engine = start("--by-hand", "--market", "calm")
    a_short_session(net, engine)
    leave_offers(net, 50)
    events = cancel_all(net, engine)
    [complete] = [event for event in events if event["kind"] == "cancel_all_complete"]
    assert complete["facts"]["ledgers"] <= 3
    assert not net.offers()


@pytest.mark.rule("MODE-4", "MODE-5")
def test_where_the_fee_has_risen_and_the_queue_is_full_all_is_cancelled_within_the_fee_allowed(
    start: Start,
) -> None:
    most = 60_000
    net, engine = start(
        "--by-hand",
        "--market",
        "hostile",
        "--soft-limit",
        "5",
        live={"max_cancel_fee_drops": most},
        shutdown={"max_ledgers": 60},
    )
    a_short_session(net, engine)
    leave_offers(net, 30)
    before = net.ledger
    events = cancel_all(net, engine)
    [complete] = [event for event in events if event["kind"] == "cancel_all_complete"]
    assert "ledger" in complete["text"]
    assert not net.offers()
    own, _ = told(net, net.ledger)
    fees = [
        int(one["Fee"]) for one in own if one["TransactionType"] == "OfferCancel" and one["ledger_index"] > before
    ]
    assert max(fees) > 10, "the fee never rose"
    assert max(fees) <= most


def a_short_session(net: Net, engine: Engine) -> None:
    """There are books from then on."""
    process = engine.start("--ticks", "1")
    closing_until_ended(net, engine, process)
    assert process.returncode == 0, engine.said()


def leave_offers(net: Net, count: int) -> None:
    """Offers far from the market, made with the engine's key by somebody else."""
    hand = engine_hand(net, SEED)
    while len(net.offers()) < count:
        for _ in range(min(10, count - len(net.offers()))):
            hand.offer(buys=False, xrp=5, price=3.0)
        net.close()


def cancel_all(net: Net, engine: Engine) -> list[dict[str, Any]]:
    """`neo cancel-all`, while ledgers close; what it has on record."""
    process = engine.command("cancel-all", "--config", str(engine.config))
    closing_until_ended(net, engine, process)
    assert process.returncode == 0, engine.said()
    return [{**event, "facts": json.loads(event["facts"])} for event in engine.events()]


@pytest.mark.rule("REC-5", "REC-7", "REC-11", "MODE-8")
@pytest.mark.skipif(os.name != "posix", reason="SIGKILL exists on POSIX only")
def test_the_old_failure_loop_ends_with_truth_zero(start: Start) -> None:
    """The anchor guard fires, cancels race fills, it recovers, fires again, and is killed in the middle."""
    net, engine = start(
        "--market",
        "hostile",
        "--close-seconds",
        "0.05",
        quoting={"bid_offset_bps": 3, "ask_offset_bps": 3, "order_size_xrp": 40},
        wallet_truth={"interval_ticks": 1, "tolerance_xrp": 0, "tolerance_rlusd": 0},
        degraded_recovery={
            "recovery_cooldown_ticks": 5,
            "max_degraded_episodes_per_source_per_session": 1000,
        },
        plugins={
            "anchor_guard": {"lookback_ticks": 5, "recovery_stability_ticks": 3},
            "drift_guard": {"recovery_quiet_ticks": 3},
        },
        shutdown={"max_ledgers": 40},
    )

    def episodes(kind: str) -> int:
        return sum((row["kind"], row["source"]) == (kind, "anchor") for row in engine.events())

    def raced() -> list[Any]:
        return rows(engine.database, "SELECT id FROM orders WHERE cancel_reason != '' AND status = 'FILLED'")

    first = engine.start()
    until(lambda: episodes("degraded_entered") >= 2, "the second episode")
    first.kill()
    first.wait()
    second = engine.start("--resume")
    until(lambda: episodes("degraded_ended") >= 2 and raced(), "its end, and a fill that came before a cancel")
    assert engine.stop(second) == 0, engine.said()

    books = audit(net, engine.database)
    [session] = books.sessions
    assert session["halt_reason"] == "engine_requested_halt"
    assert not net.offers()
