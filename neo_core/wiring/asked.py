"""What the command line asks for, laid over the configuration; settings and plugins, checked together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from neo_core import config, plugins
from neo_core.config import PluginConfig, Raw, Settings
from neo_core.errors import UsageError
from neo_core.markets import find, names
from neo_core.plugins import Found, Plugins

__all__ = ["LIVE", "PAPER", "Asked", "Configured", "configure", "refuse_unintended"]

PAPER, LIVE = "paper", "live"


class Asked(msgspec.Struct, frozen=True):
    """What the command line asks for. None: whatever the configuration says."""

    config: Path | None = None
    plugins: tuple[str, ...] | None = None
    without: tuple[str, ...] = ()
    mode: str | None = None
    scenario: str | None = None
    duration_seconds: float | None = None
    ticks: int | None = None
    speed: float | None = None
    seed: int | None = None
    nodes: tuple[str, ...] = ()
    account: str | None = None
    understood: bool = False
    """That live on mainnet trades real money."""
    resume: str | None = None
    database: str | None = None
    engine: str | None = None
    cancel_only: str | None = None
    """Why everything is to be cancelled by a session that does nothing else."""

    def overrides(self) -> dict[str, Any]:
        """The same, as the sections of the configuration that it replaces."""
        alone = self.cancel_only is not None
        told = {
            "engine": {"name": self.engine, "database": self.database, "mode": self.mode},
            "session": {"duration_seconds": self.duration_seconds},
            "paper": {
                "scenario": self.scenario,
                "speed": 0.0 if alone else self.speed,
                "seed": self.seed,
            },
            "live": {
                "nodes": list(self.nodes) or None,
                "account": self.account,
                "i_understand_this_trades_real_money": self.understood or None,
            },
            "startup": {"leftover_offers": "cancel" if alone else None},
        }
        return _said(told)

    def refuse_strangers(self, mode: str) -> None:
        """Options that mean nothing in this mode: whoever gives one takes the session for another."""
        paper = {"--scenario": self.scenario, "--speed": self.speed, "--seed": self.seed}
        live = {
            "--node": self.nodes or None,
            "--account": self.account,
            "--i-understand-this-trades-real-money": self.understood or None,
        }
        strange = [name for name, given in (paper if mode == LIVE else live).items() if given is not None]
        if strange:
            other = PAPER if mode == LIVE else LIVE
            raise UsageError(
                f"{' and '.join(strange)}: only for --mode {other}, and this is a {mode} session; leave out what "
                "does not fit"
            )


def _said(tree: Mapping[str, Any]) -> dict[str, Any]:
    below = {key: _said(value) if isinstance(value, Mapping) else value for key, value in tree.items()}
    return {key: value for key, value in below.items() if value is not None and value != {}}


class Configured(msgspec.Struct, frozen=True):
    settings: Settings
    found: Mapping[str, Found]
    configs: Mapping[str, PluginConfig]
    plugins: Plugins


def configure(asked: Asked) -> Configured:
    """Settings and plugins, checked together: nothing is opened or written before both are right."""
    raw = config.read(asked.config)
    mode = _mode(raw, asked)
    asked.refuse_strangers(mode)
    sections = raw.tree.get("plugins")
    found = plugins.discover()
    names = plugins.select(
        found, sections if isinstance(sections, Mapping) else {}, asked.plugins, asked.without, live=mode == LIVE
    )
    classes = {name: plugins.import_class(found[name]) for name in names}
    schemas = {name: plugins.config_class(name, plugin) for name, plugin in classes.items()}
    settings, configs = config.check(raw, schemas, asked.overrides(), _of_the_story(raw, asked, mode))
    versions = {name: found[name].version for name in names}
    return Configured(settings, found, configs, plugins.build(classes, configs, versions))


def refuse_unintended(asked: Asked, settings: Settings) -> None:
    """Nobody trades real money by accident; to cancel there needs no permission."""
    live = settings.live
    if asked.cancel_only is None and live.real_money and not live.i_understand_this_trades_real_money:
        raise UsageError(
            "this is mainnet, where every fill moves real money: if that is what you want, say it with "
            "--i-understand-this-trades-real-money, or with live.i_understand_this_trades_real_money: true; else "
            "use --mode paper, or live.network: testnet"
        )


def _mode(raw: Raw, asked: Asked) -> str:
    engine = raw.tree.get("engine")
    mode = asked.mode or (engine.get("mode") if isinstance(engine, Mapping) else None)
    return LIVE if mode == LIVE else PAPER  # what is neither is refused with the rest


def _of_the_story(raw: Raw, asked: Asked, mode: str) -> Mapping[str, Any]:
    """A scenario may come with settings of its own, which the file and the command line overrule."""
    paper = raw.tree.get("paper")
    named = asked.scenario or (paper.get("scenario") if isinstance(paper, Mapping) else None)
    if mode != PAPER or not isinstance(named, str) or named not in names():
        return {}
    return find(named).settings
