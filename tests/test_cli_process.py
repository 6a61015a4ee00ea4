"""`neo` as a process: signals, pipes, consoles, a full disk, a crash, and two terminals at once."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Start = Callable[..., "subprocess.Popen[str]"]

posix_only = pytest.mark.skipif(os.name != "posix", reason="signals of this kind exist on POSIX only")
PATIENCE = 30


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    running: list[subprocess.Popen[str]] = []

    def run(
        *words: str, before: str = "", env: dict[str, str] | None = None, **options: Any
    ) -> subprocess.Popen[str]:
        script = f"{before}\nfrom neo_core.cli import main\nmain()"
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **options}
        process = subprocess.Popen(
            [sys.executable, "-c", script, *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONUTF8": "0", **(env or {})},
            text=True,
            encoding="utf-8",
            errors="replace",
            **pipes,
        )
        running.append(process)
        return process

    yield run
    for process in running:
        process.kill()
        process.communicate()


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=PATIENCE)
    assert "Traceback" not in err
    return process.returncode, out, err


def wait_for(lines: Any, pattern: str) -> str:
    for line in lines:
        if re.search(pattern, line):
            return str(line)
    raise AssertionError(f"{pattern} did not come")


def begun(process: subprocess.Popen[str]) -> subprocess.Popen[str]:
    """The header is out, so there is a session in the database."""
    wait_for(process.stdout, r"^$")
    return process


def shown(start: Start, *words: str) -> Any:
    code, out, err = finish(start("sessions", "show", "--json", *words))
    assert code == 0, err
    return json.loads(out)


@pytest.mark.rule("MODE-5")
@posix_only
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_stops_the_session_in_order(start: Start, name: str) -> None:
    # As in a terminal, even where this suite runs under nohup, which ignores SIGHUP.
    before = f"import signal; signal.signal(signal.{name}, signal.SIG_DFL)"
    process = begun(start("run", "--speed", "40", before=before))
    process.send_signal(getattr(signal, name))
    code, out, err = finish(process)
    assert code == 0
    assert err == "stopping: cancelling everything; once more to end at once\n"
    assert f"engine_requested_halt: an operator asked for it (operator: {name} received)" in out
    assert shown(start)["halt_reason"] == "engine_requested_halt"


@pytest.mark.rule("MODE-5")
@posix_only
def test_a_second_signal_ends_it_at_once_and_says_what_remains(start: Start) -> None:
    process = begun(start("run", "--speed", "4"))
    while json.loads(finish(start("status", "--json"))[1])["open_orders"] == 0:
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    wait_for(process.stderr, "once more to end at once")
    process.send_signal(signal.SIGINT)
    code, out, _ = finish(process)
    assert code == 0
    assert "engine_requested_halt" in out
    assert "may still be open: " in shown(start)["halt_detail"]


def test_stop_from_another_terminal_ends_the_session_in_order(start: Start) -> None:
    process = begun(start("run", "--speed", "40"))
    code, out, _ = finish(start("stop"))
    assert (code, out) == (0, "session 1 of engine 'neo' is asked to stop; `neo status` shows when it has\n")
    code, out, _ = finish(process)
    assert code == 0
    assert "engine_requested_halt: an operator asked for it (operator: neo stop at " in out


def test_kill_from_another_terminal_halts_the_session(start: Start) -> None:
    process = begun(start("run", "--speed", "40"))
    code, out, _ = finish(start("kill", "--reason", "enough"))
    assert code == 0
    assert "session 1 halts as soon as it sees it" in out
    code, out, _ = finish(process)
    assert code == 3
    assert re.search(r"^kill_switch_halt: .*: enough\)$", out, re.MULTILINE)


@pytest.mark.rule("MODE-8")
def test_a_session_that_was_killed_is_resumed_once_under_its_id(start: Start) -> None:
    process = begun(start("run", "--speed", "40"))
    process.kill()
    process.communicate()
    code, out, _ = finish(start("status"))
    assert "not ended: no process gives a sign of life; `neo run --resume` goes on with it" in out
    code, out, _ = finish(start("run", "--resume", "--speed", "0", "--json"))
    assert code == 0
    assert json.loads(out)["id"] == 1
    code, _, err = finish(start("run", "--resume", "--speed", "0"))
    assert code == 2
    assert "has no session that crashed" in err
    code, out, _ = finish(start("run", "--resume=auto", "--speed", "0", "--ticks", "3", "--json"))
    assert json.loads(out)["id"] == 2


def test_a_crashed_session_is_told_of_at_the_next_fresh_start(start: Start) -> None:
    process = begun(start("run", "--speed", "40"))
    process.kill()
    process.communicate()
    code, out, _ = finish(start("run", "--speed", "0", "--ticks", "3"))
    assert code == 0
    assert "session 1 did not end by itself; it is on record as unexpected_halt" in out


@posix_only
def test_a_pipe_that_nobody_reads_stops_the_session_in_order_without_a_word(start: Start) -> None:
    read, write = os.pipe()
    os.close(read)
    process = start("run", "--speed", "40", stdout=write)
    os.close(write)
    code, _, err = finish(process)
    assert (code, err) == (0, "")
    ended = shown(start)
    assert ended["halt_reason"] == "engine_requested_halt"
    assert "nobody reads the output any more" in ended["halt_detail"]


@posix_only
@pytest.mark.parametrize("words", [("--json",), ("--quiet",)])
def test_a_result_that_nobody_reads_changes_no_exit_code(start: Start, words: tuple[str, ...]) -> None:
    read, write = os.pipe()
    os.close(read)
    process = start("run", "--speed", "0", "--scenario", "dead_node", *words, stdout=write)
    os.close(write)
    code, _, err = finish(process)
    assert (code, err) == (3, "")


@posix_only
def test_closed_output_and_errors_are_no_reason_to_fail(start: Start) -> None:
    closed = "import os, sys\nos.close(1)\nos.close(2)\nsys.stdout = sys.stderr = None"
    code, _, _ = finish(start("run", "--speed", "0", "--ticks", "20", before=closed))
    assert code == 0
    assert shown(start)["halt_reason"] == "duration_elapsed"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437"])
def test_a_console_that_lacks_characters_shows_others_and_goes_on(start: Start, encoding: str) -> None:
    settings = {"PYTHONIOENCODING": encoding, "LC_ALL": "C"}
    code, out, err = finish(start("run", "--speed", "0", "--scenario", "cycling", env=settings))
    assert (code, err) == (0, "")
    assert out.count("[ANCHOR_SAT_RECOVERY] Exited DEGRADED") == 2
    code, out, _ = finish(start("sessions", "show", "--json", env=settings))
    assert "\N{PLUS-MINUS SIGN}6.00" in json.loads(out)["episodes"][0]["reason"]


def test_without_a_terminal_there_are_no_colours_and_no_status_line(start: Start) -> None:
    code, out, err = finish(start("run", "--speed", "0", "--scenario", "cycling"))
    assert (code, err) == (0, "")
    assert "\x1b" not in out
    assert "\r" not in out


@posix_only
@pytest.mark.parametrize(("wish", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)], ids=["plain", "NO_COLOR"])
def test_a_terminal_shows_where_the_session_stands_and_colours_unless_they_are_unwanted(
    start: Start, wish: dict[str, str], coloured: bool
) -> None:
    ours, theirs = os.openpty()
    env = {"COLUMNS": "100", **wish}
    process = start("run", "--speed", "0", "--scenario", "hostile", stdout=theirs, stderr=theirs, env=env)
    os.close(theirs)
    seen = b""
    with contextlib.suppress(OSError):  # a terminal whose last user has gone says EIO on Linux
        while part := os.read(ours, 65536):
            seen += part
    os.close(ours)
    assert process.wait(PATIENCE) == 3
    assert re.search(rb"\r\[\.{10}\] 1/600 OK mid 2\.0\d+ anchor [+-]\d\.\d bps XRP 50\.\d% fills 0", seen)
    assert (b"\x1b[31m" in seen) is coloured
    assert seen.index(b"\r[") < seen.index(b"degraded_episode_limit_halt")


def limited(size: int) -> str:
    return f"import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))"


@posix_only
@pytest.mark.rule("HALT-4")
def test_a_disk_that_fills_up_ends_the_session_with_a_reason_and_the_next_start_reports_it(start: Start) -> None:
    play = ("run", "--speed", "0", "--scenario", "cycling")
    code, out, _ = finish(start(*play, "--json", before=limited(600_000)))
    assert code == 1
    ended = json.loads(out)
    assert ended["halt_reason"] == "unexpected_halt"
    assert "database neo.db: could not keep tick" in ended["halt_detail"]
    code, out, _ = finish(start(*play))
    assert code == 0
    assert "session 1 did not end by itself; it is on record as unexpected_halt" in out


@posix_only
@pytest.mark.rule("HALT-7")
def test_a_disk_that_is_full_at_the_start_is_no_start(start: Start) -> None:
    code, out, err = finish(start("run", "--speed", "0", before=limited(8192)))
    assert (code, out) == (4, "")
    assert err.startswith("startup_integrity_halt: database neo.db: could not ")
    assert err.count("\n") == 1
