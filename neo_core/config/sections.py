"""What every section of the configuration is built on."""

from __future__ import annotations

from typing import Self, cast

import pydantic

__all__ = ["GuardConfig", "PluginConfig", "Section"]


class Section(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class PluginConfig(Section):
    """The base of every plugin's own section, `plugins.<name>` in the file."""

    enabled: bool = pydantic.Field(default=True, description="Whether this plugin is loaded.")

    def plain(self) -> Self:
        """The same values in an object that is quicker to read: for judgement on every tick."""
        plain = _Plain()
        plain.__dict__.update(self.__dict__)
        return cast("Self", plain)


class _Plain:
    pass


class GuardConfig(PluginConfig):
    """The base of every guard's section."""

    recovery_enabled: bool = pydantic.Field(
        default=True,
        description="Whether an episode of this guard can end by itself; if not, only the timeout ends it.",
    )
