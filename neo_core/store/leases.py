"""Who trades as an engine: one process. A row says which, and it is renewed for as long as that process lives.

A lease may be taken over once it has expired, or at once if its process is known to be dead: that one held a lock
as well, and that is free. Expiry is by the wall clock, since two processes share no other. Set forward, it lets
a living process be taken over: that one finds out before it writes or sends anything more, and stops. Set back, it
keeps a lease alive for that much longer. Neither makes two of them trade.
"""

from __future__ import annotations

import os
import platform
import sqlite3
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from peewee import SqliteDatabase

from neo_core.errors import LeaseLost, StoreError
from neo_core.store.locks import lock_file, try_lock
from neo_core.store.schema import Leases, Sessions
from neo_core.store.sentences import name_of, transaction
from neo_core.store.state import iso

__all__ = ["Lease", "holder", "running_on"]

BEATS_A_LEASE = 5
LOOK_SECONDS = 0.25  # whoever only looks whether the lock is free has it for less


class Lease:
    """Taken when it is made, or refused; lost when another process takes it."""

    def __init__(
        self,
        database: SqliteDatabase,
        path: Path,
        engine: str,
        seconds: float,
        wall: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self.engine = engine
        self.token = uuid.uuid4().hex
        self._database = database
        self._connection: sqlite3.Connection = database.connection()  # type: ignore[no-untyped-call]  # untyped in the stubs
        self._path = path
        self._seconds = seconds
        self._wall = wall
        self._clock = clock
        self._due = clock() + seconds / BEATS_A_LEASE
        self._is_ours = (
            Leases.select(Leases.pid)
            .where((Leases.engine == engine) & (Leases.holder == self.token))
            .bind(database)
            .sql()
        )
        self._lock = try_lock(path, engine, LOOK_SECONDS)
        try:
            with transaction(self._connection, name_of(path), f"take the lease of engine {engine!r}"):
                self._take()
        except BaseException:
            self._unlock()
            raise

    def _take(self) -> None:
        row, now = _row(self._database, self.engine), self._wall()
        dead = row is not None and row["locked"] and self._lock is not None
        if row is not None and row["expires_at"] > now and not dead:
            raise StoreError(
                f"engine {self.engine!r} is running on {name_of(self._path)} already: {_who(row)} took it at "
                f"{iso(row['taken_at'])} and gave its last sign of life at {iso(row['beaten_at'])}; stop that one "
                "first, or give this one another --engine or --database; if it is gone, wait until "
                f"{iso(row['expires_at'])}"
            )
        columns = {
            "holder": self.token,
            "session": None,
            "host": platform.node(),
            "pid": os.getpid(),
            "taken_at": now,
            "beaten_at": now,
            "expires_at": now + self._seconds,
            "locked": self._lock is not None,
        }
        taken = Leases.insert(engine=self.engine, **columns)
        taken.on_conflict(conflict_target=["engine"], update=columns).execute(self._database)

    def is_due(self) -> bool:
        """A part of its time has passed."""
        return self._clock() >= self._due

    def renew(self) -> None:
        now = self._clock()
        # Whoever was taken over may have let go of the lock meanwhile.
        self._lock = self._lock or try_lock(self._path, self.engine)
        with transaction(self._connection, name_of(self._path), f"renew the lease of engine {self.engine!r}"):
            beaten = self._wall()
            self._update(beaten_at=beaten, expires_at=beaten + self._seconds, locked=self._lock is not None)
        self._due = now + self._seconds / BEATS_A_LEASE

    def names(self, session: int) -> None:
        """The session that trades under it. In a transaction of the caller."""
        self._update(session=session)

    def check(self) -> None:
        """Nothing may be written once the lease is another's. In a transaction of the caller."""
        if self._connection.execute(*self._is_ours).fetchone() is None:
            raise self._lost()

    def give_back(self) -> None:
        try:
            with transaction(self._connection, name_of(self._path), f"give back the lease of {self.engine!r}"):
                Leases.delete().where(self._mine).execute(self._database)
        finally:
            self._unlock()

    @property
    def _mine(self) -> Any:
        return (Leases.engine == self.engine) & (Leases.holder == self.token)

    def _update(self, **columns: Any) -> None:
        if Leases.update(columns).where(self._mine).execute(self._database) == 0:
            raise self._lost()

    def _lost(self) -> LeaseLost:
        row = _row(self._database, self.engine)
        by = "by another process" if row is None else f"by {_who(row)} at {iso(row['taken_at'])}"
        return LeaseLost(
            f"engine {self.engine!r} was taken over {by}; this one stops at once and sends nothing more"
        )

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def holder(
    database: SqliteDatabase, path: Path, engine: str, now: float, own: str | None
) -> dict[str, Any] | None:
    """Who runs the engine; None if nobody does: nobody took it, the lease has expired, or its process is dead."""
    row = _row(database, engine)
    if row is None or row["expires_at"] <= now:
        return None
    if row["locked"] and row["holder"] != own and _is_free(path, engine):
        return None
    return {
        "session": row["session"],
        "host": row["host"],
        "pid": row["pid"],
        "since": iso(row["taken_at"]),
        "beaten_at": iso(row["beaten_at"]),
        "expires_at": iso(row["expires_at"]),
    }


def running_on(database: SqliteDatabase, path: Path, account: str, now: float) -> list[str]:
    """The engines that run on an account."""
    on_it = Leases.select(Leases.engine).join(Sessions, on=(Leases.session == Sessions.id))
    rows = on_it.where(Sessions.account == account).order_by(Leases.engine).tuples().execute(database)
    return [name for (name,) in list(rows) if holder(database, path, name, now, None) is not None]


def _is_free(path: Path, engine: str) -> bool:
    if not lock_file(path, engine).exists():
        return True
    lock = try_lock(path, engine)
    if lock is None:
        return False
    lock.close()
    return True


def _row(database: SqliteDatabase, engine: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = Leases.select().where(Leases.engine == engine).dicts().first(database)
    return found


def _who(row: dict[str, Any]) -> str:
    session = "no session yet" if row["session"] is None else f"session {row['session']}"
    return f"process {row['pid']} on {row['host']} ({session})"
