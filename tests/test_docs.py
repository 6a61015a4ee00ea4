"""The pages tell the truth: their commands are run, their files are installed, their keys and paths exist."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from neo_core import Order, View, config, plugins
from neo_core.cli import cli
from neo_core.config import Raw, Settings, describe
from neo_core.testing.walking import HOOKS

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    *sorted(f"docs/{page.name}" for page in ROOT.glob("docs/*.md")),
]
BUILT = [page for page in PAGES if page != "docs/behaviour.md"]  # which tells of what is still to come, too
ARCHITECTURE, AUTHORING = "docs/architecture.md", "docs/plugin-authoring.md"
LIVE = "Against a ledger"

each_page = pytest.mark.parametrize("page", PAGES)
each_built_page = pytest.mark.parametrize("page", BUILT)


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, kind: str = r"\w*") -> list[list[str]]:
    return blocks_in(text(page), kind)


def blocks_in(words: str, kind: str) -> list[list[str]]:
    found = re.findall(rf"^```{kind}\n(.*?)^```$", words, re.MULTILINE | re.DOTALL)
    return [block.splitlines() for block in found]


def section(page: str, heading: str) -> str:
    return text(page).partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def console(words: str) -> Iterator[tuple[str, list[str]]]:
    """Each command of the console blocks, and the lines that are shown below it."""
    for block in blocks_in(words, "console"):
        starts = [number for number, line in enumerate(block) if line.startswith("$ ")]
        for start, end in zip(starts, [*starts[1:], len(block)], strict=True):
            yield block[start].removeprefix("$ "), block[start + 1 : end]


def table(page: str, first: str) -> list[list[str]]:
    """The rows of the tables whose first column has this heading."""
    rows: list[list[str]] = []
    inside = False
    for line in text(page).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")] if line.startswith("|") else []
        if inside and cells and not line.startswith("|-"):
            rows.append(cells)
        inside = bool(cells) and (inside or cells[0] == first)
    assert rows, f"{page} has no table of {first}"
    return rows


def ticked(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


# --- commands and what they print ---


def settled(line: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", "(a time)", line.rstrip())


def assert_printed(shown: list[str], printed: str) -> None:
    """Every line that is shown was printed, in this order. `...` stands for lines, or the end of one, left out."""
    rest = iter([settled(line) for line in printed.splitlines()])
    for line in [settled(line) for line in shown if line not in ("", "...")]:
        start = line.removesuffix(" ...")
        assert any(got == line or (start != line and got.startswith(start)) for got in rest), line


def as_fast_as_it_can(words: list[str]) -> list[str]:
    return [*words, "--speed", "0"] if words[0] == "run" else words


def test_the_tour_of_the_readme_prints_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    exit_codes: list[int] = []
    for command, shown in console(text("README.md").replace(section("README.md", LIVE), "")):
        if command == "echo $?":
            assert shown == [str(exit_codes[-1])]
            continue
        if command == "python dev.py run":
            command, shown = shown[0].removeprefix("dev.py: "), shown[1:]
        done = CliRunner().invoke(cli, as_fast_as_it_can(shlex.split(command)[1:]), prog_name="neo")
        assert_printed(shown, done.output)
        exit_codes.append(done.exit_code)
    assert exit_codes == [0, 0, 0, 0, 3, 4, 0, 2, 0, 0]  # 2: there is no terminal here to be asked on


@contextmanager
def started(command: str) -> Iterator[str]:
    """What a program that stays has to say, while it does."""
    program = subprocess.Popen(
        [sys.executable, "-m", "neo_core", *shlex.split(command)[1:]],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    assert program.stdout is not None
    try:
        said = ""
        for line in program.stdout:
            said += line
            if line == "Ctrl-C ends it.\n":
                break
        yield said
    finally:
        program.terminate()
        program.communicate(timeout=30)


def test_the_session_against_a_ledger_goes_as_the_readme_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = section("README.md", LIVE)
    [[devnet]] = [block for block in blocks_in(told, "") if block[0].startswith("neo devnet")]
    with started(f"{devnet} --port 0 --close-seconds 0.1 --ledger-seconds 4") as said:
        lines = [line.removeprefix("  ") for line in said.partition("in devnet.yaml:\n\n")[2].splitlines()]
        Path("devnet.yaml").write_text("\n".join(lines[: lines.index("")]), encoding="utf-8")
        commands = list(console(told))
        assert [shlex.split(command)[1] for command, _ in commands] == ["doctor", "run"]
        for command, shown in commands:
            done = CliRunner().invoke(cli, shlex.split(command)[1:], prog_name="neo")
            assert_printed(shown, done.output)
            assert done.exit_code == 0


@each_built_page
def test_every_command_on_a_page_exists(page: str) -> None:
    lines = [line.removeprefix("$ ").partition(" #")[0].strip() for block in blocks(page) for line in block]
    typed = [line for line in lines if re.match(r"(neo|python dev\.py) ", line)]
    typed += re.findall(r"`((?:neo|python dev\.py) [^`]+)`", text(page))
    for command in typed:
        program, *words = shlex.split(command.removeprefix("python "))
        if program == "neo":
            assert CliRunner().invoke(cli, [*words, "--help"]).exit_code == 0, command
        else:
            assert re.search(rf"^  {words[0]} +\S", text("dev.py"), re.MULTILINE), command


# --- keys, paths, names ---


def known_keys() -> set[str]:
    found = plugins.discover()
    schemas = {name: plugins.config_class(name, plugins.import_class(found[name])) for name in plugins.BUILT_IN}
    own = {f"plugins.{name}.{key.key}" for name, schema in schemas.items() for key in describe(schema)}
    return {key.key for key in describe(Settings)} | own


def test_every_key_in_a_table_of_the_readme_exists() -> None:
    told = [key for row in table("README.md", "key") for key in ticked(row[0])]
    assert len(told) > 5
    assert set(told) <= known_keys()


@each_built_page
def test_every_dotted_key_on_a_page_exists(page: str) -> None:
    sections = "|".join(Settings.model_fields)
    told = set(re.findall(rf"`((?:{sections})\.[a-z_.]+)[`:]", text(page)))
    files = {f"{name}.py" for name in (*Settings.model_fields, "plugins")}
    assert told - files - {"plugins.pool_guard"} <= known_keys()


@pytest.mark.parametrize("name", plugins.BUILT_IN)
def test_the_table_of_a_guard_has_every_key_and_its_default(name: str) -> None:
    schema = plugins.config_class(name, plugins.import_class(plugins.discover()[name]))
    told = {ticked(key)[0]: ticked(default)[0] for key, default, *_ in table(f"plugins/{name}/README.md", "key")}
    assert {key: yaml.safe_load(default) for key, default in told.items()} == schema().model_dump()


@pytest.mark.parametrize("page", ["README.md", *(f"plugins/{name}/README.md" for name in plugins.BUILT_IN)])
def test_every_configuration_on_a_page_is_accepted(page: str) -> None:
    examples = blocks(page, "yaml")
    assert examples
    found = plugins.discover()
    schemas = {name: plugins.config_class(name, plugins.import_class(found[name])) for name in plugins.BUILT_IN}
    for example in examples:
        config.check(Raw(yaml.safe_load("\n".join(example)), page), schemas)


@each_page
def test_every_link_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", text(page)):
        assert (ROOT / page).parent.joinpath(target).exists(), target


@each_built_page
def test_every_path_on_a_page_exists(page: str) -> None:
    for path in re.findall(r"`((?:neo_core|config|docs|tests)/[\w./]*)`", text(page)):
        assert (ROOT / path).exists(), path


def test_the_tree_has_every_file_of_the_core() -> None:
    [tree] = [block for block in blocks(ARCHITECTURE) if block[0].startswith("neo_core/")]
    told, folders = set(), [""]
    for line in tree:
        depth, name = (len(line) - len(line.lstrip())) // 2, line.split()[0]
        folders[depth + 1 :] = [folders[depth] + name]
        told.add(folders[-1])
        assert len(line.split()) > 2, f"{name}: a line says what it is"
    assert all((ROOT / path).exists() for path in told)
    built = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("neo_core/**/*.py")}
    assert {path for path in told if path.startswith("neo_core/") and path.endswith(".py")} == built


def test_every_family_of_rules_has_a_place() -> None:
    families = set(re.findall(r"\[([A-Z]+)-X?\d+\]", text("docs/behaviour.md")))
    assert {row[0] for row in table(ARCHITECTURE, "rules")} == families


def test_the_rooms_stand_as_they_are_enforced() -> None:
    contracts = tomllib.loads(text("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    assert layers in blocks(ARCHITECTURE)


def test_every_dependency_is_explained() -> None:
    needed: set[str] = set()
    for pyproject in (ROOT / "pyproject.toml", *ROOT.glob("plugins/*/pyproject.toml")):
        project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
        lines = [
            *project["dependencies"],
            *(line for extra in project["optional-dependencies"].values() for line in extra),
        ]
        needed |= {re.split("[><=]", line)[0] for line in lines}
    told = [name for row in table("docs/dependencies.md", "library") for name in row[0].split(", ")]
    assert sorted(told) == sorted(needed - {"neo-core"})


@pytest.mark.parametrize("value", [View, Order])
def test_every_field_that_a_hook_is_handed_is_on_the_page(value: type[Any]) -> None:
    rows = [row for row in table("docs/plugin-authoring.md", "value") if row[0].startswith(f"{value.__name__}:")]
    told = [name for row in rows for name in re.findall(r"`(\w+)`", row[1])]
    assert sorted(told) == sorted(value.__struct_fields__)


def test_every_hook_is_in_the_table_of_hooks_with_its_arguments() -> None:
    told = [ticked(row[0])[0] for row in table(AUTHORING, "hook")]
    assert sorted(hook.partition("(")[0] for hook in told) == sorted(HOOKS)
    for hook in told:
        arguments = ", ".join(
            re.findall(rf"def {hook.partition('(')[0]}\(self, (.*)\)", text("neo_core/hookspecs.py"))
        )
        assert re.sub(r": [^,]+", "", arguments) == hook.partition("(")[2].rstrip(")")


# --- the guard of docs/plugin-authoring.md, taken from the page ---


class Installed:
    """The page's files in a folder, its distribution installed beside them, and `neo` with both."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, body in re.findall(
            r"^File `([^`]+)`:\n\n```\w+\n(.*?)^```$", text(AUTHORING), re.MULTILINE | re.DOTALL
        ):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body, encoding="utf-8")
        offline = ["--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
        self.python("-m", "pip", "install", "--quiet", *offline, "--target", "site", "./pool_guard")

    def python(self, *words: str) -> str:
        own = {"PYTHONPATH": str(self.folder / "site"), "PYTHONUTF8": "1", "COLUMNS": "80"}
        done = subprocess.run(
            [sys.executable, *words],
            cwd=self.folder,
            env={**os.environ, **own},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def neo(self, *words: str) -> str:
        return self.python("-m", "neo_core", *words)

    def facts(self, *words: str) -> Any:
        return json.loads(self.neo(*words, "--json"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("authoring"))


@pytest.mark.rule("PLUG-1")
def test_the_guard_of_the_page_is_found_and_enabled_by_its_section_or_by_name(installed: Installed) -> None:
    def enabled(*words: str) -> dict[str, bool]:
        return {row["name"]: row["enabled"] for row in installed.facts("plugins", *words)}

    built_in = {**dict.fromkeys(plugins.BUILT_IN, True), "ledger_evidence": False}
    assert enabled() == {**built_in, "pool_guard": False}
    assert enabled("--config", "pool.yaml") == {**built_in, "pool_guard": True}
    chosen = enabled("--plugins", "anchor_guard,pool_guard")
    assert [name for name, on in chosen.items() if on] == ["anchor_guard", "pool_guard"]
    keys = [key["key"] for key in installed.facts("plugins", "show", "pool_guard")["keys"]]
    assert keys == ["enabled", "recovery_enabled", "far_bps", "far_ticks", "near_bps", "near_ticks"]


@pytest.mark.rule("PLUG-1", "PLUG-4")
def test_the_guard_of_the_page_enters_and_the_core_counts_and_cools_its_episodes(installed: Installed) -> None:
    for command, shown in console(text(AUTHORING)):
        program, *words = shlex.split(command)
        if program == "neo":
            assert_printed(shown, installed.neo(*words))
    session = installed.facts("sessions", "show")
    assert [plugin["name"] for plugin in session["plugins"]] == ["anchor_guard", "pool_guard"]
    assert session["halt_reason"] == "duration_elapsed"
    first, second = session["episodes"]
    assert {first["source"], second["source"]} == {"pool"}
    assert first["measures"]["far_ticks"] == first["measures"]["limit_ticks"] == 8
    assert second["ended_tick"] - second["entered_tick"] == 119 + 20
    assert installed.facts("status")["guards"]["pool"] == {"episodes": 2, "cooldown_ticks_remaining": 0}


@pytest.mark.rule("PLUG-1")
def test_the_test_of_the_page_passes_alone(installed: Installed) -> None:
    alone = ["-p", "no:cacheprovider", "-q", "-W", "error", "pool_guard/tests"]
    assert "5 passed" in installed.python("-m", "pytest", *alone)
