"""Configuration: YAML, strict, every fault found at once."""

from neo_core.config.check import check
from neo_core.config.read import Raw, read
from neo_core.config.sections import GuardConfig, PluginConfig, Section
from neo_core.config.settings import (
    DegradedConfig,
    DegradedRecoveryConfig,
    EngineConfig,
    KillSwitchConfig,
    LogConfig,
    PaperConfig,
    PluginFaultConfig,
    QuotingConfig,
    ReconcileConfig,
    RiskConfig,
    SessionConfig,
    Settings,
    ShutdownConfig,
    StartupConfig,
    WalletTruthConfig,
)
from neo_core.config.words import Described, describe

__all__ = [
    "DegradedConfig",
    "DegradedRecoveryConfig",
    "Described",
    "EngineConfig",
    "GuardConfig",
    "KillSwitchConfig",
    "LogConfig",
    "PaperConfig",
    "PluginConfig",
    "PluginFaultConfig",
    "QuotingConfig",
    "Raw",
    "ReconcileConfig",
    "RiskConfig",
    "Section",
    "SessionConfig",
    "Settings",
    "ShutdownConfig",
    "StartupConfig",
    "WalletTruthConfig",
    "check",
    "describe",
    "read",
]
