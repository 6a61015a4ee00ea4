"""OfferCreate: what is looked at before anything moves."""

from typing import Any

import pytest

from .bench import FOK, IOC, ISSUER, MAKER, START, TAKER, TOKEN, XRP, Bench, address, token

STRANGER = address(0x11)


@pytest.mark.parametrize(
    ("pays", "gets", "more", "result"),
    [
        (str(XRP), "0", {}, "temBAD_OFFER"),
        (token(0), str(XRP), {}, "temBAD_OFFER"),
        (str(XRP), str(XRP), {}, "temBAD_OFFER"),
        (token(1), token(2), {}, "temREDUNDANT"),
        (token(1), str(XRP), {"Expiration": 0}, "temBAD_EXPIRATION"),
        (token(1), str(XRP), {"Flags": IOC | FOK}, "temINVALID_FLAG"),
        (token(1), str(XRP), {"Flags": 0x100000}, "temINVALID_FLAG"),
        (token(1), str(XRP), {"OfferSequence": 0}, "temBAD_SEQUENCE"),
        (token(1), str(XRP), {"OfferSequence": 10**6}, "temBAD_SEQUENCE"),
    ],
)
def test_a_malformed_offer_is_refused_and_costs_nothing(
    pays: Any, gets: Any, more: dict[str, Any], result: str
) -> None:
    bench = Bench()
    before = bench.drops(MAKER)
    assert bench.offer(MAKER, pays, gets, more.pop("Flags", 0), **more).result == result
    assert bench.drops(MAKER) == before


def test_an_offer_sequence_as_high_as_its_own_is_bad() -> None:
    bench = Bench()
    own = bench.root(MAKER)["Sequence"]
    assert bench.offer(MAKER, token(1), str(XRP), OfferSequence=own).result == "temBAD_SEQUENCE"


def test_no_funds_at_all_are_unfunded_and_the_smallest_amount_is_enough() -> None:
    bench = Bench()
    bench.ok(MAKER, "Payment", Destination=ISSUER, Amount=token(1000))
    assert bench.offer(MAKER, str(XRP), token(1)).result == "tecUNFUNDED_OFFER"
    bench.ok(ISSUER, "Payment", Destination=MAKER, Amount=token("0.000000000001"))
    assert bench.offer(MAKER, str(XRP), token(1)).result == "tesSUCCESS"


def test_xrp_at_the_reserve_is_unfunded() -> None:
    bench = Bench()
    bench.ok(MAKER, "Payment", Destination=TAKER, Amount=str(bench.drops(MAKER) - 1_200_000))
    assert bench.drops(MAKER) < 1_200_000
    assert bench.offer(MAKER, token(1), str(XRP)).result == "tecUNFUNDED_OFFER"


@pytest.mark.parametrize(("expiration", "result"), [(START, "tecEXPIRED"), (START + 1, "tesSUCCESS")])
def test_expiration_is_compared_with_the_parent_close_time(expiration: int, result: str) -> None:
    bench = Bench()
    assert bench.offer(MAKER, token(1), str(XRP), Expiration=expiration).result == result


def test_a_tec_takes_the_fee_and_the_sequence_and_nothing_else() -> None:
    bench = Bench()
    before = bench.root(MAKER)
    done = bench.offer(MAKER, token(1), str(XRP), Expiration=START)
    after = bench.root(MAKER)
    assert done.meta is not None
    assert len(done.meta["AffectedNodes"]) == 1
    assert int(after["Balance"]) == int(before["Balance"]) - 10
    assert after["Sequence"] == before["Sequence"] + 1
    assert after["OwnerCount"] == before["OwnerCount"]


def test_an_issuer_that_is_not_there_is_no_issuer() -> None:
    assert Bench().offer(MAKER, token(1, STRANGER), str(XRP)).result == "tecNO_ISSUER"


def test_no_line_for_what_the_taker_pays_is_no_error() -> None:
    bench = Bench()
    bench.ok(MAKER, "Payment", Destination=STRANGER, Amount=str(100 * XRP))
    sequence = bench.ask(STRANGER, 10 * XRP, 5)
    assert bench.offer(TAKER, str(10 * XRP), token(5)).result == "tesSUCCESS"
    assert bench.entry(STRANGER, sequence) is None
    assert bench.tokens(STRANGER) == 5


def test_a_globally_frozen_token_takes_no_offers() -> None:
    bench = Bench()
    bench.ok(ISSUER, "AccountSet", SetFlag=7)
    assert bench.offer(MAKER, token(1), str(XRP)).result == "tecFROZEN"
    assert bench.offer(MAKER, str(XRP), token(1)).result == "tecFROZEN"


def test_an_issuer_that_wants_to_be_asked_is_asked() -> None:
    bench = Bench()
    other = address(0x12)
    bench.ok(MAKER, "Payment", Destination=other, Amount=str(100 * XRP))
    bench.ok(other, "AccountSet", SetFlag=2)
    wanted = {"currency": TOKEN, "issuer": other, "value": "1"}
    assert bench.offer(MAKER, wanted, str(XRP)).result == "tecNO_LINE"
    bench.ok(MAKER, "TrustSet", LimitAmount={**wanted, "value": "100"})
    assert bench.offer(MAKER, wanted, str(XRP)).result == "tecNO_AUTH"
    bench.ok(other, "TrustSet", LimitAmount={"currency": TOKEN, "issuer": MAKER, "value": "0"}, Flags=0x10000)
    assert bench.offer(MAKER, wanted, str(XRP)).result == "tesSUCCESS"
