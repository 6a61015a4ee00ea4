"""The amendments that a server of this version knows, and which of them are on."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = ["enabled", "known"]


@cache
def known() -> dict[str, dict[str, Any]]:
    table: dict[str, dict[str, Any]] = json.loads(
        files("neo_devnet").joinpath("amendments.json").read_text(encoding="utf-8")
    )
    return table


def enabled() -> tuple[str, ...]:
    return tuple(name for name, amendment in sorted(known().items()) if amendment["enabled"])
