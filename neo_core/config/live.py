"""The section `live`: which ledger, which account, whose key, and what a transaction may cost."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, field_serializer, field_validator, model_validator

from neo_core.config.sections import Section
from neo_core.config.words import hidden
from neo_core.seeds import SEED

__all__ = ["NETWORK_IDS", "LiveConfig", "named_network", "shown_node"]

NETWORK_IDS = {"mainnet": 0, "testnet": 1, "devnet": 2}
ISSUERS = {"mainnet": "rMxCKbEDwqr76QuheSUMdEGf4B9xJ8m5De", "testnet": "rQhWct2fv4Vc4KRjRgMrxa8xPN9Zx9iLKV"}
MOST_DROPS = 10_000_000
LONGEST_SHOWN = 15

_ADDRESS = re.compile(r"r[1-9A-HJ-NP-Za-km-z]{24,34}")
_ALPHABET = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
_ADDRESS_BYTES = 25
_CODE = re.compile(r"[0-9A-F]{40}")
_NAME = re.compile(r"[A-Za-z0-9?!@#$%^&*<>(){}\[\]|]{3,20}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def named_network(network_id: int) -> str:
    """As the configuration calls it."""
    return next((name for name, number in NETWORK_IDS.items() if number == network_id), str(network_id))


def shown_node(url: str) -> str:
    """Without what may be secret in it: a user, a password, a query, and parts of the path that may be a key."""
    parts = urlsplit(url)
    path = "/".join([part if len(part) <= LONGEST_SHOWN else "..." for part in parts.path.split("/")])
    return SplitResult(parts.scheme, parts.netloc.rpartition("@")[2], path, "", "").geturl()


class LiveConfig(Section):
    nodes: list[str] = Field(
        default=[],
        description="Nodes of the ledger, best first: ws, wss, http or https. Live needs at least one.",
    )
    network: Literal["mainnet", "testnet", "devnet"] | int = Field(
        default="testnet", description="The network that every node has to be on, by name or by its network id."
    )
    account: str | None = Field(default=None, description="The account that trades; null: the key's own.")
    currency: str = Field(
        default="RLUSD", description="The currency that XRP is traded against: a name, or 40 hex."
    )
    issuer: str | None = Field(
        default=None, description="Who issues it; null: of RLUSD on mainnet and testnet, which are known."
    )
    seed_env: str | None = Field(
        default="NEO_SEED",
        description="The seed of the key is in this environment variable; null: in one of the other two.",
    )
    seed_file: str | None = Field(
        default=None,
        min_length=1,
        description="It is in this file, which only its owner may read; null: in no file.",
    )
    seed_keyring: str | None = Field(
        default=None,
        min_length=1,
        description="It is in the keyring of the system, under the service `neo` and this name; null: not in it.",
    )
    last_ledger_offset: int = Field(
        default=4,
        ge=3,
        le=100,
        description="A transaction that is in none of the next so many ledgers is dead.",
    )
    max_fee_drops: int = Field(
        default=1_000, ge=10, le=MOST_DROPS, description="The most that a quote's transaction may cost, in drops."
    )
    max_cancel_fee_drops: int = Field(
        default=50_000, ge=10, le=MOST_DROPS, description="The most that a cancel may cost, in drops."
    )
    tickets_for_cancel: int = Field(
        default=0,
        ge=0,
        le=250,
        description="Tickets kept for cancels, so that no stuck sequence holds them; each costs a reserve.",
    )
    request_timeout_seconds: float = Field(
        default=10.0, gt=0, le=120, description="A node that has not answered after so long has failed."
    )
    ledger_timeout_seconds: float = Field(
        default=25.0, gt=0, le=600, description="Without a new ledger for so long, the observation has failed."
    )
    poll_seconds: float = Field(
        default=1.0, ge=0.05, le=60, description="How often a node without a WebSocket is asked for a new ledger."
    )
    i_understand_this_trades_real_money: bool = Field(
        default=False, description="Has to be true, here or on the command line, before NEO trades on mainnet."
    )

    @field_validator("nodes")
    @classmethod
    def _nodes_are_urls(cls, nodes: list[str]) -> list[str]:
        for node in nodes:
            if not _is_node(node):
                raise ValueError(
                    f"expected URLs such as wss://s.altnet.rippletest.net:51233/ (ws, wss, http or https), "
                    f"got {hidden(node)}"
                )
            if nodes.count(node) > 1:
                raise ValueError(f"expected each node once, got {shown_node(node)} twice; name it once")
        return nodes

    @field_validator("network")
    @classmethod
    def _network_is_an_id(cls, network: str | int) -> str | int:
        if isinstance(network, int) and not 0 <= network < 2**32:
            raise ValueError(
                f"expected mainnet, testnet, devnet or a network id from 0 to 4294967295, got {network}"
            )
        return network

    @field_validator("account", "issuer")
    @classmethod
    def _is_an_address(cls, address: str | None) -> str | None:
        if address is not None and not _ADDRESS.fullmatch(address):
            raise ValueError(f"expected the address of an account, which begins with r, got {hidden(address)}")
        if address is not None and not _adds_up(address):
            raise ValueError(f"expected the address of an account, got {address}, in which a sign is mistyped")
        return address

    @field_validator("currency")
    @classmethod
    def _is_a_currency(cls, currency: str) -> str:
        if currency.upper() == "XRP":
            raise ValueError("expected what XRP is traded against, got XRP itself; the default is RLUSD")
        if not _CODE.fullmatch(currency) and not _NAME.fullmatch(currency):
            raise ValueError(
                "expected the name of a currency, of 3 to 20 characters, or its code in 40 hex digits, "
                f"got {hidden(currency)}"
            )
        return currency

    @field_validator("seed_env")
    @classmethod
    def _is_a_variable(cls, name: str | None) -> str | None:
        if name is not None and (SEED.search(name) or not _VARIABLE.fullmatch(name)):
            raise ValueError("expected the name of an environment variable, such as NEO_SEED, got something else")
        return name

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        named = [name for name in ("seed_env", "seed_file", "seed_keyring") if getattr(self, name) is not None]
        others = [name for name in named if name != "seed_env" or "seed_env" in self.model_fields_set]
        if len(others or named) != 1:
            got = " and ".join(others) or "none of them"
            raise ValueError(
                f"expected exactly one of seed_env, seed_file and seed_keyring, got {got}; set the others to null"
            )
        if self.max_cancel_fee_drops < self.max_fee_drops:
            raise ValueError(
                f"expected max_cancel_fee_drops of at least max_fee_drops ({self.max_fee_drops}), "
                f"got {self.max_cancel_fee_drops}"
            )
        return self

    @field_serializer("nodes")
    def _without_passwords(self, nodes: list[str]) -> list[str]:
        """A session keeps its configuration, and shows it to whoever asks."""
        return [shown_node(node) for node in nodes]

    @property
    def network_id(self) -> int:
        return NETWORK_IDS[self.network] if isinstance(self.network, str) else self.network

    @property
    def real_money(self) -> bool:
        return self.network_id == NETWORK_IDS["mainnet"]

    @property
    def seed_source(self) -> tuple[str, str]:
        """Which of the three keys holds, and what it says."""
        for name in ("seed_file", "seed_keyring"):
            where = getattr(self, name)
            if where is not None:
                return name, where
        assert self.seed_env is not None
        return "seed_env", self.seed_env

    @property
    def currency_code(self) -> str:
        """As the ledger writes it: three characters, or forty hex digits."""
        if len(self.currency) == 3 or _CODE.fullmatch(self.currency):
            return self.currency
        return self.currency.encode("ascii").hex().upper().ljust(40, "0")

    @property
    def issued_by(self) -> str | None:
        """None: nobody is named, and nobody is known."""
        if self.issuer is not None:
            return self.issuer
        return ISSUERS.get(named_network(self.network_id)) if self.currency == "RLUSD" else None


def _adds_up(address: str) -> bool:
    """An address ends with a checksum of itself: the first four bytes of a double hash."""
    number = 0
    for sign in address:
        number = number * len(_ALPHABET) + _ALPHABET.index(sign)
    if number.bit_length() > 8 * _ADDRESS_BYTES:
        return False
    told = number.to_bytes(_ADDRESS_BYTES, "big")
    return sha256(sha256(told[:-4]).digest()).digest()[:4] == told[-4:]


def _is_node(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port_is_one = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return (
        parts.scheme in ("ws", "wss", "http", "https")
        and bool(parts.hostname)
        and port_is_one
        and url.isprintable()
        and " " not in url
    )
