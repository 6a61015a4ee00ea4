"""From a YAML file to a plain tree.

Only text, numbers, true/false, null, lists and sections come out of it. What YAML versions disagree about
stays text, for the schema to refuse: 1:30 is not 90, 010 is not 8, 1_000 is not 1000, 2026-01-01 is no date.
The words yes, no, on and off are true and false. Tags and aliases are refused: a configuration needs neither,
and aliases can make a small file explode.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from neo_core.config.words import came, dotted
from neo_core.errors import ConfigError
from neo_core.seeds import SEED

__all__ = ["Raw", "read"]

_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FRACTION = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_ODD = re.compile(r"([-+]?)\.(inf|Inf|INF|nan|NaN|NAN)")
_MEANINGS: dict[str, bool | None] = {"": None, "~": None, "null": None}
_MEANINGS |= dict.fromkeys(("true", "yes", "on"), True)
_MEANINGS |= dict.fromkeys(("false", "no", "off"), False)
_WORDS = {form: meaning for word, meaning in _MEANINGS.items() for form in (word, word.title(), word.upper())}


class Raw(NamedTuple):
    """What a file says, unchecked, and the name to call it by."""

    tree: Mapping[str, Any]
    name: str


def read(path: Path | None) -> Raw:
    """The tree of a file, or an empty one. Refuses what is no file, no UTF-8, no YAML or no mapping."""
    if path is None:
        return Raw({}, "no configuration file")
    faults: list[str] = []
    try:
        tree = _tree(_text(path), faults)
    except ConfigError as error:
        faults = list(error.problems)
    if faults:
        raise ConfigError([f"{path}: {fault}" for fault in faults])
    return Raw(tree, str(path))


def _text(path: Path) -> str:
    try:
        if path.is_dir():
            raise ConfigError(["expected a file, got a folder; name the file inside it"])
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(["expected a configuration file, but there is none; check its path"]) from None
    except OSError as error:
        raise ConfigError([f"cannot be read: {error.strerror or error}; check path and permissions"]) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        byte = error.object[error.start]
        raise ConfigError(
            [f"line {line}: expected UTF-8 text, got the byte 0x{byte:02x}; save the file as UTF-8"]
        ) from error


def _tree(text: str, faults: list[str]) -> dict[str, Any]:
    try:
        node = _Loader(text).get_single_node()
        _refuse_seeds(node)
        tree = None if node is None else _plain(node, (), faults)
    except yaml.MarkedYAMLError as error:
        place = _place(error.problem_mark or error.context_mark)
        raise ConfigError(
            [f"{place}: this is no YAML: {error.problem or error.context}; mend it there"]
        ) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError([f"line {line}: expected text, got a control character; take it out"]) from error
    except RecursionError as error:
        raise ConfigError(["expected keys and values, got brackets nested without end; mend them"]) from error
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError([f"expected sections such as `quoting:` at the top level, got {came(tree)}"])
    return tree


class _Loader(yaml.BaseLoader):
    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave it untyped
        if isinstance(event, yaml.AliasEvent):
            raise ConfigError([f"{_place(event.start_mark)}: expected a value, got an alias (*); write it out"])
        if getattr(event, "tag", None) is not None:
            raise ConfigError([f"{_place(event.start_mark)}: expected a value, got a tag (!); take the tag out"])
        return super().compose_node(parent, index)


def _refuse_seeds(node: yaml.Node | None) -> None:
    """Before anything else is said of the file, since that may quote it."""
    seeds = sorted(set(_seeds(node, ()))) if node is not None else []
    if seeds:
        raise ConfigError(
            [
                f"{name}: this looks like the seed of a key, which has no place in a configuration; take it out, "
                "put it where live.seed_env, live.seed_file or live.seed_keyring says, and use another key if "
                "anybody else may have read this one"
                for name in seeds
            ]
        )


def _seeds(node: yaml.Node, path: tuple[str | int, ...]) -> Iterator[str]:
    """The names of the keys whose value looks like a seed; of a key that does itself, the section."""
    if isinstance(node, yaml.ScalarNode) and SEED.search(node.value):
        yield f"{dotted(path)}, line {node.start_mark.line + 1}" if path else f"line {node.start_mark.line + 1}"
    elif isinstance(node, yaml.SequenceNode):
        for place, item in enumerate(node.value):
            yield from _seeds(item, (*path, place))
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _seeds(key, path)
            name = key.value if isinstance(key, yaml.ScalarNode) and not SEED.search(key.value) else "?"
            yield from _seeds(value, (*path, name))


def _place(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}"


def _plain(node: yaml.Node, path: tuple[str | int, ...], faults: list[str]) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, place), faults) for place, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        return _section(node, path, faults)
    plain = isinstance(node, yaml.ScalarNode) and node.style is None
    return _scalar(node.value) if plain else node.value


def _section(node: yaml.MappingNode, path: tuple[str | int, ...], faults: list[str]) -> dict[str, Any]:
    section: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            faults.append(f"line {line}: expected a key, got a list or a section; write a plain word")
        elif key.value in lines:
            faults.append(
                f"{dotted((*path, key.value))}: expected once, but it is in line {lines[key.value]} "
                f"and again in line {line}; keep one of them"
            )
        else:
            lines[key.value] = line
            section[key.value] = _plain(value, (*path, key.value), faults)
    return section


def _scalar(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    if _FRACTION.fullmatch(text):
        return float(text)
    if odd := _ODD.fullmatch(text):
        return float(odd[1] + odd[2])
    return text
