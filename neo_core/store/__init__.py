"""The database of sessions, state, orders, fills, ticks and events. Nothing else in NEO knows how it is kept."""

from neo_core.store.rows import Keeper
from neo_core.store.sessions import Opened, Plugin
from neo_core.store.store import Store

__all__ = ["Keeper", "Opened", "Plugin", "Store"]
