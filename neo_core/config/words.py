"""Schemas and values in the words of an operator."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import pydantic
from pydantic.fields import FieldInfo

from neo_core.seeds import SEED

__all__ = [
    "Described",
    "came",
    "describe",
    "dotted",
    "expected",
    "hidden",
    "inside",
    "known_fields",
    "section_of",
]

_LONGEST = 60
_PLAIN_KEY = re.compile(r"[\w.-]{1,80}")
_LISTS = (list, tuple, set, frozenset, Sequence)
_SECTIONS = (dict, Mapping)
_UNIONS = (Union, types.UnionType)
_USER = re.compile(r"//[^/@\s]*@")
_BOUNDS = {"ge": "of at least", "gt": "greater than", "le": "up to", "lt": "below"}


class Described(NamedTuple):
    """One key of a schema."""

    key: str
    expected: str
    default: Any
    description: str


def describe(schema: type[pydantic.BaseModel], prefix: str = "") -> list[Described]:
    """Every key of a schema, those of nested sections with a dotted name."""
    found: list[Described] = []
    for name, field in known_fields(schema).items():
        nested = section_of(field.annotation)
        if nested is not None:
            found += describe(nested, f"{prefix}{name}.")
            continue
        required = field.is_required()
        default = None if required else field.get_default(call_default_factory=True)
        words = expected(field.annotation, field.metadata) + (" (required)" if required else "")
        found.append(Described(prefix + name, words, default, field.description or ""))
    return found


def known_fields(schema: type[pydantic.BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a schema by the names that a file uses."""
    return {field.alias or name: field for name, field in schema.model_fields.items()}


def section_of(annotation: Any) -> type[pydantic.BaseModel] | None:
    """The schema that an annotation stands for, if it is a section, even one that may be null."""
    kind = _bare(annotation)
    return kind if isinstance(kind, type) and issubclass(kind, pydantic.BaseModel) else None


def inside(annotation: Any, part: str | int) -> tuple[Any, Sequence[Any]] | None:
    """What may be written one step further in, with its constraints; None if the schema does not say."""
    section = section_of(annotation)
    if section is not None:
        field = known_fields(section).get(str(part))
        return None if field is None else (field.annotation, field.metadata)
    kind = _bare(annotation)
    arguments = get_args(kind)
    if isinstance(part, int) and get_origin(kind) in _LISTS and arguments:
        return arguments[0], ()
    if isinstance(part, str) and get_origin(kind) in _SECTIONS and arguments:
        return arguments[1], ()
    return None


def expected(annotation: Any, metadata: Sequence[Any] = ()) -> str:
    """What may be written for a field: "a number greater than 0, or null"."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return expected(arguments[0], [*_unfolded(arguments[1:]), *metadata])
    if origin in _UNIONS:
        kinds = [expected(kind, metadata) for kind in arguments if kind is not types.NoneType]
        return " or ".join(kinds) + (", or null" if types.NoneType in arguments else "")
    if origin is Literal:
        *most, last = (str(choice) for choice in arguments)
        return f"{', '.join(most)} or {last}" if most else last
    kind = origin or annotation
    if kind is bool:
        return "true or false"
    if kind is int:
        return "a whole number" + _range(metadata)
    if kind is float:
        return "a number" + _range(metadata)
    if kind is str:
        return _text(metadata)
    if section_of(kind) is not None or kind in _SECTIONS:
        return "a section (keys with their values)"
    if kind in _LISTS:
        return f"a list of {expected(arguments[0])}" if arguments else "a list"
    return str(getattr(kind, "__name__", kind))


def came(value: Any) -> str:
    """What was written, as far as it helps to find it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a section"
    if isinstance(value, list):
        return "a list"
    return hidden(value)


def hidden(value: Any) -> str:
    """What was written, but no seed of a key, and no password of a URL."""
    text = repr(value)
    if SEED.search(text):
        return "what looks like the seed of a key (not shown)"
    text = _USER.sub("//(not shown)@", text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def dotted(path: Sequence[str | int]) -> str:
    """The path of a key: "plugins.my_guard.levels[2]"."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _PLAIN_KEY.fullmatch(part) else came(part))
    return text


def _bare(annotation: Any) -> Any:
    """An annotation without its constraints, and without the null that it may allow."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in _UNIONS:
        kinds = [kind for kind in get_args(annotation) if kind is not types.NoneType]
        return _bare(kinds[0]) if len(kinds) == 1 else annotation
    return annotation


def _unfolded(metadata: Sequence[Any]) -> list[Any]:
    """Constraints, taken out of the `Field(...)` that carries them."""
    return [part for item in metadata for part in (item.metadata if isinstance(item, FieldInfo) else [item])]


def _range(metadata: Sequence[Any]) -> str:
    limits = {
        bound: _number(limit)
        for bound in _BOUNDS
        for limit in (getattr(item, bound, None) for item in metadata)
        if limit is not None
    }
    if limits.keys() == {"ge", "le"}:
        return f" from {limits['ge']} to {limits['le']}"
    words = " and ".join(f"{_BOUNDS[bound]} {limit}" for bound, limit in limits.items())
    return f" {words}" if words else ""


def _text(metadata: Sequence[Any]) -> str:
    shortest = next((item.min_length for item in metadata if hasattr(item, "min_length")), None)
    longest = next((item.max_length for item in metadata if hasattr(item, "max_length")), None)
    pattern = next((item.pattern for item in metadata if hasattr(item, "pattern")), None)
    words = "text"
    if longest is not None:
        words += f" of {shortest or 0} to {longest} characters"
    elif shortest is not None:
        words += " that is not empty" if shortest == 1 else f" of at least {shortest} characters"
    return words if pattern is None else f"{words} that matches {pattern}"


def _number(limit: Any) -> str:
    """A limit without an exponent or a needless fraction: 0.000001, 1000."""
    text = format(Decimal(str(limit)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
