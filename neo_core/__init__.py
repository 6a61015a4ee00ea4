"""NEO's names for plugin authors. Each is loaded when it is first used, so that `neo --help` stays quick."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neo_core.config import GuardConfig as GuardConfig
    from neo_core.config import PluginConfig as PluginConfig
    from neo_core.hookspecs import hookimpl as hookimpl
    from neo_core.model import Clear as Clear
    from neo_core.model import Enter as Enter
    from neo_core.model import Event as Event
    from neo_core.model import Facts as Facts
    from neo_core.model import Fill as Fill
    from neo_core.model import Mark as Mark
    from neo_core.model import Measures as Measures
    from neo_core.model import Mode as Mode
    from neo_core.model import OfferEvent as OfferEvent
    from neo_core.model import Order as Order
    from neo_core.model import OrderStatus as OrderStatus
    from neo_core.model import Outcome as Outcome
    from neo_core.model import Recover as Recover
    from neo_core.model import Resolution as Resolution
    from neo_core.model import Side as Side
    from neo_core.model import Stay as Stay
    from neo_core.model import View as View
    from neo_core.model import Wait as Wait
    from neo_core.streak import Streak as Streak

API_VERSION = "0.1"

_HOMES = {
    "neo_core.config": ("GuardConfig", "PluginConfig"),
    "neo_core.hookspecs": ("hookimpl",),
    "neo_core.model": (
        "Clear",
        "Enter",
        "Event",
        "Facts",
        "Fill",
        "Mark",
        "Measures",
        "Mode",
        "OfferEvent",
        "Order",
        "OrderStatus",
        "Outcome",
        "Recover",
        "Resolution",
        "Side",
        "Stay",
        "View",
        "Wait",
    ),
    "neo_core.streak": ("Streak",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [  # noqa: PLE0604 (the names are strings, built from the table above)
    "API_VERSION",
    *_HOME_OF,
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'neo_core' has no attribute {name!r}")
    return getattr(import_module(home), name)
