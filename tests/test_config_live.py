"""The section `live`: what is refused, and that no seed and no password is ever shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from neo_core.config import LiveConfig, Raw, Settings, check, read, shown_node
from neo_core.errors import ConfigError

ED_SEED = "sEdTM1uX8pu2do5XvTnutH6HsouMaM2"
SECP_SEED = "snoPBrXtMeMyMHUVTgbuqAfg1SUTb"
NODE = "wss://node.example/"


def live(**keys: Any) -> Settings:
    tree = {"engine": {"mode": "live"}, "live": {"nodes": [NODE], **keys}}
    return check(Raw(tree, "neo.yaml"), {})[0]


def refusal(**keys: Any) -> str:
    with pytest.raises(ConfigError) as refused:
        live(**keys)
    return "\n".join(refused.value.problems)


def text_of(tmp_path: Path, text: str) -> str:
    path = tmp_path / "neo.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        check(read(path), {})
    return "\n".join(refused.value.problems).removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"nodes": ["ftp://node.example/"]}, "ws, wss, http or https"),
        ({"nodes": ["node.example:6006"]}, "ws, wss, http or https"),
        ({"nodes": ["wss://"]}, "ws, wss, http or https"),
        ({"nodes": ["wss://node.example:99999/"]}, "ws, wss, http or https"),
        ({"nodes": [NODE, NODE]}, "each node once"),
        ({"nodes": []}, "live.nodes: expected at least one node, since engine.mode is live"),
        ({"network": "moonnet"}, "live.network: expected mainnet, testnet or devnet or a whole number"),
        ({"network": -1}, "a network id from 0 to 4294967295, got -1"),
        ({"network": "devnet"}, "live.issuer: expected who issues RLUSD on devnet, got null"),
        ({"network": 21338}, "live.issuer: expected who issues RLUSD on 21338"),
        ({"currency": "EUR"}, "live.issuer: expected who issues EUR on testnet"),
        ({"currency": "XRP"}, "expected what XRP is traded against, got XRP itself"),
        ({"currency": "no such thing at all"}, "or its code in 40 hex digits"),
        ({"account": "X7gJ5YK8abHf2eTPWPFHAAot8Knck11QGqmQ7a6a3Z8PJvk"}, "the address of an account"),
        ({"issuer": "nobody"}, "the address of an account, which begins with r, got 'nobody'"),
        ({"seed_env": "NEO_SEED", "seed_file": "seed.txt"}, "exactly one of seed_env, seed_file and seed_keyring"),
        (
            {"seed_file": "seed.txt", "seed_keyring": "neo"},
            "got seed_file and seed_keyring; set the others to null",
        ),
        ({"seed_env": None}, "exactly one of seed_env, seed_file and seed_keyring, got none of them"),
        ({"seed_env": "two words"}, "the name of an environment variable"),
        ({"max_cancel_fee_drops": 500}, "max_cancel_fee_drops of at least max_fee_drops (1000), got 500"),
        ({"last_ledger_offset": 2}, "a whole number from 3 to 100, got 2"),
        ({"tickets_for_cancel": 251}, "a whole number from 0 to 250"),
        ({"poll_seconds": 0.0}, "a number from 0.05 to 60"),
        ({"i_understand_this_trades_real_money": "yes"}, "true or false"),
        ({"nodse": []}, "did you mean nodes?"),
    ],
)
def test_what_no_live_session_could_trade_with_is_refused(keys: dict[str, Any], words: str) -> None:
    assert words in refusal(**keys)


@pytest.mark.parametrize(
    ("keys", "source"),
    [
        ({}, ("seed_env", "NEO_SEED")),
        ({"seed_env": "OTHER"}, ("seed_env", "OTHER")),
        ({"seed_file": "seed.txt"}, ("seed_file", "seed.txt")),
        ({"seed_env": None, "seed_keyring": "stage1"}, ("seed_keyring", "stage1")),
    ],
)
def test_the_seed_comes_from_exactly_one_place(keys: dict[str, Any], source: tuple[str, str]) -> None:
    assert live(**keys).live.seed_source == source


@pytest.mark.parametrize(
    ("keys", "network_id", "issuer", "real"),
    [
        ({}, 1, "rQhWct2fv4Vc4KRjRgMrxa8xPN9Zx9iLKV", False),
        ({"network": "mainnet"}, 0, "rMxCKbEDwqr76QuheSUMdEGf4B9xJ8m5De", True),
        ({"network": 0}, 0, "rMxCKbEDwqr76QuheSUMdEGf4B9xJ8m5De", True),
        (
            {"network": "devnet", "issuer": "rMxCKbEDwqr76QuheSUMdEGf4B9xJ8m5De"},
            2,
            "rMxCKbEDwqr76QuheSUMdEGf4B9xJ8m5De",
            False,
        ),
    ],
)
def test_a_network_has_an_id_and_where_it_is_known_the_issuer_of_rlusd(
    keys: dict[str, Any], network_id: int, issuer: str, real: bool
) -> None:
    section = live(**keys).live
    assert (section.network_id, section.issued_by, section.real_money) == (network_id, issuer, real)


@pytest.mark.parametrize(
    ("currency", "code"),
    [("RLUSD", "524C555344000000000000000000000000000000"), ("USD", "USD"), ("01" * 20, "01" * 20)],
)
def test_a_currency_is_written_as_the_ledger_does(currency: str, code: str) -> None:
    assert LiveConfig(currency=currency).currency_code == code


def test_live_needs_no_section_while_the_mode_is_paper() -> None:
    assert Settings().live.nodes == []


@pytest.mark.parametrize("seed", [ED_SEED, SECP_SEED])
@pytest.mark.parametrize(
    ("yaml", "where"),
    [
        ("live:\n  seed_env: {seed}\n", "live.seed_env, line 2"),
        ("live:\n  seed: {seed}\n", "live.seed, line 2"),
        ("engine:\n  name: neo\nnotes: [one, 'it is {seed}']\n", "notes[1], line 3"),
        ("live:\n  {seed}: yes\n", "live, line 2"),
        ("live:\n  {seed}: 1\n  {seed}: 2\n", "live, line 2"),
        ("{seed}", "line 1"),
        ("live:\n  seed_env: {seed}\n  nodes: 5\nquoting: nonsense\n", "live.seed_env, line 2"),
    ],
)
def test_a_seed_in_the_file_is_refused_by_the_name_of_its_key_and_never_shown(
    tmp_path: Path, seed: str, yaml: str, where: str
) -> None:
    told = text_of(tmp_path, yaml.format(seed=seed))
    assert told.startswith(f"{where}: this looks like the seed of a key")
    assert seed not in told


@pytest.mark.parametrize("seed", [ED_SEED, SECP_SEED])
@pytest.mark.parametrize("key", ["account", "seed_env", "issuer", "currency", "network", "poll_seconds", "nodes"])
def test_a_seed_on_the_command_line_is_refused_and_never_shown(seed: str, key: str) -> None:
    given: Any = [seed] if key == "nodes" else seed
    with pytest.raises(ConfigError) as refused:
        check(Raw({}, "neo.yaml"), {}, {"live": {key: given}})
    assert seed not in str(refused.value)


def test_what_a_session_keeps_of_its_nodes_has_no_password_and_no_key() -> None:
    nodes = ["wss://me:secret@node.example:6006/v1?token=secret", "https://x.example/0123456789abcdef0123/"]
    kept = live(nodes=nodes).model_dump(mode="json")["live"]["nodes"]
    assert kept == ["wss://node.example:6006/v1", "https://x.example/.../"]
    assert live(nodes=nodes).live.nodes == nodes
    assert shown_node(nodes[0]) == "wss://node.example:6006/v1"


def test_a_refused_node_is_shown_without_its_password() -> None:
    told = refusal(nodes=["ftp://me:secret@node.example/"])
    assert "secret" not in told
