"""A paper session: a scenario's market, and a simulated ledger with a wallet of its own."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from neo_core.config import Settings
from neo_core.errors import LeaseLost, StoreError, UsageError
from neo_core.gateways.base import Gateway
from neo_core.gateways.paper import PaperGateway
from neo_core.gateways.paper_journal import Opening
from neo_core.gateways.paper_ledger import PaperLedger
from neo_core.gateways.paper_wallet import LEDGER_SECONDS
from neo_core.halts import HaltReason
from neo_core.markets import Scenario, find, skip
from neo_core.model import DROPS
from neo_core.operators import Operator
from neo_core.state import State
from neo_core.store import Opened, Store
from neo_core.wiring.asked import Asked
from neo_core.wiring.live import Tell

__all__ = ["Paper", "as_begun", "wallet_file"]

DISTRUST = frozenset(one.value for one in HaltReason if one.exit_code == HaltReason.STARTUP_INTEGRITY.exit_code)


class Paper:
    """What a paper session trades on. Its wallet is opened before the session begins: none begins without."""

    def __init__(self, settings: Settings, store: Store, crashed: int | None, *, keep: bool) -> None:
        self.scenario: Scenario | None = find(settings.paper.scenario)
        self.played: Mapping[str, Any] = {"scenario": settings.paper.scenario, "seed": settings.paper.seed}
        self.account = _account(store, settings, crashed, keep=keep)
        self._ledger = _ledger(store, settings, self.account)
        self._settings = settings
        self._store = store

    def gateway(self, opened: Opened, operator: Operator, tell: Tell) -> Gateway:  # noqa: ARG002 (paper has no nodes)
        assert self.scenario is not None
        paper, store = self._settings.paper, self._store
        gone = _ledgers_gone(self._ledger, opened.state, store)
        market = skip(self.scenario.market(paper.seed), gone)
        proves_fills = paper.fill_visibility == "events"
        if paper.speed == 0:
            return PaperGateway(self._ledger, market, proves_fills=proves_fills)
        seconds = LEDGER_SECONDS / paper.speed

        def alive() -> None:
            try:
                store.beat()
            except LeaseLost:
                raise
            except StoreError:
                return  # the session gives its own sign of life, and ends if it cannot: the ledger goes on

        return PaperGateway(self._ledger, market, lambda: operator.wait(seconds, alive), proves_fills=proves_fills)

    def shut(self) -> None:
        self._ledger.shut()


def as_begun(asked: Asked, row: Mapping[str, Any]) -> Asked:
    """A session that is resumed plays on in the market in which it began, whatever the file says by now."""
    for name, given in (("scenario", asked.scenario), ("seed", asked.seed)):
        if given is not None and given != row[name]:
            raise UsageError(
                f"session {row['id']} was begun with {name} {row[name]!r} and can only be resumed with it, "
                f"got {given!r}; leave --{name} out"
            )
    return replace(asked, scenario=row["scenario"], seed=row["seed"])


def _account(store: Store, settings: Settings, crashed: int | None, *, keep: bool) -> str:
    """A new paper wallet after every orderly end, unless it is to be kept.

    After a crash, or an end that left something to be cleared up, it is always the same one.
    """
    engine = settings.engine.name
    accounts = [row["account"] for row in store.sessions(engine) if row["mode"] == "paper"]
    if accounts and (keep or settings.paper.wallet == "keep" or crashed is not None or _unsettled(store, engine)):
        return str(accounts[-1])
    number = len(set(accounts)) + 1
    while _wallet(settings, f"{engine}-paper-{number}").exists():
        number += 1  # left behind by a database that was removed
    return f"{engine}-paper-{number}"


def _unsettled(store: Store, engine: str) -> bool:
    """Orders open or held, or books that could not be trusted: no other wallet makes these go away."""
    left = store.status(engine)
    return bool(left["open_orders"] or left["held_orders"] or left["halt_reason"] in DISTRUST)


def _ledger(store: Store, settings: Settings, account: str) -> PaperLedger:
    """The account's wallet, a new one if nobody has traded on it."""
    paper, wallet = settings.paper, _wallet(settings, account)
    traded = any(row["account"] == account and row["ticks"] for row in store.sessions(settings.engine.name))
    if traded and not (wallet.exists() and wallet.stat().st_size):
        raise StoreError(
            f"{wallet}: expected the paper wallet that the last session traded on, but it is gone or empty; "
            "put it back, or start anew with another --database or --engine"
        )
    opening = Opening(
        xrp_drops=round(paper.xrp * DROPS),
        rlusd=Decimal(repr(paper.rlusd)),
        account=account,
        seed=paper.seed,
        fee_drops=paper.fee_drops,
        reserve_base_drops=round(paper.reserve_base_xrp * DROPS),
        reserve_step_drops=round(paper.reserve_step_xrp * DROPS),
    )
    return PaperLedger.open(wallet, opening)


def _ledgers_gone(ledger: PaperLedger, state: State, store: Store) -> int:
    """How much of the scenario a session has behind it: one market tick for each ledger since its first.

    The last ledger is the later of what the wallet's file tells and what the session saw: either may be ahead.
    """
    began_at = store.first_tick_at(state.session)
    if began_at is None:
        return 0
    return max(ledger.index, state.ledger_index or 0) - ledger.index_at(began_at) + 1


def _wallet(settings: Settings, account: str) -> Path:
    return wallet_file(settings.engine.database, account)


def wallet_file(database_url: str, account: str) -> Path:
    """The paper ledgers lie beside the database, one file a wallet: no part of the engine's own records."""
    database = Path(database_url.removeprefix("sqlite:///"))
    return database.with_name(f"{database.stem}-paper") / f"{account}.jsonl"
