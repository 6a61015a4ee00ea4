"""The section of the configuration: `plugins.ledger_evidence`."""

from __future__ import annotations

from pydantic import Field

from neo_core import PluginConfig

__all__ = ["LedgerEvidenceConfig"]


class LedgerEvidenceConfig(PluginConfig):
    max_wait_ledgers: int = Field(
        20,
        ge=1,
        le=128,
        description="For so many ledgers an order that vanished without proof is waited for; then it is held for "
        "review.",
    )
