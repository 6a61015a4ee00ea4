"""The checks before a live session, and findings in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click

from neo_core.cli.group import refuse
from neo_core.cli.output import plain
from neo_core.cli.summary import counted
from neo_core.doctor import Finding, Report, Verdict, examine
from neo_core.halts import HaltReason
from neo_core.wiring import LIVE, Asked, configure, refuse_unintended

__all__ = ["lines", "preflight"]

COLOURS = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "red"}


def preflight(asked: Asked) -> Report | None:
    """What fails stops a live session before it begins; a paper session needs none of this."""
    configured = configure(asked)
    if configured.settings.engine.mode != LIVE:
        return None
    refuse_unintended(asked, configured.settings)
    report = examine(configured)
    told = report.told(Verdict.WARN, Verdict.FAIL)
    for line in lines(told):
        click.echo(line, err=True)
    failed = len(report.told(Verdict.FAIL))
    if failed:
        reason = HaltReason.STARTUP_INTEGRITY
        checks = counted(failed, "check")
        refuse(f"{reason}: {checks} of the pre-flight failed, and no session was begun", reason.exit_code)
    return report


def lines(findings: Iterable[Finding]) -> Iterator[str]:
    for finding in findings:
        verdict = click.style(f"{finding.verdict:<4}", fg=COLOURS[finding.verdict], bold=True)
        yield f"{verdict}  {finding.check:<13} {plain(finding.found)}"
        if finding.advice:
            yield f"{'':<19} -> {plain(finding.advice)}"
