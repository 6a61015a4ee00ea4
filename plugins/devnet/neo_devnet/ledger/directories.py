"""Directories: lists of entries in pages of thirty-two, for an owner or for a book."""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Any, Final

from . import keys
from .state import Entry, State, View

PAGE_SIZE: Final = 32


def _number(text: str) -> int:
    return int(text, 16)


def _text(number: int) -> str:
    return f"{number:X}"


def insert(view: View, root_key: str, key: str, *, in_order: bool, **describe: Any) -> str:
    """Adds a key and tells the page it stands on. `in_order` keeps the order of arrival (books); owners' pages are
    sorted. `describe` are the fields of a new page.
    """
    root = view.get(root_key)
    if root is None:
        view.put(root_key, _page(root_key, key, **describe))
        return "0"
    number = _number(root.get("IndexPrevious", "0"))
    page_key = keys.page(root_key, number)
    last = view.get(page_key)
    assert last is not None
    indexes = last["Indexes"]
    if len(indexes) < PAGE_SIZE:
        place = len(indexes) if in_order else bisect_left(indexes, key)
        view.update(page_key, Indexes=[*indexes[:place], key, *indexes[place:]])
        return _text(number)
    new = number + 1
    view.update(page_key, IndexNext=_text(new))
    view.update(root_key, IndexPrevious=_text(new))
    page = _page(root_key, key, **describe)
    if new != 1:
        page["IndexPrevious"] = _text(number)
    view.put(keys.page(root_key, new), page)
    return _text(new)


def _page(root_key: str, key: str, **describe: Any) -> Entry:
    return {"Flags": 0, **describe, "Indexes": [key], "LedgerEntryType": "DirectoryNode", "RootIndex": root_key}


def remove(view: View, root_key: str, page: str, key: str) -> None:
    """Takes a key off its page; empty pages, and an empty directory, go."""
    number = _number(page)
    page_key = keys.page(root_key, number)
    node = view.get(page_key)
    if node is None or key not in node["Indexes"]:
        return
    left = [index for index in node["Indexes"] if index != key]
    node = view.update(page_key, Indexes=left)
    if left:
        return
    before, after = _number(node.get("IndexPrevious", "0")), _number(node.get("IndexNext", "0"))
    if number == 0:
        if before == after == 0:
            view.erase(page_key)
        return
    before_key, after_key = keys.page(root_key, before), keys.page(root_key, after)
    view.update(before_key, IndexNext=_text(after))
    view.update(after_key, IndexPrevious=_text(before))
    view.erase(page_key)
    root = view.get(root_key)
    if before == after == 0 and root is not None and not root["Indexes"]:
        view.erase(root_key)


def listed(view: State | View, root_key: str) -> Iterator[str]:
    """The keys in a directory, page after page."""
    number = 0
    while True:
        page = view.get(keys.page(root_key, number))
        if page is None:
            return
        yield from page["Indexes"]
        number = _number(page.get("IndexNext", "0"))
        if number == 0:
            return


def insert_owned(view: View, owner: str, key: str) -> str:
    """Adds a key to an owner's directory."""
    return insert(view, keys.owner_directory(owner), key, in_order=False, Owner=owner)


def remove_owned(view: View, owner: str, page: str, key: str) -> None:
    remove(view, keys.owner_directory(owner), page, key)


def owned(view: State | View, owner: str) -> Iterator[str]:
    """The keys of what an account owns, in directory order."""
    return listed(view, keys.owner_directory(owner))
