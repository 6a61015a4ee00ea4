"""The reconciler's section of the configuration: `plugins.reconciler`."""

from __future__ import annotations

from pydantic import Field

from neo_core import PluginConfig

__all__ = ["ReconcilerConfig"]


class ReconcilerConfig(PluginConfig):
    age_threshold_seconds: float = Field(
        300.0,
        gt=0,
        description="An order that vanished and that nothing explains is taken for filled if it is younger than "
        "this, and is else held for review.",
    )
