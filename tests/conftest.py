"""How the suites run: the same cases every time, or (NEO_SOAK=1) long ones and new cases each time. And `neo`, as
its tests call it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, settings

from neo_core.cli import cli

SOAKING = os.environ.get("NEO_SOAK") == "1"

# A slow machine is no fault of the code: neither profile judges by time.
UNTIMED = [HealthCheck.too_slow]
settings.register_profile("default", derandomize=True, deadline=None, database=None, suppress_health_check=UNTIMED)
settings.register_profile(
    "soak",
    derandomize=False,
    max_examples=2000,
    stateful_step_count=200,
    deadline=None,
    database=None,
    print_blob=True,  # what repeats a failing case, since the next soak draws others
    suppress_health_check=UNTIMED,
)
settings.load_profile("soak" if SOAKING else "default")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "soak: takes minutes; only `python dev.py soak` runs it")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if SOAKING:
        return
    long = [item for item in items if item.get_closest_marker("soak")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


# --- neo ---

PATIENCE = 30


@pytest.fixture
def neo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """A command, called in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str, typed: str | None = None) -> Result:
        result = CliRunner().invoke(cli, list(words), input=typed, prog_name="neo")
        assert "Traceback" not in result.output
        return result

    return call


@pytest.fixture
def until(neo: Callable[..., Result]) -> Callable[..., Any]:
    """Waits until what `neo status` says of the engine is as wanted."""

    def wait(wanted: Callable[[Any], bool]) -> Any:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            asked = neo("status", "--json")
            # At the very start there is no database yet, or no session in it.
            if asked.exit_code == 0 and wanted(facts := json.loads(asked.stdout)):
                return facts
            time.sleep(0.05)
        raise AssertionError(f"it did not come to that: {asked.output}")

    return wait


@pytest.fixture
def running(neo: Callable[..., Result], until: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """A session in a process of its own, in the folder of `neo`, which has seen a ledger."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*words: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "neo_core", "run", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        started.append(process)
        until(lambda facts: facts["running"] and facts["running"]["pid"] == process.pid and facts["tick"])
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
