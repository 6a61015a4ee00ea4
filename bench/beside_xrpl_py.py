"""Our own way from an intent to the node, and xrpl-py's, with the same transactions on the same node."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import count
from statistics import median
from typing import Any

import msgspec
from devnet import Devnet, gateway_to, sent
from xrpl.clients import JsonRpcClient
from xrpl.constants import CryptoAlgorithm
from xrpl.core.addresscodec import encode_seed
from xrpl.core.binarycodec import decode
from xrpl.models import IssuedCurrencyAmount, OfferCancel, OfferCreate, Transaction
from xrpl.transaction import sign, sign_and_submit
from xrpl.wallet import Wallet

from neo_core.gateways.xrpl.keys.secrets import Secret
from neo_core.gateways.xrpl.keys.signing import signer_of
from neo_core.gateways.xrpl.sending.building import placing
from neo_core.gateways.xrpl.sending.submission import Seen, Submission, Terms
from neo_core.model import DROPS, Cancel, Place, Side

__all__ = ["BATCH", "Signing", "Submitting", "signing", "submitting"]

SEEDS = {
    "ed25519": encode_seed(bytes(range(16)), CryptoAlgorithm.ED25519),
    "secp256k1": encode_seed(bytes(range(16)), CryptoAlgorithm.SECP256K1),
}
ISSUER = "rMxCKbEDwqr76QuheSUMdEGf4B9xJ8m5De"
RLUSD = "524C555344000000000000000000000000000000"
BATCH = 10
SIGNING_ROUNDS, SUBMITTING_ROUNDS = 5, 3
LIVES_SECONDS = 60.0
FAR = Decimal(30)
"""RLUSD for ten XRP: nobody takes that."""


class Signing(msgspec.Struct, frozen=True):
    """Microseconds of CPU for one transaction."""

    kind: str
    key: str
    ours: float
    theirs: float


class Submitting(msgspec.Struct, frozen=True):
    """Milliseconds of wall, and of CPU, for one transaction."""

    batch: tuple[float, float]
    singly: tuple[float, float]
    theirs: tuple[float, float]


# --- building and signing ---


def signing() -> list[Signing]:
    """Ours goes as far as blob and hash; of theirs there is only what `sign` answers, a model."""
    places: list[Place | Cancel] = [
        Place(f"1-{n}", Side.SELL, 100 * DROPS + n, Decimal("201.5") + n, 1_800_000_000) for n in range(BATCH)
    ]
    cancels: list[Place | Cancel] = [Cancel(f"1-{n}", 1 + n, "requote") for n in range(BATCH)]
    return [
        _signed(name, key, SEEDS[key], intents)
        for key in SEEDS
        for name, intents in (("OfferCreate", places), ("OfferCancel", cancels))
    ]


def _signed(name: str, key: str, seed: str, intents: Sequence[Place | Cancel]) -> Signing:
    signer, wallet = signer_of(Secret(seed)), Wallet.from_seed(seed)
    assert not signer.warning, signer.warning
    ours = Submission(signer.address, signer, Terms(RLUSD, ISSUER))
    ours.learn(Seen(ledger_index=1000, close_time=1_790_000_000, sequence=500))
    blobs = [one.blob for one in ours.prepare(intents)]
    words = [_words(decode(blob.hex())) for blob in blobs]
    model: Callable[..., Transaction] = OfferCreate if name == "OfferCreate" else OfferCancel

    def theirs() -> list[Transaction]:
        return [sign(model(**one), wallet) for one in words]

    assert [bytes.fromhex(one.blob()) for one in theirs()] == blobs  # the same to the last byte
    mine = min(_cpu(lambda: ours.prepare(intents)) for _ in range(SIGNING_ROUNDS * 2))
    return Signing(name, key, mine, min(_cpu(theirs) for _ in range(SIGNING_ROUNDS)))


def _words(made: dict[str, Any]) -> dict[str, Any]:
    """What a caller of xrpl-py says of this transaction."""
    names = {
        "Account": "account",
        "Sequence": "sequence",
        "Fee": "fee",
        "LastLedgerSequence": "last_ledger_sequence",
        "Flags": "flags",
        "TakerGets": "taker_gets",
        "TakerPays": "taker_pays",
        "Expiration": "expiration",
        "OfferSequence": "offer_sequence",
    }
    words = {names[name]: value for name, value in made.items() if name in names}
    return {name: IssuedCurrencyAmount(**it) if isinstance(it, dict) else it for name, it in words.items()}


def _cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1e6 / BATCH


# --- submitting ---


def submitting(net: Devnet) -> Submitting:
    """Each round leaves the same number of offers by each of the three ways, and takes them all back."""
    gateway, _ = gateway_to(net.settings)
    client, wallet = JsonRpcClient(net.http), Wallet.from_seed(net.seed)
    serial = count(1)

    def places() -> list[Place]:
        return [Place(f"2-{next(serial)}", Side.SELL, 10 * DROPS, FAR) for _ in range(BATCH)]

    def batch() -> None:
        intents = places()
        sent(gateway.send(gateway.prepare(intents)), intents)

    def singly() -> None:
        for place in places():
            sent(gateway.send(gateway.prepare([place])), [place])

    pays = IssuedCurrencyAmount(currency=RLUSD, issuer=net.issuer, value=str(FAR))

    def theirs() -> None:
        for place in places():
            made = placing(place, RLUSD, net.issuer, gateway.now() + LIVES_SECONDS)
            offer = OfferCreate(
                account=wallet.address,
                taker_gets=str(place.drops),
                taker_pays=pays,
                flags=made["Flags"],
                expiration=made["Expiration"],
            )
            answer = sign_and_submit(offer, client, wallet)
            assert answer.result["engine_result"] == "tesSUCCESS", answer

    figures: dict[Callable[[], None], list[tuple[float, float]]] = {batch: [], singly: [], theirs: []}
    gateway.observe(None)
    for _ in range(SUBMITTING_ROUNDS):
        for way, found in figures.items():
            found.append(_wall_and_cpu(way))
            net.close_ledger()
            shown = gateway.observe(None)
            assert len(shown.account.offers) == BATCH
            cancels = [Cancel(f"2-{one.sequence}", one.sequence, "requote") for one in shown.account.offers]
            sent(gateway.send(gateway.prepare(cancels)), cancels)
            net.close_ledger()
            gateway.observe(None)
    gateway.close()
    return Submitting(*[_middle(found) for found in figures.values()])


def _wall_and_cpu(work: Callable[[], None]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    took = time.perf_counter() - wall, time.process_time() - cpu
    return took[0] * 1e3 / BATCH, took[1] * 1e3 / BATCH


def _middle(found: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return median([wall for wall, _ in found]), median([cpu for _, cpu in found])
