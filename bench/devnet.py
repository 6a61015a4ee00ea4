"""A devnet in a process of its own, whose ledgers close when they are asked to, and the engine's way to it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request as Post
from urllib.request import urlopen

from neo_core.config import Settings
from neo_core.gateways.xrpl.connecting.link import Answer, Closed, Link, Request
from neo_core.gateways.xrpl.gateway import XrplGateway
from neo_core.gateways.xrpl.sending.submission import Submission, Terms
from neo_core.model import Ack, AckOutcome, Cancel, Place
from neo_core.wiring import Asked, configure
from neo_core.wiring.live import link_to, signer_for, trader_of

__all__ = ["Devnet", "Watched", "devnet", "gateway_to", "sent"]

PATIENCE_SECONDS = 30.0


class Devnet:
    """Everything that a bench makes lies in `folder`, the configuration of a live session as well."""

    def __init__(self, line: str, folder: Path) -> None:
        told = json.loads(line)
        main = told["urls"]["main"]
        self.http: str = main["http"]
        self.account: str = told["account"]
        self.issuer: str = told["issuer"]
        self.seed = (folder / "seed.txt").read_text(encoding="utf-8").strip()
        self.config = folder / "bench.yaml"
        live = {
            "network": told["network_id"],
            "nodes": [main["ws"]],
            "issuer": self.issuer,
            "seed_env": None,
            "seed_file": str(folder / "seed.txt"),
        }
        told_to_neo = {"engine": {"mode": "live"}, "live": live, "log": {"file": str(folder / "neo.log")}}
        self.config.write_text(json.dumps(told_to_neo), encoding="utf-8")  # JSON is YAML, too

    def close_ledger(self) -> None:
        body = json.dumps({"method": "ledger_accept", "params": [{}]}).encode()
        post = Post(self.http, body, {"Content-Type": "application/json"})
        with urlopen(post, timeout=PATIENCE_SECONDS) as answer:
            answer.read()

    @property
    def settings(self) -> Settings:
        return configure(Asked(config=self.config)).settings


@contextmanager
def devnet(folder: Path) -> Iterator[Devnet]:
    words = ["devnet", "--seed", "7", "--market", "calm", "--by-hand", "--ledger-seconds", "4", "--port", "0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "neo_core", *words, "--account-file", "seed.txt", "--json"],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise SystemExit("the devnet did not start; what it said stands above")
        yield Devnet(line, folder)
    finally:
        process.kill()
        process.communicate()


class Watched:
    """A link that notes how often it was asked, and when a ledger came and the last blob had left."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.trips = self.requests = 0
        self.came_at = 0.0
        self.left = (0.0, 0.0)
        """CPU and wall. The answers are there as well by then."""

    def next_ledger(self, after: int | None) -> Closed:
        closed = self._link.next_ledger(after)
        self.came_at = time.perf_counter()
        return closed

    def ask(self, requests: Sequence[Request]) -> list[Answer]:
        self.trips += 1
        self.requests += len(requests)
        return self._link.ask(requests)

    def submit(self, blobs: Sequence[bytes], *, fail_hard: bool = False) -> list[Answer | None]:
        answers = self._link.submit(blobs, fail_hard=fail_hard)
        self.left = time.process_time(), time.perf_counter()
        return answers

    @property
    def node(self) -> str:
        return self._link.node

    def now(self) -> float:
        return self._link.now()

    def distrust(self, error: Exception) -> None:
        raise error  # nobody lies to a bench

    def close(self) -> None:
        self._link.close()


def gateway_to(settings: Settings, idle: Callable[[], None] = lambda: None) -> tuple[XrplGateway, Watched]:
    """As the wiring makes it for a live session."""
    live = settings.live
    signer = signer_for(live)
    trader = trader_of(live, signer.address, signer.address, settings.quoting.min_book_xrp)
    link = Watched(link_to(live, network_id=live.network_id, idle=idle))
    terms = Terms(trader.pair.currency, trader.pair.issuer, live.network_id)
    return XrplGateway(link, Submission(signer.address, signer, terms), trader), link


def sent(acks: Sequence[Ack], intents: Sequence[Place | Cancel]) -> None:
    """A bench that measures refusals measures nothing."""
    assert len(acks) == len(intents)
    assert {ack.outcome for ack in acks} <= {AckOutcome.SENT}, acks
