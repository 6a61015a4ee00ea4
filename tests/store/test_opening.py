"""Databases that are there, are not, are damaged, or are something else."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from neo_core.errors import StoreError
from neo_core.store import Store

from .making import begin, commit, tick


def url_of(path: Path) -> str:
    return f"sqlite:///{path.as_posix()}"


def made(path: Path, ticks: int = 200) -> Path:
    with closing(Store.open(url_of(path), durable=False)) as store:
        state = begin(store).state
        for _ in range(ticks):
            state = commit(store, tick(state), b"x" * 200)
    return path


def test_a_database_and_its_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "neo.db"
    with closing(Store.open(url_of(path))) as store:
        assert begin(store).state.session == 1
    assert path.is_file()


def test_a_relative_url_is_a_path_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Store.open("sqlite:///data/neo.db").close()
    assert (tmp_path / "data" / "neo.db").is_file()


def test_a_database_in_memory_has_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(Store.open("sqlite://")) as store:
        commit(store, tick(begin(store).state))
        assert store.status("neo")["tick"] == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["", "neo.db", "sqlite:///", "sqlite:/neo.db", "postgresql://me:secret@there/neo"])
def test_a_url_that_is_none_is_refused_and_its_password_not_shown(url: str) -> None:
    with pytest.raises(StoreError, match=r"expected sqlite:/// and the path of a file") as refused:
        Store.open(url)
    assert "secret" not in str(refused.value)


def test_a_database_that_must_exist_and_does_not_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "neo.db"
    with pytest.raises(StoreError, match=r"no database at .*: run `neo run` first"):
        Store.open(url_of(path), must_exist=True)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_no_database_to_read_and_may_become_one(tmp_path: Path) -> None:
    path = tmp_path / "neo.db"
    path.touch()
    with pytest.raises(StoreError, match="is empty: run `neo run` first"):
        Store.open(url_of(path), must_exist=True)
    with closing(Store.open(url_of(path))) as store:
        assert begin(store).state.session == 1


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="expected a file, got a folder"):
        Store.open(url_of(tmp_path))


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder", encoding="utf-8")
    with pytest.raises(StoreError, match="its folder cannot be made"):
        Store.open(url_of(tmp_path / "data" / "neo.db"))


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are notes, and not a database\n" * 100, encoding="utf-8")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="it is damaged, or no SQLite database"):
        Store.open(url_of(path))
    assert path.read_bytes() == before


def test_a_damaged_database_is_refused_before_a_session_begins(tmp_path: Path) -> None:
    path = made(tmp_path / "neo.db")
    content = bytearray(path.read_bytes())
    content[8192:16384] = os.urandom(8192)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="it is damaged"):
        Store.open(url_of(path))


def test_a_torn_database_is_refused(tmp_path: Path) -> None:
    path = made(tmp_path / "neo.db")
    path.write_bytes(path.read_bytes()[: 5 * 4096 + 100])
    with pytest.raises(StoreError, match="it is damaged"):
        Store.open(url_of(path))


@pytest.mark.rule("REC-10")
def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = made(tmp_path / "neo.db", ticks=1)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 3")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="expected schema 2, got 3: it was written by a newer NEO"):
        Store.open(url_of(path))
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", [-1, 0, 1, 2])
def test_a_database_of_something_else_is_refused_and_left_alone(tmp_path: Path, version: int) -> None:
    path = tmp_path / "photos.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE photos (name TEXT)")
        connection.execute(f"PRAGMA user_version = {version}")
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"expected a database of NEO, got one of something else .*photos"):
        Store.open(url_of(path))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_database_that_another_process_keeps_locked_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made(tmp_path / "neo.db", ticks=1)
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda name, **options: connect(name, **{**options, "timeout": 0}))
    with closing(connect(path, isolation_level=None)) as other, closing(Store.open(url_of(path))) as store:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="could not begin a session: another process has kept it locked"):
            begin(store)
        other.execute("ROLLBACK")
        assert begin(store).state.session == 2


def test_two_processes_that_make_the_same_database_at_once_both_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = ["database is locked"] * 2

    class Cursor(sqlite3.Cursor):
        def execute(self, sql: str, *args: Any) -> Any:
            # What SQLite answers at once while another process is switching the same new file to its log.
            if "journal_mode" in sql and refusals:
                raise sqlite3.OperationalError(refusals.pop())
            return super().execute(sql, *args)

    class Connection(sqlite3.Connection):
        def cursor(self, *args: Any) -> Cursor:  # type: ignore[override]  # only this one is asked for
            return Cursor(self)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **more: connect(*args, factory=Connection, **more))
    with closing(Store.open(url_of(tmp_path / "neo.db"))) as store:
        assert begin(store).state.session == 1
    assert refusals == []
