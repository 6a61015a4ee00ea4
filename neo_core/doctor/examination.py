"""All checks of one start, in an order in which a person would ask."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from neo_core.doctor import account, machine, nodes
from neo_core.doctor.finding import Finding, Verdict, fail, ok
from neo_core.errors import ConfigError, NeoError, PluginRefused
from neo_core.model import Inventory
from neo_core.wiring import LIVE, Configured

__all__ = ["Report", "examine", "refused"]


class Report(msgspec.Struct, frozen=True):
    """`account` and `wallet` are what a node showed; None where none was asked, or could be."""

    findings: tuple[Finding, ...]
    exit_code: int
    account: str | None = None
    node: str | None = None
    wallet: Inventory | None = None

    def told(self, *verdicts: Verdict) -> list[Finding]:
        return [finding for finding in self.findings if finding.verdict in verdicts]


def refused(error: ConfigError | PluginRefused) -> Report:
    """A configuration that is refused: nothing else can be looked at."""
    problems = error.problems if isinstance(error, ConfigError) else (str(error),)
    return Report(
        tuple([fail("configuration", problem, "mend it, then ask again") for problem in problems]),
        error.exit_code,
    )


def examine(configured: Configured) -> Report:
    settings = configured.settings
    findings = [ok("configuration", f"engine {settings.engine.name!r}, mode {settings.engine.mode}")]
    findings += machine.plugins(configured)
    if settings.engine.mode != LIVE:
        found, _ = machine.books(settings, "a paper wallet")
        return _report([*findings, machine.kill_file(settings), *found, *machine.disk(settings)])
    signer, found = machine.key(settings.live)
    findings += found
    address = settings.live.account or (None if signer is None else signer.address)
    found, last_ledger = machine.books(settings, address)
    findings += [machine.kill_file(settings), *found, *machine.disk(settings)]
    found, link, closed = nodes.examine(settings.live, last_ledger)
    findings += found
    wallet = None
    if link is not None and closed is not None:
        try:
            if address is not None:
                found, wallet = account.examine(
                    settings, address, None if signer is None else signer.address, link, closed
                )
                findings += found
            findings += account.issuer(settings, link, closed)
            findings.append(account.market(settings, link, closed))
        except NeoError as error:
            findings.append(fail("account", str(error), "ask again; if it stays, name another node"))
        finally:
            link.close()
    node = None if link is None else link.node
    return _report(findings, address, node, wallet)


def _report(
    findings: Sequence[Finding],
    address: str | None = None,
    node: str | None = None,
    wallet: Inventory | None = None,
) -> Report:
    failed = any(finding.verdict is Verdict.FAIL for finding in findings)
    return Report(tuple(findings), 4 if failed else 0, address, node, wallet)
