"""How much moves: quality, rounding, rests, dust, funding, transfer fee."""

from decimal import ROUND_CEILING, Decimal, localcontext
from random import Random

import pytest
from neo_devnet.ledger import funded_book, keys

from .bench import IOC, ISSUER, MAKER, OTHER, SELL, TAKER, TOKEN, XRP, Bench, offer_node, token


def quality_text(bench: Bench, account: str, sequence: int) -> str:
    entry = bench.entry(account, sequence)
    assert entry is not None
    return str(entry["BookDirectory"])[48:]


def test_the_quality_is_pays_over_gets_in_sixteen_digits_rounded_up() -> None:
    bench = Bench()
    sequence = bench.bid(MAKER, 100 * XRP, 48)
    # 100000000 / 48 = 2083333.3333333333...
    assert quality_text(bench, MAKER, sequence) == f"{(-9 + 100) << 56 | 2083333333333334:016X}"


def test_the_quality_stays_through_partial_fills() -> None:
    bench = Bench()
    sequence = bench.ask(MAKER, 77_777_777, "33.333333")
    before = quality_text(bench, MAKER, sequence)
    bench.offer(TAKER, "1234567", token(10))
    bench.offer(TAKER, "1", token(1))
    assert quality_text(bench, MAKER, sequence) == before


@pytest.mark.parametrize("seed", range(20))
def test_an_ask_gives_drops_for_tokens_rounded_up_to_sixteen_digits(seed: int) -> None:
    random = Random(seed)
    bench = Bench()
    drops, value = random.randrange(10**6, 10**8), Decimal(random.randrange(10**6, 10**7)) / 10**5
    taken = random.randrange(1, drops)
    sequence = bench.ask(MAKER, drops, value)
    rate = int(quality_text(bench, MAKER, sequence), 16)
    exact = Decimal(rate & (1 << 56) - 1).scaleb((rate >> 56) - 100) * taken
    with localcontext() as context:
        context.prec, context.rounding = 16, ROUND_CEILING
        paid = +exact
    bench.offer(TAKER, str(taken), token(100), IOC)
    assert bench.gets(MAKER, sequence) == drops - taken
    left = bench.pays(MAKER, sequence)
    assert left is not None
    assert abs(value - left - paid) <= Decimal("1e-14")


@pytest.mark.parametrize("seed", range(20))
def test_a_bid_takes_drops_rounded_up_for_the_tokens_wanted(seed: int) -> None:
    random = Random(seed)
    bench = Bench()
    drops, value = random.randrange(10**6, 10**8), Decimal(random.randrange(10**6, 10**7)) / 10**5
    wanted = (value * random.randrange(1, 99) / 100).quantize(Decimal("0.000001"))
    sequence = bench.bid(MAKER, drops, value)
    rate = int(quality_text(bench, MAKER, sequence), 16)
    exact = Decimal(rate & (1 << 56) - 1).scaleb((rate >> 56) - 100) * wanted
    bench.offer(TAKER, token(wanted), str(drops * 2), IOC)
    assert bench.gets(MAKER, sequence) == value - wanted
    left = bench.pays(MAKER, sequence)
    assert left is not None
    assert drops - left == exact.to_integral_value(ROUND_CEILING)


def test_a_seller_of_drops_gets_tokens_by_the_rate_to_the_last_digit() -> None:
    bench = Bench()
    sequence = bench.bid(MAKER, 77_777_777, "37.42981234567")
    rate = int(quality_text(bench, MAKER, sequence), 16)
    exact = 33_333_333 / Decimal(rate & (1 << 56) - 1).scaleb((rate >> 56) - 100)
    bench.offer(TAKER, token(1), str(33_333_333), IOC | SELL)
    left = bench.gets(MAKER, sequence)
    assert left is not None
    assert abs(Decimal("37.42981234567") - left - exact) <= Decimal("1e-14")
    assert bench.pays(MAKER, sequence) == 77_777_777 - 33_333_333


def test_a_filled_bid_may_end_with_no_drops_and_dust_in_tokens_and_is_gone() -> None:
    bench = Bench()
    sequence = bench.bid(MAKER, 5, "0.000001014")
    bench.offer(TAKER, token("0.0000001"), "4", IOC | SELL)
    assert bench.pays(MAKER, sequence) == 1
    meta = bench.offer(TAKER, token("0.0000002027"), str(XRP), IOC).meta
    assert meta is not None
    kind, body = offer_node(meta, MAKER, sequence) or ("", {})
    assert kind == "DeletedNode"
    assert body["FinalFields"]["TakerPays"] == "0"
    assert Decimal(body["FinalFields"]["TakerGets"]["value"]) == Decimal("1e-10")
    assert body["PreviousFields"]["TakerPays"] == "1"


def test_a_rest_of_one_drop_is_deleted_instead_of_filled_where_its_price_has_grown_worse() -> None:
    bench = Bench()
    sequence = bench.bid(MAKER, 3, "0.000001")
    bench.offer(TAKER, token("0.0000000001"), "2", IOC | SELL)
    assert bench.pays(MAKER, sequence) == 1
    assert bench.gets(MAKER, sequence) == Decimal("0.0000003333333333333333")
    done = bench.offer(TAKER, token("0.0000000001"), "1", IOC | SELL)
    assert done.result == "tecKILLED"
    assert bench.entry(MAKER, sequence) is None
    assert bench.tokens(MAKER) == Decimal("999.9999993333333")


def test_tiny_amounts_are_written_with_an_exponent() -> None:
    bench = Bench()
    bench.bid(MAKER, 10, "3e-12")
    (row,) = funded_book(bench.state, keys.XRP, (TOKEN, ISSUER), bench.rules)
    assert row.offer["TakerGets"]["value"] == "3000000000000000e-27"


def test_several_offers_share_the_same_funds_and_each_may_exceed_them() -> None:
    bench = Bench()
    first = bench.bid(MAKER, 1500 * XRP, 900)
    second = bench.bid(MAKER, 1600 * XRP, 900)
    rows = list(funded_book(bench.state, keys.XRP, (TOKEN, ISSUER), bench.rules))
    assert [row.owner_funds for row in rows] == ["1000", None]
    assert [row.gets_funded for row in rows] == [None, token(100)]
    assert rows[1].pays_funded == "177777778"
    assert bench.sequences(MAKER) == {first, second}


def test_a_fill_that_uses_up_the_funds_deletes_the_rest_and_the_owners_other_offers_met() -> None:
    bench = Bench()
    bench.ok(MAKER, "Payment", Destination=ISSUER, Amount=token(990))
    first = bench.bid(MAKER, 20 * XRP, 12)
    second = bench.bid(MAKER, 20 * XRP, 12)
    bench.bid(OTHER, 20 * XRP, 10)
    assert bench.offer(TAKER, token(14), str(26 * XRP), IOC).result == "tesSUCCESS"
    assert bench.tokens(MAKER) == 0
    assert bench.entry(MAKER, first) is None
    assert bench.entry(MAKER, second) is None


def test_an_unfunded_offer_revives_when_funds_return() -> None:
    bench = Bench()
    sequence = bench.bid(MAKER, 20 * XRP, 12)
    bench.ok(MAKER, "Payment", Destination=ISSUER, Amount=token(1000))
    bench.ok(ISSUER, "Payment", Destination=MAKER, Amount=token(1000))
    bench.offer(TAKER, token(5), str(10 * XRP))
    assert bench.gets(MAKER, sequence) == 7


def test_a_used_up_offer_frees_no_reserve_within_the_same_walk() -> None:
    bench = Bench()
    first, second = bench.ask(MAKER, 10 * XRP, 5), bench.ask(MAKER, 10 * XRP, 5)
    spare = 1_000_000 + 3 * 200_000 + 15 * XRP
    bench.ok(MAKER, "Payment", Destination=OTHER, Amount=str(bench.drops(MAKER) - spare - 10))
    assert bench.offer(TAKER, str(20 * XRP), token(10), IOC).result == "tesSUCCESS"
    # 15 XRP above the reserve of three objects: no more, though one offer is gone by then.
    assert bench.drops(MAKER) == 1_000_000 + 3 * 200_000
    assert bench.entry(MAKER, first) is None
    assert bench.entry(MAKER, second) is None


class TestTransferFee:
    def bench(self) -> Bench:
        return Bench(TransferRate=1_002_000_000)

    def test_a_maker_pays_it_on_top_of_what_its_bid_gives(self) -> None:
        bench = self.bench()
        sequence = bench.bid(MAKER, 40 * XRP, 20)
        bench.offer(TAKER, token(20), str(40 * XRP), IOC)
        assert bench.entry(MAKER, sequence) is None
        assert bench.tokens(MAKER) == 1000 - Decimal("20.04")
        assert bench.tokens(TAKER) == 1020

    def test_a_taker_pays_it_on_top_of_what_it_gives(self) -> None:
        bench = self.bench()
        sequence = bench.ask(MAKER, 50 * XRP, 26)
        before = bench.drops(TAKER)
        assert bench.offer(TAKER, str(50 * XRP), token(26)).result == "tesSUCCESS"
        assert bench.entry(MAKER, sequence) is None
        assert bench.tokens(TAKER) == 1000 - Decimal("26.052")
        assert bench.tokens(MAKER) == 1026
        assert bench.drops(TAKER) == before + 50 * XRP - 10

    def test_a_taker_that_spends_all_it_has_pays_it_out_of_that(self) -> None:
        bench = self.bench()
        bench.ok(TAKER, "Payment", Destination=ISSUER, Amount=token(980))
        bench.ask(MAKER, 50 * XRP, 25)
        assert bench.offer(TAKER, str(52 * XRP), token(26)).result == "tesSUCCESS"
        assert bench.tokens(TAKER) == 0
        assert abs(bench.tokens(MAKER) - 1000 - 20 / Decimal("1.002")) < Decimal("1e-12")

    def test_it_is_never_seen_in_what_is_left_of_a_sale(self) -> None:
        bench = self.bench()
        bench.ask(MAKER, 10 * XRP, 5)
        sequence = bench.root(TAKER)["Sequence"]
        bench.offer(TAKER, str(30 * XRP), token(15), SELL)
        assert bench.tokens(TAKER) == 1000 - Decimal("5.01")
        assert bench.gets(TAKER, sequence) == 10

    def test_funds_are_divided_by_it(self) -> None:
        bench = self.bench()
        sequence = bench.bid(MAKER, 2000 * XRP, 1000)
        (row,) = funded_book(bench.state, keys.XRP, (TOKEN, ISSUER), bench.rules)
        assert row.gets_funded == token("998.0039920159681")
        assert row.owner_funds == "1000"
        bench.ok(OTHER, "Payment", Destination=TAKER, Amount=str(900 * XRP))
        bench.ok(ISSUER, "Payment", Destination=TAKER, Amount=str(900 * XRP))
        bench.offer(TAKER, token(999), str(2500 * XRP), IOC)
        assert bench.tokens(MAKER) == 0
        assert bench.entry(MAKER, sequence) is None
        assert bench.tokens(TAKER) == Decimal("1998.003992015968")

    def test_a_holder_pays_it_in_a_payment(self) -> None:
        bench = self.bench()
        without = bench.send(MAKER, "Payment", Destination=TAKER, Amount=token(10))
        assert without.result == "tecPATH_PARTIAL"
        bench.ok(MAKER, "Payment", Destination=TAKER, Amount=token(10), SendMax=token(11))
        assert bench.tokens(MAKER) == 1000 - Decimal("10.02")
        assert bench.tokens(TAKER) == 1010
