"""The table of halt reasons: token, exit code, meaning. Nothing else may end a session."""

from __future__ import annotations

from enum import StrEnum

import msgspec

__all__ = ["Halt", "HaltReason"]


class HaltReason(StrEnum):
    exit_code: int
    meaning: str

    def __new__(cls, token: str, exit_code: int, meaning: str) -> HaltReason:
        reason = str.__new__(cls, token)
        reason._value_ = token
        reason.exit_code = exit_code
        reason.meaning = meaning
        return reason

    DURATION_ELAPSED = "duration_elapsed", 0, "the session's time is over"
    REPLAY_EXHAUSTED = "replay_exhausted", 0, "the recording ended"
    ENGINE_REQUESTED = "engine_requested_halt", 0, "an operator asked for it"
    KILL_SWITCH = "kill_switch_halt", 3, "the kill switch is set"
    XRP_EXPOSURE = "risk_xrp_exposure_halt", 3, "the XRP exposure limit was passed"
    RLUSD_EXPOSURE = "risk_rlusd_exposure_halt", 3, "the RLUSD exposure limit was passed"
    RPC_FAILURE = "risk_rpc_failure_halt", 3, "too many observations failed in a row"
    STALE_LEDGER = "risk_stale_ledger_halt", 3, "the validated ledger is too old"
    GATEWAY = "risk_gateway_halt", 3, "the gateway says that it cannot trade"
    LOSS = "risk_loss_halt", 3, "the session lost more than its limit"
    RISK_GENERIC = "risk_generic_halt", 3, "a risk check failed"
    DEGRADED_TIMEOUT = "degraded_timeout_halt", 3, "a guard's episode timed out"
    EPISODE_LIMIT = "degraded_episode_limit_halt", 3, "a guard reached its cap of episodes"
    PLUGIN_FAULT = "plugin_fault_halt", 3, "a plugin failed"
    RECONCILER = "reconciler_halt", 4, "the orders no longer add up"
    INVENTORY_TRUTH = "inventory_truth_halt", 4, "the inventory and the wallet disagree"
    STARTUP_INTEGRITY = "startup_integrity_halt", 4, "the session may not start"
    UNEXPECTED = "unexpected_halt", 1, "a crash, or no reason was given"


class Halt(msgspec.Struct, frozen=True, gc=False):
    """Why a session ends. The first one of a session stays."""

    reason: HaltReason
    source: str
    detail: str
