"""Where the seed of the signing key comes from, and what keeps it from being shown."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from neo_core.errors import UsageError

__all__ = ["Secret", "seed_from"]

KEYRING_SERVICE = "neo"
MOST_BYTES = 1024
"""Far more than a seed: whoever names a larger file did not mean it."""

# Without it, a pipe of that name would keep its reader waiting. Windows has no such names.
_NONBLOCKING = getattr(os, "O_NONBLOCK", 0)


class Secret:
    """A text that is shown nowhere and written nowhere: only `reveal` gives it.

    A traceback may show the variables of every frame: what is secret is in none of them where an error can rise.
    """

    __slots__ = ("_reveal",)

    def __init__(self, text: str) -> None:
        # In a closure, since whoever prints an object may print its attributes as well.
        self._reveal: Callable[[], str] = lambda: text

    def reveal(self) -> str:
        return self._reveal()

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is neither copied nor written anywhere")


def seed_from(
    *, seed_env: str | None = None, seed_file: str | Path | None = None, seed_keyring: str | None = None
) -> Secret:
    """From an environment variable, a file, or the system's keyring (service `neo`) under the name given."""
    named = [source for source in (seed_env, seed_file, seed_keyring) if source is not None]
    if len(named) != 1:
        raise UsageError(
            f"expected exactly one of seed_env, seed_file and seed_keyring, got {len(named)} of them; "
            "name the one that holds the seed"
        )
    if seed_env is not None:
        return _from_environment(seed_env)
    if seed_file is not None:
        return _from_file(Path(seed_file))
    assert seed_keyring is not None
    return _from_keyring(seed_keyring)


def _from_environment(name: str) -> Secret:
    seed = Secret(os.environ.get(name, "").strip())
    if not seed.reveal():
        raise UsageError(
            f"expected the seed in the environment variable {name}, which is not set; set it, or name another"
        )
    return seed


def _from_file(path: Path) -> Secret:
    try:
        descriptor = os.open(path, os.O_RDONLY | _NONBLOCKING)
    except OSError as error:
        raise UsageError(f"the seed file {path} cannot be read ({error.strerror}); name another") from None
    try:
        # What is checked is what was opened, wherever links led.
        _check(path, os.fstat(descriptor))
        seed = Secret(os.read(descriptor, MOST_BYTES).decode("utf-8-sig", "replace").strip())
    finally:
        os.close(descriptor)
    if not seed.reveal():
        raise UsageError(f"the seed file {path} is empty; write the seed into it")
    return seed


def _check(path: Path, status: os.stat_result) -> None:
    """On Windows rights are in lists, which are not looked at: the rights of the folder protect the file."""
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"the seed file {path} is no file; name one that holds the seed")
    if status.st_size > MOST_BYTES:
        raise UsageError(f"the seed file {path} is larger than any seed; expected the seed and nothing else in it")
    if sys.platform == "win32":
        return
    if status.st_uid != os.geteuid():
        raise UsageError(
            f"the seed file {path} belongs to another user, who can read it; make it your own (chown)"
        )
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(
            f"the seed file {path} is open to others (mode {stat.S_IMODE(status.st_mode):04o}); "
            "close it (chmod 600), and if anybody may have read it, use another key"
        )


def _from_keyring(name: str) -> Secret:
    try:
        import keyring
    except ImportError:
        raise UsageError(
            "seed_keyring needs the package keyring; install it with pip install 'neo-core[keyring]'"
        ) from None
    seed = None
    with suppress(Exception):  # each system's keyring has errors of its own, and what they say is not shown
        seed = Secret((keyring.get_password(KEYRING_SERVICE, name) or "").strip())
    if seed is None:
        raise UsageError(
            "the keyring of this system does not answer (locked, or there is none); unlock it, or use seed_file"
        )
    if not seed.reveal():
        raise UsageError(
            f"the keyring holds nothing for {name}; put the seed there: keyring set {KEYRING_SERVICE} {name}"
        )
    return seed
