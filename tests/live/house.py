"""A devnet in one process, an engine in another, and what a test does to both."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

__all__ = [
    "LEDGER_SECONDS",
    "SEED",
    "Engine",
    "Net",
    "Start",
    "closing_until_ended",
    "devnet",
    "quoting",
    "rows",
    "step",
    "until",
]

PATIENCE = 60.0
SEED = 7
LEDGER_SECONDS = 4
NEO = [sys.executable, "-m", "neo_core"]

Row = dict[str, Any]
Start = Callable[..., tuple["Net", "Engine"]]


def until(wanted: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """Looks again and again until it is so."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if found := wanted():
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {patience:.0f} s")


def rows(database: Path, query: str) -> list[Row]:
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query)]


class Net:
    def __init__(self, told: Mapping[str, Any], folder: Path) -> None:
        self.folder = folder
        self.account: str = told["account"]
        self.issuer: str = told["issuer"]
        self.seed_file = folder / told["seed_file"]
        # The main port is the test's own way in: what goes wrong goes wrong on the others.
        self.nodes = [ports["ws"] for name, ports in told["urls"].items() if name != "main"]
        self._url: str = told["urls"]["main"]["http"]

    def rpc(self, method: str, **params: Any) -> Row:
        body = json.dumps({"method": method, "params": [{"api_version": 2, **params}]}).encode()
        asked = Request(self._url, body, {"Content-Type": "application/json"})
        with urlopen(asked, timeout=PATIENCE) as answer:
            result: Row = json.load(answer)["result"]
        return result

    def fault(self, **changes: Any) -> None:
        done = self.rpc("devnet_fault", **changes)
        assert done["status"] == "success", done

    @property
    def ledger(self) -> int:
        index: int = self.rpc("ledger", ledger_index="validated")["ledger_index"]
        return index

    def reach(self, ledger: int) -> int:
        return int(until(lambda: (now := self.ledger) >= ledger and now, f"ledger {ledger}"))

    def close(self, ledgers: int = 1) -> None:
        for _ in range(ledgers):
            self.rpc("ledger_accept")

    def offers(self) -> list[Row]:
        """What the ledger shows of the engine's."""
        found: list[Row] = self.rpc("account_offers", account=self.account, ledger_index="validated")["offers"]
        return found

    def history(self) -> list[Row]:
        """Every validated transaction that touched the engine's account, as the node tells it, oldest first."""
        found, marker = [], {}
        while True:
            page = self.rpc(
                "account_tx",
                account=self.account,
                ledger_index_min=-1,
                ledger_index_max=-1,
                forward=True,
                limit=200,
                **marker,
            )
            found += page["transactions"]
            if "marker" not in page:
                return sorted(found, key=lambda one: (one["ledger_index"], one["meta"]["TransactionIndex"]))
            marker = {"marker": page["marker"]}

    def close_time(self, ledger: int) -> int:
        header: int = self.rpc("ledger", ledger_index=ledger)["ledger"]["close_time"]
        return header


@contextmanager
def devnet(folder: Path, *words: str) -> Iterator[Net]:
    """Everything that the engine's account does on it counts from its setup on."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "devnet.err").open("wb") as errors:
        process = subprocess.Popen(
            [*NEO, "devnet", "--port", "0", "--second-port", "0", "--public-port", "0", "--json", *words],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (folder / "devnet.err").read_text(encoding="utf-8")
        yield Net(json.loads(line), folder)
        assert process.poll() is None, (folder / "devnet.err").read_text(encoding="utf-8")
    finally:
        process.kill()
        process.communicate()


class Engine:
    """`neo run --mode live` on a devnet, in processes of its own, on one database."""

    def __init__(self, net: Net, config: Mapping[str, Any] | None = None) -> None:
        self.folder = net.folder
        self.database = self.folder / "neo.db"
        self.config = self.folder / "neo.yaml"
        live = {
            "network": "devnet",
            "nodes": net.nodes,
            "issuer": net.issuer,
            "seed_env": None,
            "seed_file": str(net.seed_file),
            "request_timeout_seconds": 2.0,
            "ledger_timeout_seconds": 3.0,
            **((config or {}).get("live") or {}),
        }
        sections = {
            "engine": {"name": "live", "mode": "live", "database": f"sqlite:///{self.database.as_posix()}"},
            **(config or {}),
            "live": live,
        }
        self.config.write_text(json.dumps(sections), encoding="utf-8")  # JSON is YAML, too
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        return self.command("run", "--config", str(self.config), *words)

    def command(self, *words: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"run-{len(self._started) + 1}.txt").open("wb") as output:
            process = subprocess.Popen(
                [*NEO, *words],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._started.append(process)
        return process

    def ask(self, *words: str) -> Any:
        """What a command of `neo` prints as JSON."""
        told = ["--database", f"sqlite:///{self.database.as_posix()}", "--engine", "live", "--json"]
        done = subprocess.run(
            [*NEO, *words, *told], cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def events(self) -> list[Row]:
        """None as long as there are no books yet."""
        with suppress(sqlite3.OperationalError):
            return rows(self.database, "SELECT * FROM events ORDER BY id")
        return []

    def seen_until(self) -> int:
        with suppress(sqlite3.OperationalError):
            return rows(self.database, "SELECT max(ledger_index) AS seen FROM ticks")[0]["seen"] or 0
        return 0

    def seen(self, ledger: int) -> bool:
        assert self._started[-1].poll() is None, self.said()
        return self.seen_until() >= ledger

    def stop(self, process: subprocess.Popen[bytes]) -> int:
        process.send_signal(signal.SIGTERM if os.name == "posix" else signal.CTRL_BREAK_EVENT)
        return self.ended(process)

    def ended(self, process: subprocess.Popen[bytes]) -> int:
        code = process.wait(timeout=PATIENCE)
        said = (self.folder / f"run-{self._started.index(process) + 1}.txt").read_text(encoding="utf-8")
        assert "Traceback" not in said, said
        return code

    def said(self) -> str:
        files = [self.folder / f"run-{number + 1}.txt" for number in range(len(self._started))]
        return "\n".join(file.read_text(encoding="utf-8") for file in files)

    def kill_all(self) -> None:
        for process in self._started:
            process.kill()
            process.wait()


def step(net: Net, engine: Engine, ledgers: int = 1) -> None:
    """Closes a ledger, and waits until the engine has seen it."""
    for _ in range(ledgers):
        net.close()
        until(lambda: engine.seen(net.ledger), "a tick")


def quoting(net: Net, engine: Engine) -> None:
    """Closes ledgers until one shows a quote on both sides."""

    def both() -> bool:
        step(net, engine)
        return len({isinstance(offer["taker_gets"], str) for offer in net.offers()}) == 2

    until(both, "quotes on both sides")


def closing_until_ended(net: Net, engine: Engine, process: subprocess.Popen[bytes]) -> None:
    """Closes a ledger whenever the engine has seen the last one."""

    def ended() -> bool:
        if process.poll() is not None:
            return True
        seen = engine.seen_until()
        if not seen or seen >= net.ledger:
            net.close()
        return False

    until(ended, "the end")
