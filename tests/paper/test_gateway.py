"""The paper gateway: observing, preparing, sending."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import repeat

import pytest
from msgspec.structs import replace

from neo_core.errors import ObservationFailed, RecordingEnded
from neo_core.gateways.paper import PaperGateway
from neo_core.gateways.paper_journal import FIRST_CLOSE, FIRST_LEDGER
from neo_core.gateways.paper_ledger import PaperLedger
from neo_core.model import DROPS, Ack, AckOutcome, Cancel, Offer, Place, Side

from .making import FEE, NOTHING, OPENING, QUIET, Desk, buy, sell, seller, told

# --- observing -------------------------------------------------------------------------------------------


def test_first_observation_shows_the_opening_wallet_and_nothing_of_the_past() -> None:
    seen = Desk().seen
    assert (seen.ledger_index, seen.close_time) == (FIRST_LEDGER + 1, FIRST_CLOSE + 4)
    assert (seen.market.bid, seen.market.ask, seen.market.amm_price) == (1.99, 2.01, 2.0)
    account = seen.account
    assert (account.xrp_drops, account.rlusd) == (1_000 * DROPS, Decimal(2_000))
    assert (account.offers, account.events, account.transactions) == ((), (), ())
    assert account.covers_from == FIRST_LEDGER + 2
    assert (account.reserve_drops, account.reserve_step_drops) == (1_200_000, 200_000)
    assert (seen.health.fee_drops, seen.health.ledger_age_seconds, seen.health.cannot_trade) == (FEE, 0.0, None)


def test_each_observation_closes_one_ledger_of_four_seconds_after_pacing() -> None:
    paced: list[float] = []
    gateway = PaperGateway(PaperLedger.open(None, OPENING), repeat(QUIET), lambda: paced.append(gateway.now()))
    assert gateway.now() == FIRST_CLOSE
    assert [gateway.observe(None).ledger_index for _ in range(3)] == [FIRST_LEDGER + i for i in (1, 2, 3)]
    assert gateway.now() == FIRST_CLOSE + 12
    assert paced == [FIRST_CLOSE, FIRST_CLOSE + 4, FIRST_CLOSE + 8]


def test_health_says_what_the_market_says() -> None:
    seen = Desk().ledger(replace(QUIET, cannot_trade="amendment blocked", ledger_age_seconds=12.5))
    assert (seen.health.cannot_trade, seen.health.ledger_age_seconds) == ("amendment blocked", 12.5)
    assert seen.health.fee_drops == FEE


def test_a_market_that_ends_ends_the_recording() -> None:
    gateway = PaperGateway(PaperLedger.open(None, OPENING), iter([QUIET]))
    gateway.observe(None)
    with pytest.raises(RecordingEnded):
        gateway.observe(None)


def test_a_failed_observation_closes_the_ledger_and_the_next_one_tells_what_happened_in_it() -> None:
    desk = Desk()
    desk.do(buy("2"))
    since = desk.seen.ledger_index
    desk.send(sell("2.005"))
    with pytest.raises(ObservationFailed, match="the node is away"):
        desk.ledger(replace(QUIET, failure="the node is away", takers=(seller(40),)))
    assert desk.gateway.now() == desk.seen.close_time + 4
    seen = desk.ledger()
    assert seen.ledger_index == since + 2
    assert seen.account.covers_from == since + 1
    assert sorted(told(seen.account.events)) == [("partial_fill", "", 1), ("placed", "", 2)]
    assert {event.ledger_index for event in seen.account.events} == {since + 1}
    assert [transaction.sequence for transaction in seen.account.transactions] == [2]
    assert desk.ledger().account.events == ()


def test_events_are_told_for_as_long_as_nobody_has_seen_them() -> None:
    desk = Desk()
    first = desk.seen.ledger_index
    desk.send(buy("1.95"))
    assert told(desk.gateway.observe(first).account.events) == [("placed", "", 1)]
    desk.send(sell("2.05"))
    again = desk.gateway.observe(first).account
    assert told(again.events) == [("placed", "", 1), ("placed", "", 2)]
    assert [transaction.sequence for transaction in again.transactions] == [1, 2]
    assert again.covers_from == first + 1


def test_who_goes_back_behind_what_was_seen_is_told_from_where_on_it_is_known() -> None:
    desk = Desk()
    first = desk.seen.ledger_index
    desk.do(buy("1.95"))
    desk.do(sell("2.05"))
    desk.ledger()
    account = desk.gateway.observe(first).account
    assert (told(account.events), account.covers_from) == ([], first + 3)


# --- sending ---------------------------------------------------------------------------------------------


def test_prepare_gives_sequences_hashes_and_an_end_and_sends_nothing() -> None:
    desk = Desk()
    intents = (buy("1.95"), sell("2.05"), Cancel("o-1", 1, "requote"))
    ready = desk.gateway.prepare(intents)
    assert [one.sequence for one in ready] == [1, 2, 3]
    assert [one.intent for one in ready] == list(intents)
    assert {one.last_ledger for one in ready} == {desk.seen.ledger_index + 4}
    assert len({one.tx_hash for one in ready}) == 3
    assert all(re.fullmatch("[0-9A-F]{64}", one.tx_hash) for one in ready)
    assert ready == desk.gateway.prepare(intents)
    assert desk.ledger().account.transactions == ()


def test_what_was_sent_takes_effect_only_in_the_next_ledger() -> None:
    desk = Desk()
    ready = desk.gateway.prepare([buy("1.95", 10)])
    assert desk.gateway.send(ready) == (Ack("o-1", False, AckOutcome.SENT),)
    assert desk.seen.account.offers == ()
    account = desk.ledger().account
    assert account.offers == (Offer(1, Side.BUY, 10 * DROPS, Decimal("19.5")),)
    (event,) = account.events
    assert (event.event, event.tx_hash, event.ledger_index) == ("placed", ready[0].tx_hash, desk.since)
    assert (event.drops, event.rlusd, event.rest_drops, event.rest_rlusd) == (
        0,
        NOTHING,
        10 * DROPS,
        Decimal("19.5"),
    )
    (transaction,) = account.transactions
    assert (transaction.tx_hash, transaction.sequence) == (ready[0].tx_hash, 1)
    assert (transaction.fee_drops, transaction.result) == (FEE, "tesSUCCESS")
    assert account.xrp_drops == 1_000 * DROPS - FEE
    assert account.reserve_drops == 1_400_000
    assert desk.ledger().account.offers is account.offers


def test_a_transaction_is_in_one_ledger_only() -> None:
    desk = Desk()
    ready = desk.gateway.prepare([buy("1.95")])
    desk.gateway.send(ready)
    assert desk.gateway.send(ready)[0] == Ack("o-1", False, AckOutcome.REFUSED, "tefPAST_SEQ")
    desk.ledger()
    assert desk.gateway.send(ready)[0].code == "tefPAST_SEQ"
    assert desk.ledger().account.transactions == ()


@pytest.mark.parametrize(
    ("intent", "changes", "code"),
    [
        (buy("1.95"), {"sequence": 7}, "terPRE_SEQ"),
        (buy("1.95"), {"sequence": 0}, "tefPAST_SEQ"),
        (buy("1.95"), {"last_ledger": FIRST_LEDGER + 1}, "tefMAX_LEDGER"),
        (replace(buy("1.95"), drops=0), {}, "temBAD_OFFER"),
        (replace(buy("1.95"), rlusd=Decimal(0)), {}, "temBAD_OFFER"),
        (Cancel("o-1", 0, "x"), {}, "temBAD_SEQUENCE"),
        (Cancel("o-1", 1, "x"), {}, "temBAD_SEQUENCE"),
    ],
)
def test_a_refused_transaction_is_in_no_ledger_and_costs_nothing(
    intent: Place | Cancel, changes: dict[str, int], code: str
) -> None:
    desk = Desk()
    (ready,) = desk.gateway.prepare([intent])
    (ack,) = desk.gateway.send([replace(ready, **changes)])
    assert (ack.outcome, ack.code, ack.cancel) == (AckOutcome.REFUSED, code, isinstance(intent, Cancel))
    account = desk.ledger().account
    assert (account.transactions, account.xrp_drops) == ((), 1_000 * DROPS)


def test_a_wallet_that_cannot_pay_the_fee_is_refused() -> None:
    desk = Desk(replace(OPENING, xrp_drops=15))
    acks = desk.send(Cancel("o-9", 0, "x"), buy("1.9"))
    assert [ack.code for ack in acks] == ["temBAD_SEQUENCE", "terPRE_SEQ"]
    assert [ack.code for ack in desk.send(buy("1.9"), buy("1.9"))] == ["", "terINSUF_FEE_B"]
