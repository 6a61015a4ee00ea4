"""`neo devnet`, in a process of its own and as a function."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from neo_devnet.cli import devnet, write_seed
from neo_devnet.market.keys import Key

from .reaching import post_bytes, until

RUN = "import sys; from neo_devnet.cli import devnet; devnet(sys.argv[1:])"


class Reached:
    def __init__(self, url: str) -> None:
        self.url = url


def started(folder: Path, *options: str) -> subprocess.Popen[str]:
    paths = os.pathsep.join(path for path in sys.path if path)
    return subprocess.Popen(
        [sys.executable, "-c", RUN, *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


@pytest.mark.skipif(sys.platform == "win32", reason="nobody can ask a process there to end by a signal")
def test_it_runs_closes_ledgers_and_ends_when_it_is_asked_to(tmp_path: Path) -> None:
    options = ("--port", "0", "--second-port", "0", "--close-seconds", "0.05", "--ledger-seconds", "4", "--json")
    process = started(tmp_path, *options, "--market", "hostile")
    try:
        assert process.stdout is not None
        where = json.loads(process.stdout.readline())
        reached = Reached(where["urls"]["main"]["http"])
        seed = (tmp_path / where["seed_file"]).read_text(encoding="utf-8").strip()
        assert Key(seed).address == where["account"]

        def validated() -> int:
            status, text = post_bytes(reached, b'{"method": "server_info"}')  # type: ignore[arg-type] # only url is used
            assert status == 200
            info = json.loads(text)["result"]["info"]
            assert info["network_id"] == 2
            index: int = info["validated_ledger"]["seq"]
            return index

        first = validated()
        until(lambda: validated() >= first + 5, "ledgers have closed")
        asked = {"method": "account_info", "params": [{"account": where["account"]}]}
        answer = json.loads(post_bytes(reached, json.dumps(asked).encode())[1])  # type: ignore[arg-type] # as above
        assert int(answer["result"]["account_data"]["Balance"]) > 10**9
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0, process.stderr and process.stderr.read()
    finally:
        process.kill()
        process.communicate()


def test_what_it_prints_says_what_to_type_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neo_devnet.cli.Devnet.run", _ends_at_once)
    seed_file = tmp_path / "seed.txt"
    done = CliRunner().invoke(devnet, ["--port", "0", "--market", "none", "--account-file", str(seed_file)])
    assert done.exit_code == 0, done.output
    said = done.output
    assert seed_file.read_text(encoding="utf-8").strip() not in said
    for part in (
        "neo run --config devnet.yaml",
        f"seed_file: {seed_file}",
        "network: devnet",
        "issuer: r",
        "nodes: [ws",
    ):
        assert part in said


async def _ends_at_once(net: object, started: object, stop: object) -> None:
    assert callable(started)
    started()


@pytest.mark.skipif(sys.platform == "win32", reason="rights are kept in lists there")
def test_the_seed_is_for_its_owner_only_even_where_a_file_stood(tmp_path: Path) -> None:
    path = tmp_path / "seed.txt"
    path.write_text("open to all", encoding="utf-8")
    path.chmod(0o644)
    write_seed(path, "sEd")
    assert path.read_text(encoding="utf-8") == "sEd\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_is_refused_in_a_sentence(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "no" / "such" / "folder")
    done = CliRunner().invoke(devnet, ["--port", "0", "--market", "none", "--account-file", nowhere])
    assert done.exit_code == 2
    assert "name another file with --account-file" in done.output
    for wrong in (
        ["--market", "wild"],
        ["--close-seconds", "0"],
        ["--close-seconds", "nan"],
        ["--ledger-seconds", "inf"],
        ["--port", "70000"],
        ["--second-port", "-5"],
        ["--network-id", "70000"],
        ["--soft-limit", "0"],
    ):
        assert CliRunner().invoke(devnet, wrong).exit_code == 2


def test_an_empty_one_has_one_account_and_names_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neo_devnet.cli.Devnet.run", _ends_at_once)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(devnet, ["--port", "0", "--market", "empty", "--by-hand", "--json"])
    where = json.loads(done.output)
    assert (where["ledger_index"], where["network_id"]) == (2, None)
    assert "account" not in where
    assert list(tmp_path.iterdir()) == []
    said = CliRunner().invoke(devnet, ["--port", "0", "--market", "empty"]).output
    assert "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh" in said
