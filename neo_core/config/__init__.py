"""Configuration: YAML, strict, every fault found at once."""

from neo_core.config.check import check
from neo_core.config.live import NETWORK_IDS, LiveConfig, named_network, shown_node
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
from neo_core.config.words import Described, describe, hidden

__all__ = [
    "NETWORK_IDS",
    "DegradedConfig",
    "DegradedRecoveryConfig",
    "Described",
    "EngineConfig",
    "GuardConfig",
    "KillSwitchConfig",
    "LiveConfig",
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
    "hidden",
    "named_network",
    "read",
    "shown_node",
]
