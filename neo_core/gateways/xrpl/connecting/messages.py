"""What servers say, read with suspicion: whatever is not as it has to be ends the connection, in one sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from neo_core.errors import ObservationFailed, UsageError
from neo_core.gateways.xrpl.connecting.link import RIPPLE_EPOCH, Answer, Closed

__all__ = [
    "API_VERSION",
    "Broken",
    "Server",
    "Unanswered",
    "announced",
    "named_in_sentences",
    "polled",
    "read_json",
    "refuse_trouble",
    "server_in",
    "warns_of_load",
]

API_VERSION = 2
SCHEMES = {"ws": 80, "wss": 443, "http": 80, "https": 443}
OLDEST_LEDGER_SECONDS = 60.0

_OVERLOADED = frozenset({"tooBusy", "slowDown"})
_BEHIND = frozenset(
    {
        "amendmentBlocked",
        "expiredValidatorList",
        "noClosed",
        "noCurrent",
        "noNetwork",
        "notReady",
        "notSynced",
    }
)
_SYNCED = frozenset({"full", "proposing", "validating"})
_HASH = re.compile(r"[0-9A-F]{64}", re.IGNORECASE)
_MOST = 2**32 - 1
_MOST_DROPS = 10**17
_LONGEST_SHOWN = 15  # of a part of a path: what is longer may be a key


class Broken(ObservationFailed):
    """The connection is of no more use. An overloaded server is left alone for longer."""

    def __init__(self, sentence: str, *, overloaded: bool = False) -> None:
        super().__init__(sentence)
        self.overloaded = overloaded


class Unanswered(Broken):
    """What was asked may yet be answered, and nobody waits for it any more."""


class Server(msgspec.Struct, frozen=True, gc=False):
    """What a server said of itself when the connection was made."""

    network_id: int
    public_key: str
    version: str
    state: str
    complete_ledgers: str
    validated_age: float
    base_fee: int
    reserve_base: int
    reserve_inc: int


def named_in_sentences(url: str) -> str:
    """The URL without user, password and query, and without such parts of its path as may be a key."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in SCHEMES or not url.isprintable() or " " in url:
        raise UsageError("expected the URL of a node with ws, wss, http or https, such as wss://xrplcluster.com/")
    path = "/".join([part if len(part) <= _LONGEST_SHOWN else "…" for part in parts.path.split("/")])
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}:{port if port is not None else SCHEMES[parts.scheme]}{path}"


def read_json(node: str, text: str | bytes) -> dict[str, Any]:
    try:
        message = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        message = None
    if not isinstance(message, dict):
        raise Broken(f"{node} sent what is no JSON object; another node is needed if this goes on")
    return message


def refuse_trouble(node: str, answer: Answer) -> None:
    """An error is an answer, unless it says that this server can answer nobody, or nothing that is new."""
    error = answer.get("error")
    if isinstance(error, str):
        if error in _OVERLOADED:
            raise Broken(f"{node} is overloaded ({error})", overloaded=True)
        if error in _BEHIND:
            raise Broken(f"{node} is not synced with its network ({error})")


def warns_of_load(message: Mapping[str, Any]) -> bool:
    return message.get("warning") == "load"


def server_in(node: str, answer: Answer, network_id: int | None) -> Server:
    """From `server_info`; refused when it is on another network, or not in step with its own."""
    info = answer.get("info")
    if not isinstance(info, dict):
        raise Broken(f"{node} does not say what it is (server_info without info)")
    found = info.get("network_id", 0)  # mainnet's servers need not say it
    if network_id is not None and found != network_id:
        raise Broken(f"{node} is on the network with id {found!r:.20}, expected {network_id}; name another node")
    state, validated = info.get("server_state", ""), info.get("validated_ledger")
    if info.get("amendment_blocked") is True:
        raise Broken(f"{node} does not know the rules of its network any more (amendment blocked); update it")
    # Servers of another make (Clio) have no state to tell.
    in_step = isinstance(state, str) and (not state or state in _SYNCED)
    has_history = info.get("complete_ledgers", "empty") not in ("", "empty")
    if not in_step or not has_history or not isinstance(validated, dict):
        raise Broken(f"{node} is not synced with its network (its state is {state!r:.20})")
    age = _number(node, validated, "age")
    if age > OLDEST_LEDGER_SECONDS:
        raise Broken(f"{node} is not synced with its network (its newest ledger is {age:.0f} s old)")
    return Server(
        network_id=found if type(found) is int else 0,
        public_key=str(info.get("pubkey_node", "")),
        version=str(info.get("build_version", info.get("clio_version", ""))),
        state=state,
        complete_ledgers=str(info["complete_ledgers"]),
        validated_age=age,
        base_fee=round(_number(node, validated, "base_fee_xrp") * 1_000_000),
        reserve_base=round(_number(node, validated, "reserve_base_xrp") * 1_000_000),
        reserve_inc=round(_number(node, validated, "reserve_inc_xrp") * 1_000_000),
    )


def announced(node: str, told: Mapping[str, Any], received_at: float) -> Closed:
    """From the ledger stream, or from the answer to its subscription."""
    if "ledger_index" not in told:
        raise Broken(f"{node} is not synced with its network (it has no validated ledger)")
    return Closed(
        ledger_index=_whole(node, told, "ledger_index", _MOST),
        ledger_hash=_hash(node, told),
        close_time=float(_whole(node, told, "ledger_time", _MOST) + RIPPLE_EPOCH),
        fee_base=_whole(node, told, "fee_base", _MOST_DROPS),
        reserve_base=_whole(node, told, "reserve_base", _MOST_DROPS),
        reserve_inc=_whole(node, told, "reserve_inc", _MOST_DROPS),
        received_at=received_at,
    )


def polled(node: str, answer: Answer, server: Server, received_at: float) -> Closed:
    """From the answer to `ledger`, with fees and reserves as the server last said them."""
    header = answer.get("ledger")
    if not isinstance(header, dict) or answer.get("validated") is not True:
        raise Broken(f"{node} was asked for its validated ledger and showed none")
    return Closed(
        ledger_index=_whole(node, answer, "ledger_index", _MOST),
        ledger_hash=_hash(node, answer),
        close_time=float(_whole(node, header, "close_time", _MOST) + RIPPLE_EPOCH),
        fee_base=server.base_fee,
        reserve_base=server.reserve_base,
        reserve_inc=server.reserve_inc,
        received_at=received_at,
    )


def _whole(node: str, told: Mapping[str, Any], name: str, most: int) -> int:
    given = told.get(name)
    if type(given) is not int or not 0 <= given <= most:
        raise Broken(f"{node} announced a ledger whose {name} is no whole number from 0 to {most}")
    return given


def _hash(node: str, told: Mapping[str, Any]) -> str:
    given = told.get("ledger_hash")
    if not isinstance(given, str) or not _HASH.fullmatch(given):
        raise Broken(f"{node} announced a ledger without a hash of 64 hex digits")
    return given.upper()


def _number(node: str, told: Mapping[str, Any], name: str) -> float:
    given = told.get(name)
    if not isinstance(given, int | float) or isinstance(given, bool) or not 0 <= given <= _MOST_DROPS:
        raise Broken(f"{node} does not say what its validated ledger is (no {name})")
    return float(given)
