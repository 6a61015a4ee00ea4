"""A database of the first schema: it opens, everything in it stays, and a migration that fails changes nothing."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from neo_core.errors import StoreError
from neo_core.model import Mode, OrderStatus
from neo_core.store import Store, migrations

from .making import ENVIRONMENT, SOURCES, begin, commit, order, rows, tick

pytestmark = pytest.mark.rule("REC-10")

DUMP = Path(__file__).with_name("schema_1.sql")
TABLES = ("sessions", "engine_state", "orders", "fills", "ticks", "events", "anomalies")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "neo.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = wal")
        connection.executescript(DUMP.read_text(encoding="utf-8"))
    return path


def url_of(path: Path) -> str:
    return f"sqlite:///{path.as_posix()}"


def content(path: Path) -> tuple[list[str], int]:
    """All of it as text, and its schema's number."""
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump()), connection.execute("PRAGMA user_version").fetchone()[0]


def columns(path: Path) -> dict[str, list[Any]]:
    with closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        indexes = connection.execute("SELECT name FROM sqlite_master WHERE type = 'index' ORDER BY 1").fetchall()
        every: dict[str, list[Any]] = {
            table: connection.execute(f"PRAGMA table_info({table})").fetchall() for table in tables
        }
        return {**every, "indexes": indexes}


def backups(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir() if "backup" in file.name)


def test_an_old_database_keeps_its_rows_and_is_copied_before(old: Path) -> None:
    before = content(old)
    kept = {table: rows(url_of(old), f"SELECT * FROM {table}") for table in TABLES}
    with closing(Store.open(url_of(old))) as store:
        assert [row["halt_reason"] for row in store.sessions("neo")] == ["duration_elapsed", None]
    assert content(old)[1] == 2
    for table in TABLES:
        migrated = rows(url_of(old), f"SELECT * FROM {table}")
        assert [row[: len(kept[table][0])] for row in migrated] == kept[table]
    assert content(old.with_name("neo.db.schema1-backup")) == before


def test_a_migrated_database_is_the_same_as_a_new_one(old: Path, tmp_path: Path) -> None:
    Store.open(url_of(old)).close()
    Store.open(url_of(tmp_path / "new.db")).close()
    assert columns(old) == columns(tmp_path / "new.db")


def test_new_columns_have_defaults_and_what_was_filled_comes_from_the_fills(old: Path) -> None:
    Store.open(url_of(old)).close()
    assert rows(url_of(old), "SELECT id, filled_drops, vanished_ledger FROM orders ORDER BY id") == [
        ("1-1", 0, 0),
        ("2-000002", 100_000_000, 0),
        ("3-000017", 99_665_453, 0),
        ("3-000022", 0, 0),
        ("3-000023", 0, 0),
        ("3-000024", 0, 0),
    ]
    assert rows(url_of(old), "SELECT order_id, age_seconds, token FROM anomalies") == [("1-1", None, "")]


def test_reports_of_old_sessions_can_be_read(old: Path) -> None:
    with closing(Store.open(url_of(old), must_exist=True)) as store:
        past, now = store.session("neo", 2), store.status("neo")
        assert (past["ticks"], past["halt_reason"], len(past["fills"])) == (60, "duration_elapsed", 1)
        assert past["truth_checks"] == {"count": 0, "beyond": 0, "not_made": 0}
        assert (now["mode"], now["degraded_source"], now["open_orders"]) == ("DEGRADED", "anchor", 2)
        assert now["cancel_all"] == {"cause": "DEGRADED_CANCEL", "tick": 107, "ledger_index": 90_000_107}
        assert (now["truth"], now["running"], now["commands"]) == (None, None, 0)
        assert [(row["id"], row["layer"]) for row in store.orders("blue", held=True)] == [("1-1", "none")]
        life = store.order("neo", "3-000017")["life"]
        assert [(step["tick"], step["what"].split(":")[0]) for step in life] == [
            (79, "placed"),
            (80, "seen on the ledger"),
            (85, "filled"),
            (85, "cancel requested"),
            (86, "cancelled, as the ledger proves"),
        ]


def test_a_session_that_crashed_under_the_old_schema_is_resumed_where_it_was(old: Path) -> None:
    with closing(Store.open(url_of(old))) as store:
        crashed = store.crashed("neo")
        assert crashed == 3
        opened = store.reopen("neo", crashed, plugins=[], sources=SOURCES)
        state = opened.state
        assert (state.tick, state.mode, state.regime.episodes["anchor"]) == (107, Mode.DEGRADED, 1)
        assert {order.status for order in state.orders.values()} == {OrderStatus.CANCEL_REQUESTED}
        assert list(state.orders) == ["3-000023", "3-000024"]
        assert state.closed["3-000017"].filled_drops == 99_665_453
        assert state.inventory is not None
        assert state.inventory.rlusd == Decimal("19762.059640222160")
        assert (state.truth.due, state.realigned) == (0, 0)
        assert opened.notes[0].startswith(f"database {old} was brought from schema 1 to 2")
        assert opened.notes[0].endswith("neo.db.schema1-backup")
        commit(store, tick(state, inventory=state.inventory), orders=(order(1, filled_drops=5),))
    assert rows(url_of(old), "SELECT filled_drops FROM orders WHERE id = '1-1' AND engine = 'neo'") == [(5,)]


def test_it_is_migrated_once(old: Path) -> None:
    for _ in range(2):
        with closing(Store.open(url_of(old))) as store:
            begin(store)
    assert backups(old) == ["neo.db.schema1-backup"]


def test_a_backup_that_is_there_is_never_overwritten(old: Path) -> None:
    for name in ("neo.db.schema1-backup", "neo.db.schema1-backup-2"):
        old.with_name(name).write_text("mine", encoding="utf-8")
    before = content(old)
    Store.open(url_of(old)).close()
    assert old.with_name("neo.db.schema1-backup").read_text(encoding="utf-8") == "mine"
    assert old.with_name("neo.db.schema1-backup-2").read_text(encoding="utf-8") == "mine"
    assert content(old.with_name("neo.db.schema1-backup-3")) == before


# --- failures ---


def fails_after(said: Exception) -> Callable[[sqlite3.Connection], None]:
    def step(connection: sqlite3.Connection) -> None:
        connection.execute("DROP TABLE anomalies")
        connection.execute("DELETE FROM orders")
        raise said

    return step


@pytest.mark.parametrize("said", [sqlite3.OperationalError("disk I/O error"), RuntimeError("odd")])
def test_a_migration_that_fails_half_way_leaves_the_file_as_it_was_and_says_where_the_copy_is(
    old: Path, monkeypatch: pytest.MonkeyPatch, said: Exception
) -> None:
    before = content(old)
    monkeypatch.setitem(migrations.MIGRATIONS, 1, fails_after(said))
    with pytest.raises(
        StoreError, match=r"could not be brought to schema 2, so nothing in it was changed"
    ) as told:
        Store.open(url_of(old))
    assert str(old.with_name("neo.db.schema1-backup")) in str(told.value)
    assert str(said) in str(told.value)
    assert content(old) == before
    monkeypatch.undo()
    Store.open(url_of(old)).close()
    assert content(old)[1] == 2
    assert content(old.with_name("neo.db.schema1-backup")) == before


def test_a_process_killed_in_the_middle_of_a_migration_leaves_the_file_as_it_was(old: Path) -> None:
    script = """
import os, signal, sys
from neo_core.store import Store, migrations
step = migrations.MIGRATIONS[1]
def killed(connection):
    connection.execute("PRAGMA cache_size = 1")  # what is not committed reaches the disk all the same
    step(connection)
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
migrations.MIGRATIONS[1] = killed
Store.open(sys.argv[1])
"""
    before = content(old)
    died = subprocess.run(
        [sys.executable, "-c", script, url_of(old)], env=ENVIRONMENT, timeout=60, check=False, capture_output=True
    )
    assert died.returncode == (-signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM), died.stderr
    assert content(old) == before
    with closing(Store.open(url_of(old))) as store:
        assert store.crashed("neo") == 3
    assert content(old.with_name("neo.db.schema1-backup-2")) == before


def test_a_copy_that_finds_the_disk_full_means_no_migration(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, connect = content(old), sqlite3.connect

    def on_a_small_disk(name: Any, *args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(name, *args, **options)
        if str(name).endswith(".part"):
            connection.execute("PRAGMA max_page_count = 3")
        return connection

    with monkeypatch.context() as patched:
        patched.setattr(sqlite3, "connect", on_a_small_disk)
        with pytest.raises(StoreError, match=r"nothing in it was changed.*could not be copied to .*full"):
            Store.open(url_of(old))
    assert content(old) == before
    Store.open(url_of(old)).close()
    assert backups(old) == ["neo.db.schema1-backup"]


def test_a_copy_that_may_not_be_written_means_no_migration(old: Path) -> None:
    before = content(old)
    old.with_name("neo.db.schema1-backup.part").mkdir()
    with pytest.raises(StoreError, match=r"could not be copied to .*make the folder writable"):
        Store.open(url_of(old), must_exist=True)
    assert content(old) == before


def test_an_old_database_on_which_an_older_neo_still_runs_is_left_alone(old: Path) -> None:
    before = content(old)
    lock = old.with_name("neo.db.neo.lock")
    with closing(sqlite3.connect(lock, isolation_level=None)) as running:
        running.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="engine 'neo' is running on it with an older NEO; stop that session"):
            Store.open(url_of(old), must_exist=True)
        assert content(old) == before
        assert backups(old) == []
    Store.open(url_of(old)).close()
    assert content(old)[1] == 2
