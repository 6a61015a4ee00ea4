"""What the tests of the paper gateway are written with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path

from neo_core.gateways.base import Gateway
from neo_core.gateways.paper import PaperGateway
from neo_core.gateways.paper_journal import Opening
from neo_core.gateways.paper_ledger import PaperLedger
from neo_core.gateways.paper_wallet import PaperWallet
from neo_core.markets import MarketTick, Taker
from neo_core.model import (
    DROPS,
    Ack,
    AckOutcome,
    Cancel,
    Observation,
    OfferEvent,
    Place,
    Side,
)

OPENING = Opening(xrp_drops=1_000 * DROPS, rlusd=Decimal(2_000))
QUIET = MarketTick(1.99, 2.01, 2.0)
FEE = 10
NOTHING = Decimal(0)


def buy(price: str, xrp: float = 100, expires_at: float | None = None) -> Place:
    return place(Side.BUY, Decimal(price), round(xrp * DROPS), expires_at)


def sell(price: str, xrp: float = 100, expires_at: float | None = None) -> Place:
    return place(Side.SELL, Decimal(price), round(xrp * DROPS), expires_at)


def seller(xrp: float) -> Taker:
    return Taker(Side.SELL, round(xrp * DROPS))


def buyer(xrp: float) -> Taker:
    return Taker(Side.BUY, round(xrp * DROPS))


def place(side: Side, price: Decimal, drops: int, expires_at: float | None = None) -> Place:
    return Place("o-1", side, drops, price * drops / DROPS, expires_at)


def state(wallet: PaperWallet) -> tuple[object, ...]:
    return (
        wallet.xrp_drops,
        wallet.rlusd,
        wallet.sequence,
        wallet.reserve_drops,
        wallet.offers,
        wallet.best_buy,
        wallet.best_sell,
        wallet.history(0),
    )


class Desk:
    """A gateway on a market that is told tick by tick, and what it last showed."""

    def __init__(self, opening: Opening = OPENING, path: Path | None = None, *, proves_fills: bool = True) -> None:
        self._next: list[MarketTick] = []
        ledger = PaperLedger.open(path, opening)
        self.gateway: Gateway = PaperGateway(ledger, self._market(), proves_fills=proves_fills)
        self.since: int | None = None
        self.seen: Observation = self.ledger()

    def _market(self) -> Iterator[MarketTick]:
        while True:
            yield self._next.pop() if self._next else QUIET

    def ledger(self, tick: MarketTick = QUIET) -> Observation:
        self._next.append(tick)
        self.seen = self.gateway.observe(self.since)
        self.since = self.seen.ledger_index
        return self.seen

    def send(self, *intents: Place | Cancel) -> tuple[Ack, ...]:
        return self.gateway.send(self.gateway.prepare(intents))

    def do(self, *intents: Place | Cancel, tick: MarketTick = QUIET) -> Observation:
        assert {ack.outcome for ack in self.send(*intents)} <= {AckOutcome.SENT}
        return self.ledger(tick)


def told(events: Iterable[OfferEvent]) -> list[tuple[str, str, int]]:
    return [(event.event, event.cause, event.sequence) for event in events]


def results(observation: Observation) -> list[str]:
    return [transaction.result for transaction in observation.account.transactions]
