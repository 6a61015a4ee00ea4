"""What the tests of live sessions share: a node on loopback, a key, and `neo run --mode live`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from click.testing import Result

from tests.scripted_node import ScriptedNode

Neo = Callable[..., Result]

PATIENCE = 20
QUICK = "live:\n  ledger_timeout_seconds: 1.0\n  poll_seconds: 0.05\nshutdown:\n  max_seconds: 1.0\n"


def live(neo: Neo, node: ScriptedNode, *words: str, ticks: int = 1) -> Result:
    return neo(
        "run", "--mode", "live", "--config", "quick.yaml", "--node", node.url, "--ticks", str(ticks), *words
    )


def sessions(neo: Neo) -> list[dict[str, Any]]:
    listed = neo("sessions", "--json")
    found: list[dict[str, Any]] = json.loads(listed.stdout) if listed.exit_code == 0 else []
    return found
