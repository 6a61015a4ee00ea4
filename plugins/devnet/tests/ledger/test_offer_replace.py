"""OfferCreate with OfferSequence, and OfferCancel."""

import pytest

from .bench import FOK, ISSUER, MAKER, START, TAKER, XRP, Bench, node, offer_node, token


def test_the_old_offer_goes_first_and_the_new_one_is_placed() -> None:
    bench = Bench()
    old = bench.ask(MAKER, 10 * XRP, 5)
    meta = bench.offer(MAKER, token(6), str(10 * XRP), OfferSequence=old).meta
    assert meta is not None
    assert bench.sequences(MAKER) == {old + 1}
    kind, body = offer_node(meta, MAKER, old) or ("", {})
    assert kind == "DeletedNode"
    assert "PreviousFields" not in body
    assert bench.root(MAKER)["OwnerCount"] == 2


def test_an_old_offer_that_is_gone_is_no_error() -> None:
    bench = Bench()
    old = bench.ask(MAKER, 10 * XRP, 5)
    assert bench.offer(TAKER, str(10 * XRP), token(5)).result == "tesSUCCESS"
    assert bench.entry(MAKER, old) is None
    assert bench.offer(MAKER, token(6), str(10 * XRP), OfferSequence=old).result == "tesSUCCESS"
    assert bench.gets(MAKER, old + 1) == 10 * XRP


@pytest.mark.parametrize(
    ("more", "result"),
    [
        ({"flags": FOK}, "tecKILLED"),
        ({"Expiration": START}, "tecEXPIRED"),
    ],
)
def test_if_the_new_half_fails_the_old_offer_stays(more: dict[str, int], result: str) -> None:
    bench = Bench()
    old = bench.ask(MAKER, 10 * XRP, 5)
    done = bench.offer(MAKER, token(6), str(10 * XRP), OfferSequence=old, **more)
    assert done.result == result
    assert bench.sequences(MAKER) == {old}


def test_an_unfunded_new_half_leaves_the_old_offer() -> None:
    bench = Bench()
    old = bench.ask(MAKER, 10 * XRP, 5)
    bench.ok(MAKER, "Payment", Destination=ISSUER, Amount=token(1000))
    assert bench.offer(MAKER, str(XRP), token(1), OfferSequence=old).result == "tecUNFUNDED_OFFER"
    assert bench.sequences(MAKER) == {old}


def test_the_reserve_of_the_removed_offer_counts_for_the_new_one() -> None:
    bench = Bench()
    old = bench.bid(MAKER, 10 * XRP, 5)
    needed = 1_000_000 + 2 * 200_000
    bench.ok(MAKER, "Payment", Destination=TAKER, Amount=str(bench.drops(MAKER) - needed - 10))
    assert bench.drops(MAKER) == needed
    assert bench.offer(MAKER, str(9 * XRP), token(5)).result == "tecINSUF_RESERVE_OFFER"
    # The fee of that one is gone: what is left is below the reserve of two objects.
    bench.ok(TAKER, "Payment", Destination=MAKER, Amount="10")
    assert bench.offer(MAKER, str(9 * XRP), token(5), OfferSequence=old).result == "tesSUCCESS"


def test_a_cancel_removes_and_a_second_one_does_nothing() -> None:
    bench = Bench()
    old = bench.ask(MAKER, 10 * XRP, 5)
    first = bench.ok(MAKER, "OfferCancel", OfferSequence=old)
    second = bench.ok(MAKER, "OfferCancel", OfferSequence=old)
    kind, body = offer_node(first, MAKER, old) or ("", {})
    assert kind == "DeletedNode"
    assert "PreviousFields" not in body
    assert offer_node(second, MAKER, old) is None
    assert len(second["AffectedNodes"]) == 1


def test_at_the_same_price_the_directory_stays_and_names_nobody_before() -> None:
    bench = Bench()
    old = bench.ask(MAKER, 10 * XRP, 5)
    directory = (bench.entry(MAKER, old) or {})["BookDirectory"]
    meta = bench.offer(MAKER, token(5), str(10 * XRP), OfferSequence=old).meta
    assert meta is not None
    kind, body = node(meta, directory) or ("", {})
    assert kind == "ModifiedNode"
    assert "PreviousTxnID" not in body
    assert bench.asks() == [(MAKER, old + 1)]


@pytest.mark.parametrize("ahead", [0, 1])
def test_a_cancel_of_what_is_not_yet_there_is_a_bad_sequence(ahead: int) -> None:
    bench = Bench()
    own = bench.root(MAKER)["Sequence"]
    assert bench.send(MAKER, "OfferCancel", OfferSequence=own + ahead).result == "temBAD_SEQUENCE"
