"""The servers that were named, best first: one of them is used, and left for the next when it is of no use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from neo_core.errors import ObservationFailed, UsageError
from neo_core.gateways.xrpl.connecting.dialing import Dial, Line
from neo_core.gateways.xrpl.connecting.link import Answer, Clock, Closed, Limits, Request
from neo_core.gateways.xrpl.connecting.messages import Broken, Server, Unanswered
from neo_core.gateways.xrpl.connecting.node import Node
from neo_core.gateways.xrpl.connecting.waiting import SLICE_SECONDS, Beat

__all__ = ["Nodes"]

MOST_BEHIND = 5
"""Ledgers. A server that is further behind than this has a problem, and not a slow line."""

_WAYS_ON = ("applied", "broadcast", "kept", "queued")


class Nodes:
    """The `Link` of a live session. `jitter` gives numbers from 0 to 1.

    While it waits it calls `idle`, or `alive` while blobs are on their way. What either raises ends the wait.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        network_id: int | None,
        jitter: Callable[[], float],
        idle: Callable[[], None],
        alive: Callable[[], None] = lambda: None,
        limits: Limits = Limits(),  # noqa: B008 (a value that nothing changes)
        clock: Clock = Clock(),  # noqa: B008 (as above)
    ) -> None:
        if not urls:
            raise UsageError("expected at least one node, got none; name one in live.nodes")
        self._nodes = [Node(url, clock, jitter) for url in urls]
        self._network_id = network_id
        self._idle = idle
        self._alive = alive
        self._limits = limits
        self._clock = clock
        self._line: Line | None = None
        self._used = self._nodes[0]
        self._dial: Dial | None = None
        self._dialled = self._nodes[0]
        self._dial_until = 0.0

    @property
    def node(self) -> str:
        return self._used.shown

    @property
    def server(self) -> Server | None:
        """What the server that is used said of itself when it was connected to."""
        return None if self._line is None else self._line.server

    def now(self) -> float:
        return self._clock.wall()

    def next_ledger(self, after: int | None) -> Closed:
        started = self._clock.monotonic()
        until = started + self._limits.ledger_timeout_seconds
        # Half the time is for the server that is used, the other half is for the others as well.
        impatient = started + self._limits.ledger_timeout_seconds / 2
        self._wait(0)
        while True:
            now = self._clock.monotonic()
            self._take_up(after, urgent=now >= impatient and self._newer(after) is None)
            newer = self._newer(after)
            self._dial_next(urgent=now >= impatient and newer is None)
            if newer is not None:
                self._used.delivered()
                return newer
            if now >= until:
                raise self._nothing_came(after)
            self._wait(min(SLICE_SECONDS, until - now))
            self._idle()

    def ask(self, requests: Sequence[Request]) -> list[Answer]:
        if self._line is None:
            raise ObservationFailed(f"the connection to {self.node} is lost; the next ledger makes a new one")
        try:
            return self._line.ask(requests, self._idle)
        except Broken as error:
            self._lost(error)
            raise

    def submit(self, blobs: Sequence[bytes], *, fail_hard: bool = False) -> list[Answer | None]:
        """A cancel has to go out whatever became of the observation: without a connection it makes one."""
        answers: list[Answer | None] = [None] * len(blobs)
        beat = Beat(self._alive, self._clock)
        with suppress(ObservationFailed):  # of one who insists: each line's own are dealt with
            line = self._line or self._connected_at_once(self._nodes, beat)
            if line is not None:
                first = self._used
                self._submit(line, blobs, fail_hard, answers, beat)
                if None in answers:
                    self._submit_elsewhere(first, blobs, fail_hard, answers, beat)
        return answers

    def distrust(self, error: ObservationFailed) -> None:
        if self._line is not None:
            self._lost(error)

    def close(self) -> None:
        if self._dial is not None:
            self._dial.give_up()
        if self._line is not None:
            self._line.close()
        self._dial = self._line = None

    def _submit(
        self,
        line: Line,
        blobs: Sequence[bytes],
        fail_hard: bool,
        answers: list[Answer | None],
        beat: Callable[[], None],
    ) -> None:
        try:
            line.submit(blobs, fail_hard, answers, beat)
            self._used.answered()
        except Unanswered as error:
            self._used.left_unanswered(error)
            if not all(node.avoided for node in self._nodes):
                self._leave()
        except Broken as error:
            self._lost(error)

    def _submit_elsewhere(
        self,
        first: Node,
        blobs: Sequence[bytes],
        fail_hard: bool,
        answers: list[Answer | None],
        beat: Callable[[], None],
    ) -> None:
        others = [node for node in self._nodes if node is not first and not node.avoided]
        line = self._connected_at_once(others, beat) if others else None
        if line is None:
            return
        left = [place for place, answer in enumerate(answers) if answer is None]
        found: list[Answer | None] = [None] * len(left)
        try:
            self._submit(line, [blobs[place] for place in left], fail_hard, found, beat)
        finally:
            for place, answer in zip(left, found, strict=True):
                answers[place] = answer if _goes_on(answer) else None

    def _newer(self, after: int | None) -> Closed | None:
        newest = None if self._line is None else self._line.newest
        return newest if newest is not None and (after is None or newest.ledger_index > after) else None

    def _wait(self, seconds: float) -> None:
        if self._line is not None:
            try:
                self._line.wait(seconds, self._idle)
            except Broken as error:
                self._lost(error)
        elif self._dial is not None:
            self._dial.wait(seconds)
        else:
            soonest = min(node.not_before for node in self._nodes) - self._clock.monotonic()
            self._clock.sleep(max(0.0, min(seconds, soonest)))

    def _lost(self, error: ObservationFailed) -> None:
        self._leave()
        self._used.failed(error)

    def _leave(self) -> None:
        assert self._line is not None  # it was just used
        self._line.close()
        self._line = None

    def _nothing_came(self, after: int | None) -> ObservationFailed:
        seconds = f"{self._limits.ledger_timeout_seconds:g} s"
        if self._line is not None:
            self._lost(Broken(f"{self.node} showed no ledger after {after}"))
        said = "; ".join([node.said or f"{node.shown} was not reached yet" for node in self._nodes])
        return ObservationFailed(f"no new ledger for {seconds}: {said}")

    def _dial_next(self, *, urgent: bool) -> None:
        now = self._clock.monotonic()
        if self._dial is None:
            due = [node for node in self._alternatives(urgent=urgent) if node.not_before <= now]
            if due:
                self._call(due[0])
        elif now >= self._dial_until:
            self._hang_up()

    def _alternatives(self, *, urgent: bool) -> list[Node]:
        """Which servers would be better than what there is, best first."""
        nodes = sorted(self._nodes, key=lambda node: node.avoided)
        if self._line is None:
            return nodes
        if urgent:  # the one that is used as the last: its connection may be dead without a word
            return sorted(nodes, key=lambda node: node is self._used)
        if self._line.busy:
            return [node for node in nodes if node is not self._used]
        return nodes[: nodes.index(self._used)]

    def _call(self, node: Node) -> None:
        def connect(check: Callable[[], None]) -> Line:
            return _connected(node, self._network_id, self._limits, self._clock, check)

        self._dial = Dial(node.shown, connect)
        self._dialled = node
        self._dial_until = self._clock.monotonic() + self._limits.connect_timeout_seconds

    def _hang_up(self) -> None:
        assert self._dial is not None  # it has gone on for too long
        self._dial.give_up()
        self._dial = None
        self._dialled.failed(Broken(f"{self._dialled.shown} did not answer in time"))

    def _take_up(self, after: int | None, *, urgent: bool) -> None:
        """Uses a connection that was made meanwhile, if it is better than what there is."""
        if self._dial is None or not self._dial.wait(0):
            return
        dial, self._dial = self._dial, None
        if self._dialled not in self._alternatives(urgent=urgent):
            dial.give_up()  # what it was made for is over
            return
        try:
            line = dial.result()
            line.wait(0, _nothing)  # what it was told since it was made
            self._refuse_worse(line, after, urgent=urgent)
        except Broken as error:
            dial.give_up()
            self._dialled.failed(error)
            return
        if self._line is not None:
            self._line.close()
            if self._line.busy:
                self._used.failed(Broken(f"{self.node} is overloaded", overloaded=True))
            elif urgent and self._dialled is not self._used:
                self._used.failed(Broken(f"{self.node} showed no ledger after {after}"))
        self._line, self._used = line, self._dialled

    def _refuse_worse(self, line: Line, after: int | None, *, urgent: bool) -> None:
        shows, wanted = line.newest.ledger_index, after or 0
        if self._line is None:
            wanted -= MOST_BEHIND
        elif urgent:
            wanted += 1
        else:
            wanted = max(wanted, self._line.newest.ledger_index)
        if shows < wanted:
            raise Broken(f"{line.node} is behind: it shows ledger {shows}, and {after} was seen before")

    def _connected_at_once(self, nodes: Sequence[Node], beat: Callable[[], None]) -> Line | None:
        """Each of them is tried once, whatever pause it was to have, and all of them within the time of two
        answers.
        """
        started = self._clock.monotonic()
        limits = self._limits
        soon = min(limits.submit_timeout_seconds, limits.request_timeout_seconds)
        if self._dial is not None and self._dialled not in nodes:
            self._dial.give_up()
            self._dial = None
        for node in sorted(nodes, key=lambda node: (node.avoided, max(started, node.not_before))):
            if self._dial is None:
                self._call(node)
            self._dial_until = min(self._dial_until, self._clock.monotonic() + soon)
            while self._dial is not None and not self._dial.wait(SLICE_SECONDS):
                beat()
                if self._clock.monotonic() >= self._dial_until:
                    self._hang_up()
            self._take_up(None, urgent=False)
            if self._line is not None or self._clock.monotonic() >= started + 2 * soon:
                break
        return self._line


def _goes_on(answer: Answer | None) -> bool:
    """Whoever answers has it. That it has not would prove nothing of a blob that another was given before."""
    return answer is not None and any(answer.get(way) is True for way in _WAYS_ON)


def _nothing() -> None:
    pass


def _connected(
    node: Node, network_id: int | None, limits: Limits, clock: Clock, check: Callable[[], None]
) -> Line:
    """Imports what it needs only here: each of the two ways takes its time."""
    if node.shown.startswith("ws"):
        from neo_core.gateways.xrpl.connecting.websocket import WebSocketLine

        return WebSocketLine(node.url, node.shown, network_id, limits, clock, check)
    from neo_core.gateways.xrpl.connecting.jsonrpc import JsonRpcLine

    return JsonRpcLine(node.url, node.shown, network_id, limits, clock, check)
