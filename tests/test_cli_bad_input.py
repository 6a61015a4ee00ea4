"""What a user may get wrong: one sentence, a proper exit code, no traceback, nothing lost."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from neo_core.cli import cli

Neo = Callable[..., Result]

FULL = Path("/dev/full")


def play(neo: Neo, *words: str) -> Result:
    return neo("run", "--speed", "0", "--quiet", "--ticks", "5", *words)


def third_party(folder: Path, module: str, body: str, requires: str = "neo-core>=0.1") -> None:
    """A distribution that stands in `folder` as if it had been installed there."""
    (folder / f"{module}.py").write_text(body, encoding="utf-8")
    about = folder / f"{module}-1.2.dist-info"
    about.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.2\nRequires-Dist: {requires}\n"
    (about / "METADATA").write_text(metadata, encoding="utf-8")
    (about / "entry_points.txt").write_text(f"[neo.plugins]\n{module} = {module}:It\n", encoding="utf-8")


# --- the command line ---


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--speed", "nan"], "expected a finite number, got nan"),
        (["--speed", "inf"], "expected a finite number, got inf"),
        (["--speed", "-1"], "-1.0 is not in the range x>=0"),
        (["--duration-seconds", "-5"], "-5.0 is not in the range x>0"),
        (["--duration-seconds", "NaN"], "expected a finite number, got NaN"),
        (["--duration-seconds", "soon"], "'soon' is not a valid float"),
        (["--ticks", "0"], "0 is not in the range x>=1"),
        (["--ticks", "1.5"], "'1.5' is not a valid integer"),
        (["--seed", "-1"], "-1 is not in the range"),
        (["--seed", "4294967296"], "4294967296 is not in the range"),
        (["--resume", "yesterday"], "'yesterday' is not one of 'crashed', 'auto'"),
        (["--plugins", "anchor_guard,,drift_guard"], "expected names with one comma between them"),
        (["--plugins", "anchor_guard,anchor_guard"], "plugin anchor_guard: named twice"),
        (["--plugins", "anker"], "plugin anker: no such plugin is installed; installed are anchor_guard"),
        (["--without", "anker"], "plugin anker: no such plugin is installed"),
        (["--scenario", "clam"], "expected a scenario, one of calm, cycling"),
        (["--ticks", "5", "--duration-seconds", "5"], "leave one of them out"),
        (["--json", "--quiet"], "leave one of them out"),
        (["--database", "neo.db"], "engine.database: expected sqlite:/// and a file"),
        (["--engine", "a b"], "engine.name: expected 1 to 64 letters"),
        (["--resume"], "has no session that crashed, so there is nothing to resume"),
        (["--sped", "1"], "No such option"),
    ],
    ids=" ".join,
)
@pytest.mark.rule("HALT-7")
def test_a_fault_in_the_command_line_is_one_sentence_and_exit_code_2(
    neo: Neo, words: list[str], sentence: str
) -> None:
    result = neo("run", "--speed", "0", *words)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert result.stdout == ""


def test_a_command_that_does_not_exist_is_refused_with_the_nearest_one(neo: Neo) -> None:
    result = neo("staus")
    assert result.exit_code == 2
    assert "there is no command 'staus'; did you mean status?" in result.stderr


@pytest.mark.parametrize("words", [("--reason", "x", "--clear"), ("--reason", " ")], ids=" ".join)
def test_a_kill_that_contradicts_itself_is_refused(neo: Neo, words: tuple[str, ...]) -> None:
    assert neo("kill", *words).exit_code == 2


@pytest.mark.parametrize("words", [("show", "7"), ("decisions", "7")], ids=" ".join)
def test_a_session_that_does_not_exist_is_refused(neo: Neo, words: tuple[str, ...]) -> None:
    play(neo)
    result = neo("sessions", *words)
    assert result.exit_code == 2
    assert result.stderr == "Error: engine 'neo' has no session 7; `neo sessions` lists those it has\n"


def test_the_keys_of_an_unknown_plugin_are_refused_with_those_that_are_there(neo: Neo) -> None:
    result = neo("plugins", "show", "anker")
    assert result.exit_code == 2
    assert "there is no plugin 'anker'; installed are anchor_guard" in result.stderr


# --- the configuration ---


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"quoting: [", "this is no YAML"),
        (b"just a sentence", "expected sections such as `quoting:` at the top level"),
        (b"paper: {speed: \xff}", "expected UTF-8 text, got the byte 0xff"),
        (b"paper: {scenario: nope}", "expected a scenario, one of calm"),
        (b"plugins: {anker: {}}", "plugin anker: no such plugin is installed"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_refused_with_its_place(
    neo: Neo, text: bytes, sentence: str
) -> None:
    Path("given.yaml").write_bytes(text)
    result = play(neo, "--config", "given.yaml")
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert not Path("neo.db").exists()


def test_every_fault_of_a_configuration_is_told_at_once(neo: Neo) -> None:
    Path("given.yaml").write_text("quoting: {order_size_xrp: -1}\nrisk: {colar_bps: 3}\n", encoding="utf-8")
    result = play(neo, "--config", "given.yaml")
    assert result.exit_code == 2
    first, *faults = result.stderr.splitlines()
    assert first == "Error: 2 things are wrong, and nothing was done:"
    assert faults[0].startswith("  given.yaml: quoting.order_size_xrp: expected a number greater than 0")
    assert "did you mean collar_bps?" in faults[1]


def test_a_configuration_that_is_not_there_is_refused(neo: Neo) -> None:
    result = play(neo, "--config", "none.yaml")
    assert result.exit_code == 2
    assert "none.yaml: expected a configuration file, but there is none" in result.stderr


# --- the database, the log, the disk ---


@pytest.mark.rule("HALT-7")
def test_a_corrupt_database_is_no_start(neo: Neo) -> None:
    Path("neo.db").write_bytes(b"this is no database at all " * 1000)
    result = play(neo)
    assert result.exit_code == 4
    assert result.stderr.startswith("startup_integrity_halt: database neo.db: ")
    assert "no SQLite database; restore it from a copy" in result.stderr
    assert result.stdout == ""


def test_a_database_of_something_else_is_left_alone(neo: Neo) -> None:
    connection = sqlite3.connect("neo.db")
    connection.execute("CREATE TABLE recipes (name)")
    connection.close()
    before = Path("neo.db").read_bytes()
    result = play(neo)
    assert result.exit_code == 4
    assert "expected a database of NEO, got one of something else (its tables: recipes)" in result.stderr
    assert Path("neo.db").read_bytes() == before


@pytest.mark.parametrize("where", ["file/neo.db", "folder"])
def test_a_database_that_cannot_be_made_is_no_start(neo: Neo, where: str) -> None:
    Path("file").touch()
    Path("folder").mkdir()
    result = play(neo, "--database", f"sqlite:///{where}")
    assert result.exit_code == 4
    assert result.stderr.startswith("startup_integrity_halt: database ")
    assert result.stderr.count("\n") == 1


def test_a_paper_ledger_that_is_damaged_is_no_start(neo: Neo) -> None:
    keep = Path("keep.yaml")
    keep.write_text("paper: {wallet: keep}\n", encoding="utf-8")
    play(neo, "--config", "keep.yaml")
    (ledger,) = Path().glob("**/*.jsonl")
    ledger.write_bytes(b"nonsense\n" + ledger.read_bytes())
    result = play(neo, "--config", "keep.yaml")
    assert result.exit_code == 4
    assert result.stderr.startswith("startup_integrity_halt: ")
    assert "expected the next line of a paper ledger" in result.stderr


def test_a_log_that_cannot_be_written_is_refused(neo: Neo) -> None:
    Path("file").touch()
    Path("given.yaml").write_text("log: {file: file/neo.log}\n", encoding="utf-8")
    result = play(neo, "--config", "given.yaml")
    assert result.exit_code == 2
    assert "log.file: " in result.stderr


@pytest.mark.skipif(not FULL.exists(), reason="this system has no device that is always full")
def test_a_log_that_fills_the_disk_does_not_end_the_session(neo: Neo) -> None:
    Path("given.yaml").write_text(f"log: {{file: {FULL}}}\n", encoding="utf-8")
    result = play(neo, "--config", "given.yaml")
    assert result.exit_code == 0
    assert result.stdout.startswith("duration_elapsed: ")
    assert "the log file can no longer be written" in result.stderr


# --- plugins ---


@pytest.mark.rule("PLUG-1")
def test_a_plugin_that_is_not_enabled_is_listed_but_not_imported(
    neo: Neo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    third_party(tmp_path, "neo_test_unloadable", "raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    listed = neo("plugins")
    assert listed.exit_code == 0
    assert "neo_test_unloadable 1.2" in listed.output
    assert play(neo).exit_code == 0
    refused = play(neo, "--plugins", "neo_test_unloadable")
    assert refused.exit_code == 2
    assert "plugin neo_test_unloadable: importing neo_test_unloadable:It failed" in refused.stderr


def test_a_plugin_for_another_neo_is_refused_before_it_is_imported(
    neo: Neo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    third_party(tmp_path, "neo_test_future", "raise RuntimeError('imported')", requires="neo-core>=9")
    monkeypatch.syspath_prepend(tmp_path)
    result = neo("plugins", "show", "neo_test_future")
    assert result.exit_code == 2
    assert "is made for neo-core >=9" in result.stderr


@pytest.mark.rule("HALT-7")
def test_a_plugin_that_fails_halts_the_session_when_the_policy_says_so(
    neo: Neo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = """
from neo_core import hookimpl

class It:
    source = "wobbly"
    rank = 7

    def __init__(self, config):
        pass

    @hookimpl
    def evaluate_entry(self, view):
        raise ValueError("no\\x1b[2J idea")
"""
    third_party(tmp_path, "neo_test_wobbly", body)
    monkeypatch.syspath_prepend(tmp_path)
    Path("given.yaml").write_text(
        "plugin_fault: {policy: halt}\nplugins: {neo_test_wobbly: {}}\n", encoding="utf-8"
    )
    assert (
        "enabled     source wobbly      evaluate_entry, rank 7" in neo("plugins", "--config", "given.yaml").output
    )
    result = neo("run", "--speed", "0", "--config", "given.yaml")
    assert result.exit_code == 3
    assert "plugin_fault_halt: " in result.stdout
    assert "\x1b" not in result.stdout


# --- whatever nobody thought of ---


def test_an_error_that_nobody_planned_for_is_a_sentence_and_its_traceback_only_on_request(
    neo: Neo, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(neo)

    def fail(*_: object) -> None:
        raise KeyError("surprise")

    monkeypatch.setattr("neo_core.store.Store.status", fail)
    result = neo("status")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: this should not have happened: KeyError: 'surprise'; ")
    assert result.stderr.count("\n") == 1
    monkeypatch.setitem(os.environ, "NEO_TRACEBACK", "1")
    assert "Traceback" in CliRunner().invoke(cli, ["status"]).stderr


# --- an old database ---


@pytest.mark.rule("REC-10")
def test_whoever_looks_into_an_old_database_is_told_that_it_was_changed_and_copied_first(
    neo: Neo, tmp_path: Path
) -> None:
    dump = Path(__file__).parent / "store" / "schema_1.sql"
    with closing(sqlite3.connect(tmp_path / "neo.db")) as old:
        old.executescript(dump.read_text(encoding="utf-8"))
    first, second = neo("status", "--json"), neo("status", "--json")
    assert "neo.db.schema1-backup" in first.stderr
    assert (first.exit_code, second.exit_code, second.stderr) == (0, 0, "")
    assert first.stdout == second.stdout
    assert (tmp_path / "neo.db.schema1-backup").exists()
