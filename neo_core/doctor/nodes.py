"""The nodes: do they answer, are they synced, on the right network, and how far back do they know the ledger?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from neo_core.config import NETWORK_IDS, LiveConfig, named_network
from neo_core.doctor.finding import Finding, Verdict, fail, ok, warn
from neo_core.errors import ObservationFailed
from neo_core.wiring.live import link_to

if TYPE_CHECKING:
    from neo_core.gateways.xrpl.connecting.link import Closed, Link

__all__ = ["examine"]

SYNCED = ("full", "proposing", "validating")
OLD_SECONDS = 30.0
FEW_LEDGERS = 5
APART_SECONDS, FAR_APART_SECONDS = 15.0, 60.0
REAL_TIME = (NETWORK_IDS["mainnet"], NETWORK_IDS["testnet"])
HERE = ("localhost", "127.0.0.1", "::1")


class Node(msgspec.Struct):
    """One node, as far as it could be looked at. `trusted`: a session may go by what it says."""

    url: str
    link: Link
    findings: list[Finding]
    closed: Closed | None = None
    info: Mapping[str, Any] = {}
    asked_at: float = 0.0
    trusted: bool = False


def examine(live: LiveConfig, last_ledger: int | None) -> tuple[list[Finding], Link | None, Closed | None]:
    """Every node by itself. The link to the best one that may be gone by is handed on, open."""
    seen: list[Node] = []
    try:
        for url in live.nodes:
            seen.append(_look(url, live))  # noqa: PERF401 (each is kept at once, to be closed whatever comes)
        best = next((node for node in seen if node.trusted), None)
    finally:
        for node in seen:
            if not node.trusted:
                node.link.close()
    findings = [finding for node in seen for finding in node.findings]
    if best is None or best.closed is None:
        return findings, None, None
    findings = [_one_of_several(finding) for finding in findings]
    for node in seen:
        if node.trusted and node is not best:
            node.link.close()
    trusted = [node for node in seen if node.trusted]
    findings.append(_clock(best, live))
    findings.append(_history(trusted, last_ledger, best.closed.ledger_index))
    return findings, best.link, best.closed


def _one_of_several(finding: Finding) -> Finding:
    """While another node can be gone by, one that fails stops no session; one of another network always does."""
    if finding.verdict is Verdict.FAIL and finding.check == "node":
        return warn(finding.check, finding.found, finding.advice)
    return finding


def _look(url: str, live: LiveConfig) -> Node:
    node = Node(url, link_to(live, [url], brief=True), [])
    shown = node.link.node
    try:
        node.closed = node.link.next_ledger(None)
        (answer,) = node.link.ask([{"command": "server_info"}])
        node.asked_at = node.link.now()
    except ObservationFailed as error:
        node.findings.append(fail("node", str(error), "check the URL and the network, or name another"))
        return node
    info = answer.get("info")
    if not isinstance(info, Mapping):
        why = answer.get("error", "no info in its answer")
        node.findings.append(fail("node", f"{shown}: it does not say how it stands ({why})", "name another node"))
        return node
    node.info = info
    node.findings += [_state(node, shown), _network(info, live, shown)]
    node.trusted = all(finding.verdict is not Verdict.FAIL for finding in node.findings)
    parts = urlsplit(url)
    if parts.scheme in ("ws", "http") and parts.hostname not in HERE:
        node.findings.append(
            warn("node", f"{shown}: not encrypted, so that others may change what it says", "use wss or https")
        )
    return node


def _state(node: Node, shown: str) -> Finding:
    info, closed = node.info, node.closed
    assert closed is not None
    state = info.get("server_state", "full")  # a reporting server has none, and serves validated ledgers only
    if info.get("amendment_blocked"):
        return fail("node", f"{shown}: it is amendment blocked, too old for this network", "name another node")
    age = _age(node)
    found = f"{shown}: {state}, ledger {closed.ledger_index}, {age:.0f} s old"
    if state not in SYNCED:
        return fail("node", f"{found}: not in sync with its network", "wait until it is, or name another")
    if age > OLD_SECONDS:
        return fail("node", f"{found}: its ledger is stale", "wait until it has caught up, or name another")
    return ok("node", found)


def _network(info: Mapping[str, Any], live: LiveConfig, shown: str) -> Finding:
    said = info.get("network_id", 0)  # what says nothing has no id of its own: mainnet
    if said != live.network_id:
        what = named_network(said) if isinstance(said, int) else repr(said)[:40]
        return fail(
            "network",
            f"{shown}: it is on {what}, and live.network is {live.network}",
            "name a node of that network, or the other network",
        )
    return ok("network", f"{shown}: {named_network(live.network_id)}")


def _age(node: Node) -> float:
    """As the node says; where it does not, by this machine's clock."""
    assert node.closed is not None
    validated = node.info.get("validated_ledger")
    age = validated.get("age") if isinstance(validated, Mapping) else None
    return float(age) if isinstance(age, int | float) else node.asked_at - node.closed.close_time


def _clock(node: Node, live: LiveConfig) -> Finding:
    """Close times are rounded to ten seconds, so that a few seconds mean nothing. The time of a network for
    development may go as it likes.
    """
    assert node.closed is not None
    apart = node.asked_at - (node.closed.close_time + _age(node))
    way = "ahead of" if apart > 0 else "behind"
    found = f"this machine's clock is {abs(apart):.0f} s {way} the ledger's"
    if abs(apart) > FAR_APART_SECONDS and live.network_id in REAL_TIME:
        return fail("clock", found, "set the clock (NTP): while no ledger comes, the engine goes by it")
    return warn("clock", found, "set the clock (NTP)") if abs(apart) > APART_SECONDS else ok("clock", found)


def _history(nodes: Sequence[Node], last_ledger: int | None, newest: int) -> Finding:
    if last_ledger is None:
        return ok("history", f"nothing is missed: the first session begins at ledger {newest} or later")
    if last_ledger > newest + FEW_LEDGERS:
        return fail(
            "history",
            f"the books have seen ledger {last_ledger}, and the nodes are at {newest}: they are far behind, or of "
            "another network",
            "name other nodes; for a network that was started anew, another --database or --engine",
        )
    first = min(last_ledger + 1, newest)
    for node in nodes:
        if any(low <= first and newest <= high for low, high in _ranges(node.info.get("complete_ledgers"))):
            return ok("history", f"{node.link.node} knows every ledger from {first} to {newest}")
    told = ", ".join(f"{node.link.node}: {node.info.get('complete_ledgers')}"[:80] for node in nodes)
    return warn(
        "history",
        f"no node knows every ledger from {first} to {newest}, which the books have not seen ({told})",
        "name a node with more history: until then, orders that vanished in that time are held",
    )


def _ranges(complete: object) -> list[tuple[int, int]]:
    if not isinstance(complete, str):
        return []
    found = re.findall(r"(\d+)(?:-(\d+))?", complete)
    return [(int(low), int(high or low)) for low, high in found]
