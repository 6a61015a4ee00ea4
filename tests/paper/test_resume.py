"""Where a session takes its scenario up again after a crash."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from neo_core.errors import UsageError
from neo_core.model import Decision
from neo_core.state import State
from neo_core.wiring import Asked, open_run

Market = dict[int, float]
WALLETS = "neo-paper"


def play(
    home: Path,
    ticks: int,
    speed: float = 0.0,
    each: Callable[[int], None] = lambda tick: None,
    resume: str | None = None,
) -> Market:
    """Runs a scenario in which two ledgers cannot be seen, and answers the anchor of each that was."""
    market: Market = {}

    def show(decision: Decision, _: State) -> None:
        if decision.halt is None:
            if decision.anchor is not None:
                market[decision.ledger_index] = decision.anchor
            each(decision.tick)

    run = open_run(
        Asked(
            config=home / "neo.yaml",
            scenario="dead_node",
            seed=5,
            speed=speed,
            ticks=ticks,
            resume=resume,
            database=f"sqlite:///{(home / 'neo.db').as_posix()}",
        ),
        show,
    )
    try:
        run.run()
    finally:
        run.close()
    return market


def copy(home: Path, names: str, to: Path) -> None:
    """What a process that is killed at this moment leaves behind; what waits in memory is not in it."""
    to.mkdir(exist_ok=True)
    for path in home.glob(names):
        if path.is_dir():
            shutil.copytree(path, to / path.name)
        elif not path.name.endswith("-shm"):
            shutil.copy(path, to)


@pytest.mark.rule("MODE-8")
@pytest.mark.rule("TICK-3")
@pytest.mark.parametrize("sessions_before", [0, 2])
@pytest.mark.parametrize("speed", [0.0, 1e6], ids=["quiet ticks wait for a commit", "every tick is committed"])
def test_a_crashed_session_goes_on_with_the_market_of_the_ledger_after_the_last(
    tmp_path: Path, speed: float, sessions_before: int
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "neo.yaml").write_text("paper:\n  wallet: keep\n", encoding="utf-8")
    for _ in range(sessions_before):
        play(home, 7)
    crashes = (3, 20, 34, 59, 60, 61, 62, 63, 75)

    def crash(tick: int) -> None:
        if tick in crashes:
            copy(home, "neo.*", tmp_path / f"after_{tick}")
            copy(home, WALLETS, tmp_path / f"after_{tick}")
        if tick - 1 in crashes:
            # Killed between a ledger and its commit: the wallet is one ledger ahead of the database.
            copy(home, "neo.yaml", tmp_path / f"within_{tick}")
            copy(tmp_path / f"after_{tick - 1}", "neo.db*", tmp_path / f"within_{tick}")
            copy(home, WALLETS, tmp_path / f"within_{tick}")

    whole = play(home, 90, speed, crash)
    crashed = [*tmp_path.glob("after_*"), *tmp_path.glob("within_*")]
    assert len(crashed) == 2 * len(crashes)
    for left in crashed:
        resumed = play(left, 90, resume="crashed")
        assert len(resumed) > 10, left.name
        common = resumed.keys() & whole.keys()
        assert len(common) > 10, left.name
        assert {ledger: resumed[ledger] for ledger in common} == {ledger: whole[ledger] for ledger in common}, left


@pytest.mark.rule("MODE-8")
def test_a_resumed_session_plays_the_scenario_and_seed_it_began_with_and_refuses_others(tmp_path: Path) -> None:
    (tmp_path / "neo.yaml").write_text("log: {file: null}\n", encoding="utf-8")
    asked = Asked(
        config=tmp_path / "neo.yaml",
        database=f"sqlite:///{(tmp_path / 'neo.db').as_posix()}",
        speed=0.0,
        ticks=200,
    )

    class Killed(BaseException):
        pass

    def kill(decision: Decision, state: State) -> None:
        if decision.tick == 100:
            raise Killed

    run = open_run(replace(asked, scenario="cycling", seed=3), kill)
    with pytest.raises(Killed):
        run.run()
    run.close()

    for other in ({"scenario": "calm"}, {"seed": 4}):
        with pytest.raises(UsageError, match="can only be resumed with it"):
            open_run(replace(asked, resume="crashed", **other))
    resumed = open_run(replace(asked, resume="crashed"))
    assert (resumed.scenario.name, resumed.settings.paper.seed) == ("cycling", 3)
    resumed.run()
    assert resumed.store.session("neo")["episodes"][0]["source"] == "anchor"
    resumed.close()
