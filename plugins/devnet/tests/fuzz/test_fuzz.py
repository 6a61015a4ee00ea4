"""Whatever several accounts send, in whatever order: the ledger stays whole, and metadata tell what happened."""

from __future__ import annotations

import os
from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from neo_devnet.ledger import State, account_offers, keys
from neo_devnet.market.keys import Key
from neo_devnet.openledger import Entered

from .invariants import consistent, offers, outstanding, xrp
from .replayed import Told, follow, told_in
from .world import CURRENCY, World

SOAKING = os.environ.get("NEO_SOAK") == "1"
TRADERS = 4
FREEZE, UNFREEZE = 0x0010_0000, 0x0020_0000
PARTIAL = 0x0002_0000

# A balance of the order of 1e2 has 16 digits: each movement may round by so much.
ROUNDING = Decimal("1e-13")

PASSIVE, AT_ONCE, WHOLE, SELL = 0x0001_0000, 0x0002_0000, 0x0004_0000, 0x0008_0000

trader = st.integers(0, TRADERS - 1)
price = st.sampled_from(["0.48", "0.5", "0.5", "0.5", "0.51", "0.523456", "0.3333333333333333", "7", "0.001"])
xrp_drops = st.one_of(
    st.sampled_from([1_000_000, 2_000_000, 5_000_000]), st.integers(1_000_000, 12_000_000), st.integers(1, 12)
)
flags = st.sampled_from([0, 0, 0, 0, PASSIVE, AT_ONCE, WHOLE, SELL, SELL | AT_ONCE, SELL | WHOLE])
replaces = st.sampled_from([0, 0, 0, 1, 2, 3])
lives = st.sampled_from([None, None, None, -1, 0, 1, 4, 9])

offer = st.tuples(st.just("offer"), trader, st.booleans(), xrp_drops, price, flags, replaces, lives)
tickets = st.tuples(st.just("tickets"), trader)
cancel = st.tuples(st.just("cancel"), trader, st.integers(0, 6))
payment = st.tuples(
    st.just("pay"), trader, trader, st.sampled_from(["xrp", "token", "for xrp", "for token"]), xrp_drops, price
)
empty = st.tuples(st.just("empty"), trader)
freeze = st.tuples(st.just("freeze"), trader, st.booleans())
close = st.tuples(st.just("close"))

# Mostly offers: it is where they meet that something can go wrong.
OFTEN = ((offer, 14), (payment, 3), (cancel, 1), (empty, 1), (freeze, 1), (tickets, 1), (close, 4))
step = st.sampled_from([kind for kind, often in OFTEN for _ in range(often)]).flatmap(lambda kind: kind)
steps = st.lists(step, min_size=25, max_size=60)


class Watched:
    """A world whose ledgers are examined as they close."""

    def __init__(self, transfer_rate: int, tick_size: int, *, pool: bool) -> None:
        self.world = World(TRADERS, transfer_rate=transfer_rate, tick_size=tick_size, pool=pool)
        self.free = not transfer_rate
        self.node = self.world.node
        self.total = self.node.validated.total_coins
        self.told: Told = {}
        assert xrp(self._state()) == self.total
        self.tokens = self._tokens()

    def close(self) -> None:
        provisional = {tx.hash for tx in self.node.open.txs}
        before = self.node.validated
        self.node.accept()
        closed = self.node.validated
        assert {one.tx.hash for one in closed.entered} == provisional
        state = self._state()
        consistent(state)
        self.total -= sum(one.tx.fee for one in closed.entered)
        assert xrp(state) == closed.total_coins == self.total
        self._count_tokens(closed.entered)
        for one in closed.entered:
            follow(self.told, one.tx.fields, one.meta, closed.index, before.close_time)
        assert self.told == {name: told_in(entry) for name, entry in offers(state).items()}

    def _count_tokens(self, entered: Sequence[Entered]) -> None:
        tokens = self._tokens()
        expected = self.tokens - sum((self._given_back(one) for one in entered), Decimal(0))
        assert tokens <= expected + len(entered) * ROUNDING
        if self.free:
            assert tokens >= expected - len(entered) * ROUNDING
        self.tokens = tokens

    def _given_back(self, one: Entered) -> Decimal:
        to_issuer = one.tx.fields.get("Destination") == self.world.issuer.address
        return (
            Decimal(one.tx.fields["Amount"]["value"]) if to_issuer and one.result == "tesSUCCESS" else Decimal(0)
        )

    def _tokens(self) -> Decimal:
        return outstanding(self._state(), self.world.issuer.address, CURRENCY)

    def _state(self) -> State:
        state = self.node.validated.state
        assert state is not None
        return state


def take(watched: Watched, step: Any) -> None:
    world = watched.world
    key = world.traders[step[1]] if len(step) > 1 else world.issuer
    match step:
        case ("offer", _, bid, drops, price, flags, replaces, lives):
            sides = [str(drops), world.token(worth(drops, price))]
            pays, gets = sides if bid else sides[::-1]
            more: dict[str, Any] = {"OfferSequence": _own(watched, key, replaces)} if replaces else {}
            if lives is not None:
                more["Expiration"] = watched.node.validated.close_time + lives
            world.send(key, TransactionType="OfferCreate", TakerPays=pays, TakerGets=gets, Flags=flags, **more)
        case ("cancel", _, which):
            world.send(key, TransactionType="OfferCancel", OfferSequence=_own(watched, key, which))
        case ("pay", _, to, what, drops, price):
            sides = [str(drops), world.token(worth(drops, price))]
            amount, most = sides if what.endswith("xrp") else sides[::-1]
            more = {"SendMax": most, "Flags": PARTIAL} if what.startswith("for") else {}
            receiver = world.traders[to].address
            world.send(key, TransactionType="Payment", Destination=receiver, Amount=amount, **more)
        case ("tickets", _):
            world.send(key, TransactionType="TicketCreate", TicketCount=2)
        case ("empty", _):
            _give_all(world, key)
        case ("freeze", _, on):
            limit = {**world.token("0"), "issuer": key.address}
            world.send(
                world.issuer, TransactionType="TrustSet", LimitAmount=limit, Flags=FREEZE if on else UNFREEZE
            )
        case _:
            watched.close()


def worth(drops: int, price: str) -> str:
    """In tokens, with the digits that the ledger keeps."""
    with localcontext() as sixteen:
        sixteen.prec = 16
        return str(Decimal(drops) / 1_000_000 * Decimal(price))


def _give_all(world: World, key: Key) -> None:
    """Back to the issuer, so that what the account offers is unfunded."""
    line = world.node.open.state.get(keys.line(key.address, world.issuer.address, CURRENCY))
    assert line is not None
    held = line["Balance"]["value"].removeprefix("-")
    if Decimal(held):
        fields = {"Destination": world.issuer.address, "Amount": world.token(held)}
        world.send(key, TransactionType="Payment", **fields)


def _own(watched: Watched, key: Key, which: int) -> int:
    """One of the account's offers, or of those it had, or none that ever was."""
    root = watched.node.open.account(key.address)
    assert root is not None
    if which == 1 and (
        mine := [offer["Sequence"] for _, offer in account_offers(watched.node.open.state, key.address)]
    ):
        return int(mine[0])
    return max(int(root["Sequence"]) - which, 1)


@given(steps, st.sampled_from([0, 1_002_000_000]), st.sampled_from([0, 5]), st.booleans())
@settings(
    max_examples=1500 if SOAKING else 40,
    derandomize=not SOAKING,
    print_blob=SOAKING,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
def test_every_ledger_is_whole_and_its_metadata_tell_what_became_of_every_offer(
    taken: list[Any], transfer_rate: int, tick_size: int, pool: bool
) -> None:
    watched = Watched(transfer_rate, tick_size, pool=pool)
    for step in taken:
        take(watched, step)
    watched.close()
