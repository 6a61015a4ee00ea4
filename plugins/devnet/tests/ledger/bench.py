"""A small ledger to try transactions on: accounts with XRP and a token, and short ways to send."""

from decimal import Decimal
from typing import Any

from msgspec import structs
from neo_devnet.ledger import (
    MASTER,
    Applied,
    Entry,
    Rules,
    State,
    account_offers,
    accounts,
    apply,
    best_first,
    genesis,
    keys,
    lines,
)
from neo_devnet.ledger.amounts import token_text
from xrpl.core.addresscodec import encode_classic_address

TOKEN = "524C555344000000000000000000000000000000"
XRP = 1_000_000
START = 1_000

PASSIVE, IOC, FOK, SELL = 0x10000, 0x20000, 0x40000, 0x80000


def address(number: int) -> str:
    """Addresses ascend with the number."""
    return encode_classic_address(bytes([number]) * 20)


ISSUER = address(0x50)
MAKER = address(0x20)
TAKER = address(0x80)
OTHER = address(0x90)
"""The issuer is the high side of the maker's line, and the low side of the others'."""


def token(value: Any, issuer: str = ISSUER) -> dict[str, str]:
    return {"currency": TOKEN, "issuer": issuer, "value": str(value)}


class Bench:
    """Every account has 1000 XRP; maker, taker and other have 1000 of the token, and a line for more."""

    def __init__(self, **issuer: Any) -> None:
        self.state: State = genesis()
        self.rules = Rules(ledger_index=3, parent_close_time=START)
        self._sent = 0
        for name in (ISSUER, MAKER, TAKER, OTHER):
            self.ok(MASTER, "Payment", Destination=name, Amount=str(1000 * XRP))
        self.ok(ISSUER, "AccountSet", SetFlag=8, **issuer)
        for name in (MAKER, TAKER, OTHER):
            self.ok(name, "TrustSet", LimitAmount=token(10**9), Flags=0x20000)
            self.ok(ISSUER, "Payment", Destination=name, Amount=token(1000))

    def send(self, account: str, kind: str, **fields: Any) -> Applied:
        """Applies a transaction in a ledger of its own."""
        self._sent += 1
        root = accounts.find(self.state, account)
        tx = {
            "TransactionType": kind,
            "Account": account,
            "Fee": "10",
            "Sequence": 0 if root is None or "TicketSequence" in fields else root["Sequence"],
            "hash": f"{self._sent:064X}",
            **fields,
        }
        done, self.state = apply(self.state, tx, self.rules)
        self.rules = structs.replace(self.rules, ledger_index=self.rules.ledger_index + 1)
        return done

    def ok(self, account: str, kind: str, **fields: Any) -> dict[str, Any]:
        """Applies a transaction that must work; its metadata."""
        done = self.send(account, kind, **fields)
        assert done.result == "tesSUCCESS", done.result
        assert done.meta is not None
        return done.meta

    def offer(self, account: str, pays: Any, gets: Any, flags: int = 0, **more: Any) -> Applied:
        return self.send(account, "OfferCreate", TakerPays=pays, TakerGets=gets, Flags=flags, **more)

    def ask(self, account: str, drops: int, value: Any, flags: int = 0, **more: Any) -> int:
        """An offer that gives XRP, placed whole; its sequence."""
        return self._placed(account, token(value), str(drops), flags, more)

    def bid(self, account: str, drops: int, value: Any, flags: int = 0, **more: Any) -> int:
        """An offer that gives tokens, placed whole; its sequence."""
        return self._placed(account, str(drops), token(value), flags, more)

    def _placed(self, account: str, pays: Any, gets: Any, flags: int, more: dict[str, Any]) -> int:
        sequence: int = self.root(account)["Sequence"]
        done = self.offer(account, pays, gets, flags, **more)
        assert done.result == "tesSUCCESS", done.result
        assert (self.pays(account, sequence), self.gets(account, sequence)) == (number(pays), number(gets))
        return sequence

    def at(self, close_time: int) -> None:
        """The ledger before the next closed then."""
        self.rules = structs.replace(self.rules, parent_close_time=close_time)

    def root(self, account: str) -> Entry:
        return accounts.root(self.state, account)

    def drops(self, account: str) -> int:
        return accounts.balance(self.state, account)

    def tokens(self, account: str) -> Decimal:
        line = lines.find(self.state, account, ISSUER, TOKEN)
        return Decimal(0 if line is None else token_text(lines.balance(line, account, ISSUER)))

    def entry(self, account: str, sequence: int) -> Entry | None:
        return self.state.get(keys.offer(account, sequence))

    def pays(self, account: str, sequence: int) -> Decimal | None:
        """What is left of an offer's TakerPays; None where it is gone."""
        entry = self.entry(account, sequence)
        return None if entry is None else number(entry["TakerPays"])

    def gets(self, account: str, sequence: int) -> Decimal | None:
        entry = self.entry(account, sequence)
        return None if entry is None else number(entry["TakerGets"])

    def sequences(self, account: str) -> set[int]:
        """Of all offers of an account."""
        return {entry["Sequence"] for _, entry in account_offers(self.state, account)}

    def asks(self) -> list[tuple[str, int]]:
        """(owner, sequence), best first."""
        book = best_first(self.state, (TOKEN, ISSUER), keys.XRP)
        return [(entry["Account"], entry["Sequence"]) for _, entry in book]


def number(amount: Any) -> Decimal:
    """An amount as a number: drops, or tokens."""
    return Decimal(amount if isinstance(amount, str) else amount["value"])


def node(meta: dict[str, Any], key: str) -> tuple[str, dict[str, Any]] | None:
    """(kind, body) of the node of an entry; None where there is none."""
    for row in meta["AffectedNodes"]:
        ((kind, body),) = row.items()
        if body["LedgerIndex"] == key:
            return kind, body
    return None


def offer_node(meta: dict[str, Any], account: str, sequence: int) -> tuple[str, dict[str, Any]] | None:
    return node(meta, keys.offer(account, sequence))
