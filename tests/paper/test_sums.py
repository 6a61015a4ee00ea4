"""The sums of a paper wallet, over lives that nobody would think of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import repeat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neo_core.gateways.paper import PaperGateway
from neo_core.gateways.paper_journal import FIRST_LEDGER, Opening
from neo_core.gateways.paper_ledger import PaperLedger
from neo_core.gateways.paper_wallet import read
from neo_core.markets import MarketTick, Taker
from neo_core.model import DROPS, Cancel, Observation, Place, Side

from .making import OPENING, place, state

FUNDS_FOR_A_FEW = st.sampled_from([60_000_000, 200_000_000, 1_000 * DROPS])


prices = st.decimals(Decimal("1.97"), Decimal("2.03"), places=5)
amounts = st.integers(1, 60 * DROPS)
sides = st.sampled_from(Side)
lifetimes = st.one_of(st.none(), st.integers(1, 20))
intents = st.one_of(
    st.tuples(st.just("place"), sides, prices, amounts, lifetimes),
    st.tuples(st.just("cancel"), st.integers(1, 12)),
)
mids = st.sampled_from([1.98, 1.99, 2.0, 2.01, 2.02])
withdrawals = st.sampled_from([0, 0, 0, 5 * DROPS, 10_000 * DROPS])
market_ticks = st.tuples(
    mids,
    st.lists(st.builds(Taker, sides, amounts), max_size=3),
    st.sampled_from(["both", "bid", "ask"]),
    withdrawals,
)
Life = Sequence[tuple[list[tuple[object, ...]], tuple[float, list[Taker], str, int]]]
lives = st.lists(st.tuples(st.lists(intents, max_size=4), market_ticks), max_size=12)


def built(spoken: tuple[object, ...], now: float) -> Place | Cancel:
    match spoken:
        case ("place", Side() as side, Decimal() as price, int(drops), lifetime):
            assert lifetime is None or isinstance(lifetime, int)
            return place(side, price, drops, None if lifetime is None else now + lifetime)
        case ("cancel", int(sequence)):
            return Cancel("o", sequence, "x")
    raise AssertionError(spoken)


def market_tick(mid: float, takers: list[Taker], there: str, withdrawal: int) -> MarketTick:
    bid = None if there == "ask" else mid - 0.008
    ask = None if there == "bid" else mid + 0.008
    return MarketTick(bid, ask, mid, tuple(takers), withdrawal_drops=withdrawal)


def live(gateway: PaperGateway, life: Life) -> Iterator[Observation]:
    since = None
    for spoken, _ in life:
        gateway.send(gateway.prepare([built(one, gateway.now()) for one in spoken]))
        seen = gateway.observe(FIRST_LEDGER if since is None else since)
        since = seen.ledger_index
        yield seen


@pytest.mark.rule("REC-11")
@settings(max_examples=150, deadline=None)
@given(
    life=lives, xrp=FUNDS_FOR_A_FEW, rlusd=st.sampled_from(["50", "333.333333", "2000"]), seed=st.integers(0, 99)
)
def test_balances_are_the_opening_and_every_event_less_fees_and_withdrawals_and_each_proof_is_there_once(
    life: Life,
    xrp: int,
    rlusd: str,
    seed: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("life") / "w.jsonl"
    opening = Opening(xrp_drops=xrp, rlusd=Decimal(rlusd), seed=seed)
    ledger = PaperLedger.open(path, opening)
    gateway = PaperGateway(ledger, iter([market_tick(*tick) for _, tick in life]))
    drops, owned = xrp, Decimal(rlusd)
    proofs: set[tuple[str, int]] = set()
    traded: dict[int, list[Decimal]] = {}
    for seen in live(gateway, life):
        account = seen.account
        for transaction in account.transactions:
            drops -= transaction.fee_drops
        for event in account.events:
            proof = (event.tx_hash, event.sequence)
            assert proof not in proofs
            assert re.fullmatch("[0-9A-F]{64}", event.tx_hash)
            proofs.add(proof)
            sign = 1 if event.side is Side.BUY else -1
            drops += sign * event.drops
            owned -= sign * event.rlusd
            assert event.drops >= 0
            assert event.rlusd >= 0
            assert event.event != "filled" or (event.rest_drops, event.rest_rlusd) == (0, Decimal(0))
            if event.event == "placed":
                traded[event.sequence] = [Decimal(event.rest_drops), event.rest_rlusd, Decimal(0), Decimal(0)]
            elif event.sequence in traded:
                whole = traded[event.sequence]
                whole[2] += event.drops
                whole[3] += event.rlusd
                at_our_price = whole[1] * whole[2] / whole[0]
                assert sign * (whole[3] - at_our_price) <= 0, "a maker never pays more than its price"
                assert event.event == "filled" or whole[0] == whole[2] + event.rest_drops
                assert event.event == "filled" or whole[1] == whole[3] + event.rest_rlusd
        again = read(path)
        withdrawn = sum(entry.withdrawn_drops for entry in again.entries)
        assert (account.xrp_drops, account.rlusd) == (drops - withdrawn, owned)
        assert account.xrp_drops >= 0
        assert owned >= 0
        for offer in account.offers:
            assert offer.drops > 0
            assert offer.rlusd > 0
        assert state(again)[:-1] == state(ledger)[:-1]
        if account.events or account.transactions:
            assert again.history(seen.ledger_index - 1) == (account.events, account.transactions)
    gateway.close()


@pytest.mark.rule("TICK-3")
@settings(max_examples=30, deadline=None)
@given(life=lives)
def test_the_same_life_gives_the_same_observations(
    life: Life,
) -> None:
    def observations() -> list[Observation]:
        market = iter([market_tick(*tick) for _, tick in life])
        return list(live(PaperGateway(PaperLedger.open(None, OPENING), market), life))

    assert observations() == observations()


@pytest.mark.rule("REC-11")
def test_two_wallets_share_no_hash() -> None:
    hashes = set()
    for account in ("one", "two"):
        opening = Opening(xrp_drops=1_000 * DROPS, rlusd=Decimal(2_000), account=account)
        ticks = repeat(MarketTick(1.99, 2.01, 2.0, (Taker(Side.SELL, DROPS),)))
        gateway = PaperGateway(PaperLedger.open(None, opening), ticks)
        since = gateway.observe(None).ledger_index
        gateway.send(gateway.prepare([place(Side.BUY, Decimal("1.995"), 100 * DROPS)]))
        gateway.observe(None)
        gateway.observe(None)
        events = gateway.observe(since).account.events
        hashes |= {event.tx_hash for event in events}
        assert events
    assert len(hashes) == 2 * len({event.tx_hash for event in events})
