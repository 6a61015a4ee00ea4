"""The house is kept in order: small files, complete distributions, exact pins, a documented contract."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from inspect import getdoc, isfunction
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from neo_core.hookspecs import HookSpecs

ROOT = Path(__file__).resolve().parents[1]
DISTRIBUTIONS = [ROOT, *sorted(pyproject.parent for pyproject in ROOT.glob("plugins/*/pyproject.toml"))]
LONGEST = 400
# Written by tools or by NEO itself while it runs.
NOT_OURS = {".git", ".venv", ".hypothesis", "__pycache__", "build", "dist", "var"}

each_distribution = pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda folder: folder.name)


def files(folder: Path = ROOT) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name in NOT_OURS or path.name.endswith(("_cache", ".egg-info")):
            continue
        if path.is_dir():
            yield from files(path)
        else:
            yield path


def project(folder: Path) -> dict[str, Any]:
    section: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return section


def pins() -> list[Requirement]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_no_python_file_is_longer_than_a_reader_can_hold() -> None:
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in files()
        if path.suffix == ".py"
    }
    assert "neo_core/engine.py" in lengths
    too_long = {name: lines for name, lines in lengths.items() if lines > LONGEST}
    assert not too_long, f"more than {LONGEST} lines is asking to be two files: {too_long}"


@each_distribution
def test_a_distribution_says_its_licence_its_version_and_its_python(folder: Path) -> None:
    told = project(folder)
    assert told["license"] == "Apache-2.0"
    assert re.fullmatch(r"\d+\.\d+\.\d+", told["version"])
    assert told["requires-python"] == ">=3.11"


@each_distribution
def test_a_distribution_tells_its_user_what_it_is_and_what_changed(folder: Path) -> None:
    told = project(folder)
    assert (folder / "README.md").read_text(encoding="utf-8").strip()
    assert f"\n## {told['version']}\n" in (folder / "CHANGELOG.md").read_text(encoding="utf-8")


@each_distribution
def test_every_dependency_is_pinned(folder: Path) -> None:
    told = project(folder)
    wanted = [*told["dependencies"], *(line for extra in told["optional-dependencies"].values() for line in extra)]
    ours = {canonicalize_name(project(each)["name"]) for each in DISTRIBUTIONS}
    missing = {canonicalize_name(Requirement(line).name) for line in wanted} - ours
    missing -= {canonicalize_name(pin.name) for pin in pins()}
    assert not missing, f"constraints.txt has no version of {sorted(missing)}"


def test_a_pin_is_one_exact_version_from_wherever_the_user_installs() -> None:
    assert pins()
    for pin in pins():
        assert pin.url is None
        assert [clause.operator for clause in pin.specifier] == ["=="], f"{pin}: expected one exact version"


def test_every_plugin_is_under_the_import_rules() -> None:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    packages = sorted(package.name for package in ROOT.glob("plugins/*/neo_*") if package.is_dir())
    assert packages
    assert sorted(set(tool["root_packages"]) - {"neo_core"}) == packages
    between_plugins = [contract for contract in tool["contracts"] if contract["type"] == "independence"]
    assert [sorted(contract["modules"]) for contract in between_plugins] == [packages]


def test_no_file_says_where_packages_come_from() -> None:
    # In two halves, so that this file does not say it either.
    needles = [host + ".org" for host in ("py" + "pi", "python" + "hosted", "ana" + "conda")]
    needles += ["--" + option for option in ("index-url", "extra-index-url", "find-links", "trusted-host")]
    found = {
        f"{path.relative_to(ROOT).as_posix()}: {needle}"
        for path in files()
        for needle in needles
        if needle in path.read_text(encoding="utf-8", errors="replace")
    }
    assert not found


def test_every_hook_is_documented() -> None:
    hooks = {name: hook for name, hook in vars(HookSpecs).items() if isfunction(hook) and not name.startswith("_")}
    assert {"observe", "evaluate_entry", "evaluate_recovery"} <= set(hooks)
    undocumented = [name for name, hook in hooks.items() if not getdoc(hook)]
    assert not undocumented
