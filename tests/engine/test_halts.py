"""Each row of the table of halt reasons, driven into. (docs/behaviour.md, section 3)"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from neo_core.cli import cli
from neo_core.gateways.paper_journal import FIRST_LEDGER
from neo_core.halts import HaltReason
from neo_core.model import Ack, Inventory, Observation, Offer, Prepared, Side
from neo_core.session import Ending
from neo_core.state import State

from .houses import AWAY, QUIET, House, Ledgers
from .making import account, guard

NAN = float("nan")


def with_risk(told: Mapping[int, Any] | None = None, **limits: Any) -> Ending:
    return House(settings={"risk": limits}, market=Ledgers(told)).run()


def asked(stop: str | None, kill: str | None) -> Ending:
    house = House()
    house.asked = stop, kill
    return house.run()


def entering(**settings: Any) -> Ending:
    script, plugin = guard()
    script.enter = True
    return House({"amber": plugin}, settings).run()


def failing() -> Ending:
    script, plugin = guard()
    script.fail = "observe"
    return House({"amber": plugin}, {"plugin_fault": {"policy": "halt"}}).run()


def a_stranger_among_our_offers() -> Ending:
    def strange(seen: Observation) -> Observation:
        if seen.ledger_index < FIRST_LEDGER + 3:
            return seen
        return account(seen, offers=(*seen.account.offers, Offer(999, Side.BUY, 1_000_000, Decimal(2))))

    house = House()
    house.gateway.showing = strange
    return house.run()


def a_withdrawal() -> Ending:
    house = House()
    house.gateway.showing = lambda seen: account(
        seen, rlusd=seen.account.rlusd - (100 if seen.ledger_index > FIRST_LEDGER + 5 else 0)
    )
    return house.run()


def a_wallet_that_does_not_agree() -> Ending:
    return House(state=State(session=1, inventory=Inventory(1, Decimal(1)))).run()


def crash() -> Ending:
    def fail(prepared: Sequence[Prepared]) -> tuple[Ack, ...]:
        raise RuntimeError("the line is cut")

    house = House()
    house.gateway.sending = fail
    return house.run()


PATHS: dict[HaltReason, Callable[[], Ending]] = {
    HaltReason.DURATION_ELAPSED: lambda: House(ticks=3).run(),
    HaltReason.REPLAY_EXHAUSTED: lambda: House(market=Ledgers(end=3)).run(),
    HaltReason.ENGINE_REQUESTED: lambda: asked("neo stop", None),
    HaltReason.KILL_SWITCH: lambda: asked(None, "neo kill"),
    HaltReason.XRP_EXPOSURE: lambda: with_risk(max_xrp_exposure=9_999.0),
    HaltReason.RLUSD_EXPOSURE: lambda: with_risk(max_rlusd_exposure=19_999.0),
    HaltReason.RPC_FAILURE: lambda: with_risk(dict.fromkeys(range(3, 100), AWAY)),
    HaltReason.STALE_LEDGER: lambda: with_risk({3: replace(QUIET, ledger_age_seconds=31.0)}),
    HaltReason.GATEWAY: lambda: with_risk({3: replace(QUIET, cannot_trade="amendment blocked")}),
    HaltReason.LOSS: lambda: with_risk(max_session_loss_rlusd=0.00001),  # the fees of the first two quotes
    HaltReason.RISK_GENERIC: lambda: with_risk({3: replace(QUIET, ledger_age_seconds=NAN)}),
    HaltReason.DEGRADED_TIMEOUT: lambda: entering(
        plugins={"amber": {"recovery_enabled": False}}, degraded={"timeout_seconds": 8.0}
    ),
    HaltReason.EPISODE_LIMIT: lambda: entering(
        degraded_recovery={"max_degraded_episodes_per_source_per_session": 1}
    ),
    HaltReason.PLUGIN_FAULT: failing,
    HaltReason.RECONCILER: a_stranger_among_our_offers,
    HaltReason.INVENTORY_TRUTH: a_withdrawal,
    HaltReason.STARTUP_INTEGRITY: a_wallet_that_does_not_agree,
    HaltReason.UNEXPECTED: crash,
}


EXIT_CODES = {
    "duration_elapsed": 0,
    "replay_exhausted": 0,
    "engine_requested_halt": 0,
    "kill_switch_halt": 3,
    "risk_xrp_exposure_halt": 3,
    "risk_rlusd_exposure_halt": 3,
    "risk_rpc_failure_halt": 3,
    "risk_stale_ledger_halt": 3,
    "risk_gateway_halt": 3,
    "risk_loss_halt": 3,
    "risk_generic_halt": 3,
    "degraded_timeout_halt": 3,
    "degraded_episode_limit_halt": 3,
    "plugin_fault_halt": 3,
    "reconciler_halt": 4,
    "inventory_truth_halt": 4,
    "startup_integrity_halt": 4,
    "unexpected_halt": 1,
}


@pytest.mark.rule("HALT-5", "HALT-7")
@pytest.mark.parametrize("reason", list(HaltReason))
def test_every_reason_can_be_reached_and_comes_with_a_source_and_a_detail(reason: HaltReason) -> None:
    ending = PATHS[reason]()
    assert ending.halt.reason is reason
    assert ending.halt.source
    assert ending.halt.detail
    assert ending.halt.reason.exit_code == EXIT_CODES[reason.value]


@pytest.mark.rule("HALT-5", "HALT-7")
def test_a_session_that_may_not_start_says_so_and_exits_with_4(tmp_path: Path) -> None:
    database = tmp_path / "neo.db"
    database.write_bytes(b"this is no database" * 500)
    result = CliRunner().invoke(cli, ["run", "--database", f"sqlite:///{database.as_posix()}", "--speed", "0"])
    assert result.exit_code == EXIT_CODES["startup_integrity_halt"]
    assert "startup_integrity_halt" in result.output


@pytest.mark.rule("HALT-7")
def test_the_table_of_reasons_is_the_one_on_the_page() -> None:
    assert {reason.value: reason.exit_code for reason in HaltReason} == EXIT_CODES
