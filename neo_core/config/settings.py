"""The core's own sections: every key with its default, its range and what it is for."""

from __future__ import annotations

import re
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from neo_core.config.live import LiveConfig
from neo_core.config.sections import Section

__all__ = [
    "DegradedConfig",
    "DegradedRecoveryConfig",
    "EngineConfig",
    "KillSwitchConfig",
    "LogConfig",
    "PaperConfig",
    "PluginFaultConfig",
    "QuotingConfig",
    "ReconcileConfig",
    "RiskConfig",
    "SessionConfig",
    "Settings",
    "ShutdownConfig",
    "StartupConfig",
    "WalletTruthConfig",
]

_ENGINE_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_ALL_XRP = 100_000_000_000.0
_WIDEST_BPS = 1000.0
"""Cap, offset and skew add up: three times this still leaves a price above zero."""


class EngineConfig(Section):
    name: str = Field(
        default="neo", description="The engine's name: what it keeps in the database is kept under it."
    )
    database: str = Field(
        default="sqlite:///neo.db",
        description="Where the engine keeps its books; relative to the current directory.",
    )
    lease_seconds: float = Field(
        default=15.0,
        ge=1,
        description="An engine that gave no sign of life for so long may be taken over by another process.",
    )
    mode: Literal["paper", "live"] = Field(
        default="paper", description="What it trades on: paper is a simulated ledger, live the XRP Ledger."
    )

    @field_validator("name")
    @classmethod
    def _name_is_plain(cls, name: str) -> str:
        if not _ENGINE_NAME.fullmatch(name):
            raise ValueError(f"expected 1 to 64 letters, digits, '_', '.' or '-', got {name[:80]!r}")
        return name

    @field_validator("database")
    @classmethod
    def _database_is_a_file(cls, url: str) -> str:
        if not url.startswith("sqlite:///") or url.removeprefix("sqlite:///") in ("", ":memory:"):
            raise ValueError(f"expected sqlite:/// and a file, such as sqlite:///neo.db, got {url[:80]!r}")
        return url


class SessionConfig(Section):
    duration_seconds: float | None = Field(
        default=None,
        gt=0,
        description="How long a session lasts, by the ledger's clock; null: until it is stopped.",
    )


class LogConfig(Section):
    file: str | None = Field(
        default="neo.log", min_length=1, description="The log, one JSON object a line; null: no log file."
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least important lines that are kept."
    )


class QuotingConfig(Section):
    mid_weight: float = Field(
        default=0.5, ge=0, description="Weight of the order book's mid in the reference price."
    )
    amm_weight: float = Field(default=0.5, ge=0, description="Weight of the AMM's price in the reference price.")
    anchor_cap_bps: float = Field(
        default=10.0,
        gt=0,
        le=_WIDEST_BPS,
        description="The anchor is never further than this from the book's mid.",
    )
    min_book_xrp: float = Field(
        default=100.0,
        ge=0,
        le=_ALL_XRP,
        description="Live: book prices are those at which so much XRP can be traded; smaller offers at the top "
        "are passed over.",
    )
    bid_offset_bps: float = Field(
        default=8.0, gt=0, le=_WIDEST_BPS, description="How far below the anchor the engine buys."
    )
    ask_offset_bps: float = Field(
        default=8.0, gt=0, le=_WIDEST_BPS, description="How far above the anchor the engine sells."
    )
    order_size_xrp: float = Field(default=100.0, gt=0, description="Size of each quote.")
    skew_bps: float = Field(
        default=4.0,
        ge=0,
        le=_WIDEST_BPS,
        description="How far both quotes are shifted when the inventory is all XRP (down) or has none (up).",
    )
    target_inventory_pct: float = Field(
        default=50.0,
        ge=0,
        le=100,
        description="Share of XRP in the portfolio's value at which nothing is shifted.",
    )
    requote_bps: float = Field(default=2.0, gt=0, description="A quote that is off by more than this is replaced.")
    price_tick: float = Field(
        default=0.00001, gt=0, description="Quotes are rounded to this step, in RLUSD per XRP."
    )
    order_ttl_seconds: float = Field(
        default=60.0,
        gt=0,
        description="After this the ledger itself lets an offer expire, even if the engine is dead.",
    )
    renew_before_seconds: float = Field(
        default=8.0, ge=0, description="A quote with less than this left to live is replaced."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.mid_weight == 0 and self.amm_weight == 0:
            raise ValueError("expected mid_weight or amm_weight above 0, got 0 for both")
        if self.renew_before_seconds >= self.order_ttl_seconds:
            raise ValueError(
                f"expected renew_before_seconds below order_ttl_seconds ({self.order_ttl_seconds}), "
                f"got {self.renew_before_seconds}"
            )
        return self


class RiskConfig(Section):
    max_xrp_exposure: float | None = Field(
        default=None, gt=0, description="Halt when the engine owns more XRP; null: off."
    )
    max_rlusd_exposure: float | None = Field(
        default=None, gt=0, description="Halt when the engine owns more RLUSD; null: off."
    )
    max_failed_observations: int | None = Field(
        default=5, ge=1, description="Halt at this many failed observations in a row; null: off."
    )
    max_ledger_age_seconds: float | None = Field(
        default=30.0, gt=0, description="Halt when the validated ledger is older than this; null: off."
    )
    max_session_loss_rlusd: float | None = Field(
        default=None,
        gt=0,
        description="Halt when the session has lost more, against holding what it began with; null: off.",
    )
    max_drawdown_rlusd: float | None = Field(
        default=None,
        gt=0,
        description="Halt when the session has lost more since its best moment; null: off.",
    )
    max_messages_per_minute: int | None = Field(
        default=None,
        ge=1,
        description="Quotes wait when a minute has seen this many messages, cancels never; null: off.",
    )
    min_order_xrp: float = Field(default=1.0, ge=0.000001, description="Smaller orders are refused.")
    max_order_xrp: float = Field(default=1000.0, gt=0, le=_ALL_XRP, description="Larger orders are refused.")
    max_order_notional_rlusd: float | None = Field(
        default=None, gt=0, description="Orders worth more are refused; null: off."
    )
    collar_bps: float = Field(default=100.0, gt=0, description="Orders further from the book's mid are refused.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.min_order_xrp > self.max_order_xrp:
            raise ValueError(
                f"expected min_order_xrp of at most max_order_xrp ({self.max_order_xrp}), got {self.min_order_xrp}"
            )
        return self


class DegradedConfig(Section):
    timeout_seconds: float = Field(
        default=300.0,
        gt=0,
        description="Halt when an integrity cause, or a guard that may not recover, lasts longer.",
    )
    guard_timeout_seconds: float | None = Field(
        default=None,
        gt=0,
        description="The same for a guard that may recover, from the end of its cool-down; null: no limit.",
    )


class DegradedRecoveryConfig(Section):
    recovery_cooldown_ticks: int = Field(
        default=120,
        ge=1,
        description="From its second episode on, a guard waits this many ticks before it may recover.",
    )
    max_degraded_episodes_per_source_per_session: int = Field(
        default=3, ge=1, description="The episode of one guard that halts the session: with 3, the third."
    )

    @field_validator("*", mode="before")
    @classmethod
    def _cannot_be_switched_off_here(cls, value: Any) -> Any:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value < 1:
            raise ValueError(
                f"expected a whole number of at least 1, got {value}; "
                "if recovery is unwanted, set `recovery_enabled: false` in the guard's section"
            )
        return value


class PluginFaultConfig(Section):
    clear_ticks: int = Field(
        default=30, ge=1, description="A plugin's fault is over after this many ticks without another."
    )
    max: int = Field(default=3, ge=0, description="More faults than this in a session halt it.")
    policy: Literal["degrade", "halt"] = Field(default="degrade", description="What the first fault does.")


class WalletTruthConfig(Section):
    enabled: bool = Field(
        default=True, description="Whether the engine's inventory is compared with the wallet while it runs."
    )
    interval_ticks: int = Field(default=15, ge=1, description="Ticks from one check to the next.")
    tolerance_xrp: float = Field(
        default=0.01, ge=0, description="A larger difference of XRP makes the engine DEGRADED."
    )
    tolerance_rlusd: float = Field(
        default=0.01, ge=0, description="A larger difference of RLUSD makes the engine DEGRADED."
    )
    halt_tolerance_xrp: float | None = Field(
        default=None, ge=0, description="A larger difference of XRP halts at once; null: off."
    )
    halt_tolerance_rlusd: float | None = Field(
        default=None, ge=0, description="A larger difference of RLUSD halts at once; null: off."
    )
    halt_after_checks: int = Field(
        default=2, ge=1, description="Halt when so many further checks are beyond tolerance, too."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for asset in ("xrp", "rlusd"):
            near, far = getattr(self, f"tolerance_{asset}"), getattr(self, f"halt_tolerance_{asset}")
            if far is not None and far < near:
                raise ValueError(
                    f"expected halt_tolerance_{asset} of at least tolerance_{asset} ({near}), got {far}"
                )
        return self


class ReconcileConfig(Section):
    max_held_orders: int = Field(
        default=3, ge=0, description="More orders held for review than this make the engine DEGRADED."
    )
    halt_held_orders: int = Field(default=10, ge=0, description="More than this halt it.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.halt_held_orders < self.max_held_orders:
            raise ValueError(
                f"expected halt_held_orders of at least max_held_orders ({self.max_held_orders}), "
                f"got {self.halt_held_orders}"
            )
        return self


class StartupConfig(Section):
    leftover_offers: Literal["cancel", "adopt", "refuse"] = Field(
        default="cancel",
        description="Own offers that a fresh session finds on the ledger: cancel them, go on with them, "
        "or refuse to start.",
    )


class ShutdownConfig(Section):
    max_ledgers: int = Field(default=5, ge=1, description="How many ledgers the ending waits for its cancels.")
    max_seconds: float = Field(default=30.0, gt=0, description="How long the ending waits when no ledger comes.")


class KillSwitchConfig(Section):
    file: str | None = Field(
        default=None, min_length=1, description="The session halts as soon as this file exists; null: off."
    )


class PaperConfig(Section):
    scenario: str = Field(default="calm", min_length=1, description="The market that is played.")
    seed: int = Field(default=1, ge=0, le=2**32 - 1, description="The same seed plays the same market again.")
    speed: float = Field(
        default=1.0, ge=0, description="1 is real time, 10 ten times as fast, 0 as fast as it can."
    )
    xrp: float = Field(default=10_000.0, ge=0, le=_ALL_XRP, description="XRP in a new paper wallet.")
    rlusd: float = Field(default=20_000.0, ge=0, le=_ALL_XRP, description="RLUSD in a new paper wallet.")
    fee_drops: int = Field(default=10, ge=0, le=1_000_000, description="What each transaction costs, in drops.")
    fill_visibility: Literal["events", "disappearance"] = Field(
        default="events",
        description="What the engine can see of a fill. events: the transaction that proves it; "
        "disappearance: only that the offer is gone, or has shrunk.",
    )
    wallet: Literal["new", "keep"] = Field(
        default="new",
        description="new: after an orderly end the next session is dealt a new wallet; keep: never. "
        "After a crash it is always kept.",
    )
    reserve_base_xrp: float = Field(
        default=1.0, ge=0, le=_ALL_XRP, description="XRP that an account cannot spend."
    )
    reserve_step_xrp: float = Field(default=0.2, ge=0, le=_ALL_XRP, description="More of it for each open offer.")


class Settings(Section):
    """The core's configuration. What is under `plugins` is checked by each plugin's own class."""

    engine: EngineConfig = EngineConfig()
    session: SessionConfig = SessionConfig()
    log: LogConfig = LogConfig()
    quoting: QuotingConfig = QuotingConfig()
    risk: RiskConfig = RiskConfig()
    degraded: DegradedConfig = DegradedConfig()
    degraded_recovery: DegradedRecoveryConfig = DegradedRecoveryConfig()
    plugin_fault: PluginFaultConfig = PluginFaultConfig()
    wallet_truth: WalletTruthConfig = WalletTruthConfig()
    reconcile: ReconcileConfig = ReconcileConfig()
    startup: StartupConfig = StartupConfig()
    shutdown: ShutdownConfig = ShutdownConfig()
    kill_switch: KillSwitchConfig = KillSwitchConfig()
    paper: PaperConfig = PaperConfig()
    live: LiveConfig = LiveConfig()
    plugins: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="A section for each plugin, under its name."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        low, high, size = self.risk.min_order_xrp, self.risk.max_order_xrp, self.quoting.order_size_xrp
        if not low <= size <= high:
            raise ValueError(
                f"quoting.order_size_xrp: expected a number from risk.min_order_xrp ({low}) "
                f"to risk.max_order_xrp ({high}), got {size}"
            )
        if self.engine.mode == "live" and not self.live.nodes:
            raise ValueError(
                "live.nodes: expected at least one node, since engine.mode is live, got none; name its URL, "
                "here or with --node"
            )
        if self.engine.mode == "live" and self.live.issued_by is None:
            raise ValueError(
                f"live.issuer: expected who issues {self.live.currency} on {self.live.network}, got null; "
                "name the address of the issuer"
            )
        return self
