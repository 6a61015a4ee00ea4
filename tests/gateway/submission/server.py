"""A model of a server for one account: its open ledger, its queue, what it holds and what it keeps to try again.

Blobs are the JSON of a transaction. Other accounts are a number: so many of them are in the open ledger already.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from neo_core.errors import ObservationFailed
from neo_core.gateways.xrpl.keys.signing import Signed
from neo_core.gateways.xrpl.sending.submission import Seen, load_of
from neo_core.model import OwnTransaction

ACCOUNT = "rDukvS88X4VmE2VGrj2NNPoKX3AL5qcfwu"
BASE_FEE, MEDIAN_FEE = 10, 5_000
QUEUE_LIMIT = 10
KEPT_FOR = 5
CLOSE_SECONDS = 4
STEP = 200_000
MALFORMED = "666"
"""An offer of so many drops is answered temBAD_OFFER."""


class PlainSigner:
    address, public_key, warning = ACCOUNT, "ED" + "A" * 64, ""

    def sign(self, tx_json: Mapping[str, Any]) -> Signed:
        blob = json.dumps(tx_json, sort_keys=True).encode()
        return Signed(blob, hash_of(blob))


def hash_of(blob: bytes) -> str:
    return hashlib.sha256(blob).hexdigest().upper()


class Tx(msgspec.Struct, frozen=True):
    tx_hash: str
    fields: dict[str, Any]

    @property
    def ticket(self) -> int | None:
        return self.fields.get("TicketSequence")

    @property
    def sequence(self) -> int:
        return self.fields["Sequence"]

    @property
    def fee(self) -> int:
        return int(self.fields["Fee"])

    @property
    def last_ledger(self) -> int:
        return self.fields["LastLedgerSequence"]

    @property
    def place(self) -> tuple[bool, int]:
        return (self.ticket is not None, self.ticket or self.sequence)

    @property
    def makes(self) -> int:
        return self.fields.get("TicketCount", 0)


class Server:
    def __init__(self, expected_size: int = 200) -> None:
        self.index, self.sequence = 100, 50
        self.tickets: set[int] = set()
        self.offers: set[int] = set()
        self.validated: dict[str, OwnTransaction] = {}
        self.all: dict[str, Tx] = {}
        self.expected_size, self.crowd = expected_size, 0
        self.open: list[Tx] = []
        self.open_sequence, self.open_tickets = self.sequence, set(self.tickets)
        self.queue: list[Tx] = []
        self.held: list[Tx] = []
        self.kept: list[tuple[Tx, int]] = []
        self.most_queued = 0

    # --- what is asked ---

    @property
    def entry_fee(self) -> int:
        size = len(self.open) + self.crowd
        if size <= self.expected_size:
            return BASE_FEE
        return -(-MEDIAN_FEE * size * size // max(self.expected_size, 1) ** 2)

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        if request["command"] == "account_info":
            assert request["ledger_index"] == "current"
            assert request["queue"]
            entries = [{"ticket": tx.ticket} if tx.ticket else {"seq": tx.sequence} for tx in self.queue]
            return {
                "account_data": {"Sequence": self.open_sequence},
                "queue_data": {"txn_count": len(entries), **({"transactions": entries} if entries else {})},
            }
        if request["command"] == "fee":
            drops = {"base_fee": BASE_FEE, "minimum_fee": BASE_FEE, "median_fee": MEDIAN_FEE}
            return {
                "current_ledger_size": str(len(self.open) + self.crowd),
                "expected_ledger_size": str(self.expected_size),
                "drops": {name: str(fee) for name, fee in (drops | {"open_ledger_fee": self.entry_fee}).items()},
            }
        assert request["command"] == "account_objects"
        return {"account_objects": [{"TicketSequence": number} for number in sorted(self.tickets)]}

    def seen(self, questions: Sequence[Mapping[str, Any]], since: int = 0, spare_drops: int = 10**8) -> Seen:
        return Seen(
            self.index,
            1_800_000_000.0 + CLOSE_SECONDS * self.index,
            self.sequence,
            BASE_FEE,
            spare_drops,
            STEP,
            tuple([one for one in self.validated.values() if one.ledger_index > since]),
            load_of([self.answer(question) for question in questions]),
        )

    # --- what is sent ---

    def submit(self, blob: bytes) -> dict[str, Any]:
        tx = Tx(hash_of(blob), json.loads(blob))
        self.all[tx.tx_hash] = tx
        result = self._try(tx)
        if not result.startswith("tes"):
            self.kept.append((tx, self.index + KEPT_FOR))
        return {
            "engine_result": result,
            "applied": result == "tesSUCCESS",
            "queued": result == "terQUEUED",
            "kept": True,
            "broadcast": result.startswith(("tes", "terQ")),
            "tx_json": {**tx.fields, "hash": tx.tx_hash},
        }

    def _try(self, tx: Tx) -> str:
        if tx in self.open:
            return "tefPAST_SEQ"
        if MALFORMED in (tx.fields.get("TakerGets"), tx.fields.get("TakerPays")):
            return "temBAD_OFFER"
        if tx.fee < BASE_FEE:
            return "telINSUF_FEE_P"
        if tx.last_ledger <= self.index:
            return "tefMAX_LEDGER"
        late = self._out_of_place(tx)
        if late:
            return late
        if tx.fields.get("OfferSequence", 0) >= max(self.open_sequence, tx.sequence):
            return "temBAD_SEQUENCE"
        behind = tx.ticket is None and tx.sequence > self.open_sequence
        if tx.fee >= self.entry_fee and not behind:
            self._apply(tx)
            return "tesSUCCESS"
        return self._enqueue(tx)

    def _enqueue(self, tx: Tx) -> str:
        same = [queued for queued in self.queue if queued.place == tx.place]
        if tx in same:
            return "telCAN_NOT_QUEUE_FEE"
        if tx.last_ledger < self.index + 3:
            return "telCAN_NOT_QUEUE"
        if same and tx.fee * 4 <= same[0].fee * 5:
            return "telCAN_NOT_QUEUE_FEE"
        if not same and len(self.queue) >= QUEUE_LIMIT:
            return "telCAN_NOT_QUEUE_FULL"
        self.queue = [queued for queued in self.queue if queued not in same] + [tx]
        self.most_queued = max(self.most_queued, len(self.queue))
        return "terQUEUED"

    def _out_of_place(self, tx: Tx) -> str:
        if tx.ticket is not None:
            if tx.ticket >= self.open_sequence:
                return "terPRE_TICKET"
            return "" if tx.ticket in self.open_tickets else "tefNO_TICKET"
        if tx.sequence < self.open_sequence:
            return "tefPAST_SEQ"
        waiting = {queued.sequence for queued in self.queue if queued.ticket is None}
        if all(number in waiting for number in range(self.open_sequence, tx.sequence)):
            return ""
        self.held.append(tx)
        return "terPRE_SEQ"

    def _apply(self, tx: Tx) -> None:
        self.queue = [queued for queued in self.queue if queued.place != tx.place]
        self.open.append(tx)
        if tx.ticket is not None:
            self.open_tickets.discard(tx.ticket)
        else:
            self.open_sequence += 1 + tx.makes

    # --- what closes ---

    def close(self, crowd: int = 0, falls_out: int = 0) -> None:
        """Validates the open ledger but for the last `falls_out` of it; the next one opens with `crowd` in it."""
        kept_out = self.open[len(self.open) - falls_out :] if falls_out else []
        self.index += 1
        # What has a ticket comes after what has a sequence.
        for tx in sorted(self.open[: len(self.open) - len(kept_out)], key=lambda one: one.place):
            self._validate(tx)
        self.open, self.open_sequence, self.open_tickets = [], self.sequence, set(self.tickets)
        self.crowd = 0
        queued, self.queue = self.queue, []
        held, self.held = self.held, []
        # The queue drains by fee, in the order of sequences, until the next ledger is as full as expected.
        for tx in sorted(queued, key=lambda one: one.place):
            first = tx.ticket is not None or tx.sequence == self.open_sequence
            room = len(self.open) < self.expected_size
            if first and room and tx.last_ledger > self.index:
                self._apply(tx)
            elif tx.last_ledger > self.index:
                self.queue.append(tx)
        self.crowd = crowd
        again = [tx for tx, until in self.kept if until >= self.index]
        self.kept = [(tx, until) for tx, until in self.kept if until >= self.index]
        for tx in (*kept_out, *sorted({one.tx_hash: one for one in held + again}.values(), key=lambda o: o.place)):
            if tx not in self.open and tx not in self.queue and tx.tx_hash not in self.validated:
                self._try(tx)
        self.held = list({tx.tx_hash: tx for tx in self.held if tx.last_ledger > self.index}.values())

    def _validate(self, tx: Tx) -> None:
        if tx.ticket is not None:
            assert tx.ticket in self.tickets
            self.tickets.discard(tx.ticket)
        elif tx.sequence != self.sequence:
            return  # what came before it fell out
        else:
            self.tickets.update(range(self.sequence + 1, self.sequence + 1 + tx.makes))
            self.sequence += 1 + tx.makes
        assert tx.last_ledger >= self.index
        kind, number = tx.fields["TransactionType"], tx.ticket or tx.sequence
        self.offers.discard(tx.fields.get("OfferSequence", 0))
        if kind == "OfferCreate":
            self.offers.add(number)
        self.validated[tx.tx_hash] = OwnTransaction(tx.tx_hash, self.index, number, tx.fee, "tesSUCCESS")


class Wire:
    """A link to the model. `faults` says of each next blob: "" it arrives, "lost" it does not, "mute" its answer
    does not, "break" from it on nothing does and the link raises, "down" the whole batch is refused by the link.
    """

    node = "ws://model"

    def __init__(self, server: Server) -> None:
        self.server = server
        self.faults: list[str] = []
        self.backwards = False
        self.batches: list[list[dict[str, Any]]] = []

    def submit(self, blobs: Sequence[bytes], *, fail_hard: bool = False) -> list[Any]:
        self.batches.append([json.loads(blob) for blob in blobs])
        faults = [self.faults.pop(0) if self.faults else "" for _ in blobs]
        answers: list[Any] = [None] * len(blobs)
        order = range(len(blobs))
        broke = False
        for at in reversed(order) if self.backwards else order:
            broke = broke or faults[at] in ("break", "down")
            if broke or faults[at] == "lost":
                continue
            answer = self.server.submit(blobs[at])
            answers[at] = None if faults[at] == "mute" else answer
        if "down" in faults:
            raise ObservationFailed("ws://model broke the connection")
        return answers

    @property
    def sent(self) -> list[dict[str, Any]]:
        return [tx for batch in self.batches for tx in batch]

    def next_ledger(self, after: int | None) -> Any:
        raise NotImplementedError

    def ask(self, requests: Sequence[Mapping[str, Any]]) -> list[Any]:
        return [self.server.answer(request) for request in requests]

    def now(self) -> float:
        return 0.0

    def close(self) -> None:
        pass
