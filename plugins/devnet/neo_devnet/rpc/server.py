"""What a server says about itself."""

from __future__ import annotations

from typing import Any

from neo_devnet.amendments import known
from neo_devnet.feemetrics import BASE_LEVEL, drops_at
from neo_devnet.rpc.call import Call
from neo_devnet.times import server_time

__all__ = ["HOST", "METHODS", "PUBLIC_KEY", "VERSION", "load_factors"]

VERSION = "2.2.3"
HOST = "devnet"
PUBLIC_KEY = "n9KwNJkfJZDQybtkQE1KkH6jE63qNAFPPwgUD7JaVLcpB5TfZzVL"
DROPS_PER_XRP = 1_000_000


def load_factors(call: Call) -> dict[str, int]:
    level = call.node.queue.metrics.required(len(call.node.open.txs))
    return {
        "load_base": BASE_LEVEL,
        "load_factor": level,
        "load_factor_fee_escalation": level,
        "load_factor_fee_queue": BASE_LEVEL,
        "load_factor_fee_reference": BASE_LEVEL,
        "load_factor_server": BASE_LEVEL,
    }


def _newest(call: Call) -> str:
    return "closed_ledger" if call.faults.alone else "validated_ledger"


def _common(call: Call, *, admin: bool) -> dict[str, Any]:
    node = call.node
    up = int((node.monotonic() - node.started_at) * 1_000_000)
    modes = {
        mode: {"duration_us": "0", "transitions": "0"}
        for mode in ("connected", "disconnected", "syncing", "tracking")
    }
    said: dict[str, Any] = {
        "build_version": VERSION,
        "complete_ledgers": call.faults.complete(node.validated.index),
        "io_latency_ms": 1,
        "jq_trans_overflow": "0",
        "peer_disconnects": "0",
        "peer_disconnects_resources": "0",
        "peers": 0,
        "ports": [{"port": "0", "protocol": ["http", "ws"]}],
        "pubkey_node": PUBLIC_KEY,
        "server_state": "full",
        "server_state_duration_us": str(up),
        "state_accounting": {**modes, "full": {"duration_us": str(up), "transitions": "1"}},
        "time": server_time(node.clock()),
        "uptime": up // 1_000_000,
        "validation_quorum": 0,
    }
    if call.faults.alone:
        said |= {"network_ledger": "waiting", "published_ledger": "none", "server_state": "disconnected"}
    else:
        said["initial_sync_duration_us"] = "0"
    if node.network_id is not None:
        said["network_id"] = node.network_id
    if admin:
        said |= {"load": {"job_types": [], "threads": 1}, "node_size": "tiny", "pubkey_validator": "none"}
    return said


def server_info(call: Call) -> dict[str, Any]:
    node, newest = call.node, call.newest
    factors = load_factors(call)
    info = _common(call, admin=call.admin)
    info |= {
        "hostid": HOST,
        "last_close": {"converge_time_s": 0.1, "proposers": 0},
        "load_factor": _plain(factors["load_factor"] / BASE_LEVEL),
        _newest(call): {
            "age": max(int(node.monotonic() - newest.closed_at), 0),
            "base_fee_xrp": node.fees.base / DROPS_PER_XRP,
            "hash": call.faults.hash_of(newest.hash),
            "reserve_base_xrp": _plain(node.fees.reserve_base / DROPS_PER_XRP),
            "reserve_inc_xrp": _plain(node.fees.reserve_inc / DROPS_PER_XRP),
            "seq": newest.index,
        },
    }
    if factors["load_factor"] != BASE_LEVEL:
        info |= {"load_factor_fee_escalation": info["load_factor"], "load_factor_server": 1}
    if call.admin:
        info["validator_list"] = {"count": 0, "expiration": "unknown", "status": "unknown"}
    return {"info": info}


def _plain(number: float) -> float:
    return int(number) if number == int(number) else number


def server_state(call: Call) -> dict[str, Any]:
    node, newest = call.node, call.newest
    state = _common(call, admin=call.admin)
    state |= load_factors(call)
    state |= {
        "last_close": {"converge_time": 100, "proposers": 0},
        _newest(call): {
            "base_fee": node.fees.base,
            "close_time": newest.close_time,
            "hash": call.faults.hash_of(newest.hash),
            "reserve_base": node.fees.reserve_base,
            "reserve_inc": node.fees.reserve_inc,
            "seq": newest.index,
        },
    }
    if call.admin:
        state["validator_list_expires"] = 0
    return {"state": state}


def fee(call: Call) -> dict[str, Any]:
    node, queue = call.node, call.node.queue
    base = node.fees.base
    level = queue.metrics.required(len(node.open.txs))
    answer = {
        "current_ledger_size": str(len(node.open.txs)),
        "current_queue_size": str(len(queue)),
        "drops": {
            "base_fee": str(base),
            "median_fee": str(drops_at(queue.metrics.multiplier, base)),
            "minimum_fee": str(base),
            "open_ledger_fee": str(-(-level * base // BASE_LEVEL)),
        },
        "expected_ledger_size": str(queue.metrics.expected),
        "ledger_current_index": call.open_index,
        "levels": {
            "median_level": str(queue.metrics.multiplier),
            "minimum_level": str(BASE_LEVEL),
            "open_ledger_level": str(level),
            "reference_level": str(BASE_LEVEL),
        },
    }
    if queue.largest is not None:
        answer["max_queue_size"] = str(queue.largest)
    return answer


def feature(call: Call) -> dict[str, Any]:  # noqa: ARG001 (as every method)
    return {"features": known()}


def version(call: Call) -> dict[str, Any]:  # noqa: ARG001
    return {"version": {"first": 1, "last": 2}}


def ping(call: Call) -> dict[str, Any]:
    return {"role": "admin"} if call.admin else {}


METHODS = {
    "feature": feature,
    "fee": fee,
    "ping": ping,
    "server_info": server_info,
    "server_state": server_state,
    "version": version,
}
