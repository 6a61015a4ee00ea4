"""A group whose commands are known by name, and imported when they are called; and what is said when one fails."""

from __future__ import annotations

import difflib
import errno
import os
import sys
import traceback
from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NoReturn

import click

from neo_core.errors import ConfigError, NeoError, PluginRefused
from neo_core.seeds import SEED

__all__ = ["LOG", "LazyGroup", "refuse"]

LOG = "neo.log"
"""Under this key of `ctx.meta` a command leaves the path of the log that it writes."""


def refuse(sentence: str, exit_code: int) -> NoReturn:
    click.echo(sentence, err=True)
    raise click.exceptions.Exit(exit_code)


class LazyGroup(click.Group):
    """`commands_at`: for each name its module, where the command has that name too (`_` for `-`), and its help in
    one line. Under `brought_by`, a group of entry points, other distributions bring commands of their own.
    """

    def __init__(
        self, *, commands_at: Mapping[str, tuple[str, str]], brought_by: str = "", **options: Any
    ) -> None:
        super().__init__(**options)
        self._at = commands_at
        self._brought_by = brought_by

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if any(SEED.search(word) for word in args):
            refuse(
                "Error: the command line holds what looks like the seed of a key, and nothing was done; others "
                "can read it there, and the shell keeps it: treat that key as known, and say in live.seed_file or "
                "live.seed_env where a seed is",
                2,
            )
        return super().parse_args(ctx, args)

    @cached_property
    def _brought(self) -> dict[str, EntryPoint]:
        """Looked for only when none of our own is called."""
        found = sorted(entry_points(group=self._brought_by), key=lambda one: one.value)
        return {one.name: one for one in found if one.name not in self._at}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (as click calls it)
        return [*self._at, *self._brought]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in self._at:
            return _load(self._brought[cmd_name]) if cmd_name in self._brought else None
        command = getattr(import_module(self._at[cmd_name][0]), cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self._at and not args[0].startswith("-") and args[0] not in self._brought:
            known = self.list_commands(ctx)
            near = difflib.get_close_matches(args[0], known, n=1)
            advice = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(known)}"
            ctx.fail(f"there is no command {args[0]!r}; {advice}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            own = [(name, said) for name, (_, said) in self._at.items()]
            formatter.write_dl([*own, *[(name, _summary(one)) for name, one in self._brought.items()]])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except NeoError as error:
            refuse(_sentence(error), error.exit_code)
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # nobody reads any more, which click takes quietly
            refuse(_unexpected(error, ctx.meta.get(LOG)), 1)


def _load(brought: EntryPoint) -> click.Command:
    whose = "an unknown distribution" if brought.dist is None else f"{brought.dist.name} {brought.dist.version}"
    try:
        command = brought.load()
    except (Exception, SystemExit) as error:
        raise PluginRefused(
            f"command {brought.name}: importing it from {whose} failed with {type(error).__name__}: {error}; "
            f"reinstall that distribution"
        ) from error
    if not isinstance(command, click.Command):
        raise PluginRefused(
            f"command {brought.name}: {brought.value} of {whose} should be a command of click, it is "
            f"{type(command).__name__}"
        )
    return command


def _summary(brought: EntryPoint) -> str:
    """The distribution's own description, in the manner of the commands above it."""
    said = "" if brought.dist is None else brought.dist.metadata["Summary"].removeprefix("NEO: ").rstrip(".")
    return f"{said[:1].upper()}{said[1:]}." if said else f"A command of {brought.value}."


def _sentence(error: NeoError) -> str:
    if isinstance(error, ConfigError) and len(error.problems) > 1:
        told = f"Error: {len(error.problems)} things are wrong, and nothing was done:"
        return "\n  ".join([told, *error.problems])
    return f"Error: {error}"


def _unexpected(error: Exception, log: str | None) -> str:
    if os.environ.get("NEO_TRACEBACK") == "1":
        traceback.print_exception(error, file=sys.stderr)
    where = f"the log, {log}, may say more" if log else "no log was being written"
    return (
        f"Error: this should not have happened: {type(error).__name__}: {error}; {where}, "
        "and with NEO_TRACEBACK=1 in the environment the place in the program is shown"
    )
