"""A devnet and an engine, made for one test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .house import LEDGER_SECONDS, SEED, Engine, Net, Start, devnet


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """A devnet with these words and an engine with these settings."""
    opened: list[Any] = []

    def begin(*words: str, **config: Any) -> tuple[Net, Engine]:
        net_of = devnet(tmp_path, "--seed", str(SEED), "--ledger-seconds", str(LEDGER_SECONDS), *words)
        net = net_of.__enter__()
        engine = Engine(net, config)
        opened.append((net_of, engine))
        return net, engine

    yield begin
    for net_of, engine in opened:
        engine.kill_all()
        net_of.__exit__(None, None, None)
