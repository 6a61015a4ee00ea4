"""What lies on this machine: plugins, the key, the books, the disk."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from neo_core.config import LiveConfig, Settings
from neo_core.doctor.finding import Finding, fail, ok, warn
from neo_core.errors import NeoError, StoreError
from neo_core.plugins import LIVE_ONLY
from neo_core.store import Store
from neo_core.wiring import LIVE, Configured
from neo_core.wiring.live import signer_for
from neo_core.wiring.opening import owner_of

if TYPE_CHECKING:
    from neo_core.gateways.xrpl.keys.signing import Signer

__all__ = ["books", "disk", "key", "kill_file", "plugins"]

LEAST_BYTES, FEW_BYTES = 50 * 2**20, 2**30
PLACES = {
    "seed_env": "the environment variable",
    "seed_file": "the file",
    "seed_keyring": "the keyring of the system, under",
}


def plugins(configured: Configured) -> list[Finding]:
    loaded = dict(configured.plugins.versions)
    listed = ", ".join(f"{name} {version}" for name, version in loaded.items()) or "none"
    if configured.settings.engine.mode != LIVE:
        return [ok("plugins", listed)]
    missing = [name for name in LIVE_ONLY if name not in loaded]
    if missing:
        return [
            warn(
                "plugins",
                f"{listed}; without {', '.join(missing)}, what became of a vanished order is guessed",
                f"install and enable {', '.join(missing)}",
            )
        ]
    return [ok("plugins", listed)]


def key(live: LiveConfig) -> tuple[Signer | None, list[Finding]]:
    """The seed is read, and its key made, to know whose it is; neither is shown."""
    name, where = live.seed_source
    try:
        signer = signer_for(live)
    except NeoError as error:
        return None, [fail("seed", str(error), "`neo run` needs it; see docs/live.md for where it may be")]
    findings = [ok("seed", f"read from {PLACES[name]} {where}: it is the key of {signer.address}")]
    if signer.warning:
        findings.append(warn("signing", signer.warning))
    return signer, findings


def kill_file(settings: Settings) -> Finding:
    file = settings.kill_switch.file
    if file is not None and Path(file).exists():
        return fail("kill file", f"{file} exists, so that a session halts at its first tick", "remove it")
    return ok("kill file", "none is configured" if file is None else f"{file} is not there")


def books(settings: Settings, account: str | None) -> tuple[list[Finding], int | None]:
    """The database as this engine will find it, and the last ledger that it knows of this account."""
    path = _path(settings)
    if not path.exists() or path.stat().st_size == 0:
        return [ok("database", f"{path} is not there yet; the first session makes it")], None
    try:
        store = Store.open(settings.engine.database)
    except StoreError as error:
        return [fail("database", str(error), "without books no session begins")], None
    findings = [warn("database", note) for note in store.notes]
    last_ledger = None
    try:
        found, last_ledger = _engine(store, settings.engine.name, account)
        findings += found
    except NeoError as error:
        findings.append(fail("database", str(error), "without books no session begins"))
    finally:
        store.close()
    return findings, last_ledger


def _engine(store: Store, engine: str, account: str | None) -> tuple[list[Finding], int | None]:
    findings = []
    _, killed = store.requests(engine)
    if killed is not None:
        findings.append(fail("kill switch", f"it is set: {killed}", "take it back with `neo kill --clear`"))
    holder = store.holder(engine)
    if holder is not None:
        whose = f"process {holder['pid']} on {holder['host']}"
        findings.append(
            warn("lease", f"engine {engine!r} is running: {whose}", "a second start is refused while it does")
        )
    found = store.books(engine)
    if found is None:
        return [*findings, ok("database", f"it opens; engine {engine!r} has no session in it yet")], None
    keeper, state = found
    owner = owner_of(store, engine)
    if owner is not None and account is not None and owner != account:
        findings.append(
            fail(
                "books",
                f"they are about account {owner}, and this would trade on {account}",
                "books belong to one account: name another --engine or --database",
            )
        )
    left = store.status(engine)
    told = f"it opens; session {keeper.session} of engine {engine!r} was the last"
    told += f", {left['open_orders']} orders open, {left['held_orders']} held"
    if left["held_orders"]:
        findings.append(warn("database", told, "settle first what `neo orders held` lists"))
    else:
        findings.append(ok("database", told))
    return findings, state.ledger_index if keeper.account == account else None


def disk(settings: Settings) -> list[Finding]:
    path = _path(settings)
    folder = next((parent for parent in (path.parent, *path.parent.parents) if parent.exists()), Path())
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return [warn("disk", f"{folder} cannot be looked at: {error.strerror}", "see that there is room on it")]
    found = f"{free / 2**30:.1f} GiB free where {path} is kept"
    if free < LEAST_BYTES:
        return [fail("disk", found, "make room: a tick that cannot be written ends the session")]
    return [warn("disk", found, "make room soon") if free < FEW_BYTES else ok("disk", found)]


def _path(settings: Settings) -> Path:
    return Path(settings.engine.database.removeprefix("sqlite:///"))
