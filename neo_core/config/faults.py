"""What a schema refuses, one sentence each: what was expected, what came."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any, NamedTuple

import pydantic
from pydantic_core import ErrorDetails

from neo_core.config.words import came, dotted, expected, inside, known_fields, section_of

__all__ = ["Fault", "KeyPath", "faults_of"]

KeyPath = tuple[str | int, ...]

_RETIRED = {
    "degraded_recovery.max_recovery_attempts_per_episode": (
        "this key is retired, attempts are no longer counted; "
        "take it out, max_degraded_episodes_per_source_per_session caps the episodes"
    ),
}


class Fault(NamedTuple):
    path: KeyPath
    text: str


def faults_of(refusal: pydantic.ValidationError, schema: type[pydantic.BaseModel], at: KeyPath) -> list[Fault]:
    """Every fault of the section that stands at `at` and is ruled by `schema`."""
    return [_fault(error, schema, at) for error in refusal.errors()]


def _fault(error: ErrorDetails, schema: type[pydantic.BaseModel], at: KeyPath) -> Fault:
    annotation: Any = schema
    metadata: Sequence[Any] = ()
    path = at
    for part in error["loc"]:
        step = inside(annotation, part)
        if step is None:
            break
        annotation, metadata = step
        path += (part,)
    if error["type"] == "extra_forbidden":
        return _unknown((*path, str(error["loc"][-1])), annotation)
    own_words = "url" not in error or error["type"] in ("value_error", "assertion_error")
    if own_words:
        return Fault(path, _own_words(error))
    got = "but it is missing" if error["type"] == "missing" else f"got {came(error['input'])}"
    return Fault(path, f"expected {expected(annotation, metadata)}, {got}")


def _own_words(error: ErrorDetails) -> str:
    """The sentence of the one who wrote the schema, on one line."""
    raised = error.get("ctx", {}).get("error")
    said = str(raised) if isinstance(raised, Exception) else error["msg"]
    return " ".join(said.split()) or f"refused {came(error['input'])}"


def _unknown(path: KeyPath, annotation: Any) -> Fault:
    retired = _RETIRED.get(dotted(path))
    if retired is not None:
        return Fault(path, retired)
    section = section_of(annotation)
    known = [] if section is None else list(known_fields(section))
    near = difflib.get_close_matches(str(path[-1]), known, n=1)
    if near:
        return Fault(path, f"there is no such key; did you mean {near[0]}?")
    return Fault(path, f"there is no such key; expected one of {', '.join(known)}")
