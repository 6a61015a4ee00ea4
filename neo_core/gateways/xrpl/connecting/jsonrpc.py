"""One server by JSON-RPC: it is asked again and again for its newest ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from neo_core.gateways.xrpl.connecting.http_channel import Channel, Target
from neo_core.gateways.xrpl.connecting.link import Answer, Clock, Closed, Limits, Request
from neo_core.gateways.xrpl.connecting.messages import (
    API_VERSION,
    Broken,
    polled,
    read_json,
    refuse_trouble,
    server_in,
    warns_of_load,
)
from neo_core.gateways.xrpl.connecting.waiting import Beat
from neo_core.gateways.xrpl.keys.secrets import Secret

__all__ = ["JsonRpcLine"]

PARALLEL = 4

_SERVER_INFO = {"command": "server_info"}
_NEWEST = {"command": "ledger", "ledger_index": "validated"}


class JsonRpcLine:
    def __init__(
        self,
        url: Secret,
        node: str,
        network_id: int | None,
        limits: Limits,
        clock: Clock,
        idle: Callable[[], None],
    ) -> None:
        self.node = node
        self.busy = False
        self._network_id = network_id
        self._limits = limits
        self._clock = clock
        target = Target(url, node, limits)
        self._channels = [Channel(target, clock) for _ in range(PARALLEL)]
        try:
            info, newest = self.ask([_SERVER_INFO, _NEWEST], idle)
            self.server = server_in(node, info, network_id)
            self.newest: Closed = polled(node, newest, self.server, clock.monotonic())
        except BaseException:
            self.close()
            raise
        self._due = clock.monotonic() + limits.poll_seconds

    def wait(self, seconds: float, idle: Callable[[], None]) -> None:
        """For so long, or until a newer ledger is found."""
        left = self._due - self._clock.monotonic()
        if left > 0:
            self._clock.sleep(min(left, seconds))
            return
        self._due = self._clock.monotonic() + self._limits.poll_seconds
        [answer] = self.ask([_NEWEST], idle)
        found = polled(self.node, answer, self.server, self._clock.monotonic())
        if found.ledger_index == self.newest.ledger_index and found.ledger_hash != self.newest.ledger_hash:
            raise Broken(f"{self.node} showed two different ledgers {found.ledger_index}")
        if found.ledger_index > self.newest.ledger_index:
            # Fees and reserves move rarely, and being synced is worth a second look with each ledger.
            [info] = self.ask([_SERVER_INFO], idle)
            self.server = server_in(self.node, info, self._network_id)
            self.newest = polled(self.node, answer, self.server, self._clock.monotonic())

    def ask(self, requests: Sequence[Request], idle: Callable[[], None]) -> list[Answer]:
        answers: list[Answer | None] = [None] * len(requests)
        self._exchange(requests, answers, self._limits.request_timeout_seconds, Beat(idle, self._clock))
        found = [answer for answer in answers if answer is not None]
        for answer in found:
            refuse_trouble(self.node, answer)
        return found

    def submit(
        self, blobs: Sequence[bytes], fail_hard: bool, answers: list[Answer | None], beat: Callable[[], None]
    ) -> None:
        """What is answered is put into `answers`, also when the connection breaks on the way."""
        requests = [{"command": "submit", "tx_blob": blob.hex().upper(), "fail_hard": fail_hard} for blob in blobs]
        self._exchange(requests, answers, self._limits.submit_timeout_seconds, beat)
        for answer in answers:
            refuse_trouble(self.node, answer or {})

    def close(self) -> None:
        for channel in self._channels:
            channel.close()

    def _exchange(
        self,
        requests: Sequence[Request],
        answers: list[Answer | None],
        seconds: float,
        beat: Callable[[], None],
    ) -> None:
        """As many at once as there are channels: each is written to again as soon as it was read. Each answer has
        its `seconds`, and all of them have the time of a request.
        """
        until = self._clock.monotonic() + self._limits.request_timeout_seconds
        bodies = [_body(request) for request in requests]
        try:
            for channel, body in zip(self._channels, bodies, strict=False):
                channel.write(body, self._soon(seconds, until), beat)
            for place in range(len(bodies)):
                channel = self._channels[place % PARALLEL]
                answers[place] = self._result(channel.read())
                if place + PARALLEL < len(bodies):
                    channel.write(bodies[place + PARALLEL], self._soon(seconds, until), beat)
        except BaseException:
            self.close()  # what was not read yet would be taken for the next answer
            raise

    def _soon(self, seconds: float, until: float) -> float:
        return min(self._clock.monotonic() + seconds, until)

    def _result(self, text: bytes) -> Answer:
        message = read_json(self.node, text)
        result: Any = message.get("result")
        if not isinstance(result, dict):
            raise Broken(f"{self.node} sent an answer without a result")
        self.busy = self.busy or warns_of_load(result) or warns_of_load(message)
        return result


def _body(request: Request) -> bytes:
    params = {name: value for name, value in request.items() if name != "command"}
    return msgspec.json.encode({"method": request["command"], "params": [{**params, "api_version": API_VERSION}]})
