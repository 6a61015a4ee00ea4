"""What every transaction must meet: sequence, tickets, fee, LastLedgerSequence, keys; and an account's terms."""

from typing import Any

import pytest
from msgspec import structs
from neo_devnet.ledger import MASTER, accounts, apply, keys, missing_field, tickets

from .bench import ISSUER, MAKER, TAKER, XRP, Bench, address, node, token

NEW = address(0x33)


@pytest.mark.parametrize(("ahead", "result"), [(-1, "tefPAST_SEQ"), (1, "terPRE_SEQ"), (0, "tesSUCCESS")])
def test_a_sequence_is_used_in_its_turn(ahead: int, result: str) -> None:
    bench = Bench()
    sequence = bench.root(MAKER)["Sequence"] + ahead
    assert bench.send(MAKER, "AccountSet", Sequence=sequence).result == result


def test_an_account_that_is_not_there_sends_nothing() -> None:
    assert Bench().send(NEW, "AccountSet", Sequence=1).result == "terNO_ACCOUNT"


@pytest.mark.parametrize(("ahead", "result"), [(-1, "tefMAX_LEDGER"), (0, "tesSUCCESS"), (1, "tesSUCCESS")])
def test_the_last_ledger_is_good_and_the_one_after_is_not(ahead: int, result: str) -> None:
    bench = Bench()
    last = bench.rules.ledger_index + ahead
    assert bench.send(MAKER, "AccountSet", LastLedgerSequence=last).result == result


def test_a_low_fee_is_refused_by_the_open_ledger_alone() -> None:
    bench = Bench()
    bench.rules = structs.replace(bench.rules, open_ledger=True)
    assert bench.send(MAKER, "AccountSet", Fee="9").result == "telINSUF_FEE_P"
    assert bench.send(MAKER, "AccountSet", Fee=str(10**12)).result == "terINSUF_FEE_B"
    bench.rules = structs.replace(bench.rules, open_ledger=False)
    assert bench.send(MAKER, "AccountSet", Fee="9").result == "tesSUCCESS"


@pytest.mark.parametrize("fee", ["-1", "", "1.5", None])
def test_a_fee_that_is_none_is_bad(fee: Any) -> None:
    assert Bench().send(MAKER, "AccountSet", Fee=fee).result == "temBAD_FEE"


def test_a_network_id_does_not_belong_on_this_network() -> None:
    assert Bench().send(MAKER, "AccountSet", NetworkID=1).result == "telNETWORK_ID_MAKES_TX_NON_CANONICAL"


def test_the_open_ledger_makes_no_metadata_and_new_entries_name_nobody() -> None:
    bench = Bench()
    bench.rules = structs.replace(bench.rules, open_ledger=True)
    sequence = bench.root(MAKER)["Sequence"]
    done = bench.offer(MAKER, token(5), str(10 * XRP))
    assert (done.result, done.applied, done.meta) == ("tesSUCCESS", True, None)
    entry = bench.entry(MAKER, sequence)
    assert entry is not None
    assert (entry["PreviousTxnID"], entry["PreviousTxnLgrSeq"]) == ("0" * 64, 0)


def test_a_refused_transaction_leaves_the_very_same_state() -> None:
    bench = Bench()
    before = bench.state
    assert bench.offer(MAKER, str(XRP), "0").result == "temBAD_OFFER"
    assert bench.state is before


def test_an_unknown_type_and_a_missing_field_are_refused() -> None:
    bench = Bench()
    assert bench.send(MAKER, "EscrowCreate").result == "temUNKNOWN"
    assert bench.send(MAKER, "OfferCreate", TakerGets="1").result == "temMALFORMED"
    assert missing_field({"TransactionType": "OfferCreate", "TakerGets": "1"}) == "TakerPays"


class TestTickets:
    def bench(self) -> tuple[Bench, int]:
        bench = Bench()
        first: int = bench.root(MAKER)["Sequence"] + 1
        bench.ok(MAKER, "TicketCreate", TicketCount=5)
        return bench, first

    def test_making_them_moves_the_sequence_by_one_more_than_their_count(self) -> None:
        bench, first = self.bench()
        assert bench.root(MAKER)["Sequence"] == first + 5
        assert bench.root(MAKER)["OwnerCount"] == 6
        assert bench.root(MAKER)["TicketCount"] == 5
        assert tickets(bench.state, MAKER) == list(range(first, first + 5))

    def test_they_are_used_in_any_order_and_leave_the_sequence(self) -> None:
        bench, first = self.bench()
        for number in (first + 3, first):
            assert bench.offer(MAKER, token(5), str(10 * XRP), TicketSequence=number).result == "tesSUCCESS"
        assert bench.root(MAKER)["Sequence"] == first + 5
        assert bench.sequences(MAKER) == {first, first + 3}
        assert bench.root(MAKER)["OwnerCount"] == 6
        meta = bench.ok(MAKER, "OfferCancel", OfferSequence=first, TicketSequence=first + 1)
        assert (node(meta, keys.ticket(MAKER, first + 1)) or ("",))[0] == "DeletedNode"
        assert bench.sequences(MAKER) == {first + 3}

    def test_a_used_a_future_and_a_doubled_one_are_refused(self) -> None:
        bench, first = self.bench()
        bench.ok(MAKER, "AccountSet", TicketSequence=first)
        assert bench.send(MAKER, "AccountSet", TicketSequence=first).result == "tefNO_TICKET"
        assert bench.send(MAKER, "AccountSet", TicketSequence=first + 5).result == "terPRE_TICKET"
        both = bench.send(MAKER, "AccountSet", TicketSequence=first + 1, Sequence=bench.root(MAKER)["Sequence"])
        assert both.result == "temSEQ_AND_TICKET"

    def test_each_needs_its_reserve(self) -> None:
        bench = Bench()
        bench.ok(MAKER, "Payment", Destination=TAKER, Amount=str(bench.drops(MAKER) - 2_000_000))
        assert bench.send(MAKER, "TicketCreate", TicketCount=5).result == "tecINSUFFICIENT_RESERVE"

    def test_the_last_one_takes_the_count_away(self) -> None:
        bench, first = self.bench()
        for number in range(first, first + 5):
            bench.ok(MAKER, "AccountSet", TicketSequence=number)
        assert "TicketCount" not in bench.root(MAKER)


class TestPaymentsOfXrp:
    def test_an_account_begins_with_the_ledgers_index_as_its_sequence(self) -> None:
        bench = Bench()
        index = bench.rules.ledger_index
        meta = bench.ok(MAKER, "Payment", Destination=NEW, Amount=str(XRP))
        assert bench.root(NEW)["Sequence"] == index
        kind, body = node(meta, keys.account(NEW)) or ("", {})
        assert kind == "CreatedNode"
        assert body["NewFields"] == {"Account": NEW, "Balance": str(XRP), "Sequence": index}

    def test_less_than_a_reserve_opens_no_account(self) -> None:
        done = Bench().send(MAKER, "Payment", Destination=NEW, Amount=str(XRP - 1))
        assert done.result == "tecNO_DST_INSUF_XRP"

    def test_the_reserve_cannot_be_sent(self) -> None:
        bench = Bench()
        spare = bench.drops(MAKER) - 1_200_000
        assert (
            bench.send(MAKER, "Payment", Destination=TAKER, Amount=str(spare + 1)).result == "tecUNFUNDED_PAYMENT"
        )
        assert bench.send(MAKER, "Payment", Destination=TAKER, Amount=str(spare - 10)).result == "tesSUCCESS"

    def test_to_oneself_it_is_redundant(self) -> None:
        assert Bench().send(MAKER, "Payment", Destination=MAKER, Amount="1").result == "temREDUNDANT"

    def test_a_destination_tag_may_be_required(self) -> None:
        bench = Bench()
        bench.ok(TAKER, "AccountSet", SetFlag=1)
        assert bench.send(MAKER, "Payment", Destination=TAKER, Amount="1").result == "tecDST_TAG_NEEDED"
        bench.ok(MAKER, "Payment", Destination=TAKER, Amount="1", DestinationTag=7)


class TestTrustLines:
    def test_a_line_costs_its_owner_a_reserve_from_the_third_object_on(self) -> None:
        bench = Bench()
        bench.ok(MAKER, "Payment", Destination=NEW, Amount=str(XRP))
        bench.ok(NEW, "TrustSet", LimitAmount=token(5), Fee="0")
        bench.ok(NEW, "TrustSet", LimitAmount={**token(5), "currency": "USD"}, Fee="0")
        third = bench.send(NEW, "TrustSet", LimitAmount={**token(5), "currency": "EUR"}, Fee="0")
        assert third.result == "tecNO_LINE_INSUF_RESERVE"
        assert bench.root(NEW)["OwnerCount"] == 2

    def test_a_line_in_its_default_state_goes(self) -> None:
        bench = Bench()
        bench.ok(MAKER, "Payment", Destination=ISSUER, Amount=token(1000))
        meta = bench.ok(MAKER, "TrustSet", LimitAmount=token(0), Flags=0x20000)
        key = keys.line(MAKER, ISSUER, token(1)["currency"])
        assert (node(meta, key) or ("",))[0] == "DeletedNode"
        assert bench.root(MAKER)["OwnerCount"] == 0
        assert bench.send(MAKER, "TrustSet", LimitAmount=token(0)).result == "tecNO_LINE_REDUNDANT"

    def test_the_limit_bounds_what_a_payment_brings_and_not_what_an_offer_brings(self) -> None:
        bench = Bench()
        bench.ok(TAKER, "TrustSet", LimitAmount=token(1005))
        assert bench.send(MAKER, "Payment", Destination=TAKER, Amount=token(10)).result == "tecPATH_PARTIAL"
        bench.bid(MAKER, 20 * XRP, 10)
        bench.offer(TAKER, token(10), str(20 * XRP))
        assert bench.tokens(TAKER) == 1010

    def test_a_frozen_holder_can_send_only_to_the_issuer(self) -> None:
        bench = Bench()
        bench.ok(ISSUER, "TrustSet", LimitAmount=token(0, MAKER), Flags=0x100000)
        assert bench.send(MAKER, "Payment", Destination=TAKER, Amount=token(1)).result == "tecPATH_DRY"
        bench.ok(MAKER, "Payment", Destination=ISSUER, Amount=token(1))
        bench.ok(TAKER, "Payment", Destination=MAKER, Amount=token(1))

    def test_a_line_opened_before_default_ripple_never_crosses(self) -> None:
        bench = Bench()
        bench.ok(ISSUER, "AccountSet", ClearFlag=8)
        bench.ok(MASTER, "Payment", Destination=NEW, Amount=str(100 * XRP))
        bench.ok(NEW, "TrustSet", LimitAmount=token(100))
        bench.ok(ISSUER, "AccountSet", SetFlag=8)
        bench.ok(ISSUER, "Payment", Destination=NEW, Amount=token(50))
        bench.ask(MAKER, 10 * XRP, 5)
        assert bench.offer(NEW, str(10 * XRP), token(5)).result == "tesSUCCESS"
        assert bench.tokens(NEW) == 50
        payment = bench.send(NEW, "Payment", Destination=TAKER, Amount=str(XRP), SendMax=token(5))
        assert payment.result == "tecPATH_DRY"


class TestKeys:
    def test_a_regular_key_signs_and_a_strange_one_does_not(self) -> None:
        from xrpl.core.keypairs import derive_classic_address, derive_keypair, generate_seed

        bench = Bench()
        public, _ = derive_keypair(generate_seed(entropy=bytes(range(16)).hex()[:32]))
        assert bench.send(MAKER, "AccountSet", SigningPubKey=public).result == "tefBAD_AUTH"
        bench.ok(MAKER, "SetRegularKey", RegularKey=derive_classic_address(public))
        bench.ok(MAKER, "AccountSet", SigningPubKey=public)
        bench.ok(MAKER, "SetRegularKey")
        assert "RegularKey" not in bench.root(MAKER)

    def test_the_last_key_is_not_given_up(self) -> None:
        bench = Bench()
        assert bench.send(MAKER, "AccountSet", SetFlag=4).result == "tecNO_ALTERNATIVE_KEY"
        bench.ok(MAKER, "SetRegularKey", RegularKey=TAKER)
        bench.ok(MAKER, "AccountSet", SetFlag=4)
        assert accounts.has_flag(bench.state, MAKER, accounts.DISABLE_MASTER)
        assert bench.send(MAKER, "SetRegularKey").result == "tecNO_ALTERNATIVE_KEY"


def test_states_are_independent_of_each_other() -> None:
    bench = Bench()
    before, child = bench.state, bench.state.child()
    bench.ask(MAKER, 10 * XRP, 5)
    tx = {"TransactionType": "AccountSet", "Account": MAKER, "Fee": "10", "hash": "F" * 64}
    _, other = apply(child, {**tx, "Sequence": accounts.root(child, MAKER)["Sequence"]}, bench.rules)
    assert accounts.root(before, MAKER)["OwnerCount"] == 1
    assert accounts.root(other, MAKER)["OwnerCount"] == 1
    assert bench.root(MAKER)["OwnerCount"] == 2
