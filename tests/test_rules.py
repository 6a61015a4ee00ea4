"""Every rule of docs/behaviour.md has a test that carries its id, and every id that a test carries is a rule."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RULE = re.compile(r"\[([A-Z]{2,5}-X?\d+)\]")

# Rules that are not built yet. Whoever builds one writes its test and takes it off this list.
LATER = {"COOL-14"}


def ids_on_the_page() -> list[str]:
    return RULE.findall((ROOT / "docs" / "behaviour.md").read_text(encoding="utf-8"))


def suites() -> list[Path]:
    return sorted([*ROOT.glob("tests/**/test_*.py"), *ROOT.glob("plugins/*/tests/**/test_*.py")])


def marks(source: str) -> Iterator[tuple[int, ast.expr]]:
    """Every argument of every `pytest.mark.rule(...)`, whether it decorates, or stands in a list of marks."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.rule":
            yield from ((argument.lineno, argument) for argument in node.args)


def ids_with_a_test() -> dict[str, str]:
    """Rule id to the place of the first mark that names it."""
    found: dict[str, str] = {}
    for file in suites():
        for line, argument in marks(file.read_text(encoding="utf-8")):
            where = f"{file.relative_to(ROOT).as_posix()}:{line}"
            assert isinstance(argument, ast.Constant), f"{where}: expected the rule's id as a plain text"
            found.setdefault(str(argument.value), where)
    return found


def test_no_id_stands_on_the_page_twice() -> None:
    page = ids_on_the_page()
    assert len(page) > 70
    assert sorted(set(page)) == sorted(page)


def test_every_rule_has_a_test_that_carries_its_id() -> None:
    missing = set(ids_on_the_page()) - set(ids_with_a_test()) - LATER
    assert not missing, f"no test is marked with {', '.join(sorted(missing))}"


def test_every_mark_names_a_rule_of_the_page() -> None:
    unknown = {rule: where for rule, where in ids_with_a_test().items() if rule not in ids_on_the_page()}
    assert not unknown, f"docs/behaviour.md has no such rule: {unknown}"


def test_a_rule_that_has_a_test_is_no_longer_for_later() -> None:
    done = {rule: where for rule, where in ids_with_a_test().items() if rule in LATER}
    assert not done, f"take these off LATER, they have a test: {done}"


def test_only_rules_of_the_page_are_for_later() -> None:
    assert set(ids_on_the_page()) >= LATER


@pytest.mark.parametrize(
    "place", ["@{}\ndef test_it(): ...", "pytestmark = [{}]", "CASES = [pytest.param(1, marks={})]"]
)
def test_a_mark_is_found_wherever_pytest_would_find_it(place: str) -> None:
    source = place.format("pytest.mark.rule('ANY-1', 'ANY-X2')")
    assert [ast.literal_eval(argument) for _, argument in marks(source)] == ["ANY-1", "ANY-X2"]
