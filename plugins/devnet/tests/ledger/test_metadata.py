"""What the maker of an offer sees of it in the metadata of other transactions."""

from typing import Any

import pytest
from neo_devnet.ledger import keys

from .bench import IOC, ISSUER, MAKER, OTHER, SELL, START, TAKER, XRP, Bench, node, offer_node, token


def deleted(meta: dict[str, Any] | None, sequence: int) -> dict[str, Any]:
    assert meta is not None
    kind, body = offer_node(meta, MAKER, sequence) or ("", {})
    assert kind == "DeletedNode"
    return body


def test_a_placed_offer_is_created_without_what_is_zero() -> None:
    bench = Bench()
    meta = bench.offer(MAKER, token(5), str(10 * XRP)).meta
    assert meta is not None
    sequence = bench.root(MAKER)["Sequence"] - 1
    kind, body = offer_node(meta, MAKER, sequence) or ("", {})
    assert kind == "CreatedNode"
    assert set(body["NewFields"]) == {"Account", "BookDirectory", "Sequence", "TakerGets", "TakerPays"}
    entry = bench.entry(MAKER, sequence)
    assert entry is not None
    assert (entry["Flags"], entry["OwnerNode"], entry["BookNode"]) == (0, "0", "0")


def test_flags_and_expiration_of_an_offer_are_shown() -> None:
    bench = Bench()
    meta = bench.offer(MAKER, token(5), str(10 * XRP), SELL | 0x10000, Expiration=START + 5).meta
    assert meta is not None
    new = (offer_node(meta, MAKER, bench.root(MAKER)["Sequence"] - 1) or ("", {}))[1]["NewFields"]
    assert new["Flags"] == 0x30000
    assert new["Expiration"] == START + 5


def test_a_new_book_directory_tells_its_rate_and_its_assets() -> None:
    bench = Bench()
    sequence = bench.ask(MAKER, 10 * XRP, 5)
    entry = bench.entry(MAKER, sequence)
    assert entry is not None
    directory = bench.state.get(entry["BookDirectory"])
    assert directory is not None
    assert directory["ExchangeRate"] == entry["BookDirectory"][48:].lower()
    assert directory["TakerGetsCurrency"] == "0" * 40
    assert directory["TakerPaysIssuer"] == keys.account_id(ISSUER).hex().upper()


def test_a_partial_fill_shows_before_and_rest() -> None:
    bench = Bench()
    sequence = bench.ask(MAKER, 10 * XRP, 5)
    meta = bench.offer(TAKER, str(4 * XRP), token(2)).meta
    assert meta is not None
    kind, body = offer_node(meta, MAKER, sequence) or ("", {})
    assert kind == "ModifiedNode"
    assert body["PreviousFields"] == {"TakerGets": str(10 * XRP), "TakerPays": token(5)}
    assert body["FinalFields"]["TakerGets"] == str(6 * XRP)
    assert body["FinalFields"]["TakerPays"] == token(3)
    assert body["PreviousTxnID"] != meta
    assert "PreviousTxnID" not in body["FinalFields"]


def test_an_entire_fill_by_an_offer_or_by_a_payment_ends_at_zero() -> None:
    bench = Bench()
    first, second = bench.ask(MAKER, 10 * XRP, 5), bench.ask(MAKER, 10 * XRP, 6)
    for sequence, value, meta in (
        (first, 5, bench.offer(TAKER, str(10 * XRP), token(5)).meta),
        (second, 6, bench.ok(TAKER, "Payment", Destination=OTHER, Amount=str(10 * XRP), SendMax=token(6))),
    ):
        body = deleted(meta, sequence)
        assert body["PreviousFields"] == {"TakerGets": str(10 * XRP), "TakerPays": token(value)}
        assert body["FinalFields"]["TakerGets"] == "0"
        assert body["FinalFields"]["TakerPays"] == token(0)


def test_a_fill_that_uses_up_the_funds_shows_a_rest_above_zero() -> None:
    bench = Bench()
    bench.ok(MAKER, "Payment", Destination=ISSUER, Amount=token(997))
    sequence = bench.bid(MAKER, 10 * XRP, 5)
    body = deleted(bench.offer(TAKER, token(5), str(10 * XRP), IOC).meta, sequence)
    assert body["PreviousFields"] == {"TakerGets": token(5), "TakerPays": str(10 * XRP)}
    assert body["FinalFields"]["TakerGets"] == token(2)
    assert body["FinalFields"]["TakerPays"] == str(4 * XRP)


def test_a_deleted_offer_names_the_transaction_that_touched_it_last() -> None:
    bench = Bench()
    sequence = bench.ask(MAKER, 10 * XRP, 5)
    bench.offer(TAKER, str(4 * XRP), token(2))
    entry = bench.entry(MAKER, sequence)
    assert entry is not None
    body = deleted(bench.ok(MAKER, "OfferCancel", OfferSequence=sequence), sequence)
    assert body["FinalFields"]["PreviousTxnID"] == entry["PreviousTxnID"]
    assert body["FinalFields"]["PreviousTxnLgrSeq"] == entry["PreviousTxnLgrSeq"]
    assert "PreviousTxnID" not in body
    assert "PreviousFields" not in body


def test_an_own_crossing_fill_leaves_no_own_offer_node() -> None:
    bench = Bench()
    bench.ask(MAKER, 10 * XRP, 5)
    sequence = bench.root(TAKER)["Sequence"]
    meta = bench.offer(TAKER, str(10 * XRP), token(5)).meta
    assert meta is not None
    assert offer_node(meta, TAKER, sequence) is None


def test_the_nodes_are_sorted_by_key_and_the_fee_is_in_the_senders_balance() -> None:
    bench = Bench()
    before = bench.drops(TAKER)
    bench.ask(MAKER, 10 * XRP, 5)
    meta = bench.offer(TAKER, str(10 * XRP), token(5)).meta
    assert meta is not None
    found = [body["LedgerIndex"] for row in meta["AffectedNodes"] for body in row.values()]
    assert found == sorted(found)
    body = (node(meta, keys.account(TAKER)) or ("", {}))[1]
    assert int(body["FinalFields"]["Balance"]) - before == 10 * XRP - 10


def test_every_touched_entry_names_the_transaction() -> None:
    bench = Bench()
    sequence = bench.ask(MAKER, 10 * XRP, 5)
    done = bench.offer(TAKER, str(4 * XRP), token(2))
    assert done.meta is not None
    entry = bench.entry(MAKER, sequence)
    assert entry is not None
    for row in done.meta["AffectedNodes"]:
        ((kind, body),) = row.items()
        if kind != "DeletedNode":
            touched = bench.state.get(body["LedgerIndex"])
            assert touched is not None
            assert touched["PreviousTxnID"] == entry["PreviousTxnID"]


def test_a_cancel_without_effect_has_no_offer_node() -> None:
    bench = Bench()
    meta = bench.ok(MAKER, "OfferCancel", OfferSequence=1)
    assert [next(iter(row)) for row in meta["AffectedNodes"]] == ["ModifiedNode"]


@pytest.mark.parametrize("partial", [False, True])
def test_what_a_payment_delivered_is_told(partial: bool) -> None:
    bench = Bench()
    bench.ask(MAKER, 10 * XRP, 5)
    wanted = 20 * XRP if partial else 10 * XRP
    meta = bench.ok(
        TAKER,
        "Payment",
        Destination=OTHER,
        Amount=str(wanted),
        SendMax=token(10),
        Flags=0x20000 if partial else 0,
    )
    assert meta["delivered_amount"] == str(10 * XRP)
    assert meta.get("DeliveredAmount") == (str(10 * XRP) if partial else None)
