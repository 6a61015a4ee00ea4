"""The seed: where it comes from, and that nothing shows it."""

from __future__ import annotations

import copy
import json
import logging
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from neo_core.errors import UsageError
from neo_core.gateways.xrpl.keys.secrets import Secret, seed_from
from neo_core.gateways.xrpl.keys.signing import signer_of
from tests.gateway.signing.telling import told_of

SEED = "sEdTM1uX8pu2do5XvTnutH6HsouMaM2"

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes to look at")


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    def make(content: bytes = SEED.encode(), mode: int = 0o600) -> Path:
        path = tmp_path / "seed"
        path.write_bytes(content)
        path.chmod(mode)
        return path

    return make


def test_a_seed_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEO_SEED", f" {SEED}\n")
    assert seed_from(seed_env="NEO_SEED").reveal() == SEED


@pytest.mark.parametrize("value", [None, "", "  "])
def test_an_environment_without_it_is_refused(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.setenv("NEO_OTHER", SEED)
    monkeypatch.delenv("NEO_SEED", raising=False)
    if value is not None:
        monkeypatch.setenv("NEO_SEED", value)
    with pytest.raises(UsageError, match="environment variable NEO_SEED, which is not set; set it") as refused:
        seed_from(seed_env="NEO_SEED")
    assert SEED not in told_of(refused.value)


@pytest.mark.parametrize("content", [SEED, f"{SEED}\n", f"{SEED}\r\n", f"\ufeff{SEED}\n"])
def test_a_seed_from_a_file(file: Callable[..., Path], content: str) -> None:
    assert seed_from(seed_file=file(content.encode())).reveal() == SEED
    assert seed_from(seed_file=str(file(content.encode(), 0o400))).reveal() == SEED


@posix_only
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620, 0o602, 0o610, 0o777])
def test_a_file_that_others_may_touch_is_refused(file: Callable[..., Path], mode: int) -> None:
    with pytest.raises(
        UsageError, match=rf"open to others \(mode {mode:04o}\); close it \(chmod 600\)"
    ) as refused:
        seed_from(seed_file=file(mode=mode))
    assert SEED not in told_of(refused.value)


@posix_only
def test_a_link_is_followed_and_what_it_leads_to_is_looked_at(file: Callable[..., Path], tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(file())
    assert seed_from(seed_file=link).reveal() == SEED
    file(mode=0o644)
    with pytest.raises(UsageError, match="open to others"):
        seed_from(seed_file=link)


@posix_only
def test_a_file_of_another_user_is_refused(file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = file()
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(UsageError, match="belongs to another user"):
        seed_from(seed_file=path)


@posix_only
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(UsageError, match="is no file"):
        seed_from(seed_file=tmp_path / "pipe")


@posix_only
def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no file"):
        seed_from(seed_file=tmp_path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        seed_from(seed_file=tmp_path / "none")


@pytest.mark.parametrize("content", [b"", b" \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(file: Callable[..., Path], content: bytes) -> None:
    with pytest.raises(UsageError, match="is empty"):
        seed_from(seed_file=file(content))


def test_a_large_file_is_refused(file: Callable[..., Path]) -> None:
    with pytest.raises(UsageError, match="larger than any seed") as refused:
        seed_from(seed_file=file(SEED.encode() * 100))
    assert SEED not in told_of(refused.value)


@pytest.mark.parametrize("content", [SEED[:-3].encode(), b"\xff\xfe" * 20, f"{SEED}\n{SEED}".encode(), b"\0" * 30])
def test_a_torn_file_gives_no_key(file: Callable[..., Path], content: bytes) -> None:
    with pytest.raises(UsageError) as refused:
        signer_of(seed_from(seed_file=file(content)))
    assert SEED[:-3] not in told_of(refused.value)


def ring(monkeypatch: pytest.MonkeyPatch, get: Callable[[str, str], str | None]) -> None:
    keyring = ModuleType("keyring")
    keyring.get_password = get  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", keyring)


def test_a_seed_from_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {("neo", "trading"): SEED}
    ring(monkeypatch, lambda service, name: kept.get((service, name)))
    assert seed_from(seed_keyring="trading").reveal() == SEED
    with pytest.raises(UsageError, match="holds nothing for other; put the seed there: keyring set neo other"):
        seed_from(seed_keyring="other")


def test_a_keyring_that_does_not_answer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(service: str, name: str) -> str:
        held = SEED
        raise RuntimeError(f"cannot unlock {held}")

    ring(monkeypatch, locked)
    with pytest.raises(UsageError, match="does not answer") as refused:
        seed_from(seed_keyring="trading")
    assert SEED not in told_of(refused.value)


def test_without_the_package_keyring_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(UsageError, match=r"pip install 'neo-core\[keyring\]'"):
        seed_from(seed_keyring="trading")


@pytest.mark.parametrize(
    "sources", [{}, {"seed_env": "A", "seed_file": "b"}, {"seed_env": "A", "seed_file": "b", "seed_keyring": "c"}]
)
def test_exactly_one_source_is_named(sources: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=f"exactly one .* got {len(sources)} of them"):
        seed_from(**sources)


def test_a_secret_is_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(SEED)
    with caplog.at_level(logging.INFO):
        logging.getLogger("test").info("%s %r %s", secret, secret, {"seed": secret})
    for shown in (
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r:>40}",
        "{:}".format(secret),  # noqa: UP032 (another way to it)
        repr([secret]),
        str({"a": secret}),
        str(dir(secret)),
        caplog.text,
    ):
        assert SEED not in shown


def holder() -> None:
    held = Secret(SEED)
    raise ValueError(f"something about {held}")


def test_a_traceback_with_variables_does_not_show_it() -> None:
    with pytest.raises(ValueError, match="about") as raised:
        holder()
    told = told_of(raised.value)
    assert "held = Secret(…)" in told
    assert SEED not in told


@pytest.mark.parametrize(
    "write",
    [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, msgspec.json.encode, msgspec.msgpack.encode, vars],
)
def test_a_secret_is_not_written_anywhere(write: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError) as refused:
        write(Secret(SEED))
    assert SEED not in told_of(refused.value)


def test_a_broken_seed_is_in_no_frame_of_its_refusal() -> None:
    with pytest.raises(UsageError) as refused:
        signer_of(Secret(SEED[:-1]))
    assert SEED[:-1] not in told_of(refused.value)
