"""The pool of two assets: alone, beside the book, and taken out again."""

from decimal import Decimal

import pytest
from neo_devnet.ledger import keys, pool, pool_holds

from .bench import IOC, ISSUER, MAKER, OTHER, PASSIVE, TAKER, TOKEN, XRP, Bench, node, number, offer_node, token

TOKEN_ASSET = (TOKEN, ISSUER)


def with_pool(fee: int = 500) -> Bench:
    """A pool of 200 XRP and 100 tokens."""
    bench = Bench()
    bench.ok(OTHER, "AMMCreate", Amount=str(200 * XRP), Amount2=token(100), TradingFee=fee, Fee="200000")
    return bench


def held(bench: Bench) -> tuple[Decimal, Decimal]:
    entry = pool(bench.state, keys.XRP, TOKEN_ASSET)
    assert entry is not None
    drops = pool_holds(bench.state, entry["Account"], keys.XRP)
    tokens = pool_holds(bench.state, entry["Account"], TOKEN_ASSET)
    return Decimal(drops.mantissa), Decimal(tokens.mantissa).scaleb(tokens.exponent)


def test_a_new_pool_has_its_own_account_and_gives_its_tokens_to_the_maker() -> None:
    bench = with_pool()
    entry = pool(bench.state, TOKEN_ASSET, keys.XRP)
    assert entry is not None
    assert entry["Asset"] == {"currency": "XRP"}
    assert entry["TradingFee"] == 500
    assert number(entry["LPTokenBalance"]) == Decimal("141421.3562373095")
    assert held(bench) == (Decimal(200 * XRP), Decimal(100))
    assert bench.tokens(OTHER) == 900
    assert bench.send(MAKER, "AMMCreate", Amount=str(XRP), Amount2=token(1), TradingFee=1).result == "tecDUPLICATE"


def test_a_taker_buys_from_the_pool_alone_up_to_its_own_price() -> None:
    bench = with_pool()
    done = bench.offer(TAKER, str(10 * XRP), token(6))
    assert done.meta is not None
    drops, tokens = held(bench)
    assert drops == 190 * XRP
    exact = (Decimal(200 * XRP) * 100 / (190 * XRP) - 100) / Decimal("0.995")
    assert abs(tokens - 100 - exact) < Decimal("1e-9")
    assert tokens - 100 >= exact
    kinds = {body["LedgerEntryType"] for row in done.meta["AffectedNodes"] for body in row.values()}
    assert kinds == {"AccountRoot", "RippleState"}


def test_the_product_of_the_pool_never_shrinks() -> None:
    bench = with_pool()
    product = Decimal(200 * XRP) * 100
    for drops, value in ((10, 6), (3, 2), (7, 4)):
        bench.offer(TAKER, str(drops * XRP), token(value), IOC)
        bench.offer(MAKER, token(value - 1), str(drops * XRP), IOC)
        now = held(bench)
        assert now[0] * now[1] >= product
        product = now[0] * now[1]


@pytest.mark.parametrize("flags", [0, PASSIVE])
def test_an_own_offer_that_meets_the_pool_fills_at_once(flags: int) -> None:
    bench = with_pool()
    before = bench.tokens(MAKER)
    meta = bench.offer(MAKER, token("0.45"), str(XRP), flags).meta
    assert meta is not None
    assert offer_node(meta, MAKER, bench.root(MAKER)["Sequence"] - 1) is None
    assert bench.tokens(MAKER) - before >= Decimal("0.45")


def test_where_both_are_used_the_maker_gets_only_a_part() -> None:
    bench = with_pool()
    sequence = bench.ask(MAKER, 20 * XRP, "10.4")
    bench.offer(TAKER, str(10 * XRP), token("5.3"))
    left = bench.gets(MAKER, sequence)
    assert left is not None
    assert 10 * XRP < left < 20 * XRP
    assert held(bench)[0] == 200 * XRP - (10 * XRP - (20 * XRP - left))


def test_a_book_that_is_better_than_the_pool_is_taken_first() -> None:
    bench = with_pool()
    sequence = bench.ask(MAKER, 10 * XRP, "5.01")
    before = held(bench)
    bench.offer(TAKER, str(5 * XRP), token("2.6"))
    assert bench.gets(MAKER, sequence) == 5 * XRP
    assert held(bench) == before


def test_behind_an_own_offer_the_pool_is_not_reached() -> None:
    bench = with_pool()
    own = bench.ask(TAKER, 10 * XRP, "5.01")
    before = held(bench)
    sequence = bench.root(TAKER)["Sequence"]
    assert bench.offer(TAKER, str(10 * XRP), token(7)).result == "tesSUCCESS"
    assert bench.entry(TAKER, own) is None
    assert held(bench) == before
    assert bench.pays(TAKER, sequence) == 10 * XRP


def test_the_auction_slot_makes_trading_cheaper_for_a_day() -> None:
    spent = []
    for later in (0, 86_400):
        bench = with_pool(1000)
        bench.at(bench.rules.parent_close_time + later)
        bench.ok(OTHER, "Payment", Destination=OTHER, Amount=str(10 * XRP), SendMax=token(20))
        spent.append(900 - bench.tokens(OTHER))
    assert spent[0] < spent[1]


def test_who_takes_all_out_closes_the_pool() -> None:
    bench = with_pool()
    entry = pool(bench.state, keys.XRP, TOKEN_ASSET)
    assert entry is not None
    issue = {"currency": TOKEN, "issuer": ISSUER}
    assert bench.send(MAKER, "AMMWithdraw", Asset={"currency": "XRP"}, Asset2=issue, Flags=0x20000).result == (
        "tecAMM_BALANCE"
    )
    meta = bench.ok(OTHER, "AMMWithdraw", Asset={"currency": "XRP"}, Asset2=issue, Flags=0x20000)
    assert (node(meta, keys.account(entry["Account"])) or ("",))[0] == "DeletedNode"
    assert pool(bench.state, keys.XRP, TOKEN_ASSET) is None
    assert bench.tokens(OTHER) == 1000
    assert bench.root(OTHER)["OwnerCount"] == 1
    again = bench.send(OTHER, "AMMWithdraw", Asset={"currency": "XRP"}, Asset2=issue, Flags=0x20000)
    assert again.result == "terNO_AMM"
