"""The engines that the machine drives: the reconciler as it is shipped, and a guard that says what it is told."""

from __future__ import annotations

from itertools import product
from typing import Any, ClassVar

from msgspec.structs import replace
from neo_ledger_evidence import LedgerEvidence
from neo_reconciler import Reconciler

from neo_core import Clear, Enter, GuardConfig, Recover, Stay, View, hookimpl, plugins
from neo_core.config import Raw, check
from neo_core.engine import Engine
from neo_core.state import State

__all__ = ["ENGINES", "OLD", "PATIENCE", "Amber", "reborn"]

OLD = 60.0  # seconds; a younger order that vanished is taken for filled
PATIENCE = 6  # ledgers for which the evidence of the ledger is waited for


class Amber:
    """A guard that answers what the step says."""

    says: ClassVar[str] = ""
    source = "amber"
    config_class = GuardConfig

    def __init__(self, config: GuardConfig) -> None:
        pass

    @hookimpl
    def evaluate_entry(self, view: View) -> Clear | Enter:
        return Enter("amber says so") if self.says == "enter" else Clear()

    @hookimpl
    def evaluate_recovery(self, view: View) -> Stay | Recover:
        return Recover("amber is well") if self.says == "well" else Stay()


def _engine(exact: bool, leftover_offers: str, evidence: bool) -> Engine:
    """An `exact` one compares its books with the wallet on every tick, and allows no difference at all."""
    tolerance = 0.0 if exact else 1e9
    truth = {"interval_ticks": 1, "tolerance_xrp": tolerance, "tolerance_rlusd": tolerance}
    raw: dict[str, Any] = {
        "degraded_recovery": {
            "recovery_cooldown_ticks": 1,
            "max_degraded_episodes_per_source_per_session": 1000,
        },
        "quoting": {"order_ttl_seconds": 120.0, "renew_before_seconds": 8.0},
        "reconcile": {"max_held_orders": 2, "halt_held_orders": 4},
        "risk": {"max_failed_observations": None, "max_ledger_age_seconds": None},
        "startup": {"leftover_offers": leftover_offers},
        "wallet_truth": truth,
        "plugins": {"reconciler": {"age_threshold_seconds": OLD}},
    }
    classes: dict[str, type[Any]] = {"amber": Amber, "reconciler": Reconciler}
    if evidence:
        classes["ledger_evidence"] = LedgerEvidence
        raw["plugins"]["ledger_evidence"] = {"max_wait_ledgers": PATIENCE}
    schemas = {name: plugins.config_class(name, plugin) for name, plugin in classes.items()}
    settings, configs = check(Raw(raw, "machine"), schemas)
    return Engine(settings, plugins.build(classes, configs, dict.fromkeys(classes, "0")))


ENGINES = {case: _engine(*case) for case in product((True, False), ("cancel", "adopt"), (True, False))}


def reborn(before: State, *, fresh: bool) -> State:
    """What a new process has: what the store keeps."""
    if fresh:
        return State(
            session=before.session + 1,
            ledger_index=before.ledger_index,
            inventory=before.inventory,
            orders=before.orders,
            closed=before.closed,
            realigned=before.realigned,
            untold=before.untold,
        )
    return replace(
        before,
        now=None,
        close_time=None,
        halt=None,
        refused={},
        armed=False,
        holding=None,
        opened=None,
        matched=None,
        watched_since=0,
        asked=(),
        fresh=before.tick == 0,
    )
