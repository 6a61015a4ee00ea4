"""OfferCreate: tick size, crossing, own offers, dead offers on the way, and what is left."""

from decimal import Decimal

import pytest

from .bench import FOK, IOC, ISSUER, MAKER, OTHER, PASSIVE, SELL, START, TAKER, XRP, Bench, offer_node, token


def test_the_tick_size_rounds_the_price_and_a_buy_gives_another_amount() -> None:
    bench = Bench(TickSize=5)
    sequence = bench.root(MAKER)["Sequence"]
    assert bench.offer(MAKER, str(10 * XRP), token("5.123456789")).result == "tesSUCCESS"
    # Quality 10000000 / 5.123456789 = 1951807.226, five digits up: 1951900. The division ends one digit high.
    assert bench.pays(MAKER, sequence) == 10 * XRP
    assert bench.gets(MAKER, sequence) == Decimal("5.123213279368821")


def test_the_tick_size_rounds_the_price_and_a_sale_wants_another_amount() -> None:
    bench = Bench(TickSize=5)
    sequence = bench.root(MAKER)["Sequence"]
    assert bench.offer(MAKER, token("5.123456789"), str(10 * XRP), SELL).result == "tesSUCCESS"
    assert bench.gets(MAKER, sequence) == 10 * XRP
    assert bench.pays(MAKER, sequence) == Decimal("5.1235")


def test_sixteen_is_no_tick_size() -> None:
    bench = Bench(TickSize=16)
    assert "TickSize" not in bench.root(ISSUER)
    bench.ask(MAKER, 10 * XRP, "5.123456789")


def test_the_best_price_comes_first_and_each_maker_gets_its_own() -> None:
    bench = Bench()
    dear = bench.ask(OTHER, 10 * XRP, "5.4")
    cheap = bench.ask(MAKER, 10 * XRP, "5.2")
    assert bench.asks() == [(MAKER, cheap), (OTHER, dear)]
    assert bench.offer(TAKER, str(15 * XRP), token(9)).result == "tesSUCCESS"
    assert bench.entry(MAKER, cheap) is None
    assert bench.tokens(MAKER) == Decimal("1005.2")
    assert bench.gets(OTHER, dear) == 5 * XRP
    assert bench.tokens(OTHER) == Decimal("1002.7")
    assert bench.tokens(TAKER) == Decimal("992.1")


def test_at_one_price_the_oldest_comes_first() -> None:
    bench = Bench()
    first = bench.ask(OTHER, 10 * XRP, "5.2")
    second = bench.ask(MAKER, 10 * XRP, "5.2")
    bench.offer(TAKER, str(10 * XRP), token("5.2"))
    assert bench.entry(OTHER, first) is None
    assert bench.gets(MAKER, second) == 10 * XRP


def test_an_equal_price_is_taken_a_passive_offer_takes_only_a_better_one() -> None:
    bench = Bench()
    equal = bench.ask(MAKER, 10 * XRP, "5.2")
    assert bench.offer(TAKER, str(10 * XRP), token("5.2"), PASSIVE).result == "tesSUCCESS"
    assert bench.gets(MAKER, equal) == 10 * XRP
    assert bench.sequences(TAKER)
    better = bench.ask(OTHER, 10 * XRP, "5.3")
    assert bench.offer(TAKER, str(10 * XRP), token("5.31"), PASSIVE).result == "tesSUCCESS"
    assert bench.entry(MAKER, equal) is None
    assert bench.gets(OTHER, better) == 10 * XRP


def test_a_worse_price_is_left_alone() -> None:
    bench = Bench()
    dear = bench.ask(MAKER, 10 * XRP, "5.2")
    bench.offer(TAKER, str(10 * XRP), token("5.19"))
    assert bench.gets(MAKER, dear) == 10 * XRP
    assert len(bench.sequences(TAKER)) == 1


def test_who_buys_stops_when_it_has_received_and_gives_less_at_a_better_price() -> None:
    bench = Bench()
    bench.bid(MAKER, 100 * XRP, 55)
    before = bench.drops(TAKER)
    assert bench.offer(TAKER, token(2), str(4 * XRP)).result == "tesSUCCESS"
    assert bench.tokens(TAKER) == 1002
    assert before - bench.drops(TAKER) == 3_636_364 + 10
    assert not bench.sequences(TAKER)


def test_who_sells_stops_when_it_has_given_and_receives_more_at_a_better_price() -> None:
    bench = Bench()
    bench.bid(MAKER, 100 * XRP, 55)
    before = bench.drops(TAKER)
    assert bench.offer(TAKER, token(2), str(4 * XRP), SELL).result == "tesSUCCESS"
    assert bench.tokens(TAKER) == Decimal("1002.2")
    assert before - bench.drops(TAKER) == 4 * XRP + 10
    assert not bench.sequences(TAKER)


def test_an_own_offer_is_deleted_and_crossing_goes_on_behind_it() -> None:
    bench = Bench()
    own = bench.ask(TAKER, 10 * XRP, "5.1")
    behind = bench.ask(MAKER, 10 * XRP, "5.2")
    meta = bench.offer(TAKER, str(10 * XRP), token("5.2")).meta
    assert meta is not None
    assert bench.entry(TAKER, own) is None
    assert bench.entry(MAKER, behind) is None
    kind, body = offer_node(meta, TAKER, own) or ("", {})
    assert kind == "DeletedNode"
    assert "PreviousFields" not in body
    assert bench.tokens(TAKER) == Decimal("994.8")


@pytest.mark.parametrize("flag", [FOK, IOC])
def test_an_own_offer_is_deleted_even_if_the_new_one_is_killed(flag: int) -> None:
    bench = Bench()
    own = bench.ask(TAKER, 10 * XRP, "5.1")
    assert bench.offer(TAKER, str(10 * XRP), token("5.2"), flag).result == "tecKILLED"
    assert bench.entry(TAKER, own) is None


def test_a_passive_offer_at_the_own_price_leaves_both() -> None:
    bench = Bench()
    own = bench.ask(TAKER, 10 * XRP, 5)
    assert bench.offer(TAKER, str(10 * XRP), token(5), PASSIVE).result == "tesSUCCESS"
    assert len(bench.sequences(TAKER)) == 2
    assert bench.entry(TAKER, own) is not None


@pytest.mark.parametrize(("flag", "result"), [(0, "tesSUCCESS"), (IOC, "tecKILLED"), (FOK, "tecKILLED")])
def test_an_expired_offer_on_the_way_goes_even_if_the_taker_is_killed(flag: int, result: str) -> None:
    bench = Bench()
    dead = bench.ask(MAKER, 10 * XRP, "5.2", Expiration=START + 10)
    bench.at(START + 10)
    done = bench.offer(TAKER, str(10 * XRP), token("5.2"), flag)
    assert done.result == result
    assert bench.entry(MAKER, dead) is None
    assert done.meta is not None
    kind, body = offer_node(done.meta, MAKER, dead) or ("", {})
    assert kind == "DeletedNode"
    assert "PreviousFields" not in body
    assert body["FinalFields"]["Expiration"] == START + 10
    assert bench.tokens(MAKER) == 1000


def test_an_unfunded_offer_on_the_way_goes() -> None:
    bench = Bench()
    dead = bench.bid(MAKER, 10 * XRP, 5)
    bench.ok(MAKER, "Payment", Destination=ISSUER, Amount=token(1000))
    assert bench.offer(TAKER, token(5), str(10 * XRP), IOC).result == "tecKILLED"
    assert bench.entry(MAKER, dead) is None


def test_the_offer_of_a_frozen_owner_goes() -> None:
    bench = Bench()
    dead = bench.bid(MAKER, 10 * XRP, 5)
    bench.ok(ISSUER, "TrustSet", LimitAmount={**token(0), "issuer": MAKER}, Flags=0x100000)
    assert bench.offer(TAKER, token(5), str(10 * XRP), IOC).result == "tecKILLED"
    assert bench.entry(MAKER, dead) is None


def test_a_dead_offer_behind_the_takers_price_stays() -> None:
    bench = Bench()
    dead = bench.ask(MAKER, 10 * XRP, "5.3", Expiration=START + 10)
    bench.at(START + 10)
    assert bench.offer(TAKER, str(20 * XRP), token("10.4")).result == "tesSUCCESS"
    assert bench.entry(MAKER, dead) is not None


def test_a_dead_offer_behind_one_that_is_used_up_is_reached_whatever_its_price() -> None:
    bench = Bench()
    good = bench.ask(OTHER, 10 * XRP, "5.2")
    dead = bench.ask(MAKER, 10 * XRP, "5.3", Expiration=START + 10)
    bench.at(START + 10)
    bench.offer(TAKER, str(9 * XRP), token("5.2"))
    assert bench.gets(OTHER, good) == XRP
    assert bench.entry(MAKER, dead) is not None
    bench.offer(TAKER, str(XRP), token("5.2"))
    assert bench.entry(OTHER, good) is None
    assert bench.entry(MAKER, dead) is None


def test_a_payment_that_fails_removes_no_dead_offer() -> None:
    bench = Bench()
    dead = bench.ask(MAKER, 10 * XRP, "5.2", Expiration=START + 10)
    bench.at(START + 10)
    done = bench.send(TAKER, "Payment", Destination=OTHER, Amount=str(XRP), SendMax=token(5))
    assert done.result == "tecPATH_PARTIAL"
    assert bench.entry(MAKER, dead) is not None
    partial = bench.send(TAKER, "Payment", Destination=OTHER, Amount=str(XRP), SendMax=token(5), Flags=0x20000)
    assert partial.result == "tecPATH_DRY"
    assert bench.entry(MAKER, dead) is not None


def test_fill_or_kill_trades_nothing_if_it_is_not_wholly_filled() -> None:
    bench = Bench()
    sequence = bench.ask(MAKER, 10 * XRP, "5.2")
    assert bench.offer(TAKER, str(11 * XRP), token(6), FOK).result == "tecKILLED"
    assert bench.gets(MAKER, sequence) == 10 * XRP
    assert bench.offer(TAKER, str(10 * XRP), token(6), FOK).result == "tesSUCCESS"
    assert bench.entry(MAKER, sequence) is None


def test_fill_or_kill_that_sells_must_give_all() -> None:
    bench = Bench()
    sequence = bench.bid(MAKER, 10 * XRP, 6)
    assert bench.offer(TAKER, token(5), str(11 * XRP), FOK | SELL).result == "tecKILLED"
    assert bench.offer(TAKER, token(5), str(10 * XRP), FOK | SELL).result == "tesSUCCESS"
    assert bench.entry(MAKER, sequence) is None
    assert bench.tokens(TAKER) == 1006


def test_immediate_or_cancel_drops_the_rest() -> None:
    bench = Bench()
    bench.ask(MAKER, 10 * XRP, "5.2")
    assert bench.offer(TAKER, str(30 * XRP), token("15.6"), IOC).result == "tesSUCCESS"
    assert not bench.sequences(TAKER)
    assert bench.tokens(TAKER) == Decimal("994.8")
    assert bench.offer(TAKER, str(30 * XRP), token("15.6"), IOC).result == "tecKILLED"


def test_the_rest_of_a_purchase_is_what_was_not_received_at_the_original_price() -> None:
    bench = Bench()
    bench.ask(MAKER, 10 * XRP, 5)
    sequence = bench.root(TAKER)["Sequence"]
    assert bench.offer(TAKER, str(30 * XRP), token(18)).result == "tesSUCCESS"
    assert bench.pays(TAKER, sequence) == 20 * XRP
    assert bench.gets(TAKER, sequence) == 12


def test_the_rest_of_a_sale_is_what_was_not_given_at_the_original_price() -> None:
    bench = Bench()
    bench.ask(MAKER, 10 * XRP, 5)
    sequence = bench.root(TAKER)["Sequence"]
    assert bench.offer(TAKER, str(30 * XRP), token(18), SELL).result == "tesSUCCESS"
    assert bench.gets(TAKER, sequence) == 13
    # 13 of the 18 at the original price; the drop is cut.
    assert bench.pays(TAKER, sequence) == 21_666_666


def test_without_the_reserve_nothing_is_placed_and_what_crossed_stays() -> None:
    bench = Bench()
    bench.ok(TAKER, "Payment", Destination=OTHER, Amount=str(bench.drops(TAKER) - 1_399_999 - 10))
    assert bench.drops(TAKER) == 1_399_999
    assert bench.offer(TAKER, str(XRP), token("0.5")).result == "tecINSUF_RESERVE_OFFER"
    bench.ask(MAKER, 10_000, "0.005")
    assert bench.offer(TAKER, str(XRP), token("0.5")).result == "tesSUCCESS"
    assert not bench.sequences(TAKER)
    assert bench.tokens(TAKER) == Decimal("999.995")


def test_the_reserve_is_measured_before_the_fee() -> None:
    bench = Bench()
    bench.ok(TAKER, "Payment", Destination=OTHER, Amount=str(bench.drops(TAKER) - 1_400_000 - 10))
    assert bench.drops(TAKER) == 1_400_000
    assert bench.offer(TAKER, str(XRP), token("0.5")).result == "tesSUCCESS"
    assert bench.drops(TAKER) == 1_399_990
    assert len(bench.sequences(TAKER)) == 1
