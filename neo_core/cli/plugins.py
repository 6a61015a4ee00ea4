"""`neo plugins`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from neo_core import plugins as core
from neo_core.cli.options import config_option, json_option, json_text, pass_down, plugin_options
from neo_core.cli.output import plain
from neo_core.config import describe
from neo_core.errors import UsageError
from neo_core.wiring import Asked, Configured, configure

__all__ = ["plugins"]


@click.group(invoke_without_command=True)
@config_option
@plugin_options
@json_option
@click.pass_context
def plugins(
    ctx: click.Context,
    config_path: Path | None,
    only: tuple[str, ...] | None,
    without: tuple[str, ...],
    as_json: bool,
) -> None:
    """List the plugins in their order, or the keys of one.

    Those that are enabled come first, in the order in which the engine calls them, with their hooks and ranks.
    Of the others only the name and the version are known: nothing of them is imported.

    \b
    Examples:
      neo plugins
      neo plugins --config config/paper.yaml --without drift_guard
      neo plugins show anchor_guard
    """
    if ctx.invoked_subcommand is not None:
        pass_down(ctx)
        return
    rows = _rows(configure(Asked(config=config_path, plugins=only, without=without)))
    if as_json:
        click.echo(json_text(rows))
        return
    for row in rows:
        click.echo(_line(row))


@plugins.command()
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show the keys of a plugin: default, range, meaning.

    They may be written in the configuration, in the section plugins.NAME.

    \b
    Examples:
      neo plugins show anchor_guard
      neo plugins show drift_guard --json
    """
    found = core.discover()
    if name not in found:
        installed = ", ".join(sorted(found)) or "none"
        raise UsageError(f"there is no plugin {name!r}; installed are {installed}")
    plugin = core.import_class(found[name])
    keys = describe(core.config_class(name, plugin))
    source = getattr(plugin, "source", None)
    if as_json:
        about = {"name": name, "version": found[name].version, "source": source}
        click.echo(json_text({**about, "keys": [key._asdict() for key in keys]}))
        return
    click.echo(f"{name} {found[name].version}" + ("" if source is None else f", source {source}"))
    click.echo(f"plugins.{name}:")
    for key in keys:
        click.echo(f"  {key.key}: {_yaml(key.default)}")
        click.echo(click.wrap_text(plain(f"{key.description} Expected: {key.expected}."), 100, "      ", "      "))


def _yaml(value: Any) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _rows(configured: Configured) -> list[dict[str, Any]]:
    found, loaded = configured.found, configured.plugins
    sources = {guard.name: guard.source for guard in loaded.guards}
    order = [name for name, _ in loaded.versions]
    places = {name: place for place, name in enumerate(core.ORDER)}
    others = sorted(found.keys() - set(order), key=lambda name: (places.get(name, len(places)), name))
    rows: list[dict[str, Any]] = []
    for name in (*order, *others):
        about = {"name": name, "version": found[name].version, "source": sources.get(name)}
        row: dict[str, Any] = {**about, "enabled": name in order}
        if name in order:
            row |= {"hooks": list(_hooks(name, loaded)), "ranks": _ranks(name, configured)}
        rows.append(row)
    return rows


def _hooks(name: str, loaded: core.Plugins) -> Iterator[str]:
    recovering = {guard.name for guard in loaded.guards if guard.evaluate_recovery is not None}
    named = {
        "observe": {hook.name for hook in loaded.observers},
        "evaluate_entry": {guard.name for guard in loaded.guards},
        "evaluate_recovery": recovering,
        "on_cancel_all": {hook.name for hook in loaded.markers},
        "on_disappeared_order": {hook.name for hook in loaded.layers},
        "on_rearm": {hook.name for hook in loaded.rearms},
        "on_event": {hook.name for hook in loaded.watchers},
    }
    return (hook for hook, names in named.items() if name in names)


def _ranks(name: str, configured: Configured) -> list[int]:
    """Of a plugin with layers, their places in the chain; else its own, which the built-in ones do not need."""
    layers = [layer.rank for layer in configured.plugins.layers if layer.name == name]
    if layers or name in core.ORDER:
        return layers
    return [getattr(core.import_class(configured.found[name]), "rank", core.DEFAULT_RANK)]


def _line(row: dict[str, Any]) -> str:
    source = "" if row["source"] is None else f"source {row['source']}"
    line = f"{row['name']:<18} {row['version']:<8} "
    if not row["enabled"]:
        return line + "not enabled"
    ranks = f", rank {', '.join(map(str, row['ranks']))}" if row["ranks"] else ""
    return f"{line}{'enabled':<12}{source:<18} {', '.join(row['hooks'])}{ranks}"
