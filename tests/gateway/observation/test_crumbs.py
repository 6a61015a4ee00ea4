"""An engine on a devnet, and somebody who lays crumbs in front of the book."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.live.audit import audit
from tests.live.house import LEDGER_SECONDS, SEED, Engine, Net, devnet, quoting, step
from tests.live.trading import Hand, taker

pytestmark = pytest.mark.rule("QUO-X4")

BY_HAND = ("--market", "none", "--by-hand", "--seed", str(SEED), "--ledger-seconds", str(LEDGER_SECONDS))


@contextmanager
def wide_book(folder: Path, least: float) -> Iterator[tuple[Net, Engine, Hand]]:
    """1.98 to 2.02, with much on both sides."""
    with devnet(folder, *BY_HAND) as net:
        # It would stop the engine whose quotes a crumb does move before that is seen.
        engine = Engine(net, {"quoting": {"min_book_xrp": least}, "plugins": {"anchor_guard": {"enabled": False}}})
        hand = taker(net, SEED)
        lay(net, hand, buys=True, xrp=2000, price=1.98)
        lay(net, hand, buys=False, xrp=2000, price=2.02)
        try:
            yield net, engine, hand
        finally:
            engine.kill_all()


def lay(net: Net, hand: Hand, *, buys: bool, xrp: float, price: float) -> None:
    assert hand.offer(buys=buys, xrp=xrp, price=price) == "tesSUCCESS"
    net.close()


def quotes_of(net: Net) -> dict[bool, tuple[int, float]]:
    """Drops and price of the selling (True) and of the buying one."""
    found = {}
    for offer in net.offers():
        gets, pays = offer["taker_gets"], offer["taker_pays"]
        sells = isinstance(gets, str)
        drops, value = (int(gets), pays["value"]) if sells else (int(pays), gets["value"])
        found[sells] = drops, float(value) / drops * 1_000_000
    return found


@pytest.mark.parametrize(("least", "moved"), [(10, False), (0, True)])
def test_a_crumb_draws_no_quote_below_the_mid_unless_no_least_size_is_set(
    tmp_path: Path, least: float, moved: bool
) -> None:
    with wide_book(tmp_path, least) as (net, engine, hand):
        engine.start()
        quoting(net, engine)
        assert quotes_of(net)[True][1] == pytest.approx(2.0016)
        assert hand.offer(buys=False, xrp=0.1, price=1.9986) == "tesSUCCESS"
        step(net, engine, 3)
        price = quotes_of(net)[True][1]
        assert (price < 2.0) is moved
        assert price == pytest.approx(1.9929 if moved else 2.0016, abs=1e-4)


@pytest.mark.parametrize(
    ("buys", "price", "side", "rlusd"), [(False, 1.99, "buy", 18.905), (True, 2.01, "sell", 19.095)]
)
def test_a_quote_takes_the_crumbs_in_its_way_at_their_price_and_is_whole_again(
    tmp_path: Path, buys: bool, price: float, side: str, rlusd: float
) -> None:
    with wide_book(tmp_path, 10) as (net, engine, hand):
        for xrp in (5, 4.5):
            lay(net, hand, buys=buys, xrp=xrp, price=price)
        engine.start()
        quoting(net, engine)
        step(net, engine, 4)
        quotes = quotes_of(net)
        assert [drops for drops, _ in quotes.values()] == [100_000_000, 100_000_000]
        assert [quotes[sells][1] for sells in (True, False)] == pytest.approx([2.0016, 1.9984], abs=1e-4)
        books = audit(net, engine.database)
    (fill,) = books.fills
    assert (fill["side"], fill["drops"]) == (side, 9_500_000)
    assert float(fill["rlusd"]) == pytest.approx(rlusd, abs=1e-3)
    assert {decision["mode"] for decision in books.decisions} == {"OK"}
