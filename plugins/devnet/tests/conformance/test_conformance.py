"""The devnet beside a recorded rippled: what was asked then is asked of the node, and the answers are compared."""

from __future__ import annotations

import os

import pytest

from .excused import ENTRIES, FIELDS
from .recording import NAMES, load
from .replay import replay

SHOWN = 20


@pytest.mark.parametrize("name", NAMES)
def test_the_node_answers_what_the_recorded_server_answered(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    score = replay(load(name))
    with capsys.disabled():
        print(f"\n{score}", end=" ")  # noqa: T201 (how much agrees is what one wants to read here)
    assert score.compared
    assert not score.differences, "\n".join(map(str, [score, *score.differences[:SHOWN]]))


@pytest.mark.skipif("NEO_RECORDINGS" in os.environ, reason="others are replayed")
def test_all_recordings_are_there() -> None:
    assert len(NAMES) == 19


def test_every_excuse_gives_its_reason() -> None:
    assert all(excuse.keys and excuse.why for excuse in FIELDS)
    assert all(ENTRIES.values())
