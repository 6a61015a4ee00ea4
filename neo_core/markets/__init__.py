"""Where paper prices come from."""

from neo_core.markets.base import MarketTick, Taker, skip
from neo_core.markets.scenario import Flow, Phase, Scenario
from neo_core.markets.scenarios import find, names

__all__ = ["Flow", "MarketTick", "Phase", "Scenario", "Taker", "find", "names", "skip"]
