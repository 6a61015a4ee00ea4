"""Submitting and closing: provisional and final, held and retried."""

from __future__ import annotations

from typing import Any

import pytest
from neo_devnet.history import RIPPLE_EPOCH
from neo_devnet.market.keys import key_of
from neo_devnet.node import Node
from neo_devnet.tx import NotATransaction

from .making import START, World, founded


def test_a_submit_is_in_the_open_ledger_at_once_and_validated_after_the_close() -> None:
    world = founded()
    answer = world.ask(world.maker)
    assert (answer["engine_result"], answer["applied"], answer["validated_ledger_index"]) == (
        "tesSUCCESS",
        True,
        6,
    )
    offers = {"account": world.maker.address}
    assert len(world.rpc("account_offers", **offers, ledger_index="current")["offers"]) == 1
    assert world.rpc("account_offers", **offers, ledger_index="validated")["offers"] == []
    told = world.rpc("tx", transaction=answer["tx_json"]["hash"])
    assert (told["status"], told["validated"]) == ("success", False)
    assert "meta" not in told
    assert world.node.accept() == 8
    assert len(world.rpc("account_offers", **offers, ledger_index="validated")["offers"]) == 1
    told = world.rpc("tx", transaction=answer["tx_json"]["hash"])
    assert (told["validated"], told["ledger_index"], told["ctid"]) == (True, 7, "C000000700000000")


def test_a_provisional_result_can_flip_at_the_close() -> None:
    """Fill and cancel of one offer in one ledger: whoever comes first in canonical order wins."""
    seen = set()
    for fee in range(10, 40):
        world = founded()
        offer = world.ask(world.maker)["tx_json"]["Sequence"]
        world.node.accept()
        cancel = world.send(world.maker, TransactionType="OfferCancel", OfferSequence=offer, Fee=str(fee))
        take = world.bid(world.taker, Flags=0x20000)
        assert (cancel["engine_result"], take["engine_result"]) == ("tesSUCCESS", "tecKILLED")
        world.node.accept()
        final = world.rpc("tx", transaction=take["tx_json"]["hash"])["meta"]["TransactionResult"]
        seen.add(final)
        if len(seen) == 2:
            return
    pytest.fail(f"thirty closes, and the taker's result was always {seen}")


def test_a_sequence_ahead_is_held_and_enters_by_itself_when_the_gap_is_filled() -> None:
    world = founded()
    first = world.sequence(world.maker)
    held = world.ask(world.maker, Sequence=first + 1)
    assert (held["engine_result"], held["applied"], held["kept"]) == ("terPRE_SEQ", False, True)
    told = world.rpc("tx", transaction=held["tx_json"]["hash"])
    assert (told["status"], told["validated"]) == ("success", False)
    answer = world.ask(world.maker, Sequence=first)
    assert answer["account_sequence_next"] == first + 1
    world.node.accept()
    assert world.rpc("tx", transaction=held["tx_json"]["hash"])["validated"]


def test_several_held_transactions_follow_each_other() -> None:
    world = founded()
    first = world.sequence(world.maker)
    held = [world.noop(world.maker, Sequence=first + n)["engine_result"] for n in (3, 1, 2)]
    world.noop(world.maker, Sequence=first)
    assert held == ["terPRE_SEQ"] * 3
    assert world.sequence(world.maker) == first + 4


def test_a_held_transaction_whose_gap_is_filled_later_still_enters_some_ledgers_on() -> None:
    world = founded()
    first = world.sequence(world.maker)
    world.noop(world.maker, Sequence=first + 1)
    world.node.accept()
    world.node.accept()
    world.noop(world.maker, Sequence=first)
    world.node.accept()
    world.node.accept()
    assert world.sequence(world.maker) == first + 2


@pytest.mark.parametrize(
    ("fields", "result"),
    [
        ({"Sequence": 3}, "tefPAST_SEQ"),
        ({"Fee": "1"}, "telINSUF_FEE_P"),
        ({"Fee": "5000000000"}, "terINSUF_FEE_B"),
        ({"LastLedgerSequence": 6}, "tefMAX_LEDGER"),
        ({"LastLedgerSequence": 7}, "tesSUCCESS"),
        ({"NetworkID": 21338}, "telNETWORK_ID_MAKES_TX_NON_CANONICAL"),
        ({"Flags": 0x60000, "TransactionType": "OfferCreate"}, "temINVALID_FLAG"),
    ],
)
def test_what_may_be_wrong_with_a_transaction_is_named(fields: dict[str, Any], result: str) -> None:
    world = founded()
    sent = {"TakerGets": "10000000", "TakerPays": world.token("5"), "TransactionType": "OfferCreate", **fields}
    assert world.send(world.maker, **sent)["engine_result"] == result


def test_the_same_blob_again_is_past_before_and_after_the_close() -> None:
    world = founded()
    blob = world.blob(world.maker, TransactionType="AccountSet")
    results = [world.node.submit(blob)["engine_result"] for _ in range(2)]
    world.node.accept()
    late = world.node.submit(blob)
    assert [*results, late["engine_result"]] == ["tesSUCCESS", "tefPAST_SEQ", "tefPAST_SEQ"]
    assert (late["tx_json"]["inLedger"], late["tx_json"]["ledger_index"]) == (7, 7)


def test_an_account_that_is_not_there_cannot_send() -> None:
    world = founded()
    stranger = key_of(7, "stranger")
    answer = world.noop(stranger, Sequence=1)
    assert (answer["engine_result"], answer["account_sequence_next"]) == ("terNO_ACCOUNT", 0)


def test_a_foreign_key_is_not_authorised_and_a_broken_signature_is_no_transaction() -> None:
    world = founded()
    foreign = world.taker.sign(
        {"TransactionType": "AccountSet", "Account": world.maker.address, "Fee": "10", "Sequence": 4}
    )
    assert world.node.submit(foreign)["engine_result"] == "tefBAD_AUTH"
    good = world.blob(world.maker, TransactionType="AccountSet")
    broken = good[:-25] + bytes([good[-25] ^ 1]) + good[-24:]
    with pytest.raises(NotATransaction, match="Invalid signature"):
        world.node.submit(broken)


def test_fail_hard_leaves_no_trace_of_what_did_not_succeed() -> None:
    world = founded()
    before = world.sequence(world.maker)
    answer = world.bid(world.maker, Flags=0x20000, fail_hard=True)
    assert (answer["engine_result"], answer["applied"], answer["kept"]) == ("tecKILLED", False, False)
    ahead = world.noop(world.maker, Sequence=before + 1, fail_hard=True)
    assert (ahead["engine_result"], ahead["kept"]) == ("terPRE_SEQ", False)
    world.noop(world.maker)
    world.node.accept()
    assert world.sequence(world.maker) == before + 1


def test_a_tec_waits_for_the_end_of_the_close_and_may_have_come_good_by_then() -> None:
    """The seller has no token when its turn comes, and has it when it is tried again behind all the others."""
    results = set()
    for fee in range(10, 20):
        world = founded()
        poor = key_of(7, "poor")
        world.send(world.bank, TransactionType="Payment", Destination=poor.address, Amount="1000000000")
        world.node.accept()
        world.send(poor, TransactionType="TrustSet", Flags=0x20000, LimitAmount=world.token("1000"))
        world.node.accept()
        early = world.send(
            poor, TransactionType="OfferCreate", TakerGets=world.token("5"), TakerPays="10000000", Fee=str(fee)
        )
        world.send(world.issuer, TransactionType="Payment", Destination=poor.address, Amount=world.token("10"))
        assert early["engine_result"] == "tecUNFUNDED_OFFER"
        world.node.accept()
        results.add(world.rpc("tx", transaction=early["tx_json"]["hash"])["meta"]["TransactionResult"])
    assert results == {"tesSUCCESS"}


def test_close_times_are_rounded_to_ten_seconds_and_never_stand_still() -> None:
    world = World()
    times = [world.node.validated.unix_close_time]
    for step in (4, 4, 4, 0, 0):
        world.clock.now += step
        world.node.accept()
        times.append(world.node.validated.unix_close_time)
    assert [int(each - START) for each in times] == [0, 1, 10, 11, 12, 13]


def test_ledger_time_can_run_faster_than_the_clock() -> None:
    world = World(ledger_seconds=4.0)
    for _ in range(30):
        world.node.accept()
    assert int(world.node.validated.unix_close_time - START) in (120, 121)
    slow = World(ledger_seconds=4.0)
    slow.node.accept(slow_seconds=20)
    assert int(slow.node.validated.unix_close_time - START) == 20


def test_fees_are_burned_and_the_state_of_an_old_ledger_stays_as_it_was() -> None:
    world = founded()
    before = world.node.validated
    balance = world.rpc("account_info", account=world.maker.address, ledger_index=before.index)["account_data"]
    world.noop(world.maker, Fee="5000")
    world.node.accept()
    assert world.node.validated.total_coins == before.total_coins - 5000
    again = world.rpc("account_info", account=world.maker.address, ledger_index=before.index)["account_data"]
    assert again == balance


def test_states_that_lie_too_far_back_are_forgotten_and_transactions_are_not() -> None:
    world = founded(keep_states=4)
    sent = world.noop(world.maker)["tx_json"]["hash"]
    for _ in range(6):
        world.node.accept()
    assert world.rpc("account_info", account=world.maker.address, ledger_index=7)["error"] == "lgrNotFound"
    assert world.rpc("tx", transaction=sent)["validated"]


def test_the_same_history_has_the_same_hashes_and_another_one_has_others() -> None:
    one, other = founded(), founded()
    assert one.node.validated.hash == other.node.validated.hash
    other.noop(other.maker)
    other.node.accept()
    one.node.accept()
    assert one.node.validated.hash != other.node.validated.hash
    assert one.node.validated.parent_hash == other.node.validated.parent_hash


def test_a_market_acts_before_each_close() -> None:
    world = founded()
    world.node.before_close = lambda node: (world.noop(world.taker), None)[1]
    for _ in range(3):
        world.node.accept()
        assert len(world.node.validated.entered) == 1


def test_a_node_that_begins_in_the_past_catches_up_with_the_clock() -> None:
    now = 1_800_000_000.0
    node = Node(clock=lambda: now, ledger_seconds=4.0, begins_at=now - 600)
    node.accept()
    assert node.validated.close_time + RIPPLE_EPOCH < now - 500
    node.catch_up()
    assert abs(node.validated.close_time + RIPPLE_EPOCH - now) <= 5
    node.accept()
    assert node.validated.close_time + RIPPLE_EPOCH >= now
