"""`neo run`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from neo_core.cli.group import LOG, refuse
from neo_core.cli.options import Number, json_option, json_text, mode_options, plugin_options, store_options
from neo_core.cli.output import say, tell
from neo_core.cli.preflight import preflight
from neo_core.cli.screen import Screen
from neo_core.cli.signals import Signals
from neo_core.cli.summary import exit_line, field, summary
from neo_core.errors import StoreError, UsageError
from neo_core.halts import HaltReason
from neo_core.session import Ending
from neo_core.wiring import Asked, Run, open_run

__all__ = ["run"]

NOBODY_READS = "SIGPIPE (nobody reads the output any more)"
LARGEST_SEED = 2**32 - 1


@click.command()
@mode_options
@click.option(
    "--i-understand-this-trades-real-money", "understood", is_flag=True, help="Needed for --mode live on mainnet."
)
@plugin_options
@click.option("--scenario", metavar="NAME", help="The market to play; `neo scenarios` lists them.")
@click.option(
    "--duration-seconds", type=Number(min=0, min_open=True), help="End after so long, by the ledger's clock."
)
@click.option("--ticks", type=click.IntRange(min=1), help="End after so many ticks.")
@click.option("--speed", type=Number(min=0), help="1: real time, 10: ten times as fast, 0: as fast as it can.")
@click.option("--seed", type=click.IntRange(0, LARGEST_SEED), help="The same seed plays the same prices again.")
@click.option(
    "--resume",
    is_flag=False,
    flag_value="crashed",
    type=click.Choice(["crashed", "auto"]),
    help="Go on with the session that crashed. auto: if there is none, start a fresh one.",
)
@store_options
@json_option
@click.option("--quiet", is_flag=True, help="Print one line, when it has ended.")
@click.pass_context
def run(
    ctx: click.Context,
    /,
    config_path: Path | None,
    only: tuple[str, ...] | None,
    without: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    **asked: Any,
) -> None:
    """Run a session until it ends, and say why it ended.

    Each event is a line: tick, time of the ledger, mode, what happened. At the end comes a summary, its reason
    first, and the reason's exit code. Ctrl-C stops the session in order, a second Ctrl-C at once.

    A live session begins with the checks of `neo doctor`: what fails there stops it before it has begun. The seed
    of its key comes from the environment variable NEO_SEED, or from where the section `live` says.

    \b
    Examples:
      neo run --scenario cycling --speed 60
      neo run --config config/paper.yaml --without drift_guard
      neo run --mode live --node wss://s.altnet.rippletest.net:51233/
    """
    if asked["duration_seconds"] is not None and asked["ticks"] is not None:
        raise UsageError("--duration-seconds and --ticks both say when the session ends; leave one of them out")
    if as_json and quiet:
        raise UsageError("--json and --quiet both say what is printed; leave one of them out")
    ctx.exit(_run(ctx, Asked(config_path, only, without, **asked), as_json, quiet))


def _run(ctx: click.Context, asked: Asked, as_json: bool, quiet: bool) -> int:
    seen = preflight(asked)
    screen = None if as_json or quiet else Screen(lambda: session.operator.signal(NOBODY_READS))
    with Signals(_tell if screen is None else screen.tell) as signals:
        session = _open(asked, screen)
        ctx.meta[LOG] = session.settings.log.file
        try:
            signals.hand_to(session.operator)
            if screen is not None:
                screen.begin(session, seen)
            started = session.store.session(session.opened.keeper.engine, session.opened.keeper.session)
            ending = session.run()
            if screen is not None:
                screen.erase()
            report = _report(session, ending, started)
        finally:
            _close(session)
        for line in _last_words(session, report, screen, as_json, quiet):
            say(line)
    return ending.halt.reason.exit_code


def _tell(line: str) -> None:
    tell(line + "\n")


def _open(asked: Asked, screen: Screen | None) -> Run:
    try:
        return open_run(asked) if screen is None else open_run(asked, screen.show, screen.between)
    except StoreError as error:
        reason = HaltReason.STARTUP_INTEGRITY
        refuse(f"{reason}: {error}", reason.exit_code)


def _report(session: Run, ending: Ending, started: Mapping[str, Any]) -> dict[str, Any]:
    """What the books say; and what they could not be told any more, from the session itself."""
    try:
        report = session.store.session(started["engine"], ending.session)
    except StoreError:
        report = dict(started)
    if report["ended_at"] is None or ending.halt.source == "lease":
        halt = ending.halt
        told = {"halt_reason": halt.reason.value, "halt_source": halt.source, "halt_detail": halt.detail}
        report |= {**told, "ticks": ending.ticks}
    return report


def _close(session: Run) -> None:
    """The session is over and its exit code stands, even if its last lines cannot be written."""
    try:
        session.close()
    except (StoreError, OSError) as error:
        _tell(f"the session has ended, but not everything could be written: {error}")


def _last_words(
    session: Run, report: Mapping[str, Any], screen: Screen | None, as_json: bool, quiet: bool
) -> list[str]:
    if as_json:
        return [json_text(report)]
    if quiet:
        return [exit_line(report["halt_reason"], report["halt_source"], report["halt_detail"])]
    state = None if screen is None else screen.state
    profit = None if state is None or state.risk.opening is None else state.risk.pnl
    engine = "" if report["engine"] == "neo" else f" --engine {report['engine']}"
    more = f"neo sessions show {report['id']} --database {session.settings.engine.database}{engine}"
    log = session.settings.log.file
    lines = ["", *summary(report, profit), field("more", more)]
    return lines if log is None else [*lines, field("log", log)]
