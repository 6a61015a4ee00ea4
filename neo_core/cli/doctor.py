"""`neo doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from neo_core.cli.options import json_option, json_text, mode_options, plugin_options, store_options
from neo_core.cli.preflight import lines
from neo_core.cli.summary import counted
from neo_core.doctor import Report, Verdict, examine, refused
from neo_core.errors import ConfigError, PluginRefused
from neo_core.wiring import Asked, configure

__all__ = ["doctor"]


@click.command()
@mode_options
@plugin_options
@store_options
@json_option
@click.pass_context
def doctor(
    ctx: click.Context,
    /,
    config_path: Path | None,
    only: tuple[str, ...] | None,
    without: tuple[str, ...],
    as_json: bool,
    **asked: Any,
) -> None:
    """Look whether a session could start, and say what to do if not.

    Nothing is traded, sent or changed. For a live session it asks every node whether it is in sync and on the
    right network, and one of them for the account, its trust line, its reserve, the rights of the key and the
    issuer. The seed is read, to know whose key it is, and never shown.

    Exit code 0: nothing fails, though there may be warnings; 2: the configuration is refused; 4: a check failed,
    and `neo run` would stop there, too.

    \b
    Examples:
      neo doctor
      neo doctor --config config/live_stage1.yaml
      neo doctor --mode live --node wss://s.altnet.rippletest.net:51233/ --json
    """
    report = _look(Asked(config_path, only, without, **asked))
    if as_json:
        click.echo(json_text(_facts(report)))
    else:
        for line in lines(report.findings):
            click.echo(line)
        click.echo(_verdict(report))
    ctx.exit(report.exit_code)


def _look(asked: Asked) -> Report:
    try:
        configured = configure(asked)
    except (ConfigError, PluginRefused) as error:
        return refused(error)
    return examine(configured)


def _verdict(report: Report) -> str:
    failed, warned = len(report.told(Verdict.FAIL)), len(report.told(Verdict.WARN))
    told = f"{counted(len(report.findings), 'check')}: {failed} failed, {counted(warned, 'warning')}"
    return f"{told}; a session would not start" if failed else f"{told}; a session can start"


def _facts(report: Report) -> dict[str, Any]:
    return {
        "can_start": report.exit_code == 0,
        "account": report.account,
        "node": report.node,
        "checks": [
            {"check": one.check, "verdict": one.verdict, "found": one.found, "advice": one.advice}
            for one in report.findings
        ],
    }
