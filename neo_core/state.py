"""What the engine remembers from one tick to the next. Loaded from the store once, when a session starts."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from neo_core.halts import Halt
from neo_core.model import DROPS, Cause, Inventory, Mode, Offer, Order, Ranges

__all__ = ["Faults", "Holding", "Regime", "Resting", "RiskMemory", "State", "Sweep", "Truth", "mode_of"]

OK, DEGRADED, HALT = Mode.OK, Mode.DEGRADED, Mode.HALT


class Holding(msgspec.Struct, frozen=True, gc=False):
    """An inventory in floats, for decisions."""

    xrp: float
    rlusd: float

    @classmethod
    def of(cls, inventory: Inventory) -> Holding:
        return cls(inventory.drops / DROPS, float(inventory.rlusd))


class Regime(msgspec.Struct, frozen=True, gc=False):
    """Why the engine is DEGRADED, if it is, and what its guards have used up of their allowances.

    `cooled_at` is when (in session seconds) the running episode's cool-down was over; None while it lasts.
    """

    guard: Cause | None = None
    integrity: tuple[Cause, ...] = ()
    episodes: Mapping[str, int] = {}
    cooldowns: Mapping[str, int] = {}
    cooled_at: float | None = None

    @property
    def degraded(self) -> bool:
        return self.guard is not None or bool(self.integrity)

    @property
    def source(self) -> str:
        """The name shown for the episode: the integrity cause if there is one, else the guard."""
        if self.integrity:
            return self.integrity[0].source
        return "" if self.guard is None else self.guard.source


class Sweep(msgspec.Struct, frozen=True, gc=False):
    """A cancel_all that is not complete yet: why and when it was ordered, and since which ledger it runs.

    `spared` are the orders that were adopted at the start, and stay.
    """

    cause: str
    tick: int
    ledger_index: int
    spared: tuple[str, ...] = ()


class Faults(msgspec.Struct, frozen=True, gc=False):
    """Plugin faults of this session, and the ticks that plugins have gone without one since the last."""

    count: int = 0
    clean_ticks: int = 0


class Resting(msgspec.Struct, frozen=True, gc=False):
    """Two orders that rest in full, one on each side, and no other: their prices, and when the first expires."""

    buy: float
    sell: float
    expires_at: float


class RiskMemory(msgspec.Struct, frozen=True, gc=False):
    """What the limits are measured against. `sent` are the times of the messages of the last minute."""

    failures: int = 0
    opening: Inventory | None = None
    peak_pnl: float = 0.0
    pnl: float = 0.0
    sent: tuple[float, ...] = ()


class Truth(msgspec.Struct, frozen=True, gc=False):
    """Wallet truth: the tick on which the next check is due, how many in a row were beyond tolerance, and how many
    could not be made.
    """

    due: int = 0
    beyond: int = 0
    not_made: int = 0


class State(msgspec.Struct, frozen=True, gc=False):
    """`orders` are those that may still be alive or are held; `closed` those closed a few ledgers ago.

    `elapsed` counts the session's seconds by the ledger's time: time spent down is left out, and so is what passes
    before this process has seen a ledger; `now` and `close_time` are None until then. `armed` is False until
    `on_rearm` has been called in this process, and `waits_since` is the ledger on which the start began to wait
    for what was not told yet, 0 while it does not. `refused` is a side's last refusal code, so that one refusal is
    one event.
    `holding` and `opened` are the inventory and the opening one as floats, kept so as not to convert them again.
    `matched` are the offers in which the last look found every order just as it is known. As long as neither
    they nor the orders change, there is nothing to look for. `resting` are the two quotes, when `orders` holds
    them and nothing else.
    Up to the ledger `realigned` the inventory was taken from the wallet: proof about it moves nothing any more.
    `watched_since` is the first tick of an unbroken row of observations, 0 while there is none. `fresh` is True
    until a session that was not resumed has seen a ledger.
    Of the ledgers `untold` nothing was told yet; those `asked` were, but some order still waits for proof in them.
    """

    session: int
    tick: int = 0
    now: float | None = None
    elapsed: float = 0.0
    ledger_index: int | None = None
    close_time: float | None = None
    mode_since: int = 0
    regime: Regime = Regime()
    sweep: Sweep | None = None
    faults: Faults = Faults()
    risk: RiskMemory = RiskMemory()
    inventory: Inventory | None = None
    orders: dict[str, Order] = {}
    closed: dict[str, Order] = {}
    serial: int = 0
    refused: Mapping[str, str] = {}
    armed: bool = False
    halt: Halt | None = None
    holding: Holding | None = None
    opened: Holding | None = None
    matched: tuple[Offer, ...] | None = None
    resting: Resting | None = None
    truth: Truth = Truth()
    realigned: int = 0
    watched_since: int = 0
    fresh: bool = True
    untold: Ranges = ()
    asked: Ranges = ()
    waits_since: int = 0

    @property
    def mode(self) -> Mode:
        return mode_of(self.halt, self.regime)

    @property
    def since(self) -> int | None:
        """The ledger behind which the next observation is to tell what happened."""
        if not self.untold and not self.asked:
            return self.ledger_index
        wanted = [ranges[0][0] - 1 for ranges in (self.untold, self.asked) if ranges]
        return min(wanted)


def mode_of(halt: Halt | None, regime: Regime) -> Mode:
    if halt is not None:
        return HALT
    return OK if regime.guard is None and not regime.integrity else DEGRADED
