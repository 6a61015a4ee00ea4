"""The entries of a ledger, and working copies of them that can be thrown away."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

Entry = dict[str, Any]
"""A ledger entry as rippled shows it in JSON, without `index`. Never changed in place once it is in a state."""

_SETTLE: Final = 256
"""Changes over the base that a state carries before it gets a base of its own."""

_BOOK: Final = 48
"""Digits of a directory's key that name its book; the rest is the quality."""


class State:
    """All entries of one ledger, by key. Immutable by convention: a change makes another state."""

    __slots__ = ("_base", "_books", "_delta")

    def __init__(
        self,
        base: dict[str, Entry] | None = None,
        delta: dict[str, Entry | None] | None = None,
        books: dict[str, tuple[str, ...]] | None = None,
    ) -> None:
        self._base = {} if base is None else base
        self._delta = {} if delta is None else delta
        self._books = {} if books is None else books

    @classmethod
    def of(cls, entries: Mapping[str, Entry]) -> "State":
        """A state that holds exactly these entries."""
        return cls().with_changes(dict(entries))

    def get(self, key: str) -> Entry | None:
        """The entry under this key. Do not change it."""
        if key in self._delta:
            return self._delta[key]
        return self._base.get(key)

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def keys(self) -> Iterator[str]:
        """Every key, ascending."""
        gone = {key for key, entry in self._delta.items() if entry is None}
        return iter(sorted({*self._base, *self._delta} - gone))

    def items(self) -> Iterator[tuple[str, Entry]]:
        """Every entry, ascending by key."""
        for key in self.keys():
            entry = self.get(key)
            if entry is not None:
                yield key, entry

    def directories(self, book: str) -> tuple[str, ...]:
        """Keys of a book's directories, best quality first; `book` as in keys.book."""
        return self._books.get(book, ())

    def books(self) -> tuple[str, ...]:
        """Every book that holds an offer."""
        return tuple(self._books)

    def child(self) -> "State":
        """A state of its own with the same entries; cheap."""
        return State(self._base, dict(self._delta), self._books)

    def with_changes(self, changes: Mapping[str, Entry | None]) -> "State":
        """The state after these changes; None removes an entry."""
        delta = {**self._delta, **changes}
        base = self._base
        if len(delta) > _SETTLE + len(base) // 8:
            base = {key: entry for key, entry in {**base, **delta}.items() if entry is not None}
            delta = {}
        return State(base, delta, self._books_after(changes))

    def _books_after(self, changes: Mapping[str, Entry | None]) -> dict[str, tuple[str, ...]]:
        touched: dict[str, set[str]] = {}
        for key, entry in changes.items():
            known = key in self._books.get(key[:_BOOK], ())
            if known == is_book_root(key, entry):
                continue
            directories = touched.setdefault(key[:_BOOK], set(self._books.get(key[:_BOOK], ())))
            if known:
                directories.discard(key)
            else:
                directories.add(key)
        if not touched:
            return self._books
        books = dict(self._books)
        for book, found in touched.items():
            if found:
                books[book] = tuple(sorted(found))
            else:
                books.pop(book, None)
        return books


def is_book_root(key: str, entry: Entry | None) -> bool:
    return entry is not None and "ExchangeRate" in entry and entry["RootIndex"] == key


class View:
    """A working copy over a state or another view. What is put stays here until `commit`.

    A view of a payment (`flow`) remembers the highest owner counts: an offer used up in the same walk frees
    no reserve for the next one.
    """

    __slots__ = ("_highest", "changes", "flow", "gone", "parent")

    def __init__(self, parent: "State | View", *, flow: bool = False) -> None:
        self.parent = parent
        self.flow = flow
        self.changes: dict[str, Entry | None] = {}
        self.gone: dict[str, Entry] = {}
        self._highest: dict[str, int] = {}

    def get(self, key: str) -> Entry | None:
        if key in self.changes:
            return self.changes[key]
        return self.parent.get(key)

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def put(self, key: str, entry: Entry) -> None:
        """Puts a new or changed entry. It must not be one that another view or state holds."""
        self.changes[key] = entry

    def update(self, key: str, **fields: Any) -> Entry:
        """Changes fields of an entry that is there; None takes a field away."""
        old = self.get(key)
        if old is None:
            raise KeyError(f"no entry {key} to change")
        entry = {**old, **fields}
        for name, value in fields.items():
            if value is None:
                del entry[name]
        self.changes[key] = entry
        return entry

    def erase(self, key: str) -> None:
        """Removes an entry; `gone` keeps how it was in the end."""
        entry = self.get(key)
        if entry is not None:
            self.gone[key] = entry
            self.changes[key] = None

    def commit(self) -> None:
        """Hands the changes to the view below."""
        below = self.parent
        if not isinstance(below, View):
            raise TypeError("a state takes its changes by with_changes")
        below.changes.update(self.changes)
        below.gone.update(self.gone)
        if below.flow:
            for account, count in self._highest.items():
                below.owner_count_was(account, count)

    def owner_count_was(self, account: str, count: int) -> None:
        if self.flow:
            self._highest[account] = max(count, self._highest.get(account, 0))

    def owner_count(self, account: str, count: int) -> int:
        """The owner count that the reserve of this account is reckoned with."""
        if not self.flow:
            return count
        count = max(count, self._highest.get(account, 0))
        return self.parent.owner_count(account, count) if isinstance(self.parent, View) else count

    def directories(self, book: str) -> tuple[str, ...]:
        """As State.directories, with the changes."""
        below = self.parent.directories(book)
        mine = [key for key in self.changes if key.startswith(book)]
        if not mine:
            return below
        found = set(below)
        for key in mine:
            if is_book_root(key, self.changes[key]):
                found.add(key)
            else:
                found.discard(key)
        return tuple(sorted(found))
