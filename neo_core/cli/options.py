"""Options that several commands have, and the opening of the books that they name."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from neo_core import config
from neo_core.config import EngineConfig, LiveConfig, Raw, Settings
from neo_core.errors import UsageError
from neo_core.store import Store

__all__ = [
    "Number",
    "books",
    "config_option",
    "engine_of",
    "json_option",
    "json_text",
    "live_of",
    "mode_options",
    "pass_down",
    "plugin_options",
    "reason_option",
    "store_options",
    "wait_option",
]

_Command = TypeVar("_Command", bound=Callable[..., Any])


class Number(click.FloatRange):
    """A number, which NaN and infinity are not."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"expected a finite number, got {value}", param, ctx)
        return number


def _names(_ctx: click.Context, _option: click.Parameter, given: str | tuple[str, ...] | None) -> Any:
    """Names with commas between them; nothing at all is no name."""
    if given is None:
        return None
    parts = [
        part for text in ([given] if isinstance(given, str) else given) if text.strip() for part in text.split(",")
    ]
    names = tuple(part.strip() for part in parts)
    if "" in names:
        raise click.BadParameter(f"expected names with one comma between them, got {given!r}")
    return names


def config_option(command: _Command) -> _Command:
    return click.option(
        "--config",
        "config_path",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The configuration, in YAML.",
    )(command)


def json_option(command: _Command) -> _Command:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def _reason(_ctx: click.Context, _option: click.Parameter, given: str | None) -> str | None:
    if given is None:
        return None
    if not given.strip():
        raise UsageError("--reason: expected a few words, got none; say why")
    # A terminal that is not UTF-8 hands over what it cannot read; nobody is refused for their spelling.
    return given.strip().encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def reason_option(said: str, *, required: bool = False) -> Callable[[_Command], _Command]:
    return click.option("--reason", metavar="TEXT", callback=_reason, required=required, help=said)


def wait_option(command: _Command) -> _Command:
    return click.option(
        "--wait",
        type=Number(min=0),
        default=30,
        show_default=True,
        metavar="SECONDS",
        help="How long to wait for a running engine to have done it.",
    )(command)


def plugin_options(command: _Command) -> _Command:
    without = click.option(
        "--without",
        callback=_names,
        multiple=True,
        metavar="NAMES",
        help="Leave these plugins out. May be given several times.",
    )
    only = click.option(
        "--plugins",
        "only",
        callback=_names,
        metavar="NAMES",
        help='Load exactly these plugins, whatever the configuration enables: a,b or, for none, "".',
    )
    return only(without(command))


def mode_options(command: _Command) -> _Command:
    """What is traded on, and for live: by which nodes, for which account."""
    mode = click.option(
        "--mode",
        type=click.Choice(["paper", "live"]),
        help="Trade on a simulated ledger, or on the XRP Ledger.  [default: as configured, or paper]",
    )
    node = click.option(
        "--node",
        "nodes",
        multiple=True,
        metavar="URL",
        help="A node of the ledger (ws, wss, http, https), for --mode live. Given again, it is asked when the one "
        "before fails.",
    )
    account = click.option("--account", metavar="ADDRESS", help="The account that trades, if not the key's own.")
    return mode(node(account(command)))


def store_options(command: _Command) -> _Command:
    engine = click.option("--engine", metavar="NAME", help="The engine's name.  [default: as configured, or neo]")
    database = click.option(
        "--database",
        metavar="URL",
        help="Where the engine keeps its books.  [default: as configured, or sqlite:///neo.db]",
    )
    return config_option(database(engine(command)))


@contextmanager
def books(config_path: Path | None, database: str | None, engine: str | None) -> Iterator[tuple[Store, str]]:
    """The books that are there already, and whose. Nothing is created for somebody who only looks."""
    settings = engine_of(config_path, database, engine)
    store = Store.open(settings.database, must_exist=True)
    for note in store.notes:
        click.echo(note, err=True)
    try:
        yield store, settings.name
    finally:
        store.close()


def engine_of(config_path: Path | None, database: str | None, engine: str | None) -> EngineConfig:
    """Only the section `engine` is looked at: a fault elsewhere must not stand between an operator and a kill."""
    told = {key: value for key, value in (("name", engine), ("database", database)) if value is not None}
    told["mode"] = "paper"  # whatever it is, it asks nothing of other sections here
    return _section("engine", config_path, {"engine": told}).engine


def live_of(config_path: Path | None, nodes: tuple[str, ...] = ()) -> LiveConfig:
    """Only the section `live`: whoever asks a node something needs nothing else."""
    return _section("live", config_path, {"live": {"nodes": list(nodes)}} if nodes else {}).live


def _section(name: str, config_path: Path | None, over: dict[str, Any]) -> Settings:
    raw = config.read(config_path)
    section = {key: value for key, value in raw.tree.items() if key == name}
    return config.check(Raw(section, raw.name), {}, over)[0]


def json_text(facts: Any) -> str:
    """In ASCII, so that no console can change what it says."""
    return json.dumps(facts, indent=2, default=str, allow_nan=False)


def pass_down(ctx: click.Context) -> None:
    """An option may stand before the subcommand or behind it; behind it wins."""
    given = {name: value for name, value in ctx.params.items() if value not in (None, (), False)}
    ctx.default_map = {str(ctx.invoked_subcommand): given}
