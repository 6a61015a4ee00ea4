"""Whatever happens on the way: nothing is sent twice, what was refused never comes, and in the end all is flat."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from neo_core.gateways.xrpl.sending.submission import Seen
from neo_core.model import Ack, AckOutcome, Cancel, Place, Prepared, Side
from tests.gateway.submission.server import MALFORMED, QUEUE_LIMIT, Server
from tests.gateway.submission.trading import Desk, cancel, place

OFFSET, MAX_FEE, MAX_CANCEL_FEE = 4, 1_000, 20_000
EXPECTED = 20
LEDGERS_UNTIL_CALM = 12
LEDGERS_UNTIL_HEALED = OFFSET + 2

faults = st.lists(st.sampled_from(["", "", "", "lost", "mute", "break", "down"]), max_size=6)
crowds = st.sampled_from([0, 0, 15, 20, 25, 60, 200])


class Held(msgspec.Struct):
    """An order, as the engine knows it."""

    prepared: Prepared
    gone: bool = False
    seen: bool = False
    cancel_ledger: int = 0


class Sending(RuleBasedStateMachine):
    ways: ClassVar[Counter[str]] = Counter()

    @initialize(tickets=st.sampled_from([0, 0, 3]))
    def begin(self, tickets: int) -> None:
        self.server = Server(EXPECTED)
        self.terms = {
            "max_fee_drops": MAX_FEE,
            "max_cancel_fee_drops": MAX_CANCEL_FEE,
            "tickets_for_cancel": tickets,
        }
        self.orders: dict[str, Held] = {}
        self.cancels: dict[str, list[Prepared]] = {}
        self.refused: set[str] = set()
        self.made = 0
        self.start()

    def start(self) -> None:
        self.desk = Desk(self.server, **self.terms)
        self.cancels = {}
        self.look()

    def look(self) -> None:
        self.seen: Seen = self.server.seen(self.desk.submission.questions())
        for order in self.orders.values():
            offer, index = order.prepared.sequence, self.seen.ledger_index
            if offer in self.server.offers and order.prepared.tx_hash in self.server.validated:
                order.seen = True
            elif order.seen or order.prepared.last_ledger <= index or offer < self.seen.sequence:
                order.gone = True

    # --- what happens ---

    @rule(count=st.integers(1, 4), faults=faults, backwards=st.booleans(), malformed=st.booleans())
    def placing(self, count: int, faults: list[str], backwards: bool, malformed: bool) -> None:
        intents = []
        for number in range(count):
            self.made += 1
            drops = int(MALFORMED) if malformed and not number else 1_000_000 + self.made
            rlusd = Decimal(self.made)
            intents.append(place(f"order-{self.made}", Side.BUY, drops=drops, rlusd=rlusd))
        self.do(intents, faults, backwards)

    @rule(data=st.data(), faults=faults, backwards=st.booleans(), requote=st.booleans())
    def cancelling(self, data: st.DataObject, faults: list[str], backwards: bool, requote: bool) -> None:
        alive = self.cancellable()
        if not alive:
            return
        chosen = data.draw(st.lists(st.sampled_from(alive), unique=True, min_size=1))
        intents: list[Any] = [cancel(name, self.orders[name].prepared.sequence) for name in chosen]
        if requote:
            self.made += 1
            intents.append(place(f"order-{self.made}", rlusd=Decimal(self.made)))
        self.do(intents, faults, backwards)

    @rule(crowd=crowds, falls_out=st.integers(0, 3), blind=st.booleans(), faults=faults)
    def closing(self, crowd: int, falls_out: int, blind: bool, faults: list[str]) -> None:
        self.server.close(crowd, falls_out)
        if not blind:
            self.observe(faults)

    @rule(crowd=crowds)
    def crowding(self, crowd: int) -> None:
        """After the load was told."""
        self.server.crowd = max(self.server.crowd, crowd)

    @rule()
    def restarting(self) -> None:
        self.start()

    @rule()
    def calming_down(self) -> None:
        self.calm()

    def teardown(self) -> None:
        if hasattr(self, "orders"):
            self.calm()

    # --- what must be so ---

    def calm(self) -> None:
        """An unloaded server and an engine that cancels all, MODE-4: how long until the ledger shows no offer."""
        for _ in range(LEDGERS_UNTIL_CALM):
            self.server.close()
            self.observe([])
            if not self.server.offers and all(order.gone for order in self.orders.values()):
                break
            self.do([cancel(name, self.orders[name].prepared.sequence) for name in self.cancellable()], [], False)
        assert not self.server.offers
        assert all(order.gone for order in self.orders.values())
        assert any(self.quotes_again() for _ in range(LEDGERS_UNTIL_HEALED))

    def quotes_again(self) -> bool:
        """A placement enters and is validated. One that is told to wait is wanted again in the next ledger."""
        self.made += 1
        [ack] = self.do([place(f"order-{self.made}", drops=self.made, rlusd=Decimal(1))], [], False)
        self.server.close()
        self.observe([])
        return ack.outcome is AckOutcome.SENT and self.orders[f"order-{self.made}"].seen

    @invariant()
    def what_was_refused_is_in_no_ledger(self) -> None:
        assert not self.refused & self.server.validated.keys()

    @invariant()
    def no_more_is_queued_than_the_server_allows(self) -> None:
        assert self.server.most_queued <= QUEUE_LIMIT

    # --- how the engine does it ---

    def observe(self, faults: list[str]) -> None:
        self.desk.wire.faults = list(faults)
        self.desk.observe()
        self.desk.wire.faults = []
        self.look()

    def cancellable(self) -> list[str]:
        index = self.seen.ledger_index
        return [
            name
            for name, order in self.orders.items()
            if not order.gone and (not order.cancel_ledger or index >= order.cancel_ledger + 2)
        ]

    def do(self, intents: list[Place | Cancel], faults: list[str], backwards: bool) -> tuple[Ack, ...]:
        prepared = self.desk.prepare(*intents)
        for one in prepared:
            self.check(one)
        self.desk.wire.faults, self.desk.wire.backwards = list(faults), backwards
        acks = self.desk.submission.send(self.desk.wire, prepared)
        self.desk.wire.faults, self.desk.wire.backwards = [], False
        for one, ack in zip(prepared, acks, strict=True):
            self.ways[f"{ack.outcome} {ack.code}".strip()] += 1
            order, sent = self.orders[ack.order_id], ack.outcome is AckOutcome.SENT
            assert bool(one.blob) or ack.code.startswith("local_")
            if ack.outcome is AckOutcome.REFUSED:
                self.refused |= {one.tx_hash} - {""}
            if ack.cancel:
                order.cancel_ledger = self.seen.ledger_index if sent else 0
            elif ack.outcome is AckOutcome.REFUSED:
                order.gone = True
        return acks

    def check(self, one: Prepared) -> None:
        intent = one.intent
        if isinstance(intent, Place):
            assert intent.order_id not in self.orders
            self.orders[intent.order_id] = Held(one)
        if not one.blob:
            return
        fields = json.loads(one.blob)
        assert fields["LastLedgerSequence"] == one.last_ledger <= self.seen.ledger_index + OFFSET
        if isinstance(intent, Place):
            assert int(fields["Fee"]) <= MAX_FEE
            return
        assert int(fields["Fee"]) <= MAX_CANCEL_FEE
        earlier = [old for old in self.cancels.get(intent.order_id, []) if self.alive(old)]
        assert {old.sequence for old in earlier} <= {one.sequence}
        if earlier:
            self.ways["the same again" if one.tx_hash == earlier[-1].tx_hash else "raised"] += 1
        self.ways["by ticket" if "TicketSequence" in fields else fields["TransactionType"]] += 1
        self.cancels[intent.order_id] = [*earlier, one]

    def alive(self, old: Prepared) -> bool:
        ticket = "TicketSequence" in json.loads(old.blob)
        return (
            old.tx_hash not in self.refused
            and old.last_ledger > self.seen.ledger_index
            and (ticket or old.sequence >= self.seen.sequence)
            and old.tx_hash not in {one.tx_hash for one in self.seen.transactions}
        )


@pytest.mark.rule("MODE-4")
def test_whatever_happens_on_the_way_it_ends_flat() -> None:
    Sending.ways = Counter()
    run_state_machine_as_test(
        Sending,
        settings=hypothesis_settings(max_examples=2 * hypothesis_settings().max_examples, stateful_step_count=30),
    )
    every = {"unknown", "sent tesSUCCESS", "sent terQUEUED", "sent terPRE_SEQ", "sent tefPAST_SEQ"}
    every |= {"refused temBAD_OFFER", "refused local_fee_too_high", "refused local_queue_full"}
    every |= {"the same again", "raised", "OfferCancel", "AccountSet", "by ticket"}
    assert every <= Sending.ways.keys()
