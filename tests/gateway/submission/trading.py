"""What an engine does with a submission, as far as it matters here: one observation, then what is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from neo_core.gateways.xrpl.sending.submission import Submission, Terms
from neo_core.model import Ack, Cancel, Place, Prepared, Side
from tests.gateway.submission.server import ACCOUNT, PlainSigner, Server, Wire

RLUSD, ISSUER = "524C555344000000000000000000000000000000", "rUykaZ4VHgjJtQEZ71zUpAA6Dcg45vjRVk"


def terms(**changes: Any) -> Terms:
    return Terms(currency=RLUSD, issuer=ISSUER, **changes)


def place(order_id: str, side: Side = Side.SELL, **changes: Any) -> Place:
    given = {"drops": 10_000_000, "rlusd": Decimal("5.25"), "expires_at": 1_900_000_000.0, **changes}
    return Place(order_id, side, **given)


def cancel(order_id: str, sequence: int) -> Cancel:
    return Cancel(order_id, sequence, "requote")


class Desk:
    def __init__(self, server: Server | None = None, *, spare_drops: int = 10**8, **changes: Any) -> None:
        self.server = server or Server()
        self.wire = Wire(self.server)
        self.submission = Submission(ACCOUNT, PlainSigner(), terms(**changes))
        self.seen_until = self.server.index
        self.spare_drops = spare_drops
        self.observe()

    def observe(self) -> None:
        seen = self.server.seen(self.submission.questions(), self.seen_until, self.spare_drops)
        self.seen_until = seen.ledger_index
        self.submission.learn(seen)
        self.submission.resend(self.wire)

    def close(self, **how: Any) -> None:
        self.server.close(**how)
        self.observe()

    def do(self, *intents: Place | Cancel) -> tuple[Ack, ...]:
        return self.submission.send(self.wire, self.submission.prepare(intents))

    def prepare(self, *intents: Place | Cancel) -> tuple[Prepared, ...]:
        return self.submission.prepare(intents)

    def rest(self, count: int) -> list[int]:
        """So many offers on the ledger; their sequences."""
        prepared = self.prepare(*[place(f"rest-{number}") for number in range(count)])
        self.submission.send(self.wire, prepared)
        self.close()
        self.close()
        assert self.server.offers >= {one.sequence for one in prepared}
        return [one.sequence for one in prepared]


def codes(acks: Sequence[Ack]) -> list[str]:
    return [f"{ack.outcome} {ack.code}".strip() for ack in acks]
