"""Which recorded fields need not have the recorded value, and why. They have to be there all the same.

The later of two excuses for one field counts.
"""

from __future__ import annotations

import msgspec

__all__ = ["ENTRIES", "FIELDS", "Excuse", "excuse_for"]


class Excuse(msgspec.Struct, frozen=True):
    """`keys`: a field of one of these names, with all that is in it. `commands`, `recordings`: only there."""

    keys: frozenset[str]
    why: str
    commands: frozenset[str]
    recordings: frozenset[str]
    may_be_missing: bool


def excuse(
    keys: str, why: str, commands: str = "", recordings: str = "", *, may_be_missing: bool = False
) -> Excuse:
    return Excuse(
        frozenset(keys.split()), why, frozenset(commands.split()), frozenset(recordings.split()), may_be_missing
    )


SERVER = "server_info server_state"
NETWORKED = "19_not_synced 20_live_network"

FIELDS = (
    excuse(
        "account_hash",
        "it covers every entry of a state: the recorded server had run other scenarios before, and it keeps "
        "entries about itself that the devnet has no use for. (So its ledgers' own hashes are given to the node. "
        "That each is told of the right ledger is compared.)",
    ),
    excuse(
        "total_coins",
        "fees were burned in the scenarios that the recorded server had run before",
        recordings="06_expiration 16_api_versions",
    ),
    excuse(
        "build_version hostid node_size ports pubkey_node pubkey_validator validator_list validator_list_expires",
        "which software on which machine, and whom it knows",
        SERVER,
    ),
    excuse("hostid pubkey_node random", "which server it is", "subscribe"),
    excuse(
        "age initial_sync_duration_us io_latency_ms last_close load server_state_duration_us state_accounting "
        "time uptime",
        "how long the recorded process had run, and how busy it was",
        SERVER,
    ),
    excuse("server_state validation_quorum", "it was a validator of a network of its own", SERVER, NETWORKED),
    excuse(
        "network_id initial_sync_duration_us",
        "its configuration named network 0; it had not been in sync yet",
        SERVER,
        NETWORKED,
        may_be_missing=True,
    ),
)

TOO_LATE = "it came while its ledger was closing and went into the one after it, which is told as not yet there"

STARVED = (
    "a queued transaction that found no place in ledgers with more room than all that is recorded could "
    "have filled: what filled them was not written down"
)

ENTRIES = {
    **dict.fromkeys([("20_live_network", n) for n in (2, 3, 4)], TOO_LATE),
    **dict.fromkeys([("17_fee_queue", n) for n in (110, 112, 114, 116, 117)], STARVED),
}
"""Entries of a recording that are not compared at all."""


def excuse_for(recording: str, command: str, key: str) -> Excuse | None:
    found = [
        each
        for each in FIELDS
        if key in each.keys
        and (not each.commands or command in each.commands)
        and (not each.recordings or recording in each.recordings)
    ]
    return found[-1] if found else None
