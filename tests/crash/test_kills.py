"""A real `neo run`, killed with SIGKILL wherever it may be, and started again. (sections 2, 8 and 9)"""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from . import victim
from .audit import Books, audit, episodes

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL exists on POSIX only")

SOAKING = os.environ.get("NEO_SOAK") == "1"
KILLS_A_TEST = 6
SEEDS = range(25 if SOAKING else 3)
MOST_RUNS = 60
MOST_PASSAGES = {"before the end": 1, "after the end": 1, "begun": 1, "in a migration": 1, "anywhere": 20_000}
RUNS_A_LIFE = 5  # that did not reach a boundary, before another market is tried
SCENARIOS = ("cancel_storm", "cycling", "phantom", "trend")
KILLED = -9
PATIENCE = 60

BOUNDARIES = sorted(victim.BOUNDARIES)
ENDS = {"events": {0, 3}, "disappearance": {0, 3, 4}}
DOUBTS = ("startup_integrity_halt", "inventory_truth_halt")
"""What a session may end with; 4 only where fills are not proven: then the books may honestly be in doubt."""


class Life:
    """An engine with its database and its paper ledger, through any number of processes."""

    def __init__(self, folder: Path, visibility: str, paced: bool, draw: random.Random) -> None:
        folder.mkdir()
        self.folder, self.visibility, self.draw = folder, visibility, draw
        self.database = folder / "neo.db"
        self.proven = visibility == "events"
        self.config = folder / "neo.yaml"
        self.config.write_text(
            f"paper: {{scenario: {draw.choice(SCENARIOS)}, fill_visibility: {visibility}}}\nlog: {{file: null}}\n"
            "degraded_recovery: {max_degraded_episodes_per_source_per_session: 50}\n"
            f"plugins: {{ledger_evidence: {{enabled: {draw.choice(('true', 'false'))}}}}}\n",
            encoding="utf-8",
        )
        self.pace = ["--speed", "400", "--ticks", "110"] if paced else ["--speed", "0"]

    def words(self, fresh: bool) -> list[str]:
        words = [
            "run",
            "--config",
            str(self.config),
            "--database",
            f"sqlite:///{self.database.as_posix()}",
            "--quiet",
        ]
        return [*words, *self.pace, *([] if fresh else ["--resume=auto"])]

    def run(self, boundary: str, passages: int, *, fresh: bool) -> int:
        if boundary == "in a migration":
            if not self.database.exists():
                self.run("seen, not recorded", 1, fresh=True)
            as_schema_1(self.database)
        script = [sys.executable, str(Path(victim.__file__)), boundary, str(passages)]
        done = subprocess.run(
            [*script, *self.words(fresh)], cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE
        )
        if done.returncode != KILLED:
            assert done.returncode in ENDS[self.visibility], done.stdout + done.stderr
        if self.database.exists():
            audit(self.database, proven=self.proven)
        return done.returncode

    def killed_from_outside(self, seconds: float, *, fresh: bool) -> bool:
        process = subprocess.Popen(
            [sys.executable, "-m", "neo_core", *self.words(fresh)], cwd=self.folder, stdout=subprocess.DEVNULL
        )
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        code = process.wait(timeout=PATIENCE)
        if self.database.exists():
            audit(self.database, proven=self.proven)
        return code == KILLED

    @property
    def doubted(self) -> bool:
        """Its books may honestly be in doubt, and no session can start on them before somebody has looked."""
        return any(row["halt_reason"] in DOUBTS for row in Books(self.database).sessions)

    @property
    def crashed(self) -> bool:
        return bool(Books(self.database).sessions) and Books(self.database).sessions[-1]["ended_at"] is None


def as_schema_1(database: Path) -> None:
    """The database as the first NEO would have left it."""
    with closing(sqlite3.connect(database)) as connection:
        if connection.execute("PRAGMA user_version").fetchone()[0] != 2:
            return
        for table in ("truth_checks", "leases", "commands"):
            connection.execute(f"DROP TABLE {table}")
        for column in (
            "orders.filled_drops",
            "orders.vanished_ledger",
            "anomalies.age_seconds",
            "anomalies.token",
        ):
            table, _, name = column.partition(".")
            connection.execute(f"ALTER TABLE {table} DROP COLUMN {name}")
        connection.execute("PRAGMA user_version = 1")


class Lives:
    """One life after another, and the kills of them all."""

    def __init__(self, folder: Path, visibility: str, seed: int) -> None:
        self.folder, self.visibility, self.paced = folder, visibility, seed % 3 == 2
        self.draw = random.Random(f"{visibility}/{seed}")
        self.kills: list[str] = []
        self.runs = 0
        self.life = self._another()

    def _another(self) -> Life:
        return Life(self.folder / f"life-{self.runs}", self.visibility, self.paced, self.draw)

    def kill(self, boundary: str) -> None:
        """Starts processes until one of them was killed there."""
        furthest, begun = MOST_PASSAGES.get(boundary, 3), self.runs
        while True:
            self.runs += 1
            assert self.runs <= MOST_RUNS, f"{boundary} is never reached"
            if self.life.run(boundary, self.draw.randint(1, furthest), fresh=self.draw.random() < 0.4) == KILLED:
                break
            furthest = max(furthest // 2, 1)
            if self.life.doubted or (self.runs - begun) % RUNS_A_LIFE == 0:
                self.life = self._another()
        self.kills.append(boundary)
        if self.life.crashed and boundary != "in a migration":
            self.resume_and_kill()

    def resume_and_kill(self) -> None:
        before = episodes(self.life.database)
        assert self.life.run("begun", 1, fresh=False) == KILLED
        assert episodes(self.life.database) == before
        self.kills.append("begun")

    def end(self) -> None:
        """Whatever happened, a last session comes to its end, and every session before it has one."""
        assert self.life.run("anywhere", 10**9, fresh=self.draw.random() < 0.5) in ENDS[self.visibility]
        for session in Books(self.life.database).sessions:
            assert session["ended_at"] is not None
            assert session["halt_reason"]


@pytest.mark.rule("REC-1", "REC-4", "REC-5", "REC-10", "REC-11", "INT-1", "INT-2", "MODE-8", "COOL-1")
@pytest.mark.rule("QUO-X3", "REC-X5")
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("visibility", ["events", "disappearance"])
def test_killed_at_every_boundary_the_books_are_those_of_the_ledger(
    tmp_path: Path, visibility: str, seed: int
) -> None:
    first = (2 * seed + (visibility == "disappearance")) * KILLS_A_TEST
    plan = [BOUNDARIES[(first + number) % len(BOUNDARIES)] for number in range(KILLS_A_TEST)]
    lives = Lives(tmp_path, visibility, seed)
    for boundary in plan:
        lives.kill(boundary)
    lives.end()
    assert set(lives.kills) >= set(plan)
    assert len(lives.kills) >= KILLS_A_TEST


@pytest.mark.rule("REC-1", "REC-4", "REC-11", "INT-2", "MODE-8")
@pytest.mark.parametrize("seed", SEEDS)
def test_killed_from_outside_the_books_are_those_of_the_ledger(tmp_path: Path, seed: int) -> None:
    draw = random.Random(f"outside/{seed}")
    kills = lives = 0
    while kills < 2:
        assert lives < MOST_RUNS, "it always ends before it is killed"
        lives += 1
        life = Life(tmp_path / f"life-{lives}", draw.choice(["events", "disappearance"]), True, draw)
        while kills < 2 and life.killed_from_outside(draw.uniform(0.4, 1.2), fresh=draw.random() < 0.4):
            kills += 1
