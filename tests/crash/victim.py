"""`neo`, killed by itself at the n-th passage of a boundary: `python victim.py BOUNDARY N run --speed 0 ...`.

It ends as by `kill -9`: nothing is flushed, closed or said. A boundary that is not passed N times changes nothing.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from io import FileIO
from itertools import count
from typing import Any

from neo_core.cli import main
from neo_core.gateways import paper_journal
from neo_core.gateways.paper import PaperGateway
from neo_core.gateways.paper_journal import Entry, Journal
from neo_core.markets import MarketTick
from neo_core.model import Cancel, Decision, Place, Prepared
from neo_core.session import Session
from neo_core.store import Store, migrations
from neo_core.store.writer import Writer

__all__ = ["BOUNDARIES"]

Test = Callable[..., bool]

NOBODY_TRADES = MarketTick(None, None)


def cancels_all(cancel: object) -> bool:
    return isinstance(cancel, Cancel) and cancel.reason.endswith("_CANCEL")


def marks(store: object, decision: Decision, *_: object) -> bool:
    return any(cancels_all(intent) for intent in decision.intents)


def closes(store: object, decision: Decision, *_: object) -> bool:
    return decision.halt is not None


def fills(store: object, decision: Decision, *_: object) -> bool:
    return bool(decision.fills)


def storms(gateway: object, prepared: Sequence[Prepared]) -> bool:
    return sum(cancels_all(one.intent) for one in prepared) > 1


def replaces(gateway: object, prepared: Sequence[Prepared]) -> bool:
    return sum(isinstance(one.intent, Place) and bool(one.intent.replaces) for one in prepared) > 1


def acts(journal: object, line: object) -> bool:
    return isinstance(line, Entry) and bool(line.transactions)


def always(*_: object, **__: object) -> bool:
    return True


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def land_and_die(gateway: PaperGateway) -> None:
    gateway._ledger.close(NOBODY_TRADES)
    die()


class Reaper:
    def __init__(self, passages: int) -> None:
        self._left = passages

    def passes(self, last: Callable[[], object] = die) -> None:
        self._left -= 1
        if self._left <= 0:
            last()

    def before(self, owner: Any, name: str, when: Test = always) -> None:
        original = getattr(owner, name)

        def wrapped(*given: Any, **named: Any) -> Any:
            if when(*given, **named):
                self.passes()
            return original(*given, **named)

        setattr(owner, name, wrapped)

    def after(self, owner: Any, name: str, when: Test = always) -> None:
        original = getattr(owner, name)

        def wrapped(*given: Any, **named: Any) -> Any:
            answer = original(*given, **named)
            if when(*given, **named):
                self.passes()
            return answer

        setattr(owner, name, wrapped)

    def sending(self, most: int, when: Test = always) -> None:
        """Once so many have been sent. They have left: a ledger takes them, though nobody is there any more."""
        send = PaperGateway.send

        def wrapped(gateway: PaperGateway, prepared: Sequence[Prepared]) -> Any:
            if not when(gateway, prepared):
                return send(gateway, prepared)
            acks = send(gateway, prepared[:most])
            self.passes(lambda: land_and_die(gateway))
            return acks + send(gateway, prepared[most:])

        setattr(PaperGateway, "send", wrapped)

    def in_a_commit(self) -> None:
        """Between its first statement and its second."""
        statements = count(1)

        def watch(frame: object, kind: str, called: Any) -> None:
            if kind == "c_call" and called.__name__ == "executemany" and next(statements) > 1:
                die()

        def passed(writer: object, keeper: object, ticks: Sequence[Any], *_: object) -> bool:
            if any(decision.intents for decision, *_ in ticks):
                self.passes(lambda: sys.setprofile(watch))
            return False

        self.before(Writer, "ticks", passed)

    def in_the_middle_of_a_line(self) -> None:
        reaper = self

        class Torn(FileIO):
            def write(self, line: Any) -> int:
                written = super().write(line[: len(line) // 2])
                reaper.passes()
                return written + super().write(line[len(line) // 2 :])

        setattr(paper_journal, "FileIO", Torn)

    def anywhere(self) -> None:
        """At the n-th call of any function, once the session runs."""

        def counted(*_: object) -> bool:
            sys.setprofile(lambda *_: self.passes())
            return False

        self.before(Session, "run", counted)

    def in_a_migration(self) -> None:
        for version, step in migrations.MIGRATIONS.items():
            migrations.MIGRATIONS[version] = self._then(step)

    def _then(self, step: Callable[..., None]) -> Callable[..., None]:
        def wrapped(*given: Any) -> None:
            step(*given)
            self.passes()

        return wrapped


BOUNDARIES: dict[str, Callable[[Reaper], None]] = {
    "begun": lambda reaper: reaper.before(Session, "run"),
    "before marks": lambda reaper: reaper.before(Store, "commit", marks),
    "after marks": lambda reaper: reaper.after(Store, "commit", marks),
    "between two cancels": lambda reaper: reaper.sending(1, storms),
    "between two replaces": lambda reaper: reaper.sending(1, replaces),
    "sent, not recorded": lambda reaper: reaper.sending(99),
    "seen, not recorded": lambda reaper: reaper.after(Journal, "append", acts),
    "line torn": Reaper.in_the_middle_of_a_line,
    "fill not committed": lambda reaper: reaper.before(Store, "commit", fills),
    "in a commit": Reaper.in_a_commit,
    "closing": lambda reaper: reaper.after(Store, "commit", closes),
    "before the end": lambda reaper: reaper.before(Store, "end"),
    "after the end": lambda reaper: reaper.after(Store, "end"),
    "in a migration": Reaper.in_a_migration,
    "anywhere": Reaper.anywhere,
}


if __name__ == "__main__":
    _, boundary, passages, *words = sys.argv
    sys.argv = ["neo", *words]
    BOUNDARIES[boundary](Reaper(int(passages)))
    main()
