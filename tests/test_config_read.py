"""Configuration files: what is read, what is refused before any schema sees it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neo_core.config import Settings, check, read
from neo_core.errors import ConfigError


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "neo.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


def problems(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as refusal:
        read(path)
    return [problem.removeprefix(f"{path}: ") for problem in refusal.value.problems]


NO_YAML = "this is no YAML: "
BAD_FILES = [
    ("- a\n- b\n", "expected sections such as `quoting:` at the top level, got a list"),
    ("quoting", "expected sections such as `quoting:` at the top level, got 'quoting'"),
    (
        "risk: {collar_bps: 5",
        f"line 1, column 21: {NO_YAML}expected ',' or '}}', but got '<stream end>'; mend it there",
    ),
    (
        "risk:\n\tcollar_bps: 5",
        f"line 2, column 1: {NO_YAML}found character '\\t' that cannot start any token; mend it there",
    ),
    ("log: {}\n---\nrisk: {}\n", f"line 2, column 1: {NO_YAML}but found another document; mend it there"),
    ("log: &a {}\nrisk: *a\n", "line 2, column 7: expected a value, got an alias (*); write it out"),
    ("a: {b: !!float '1:30'}", "line 1, column 8: expected a value, got a tag (!); take the tag out"),
    ("log: !!python/name:os.getcwd", "line 1, column 6: expected a value, got a tag (!); take the tag out"),
    ("log:\n  ? [a]\n  : 3\n", "line 2: expected a key, got a list or a section; write a plain word"),
    ("risk: {}\nlog: \x00\n", "line 2: expected text, got a control character; take it out"),
    (b"risk: {}\nlog: \xff\n", "line 2: expected UTF-8 text, got the byte 0xff; save the file as UTF-8"),
    ("log: {}\n".encode("utf-16"), "line 1: expected UTF-8 text, got the byte 0xff; save the file as UTF-8"),
    ("a: " + "[" * 5000, "expected keys and values, got brackets nested without end; mend them"),
]


@pytest.mark.parametrize(("text", "sentence"), BAD_FILES, ids=range(len(BAD_FILES)))
def test_file_that_is_no_configuration_is_refused_in_one_sentence(
    tmp_path: Path, text: str | bytes, sentence: str
) -> None:
    assert problems(written(tmp_path, text)) == [sentence]


def test_every_duplicate_key_is_reported_with_both_lines(tmp_path: Path) -> None:
    text = "risk:\n  collar_bps: 5\n  collar_bps: 6\nlog: {}\nplugins:\n  a: [{k: 1, k: 2}]\nlog: {}\n"
    assert problems(written(tmp_path, text)) == [
        "risk.collar_bps: expected once, but it is in line 2 and again in line 3; keep one of them",
        "plugins.a[0].k: expected once, but it is in line 6 and again in line 6; keep one of them",
        "log: expected once, but it is in line 4 and again in line 7; keep one of them",
    ]


def test_absent_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.yaml"
    with pytest.raises(ConfigError) as refusal:
        read(path)
    assert refusal.value.problems == (f"{path}: expected a configuration file, but there is none; check its path",)


def test_folder_is_refused_in_one_sentence(tmp_path: Path) -> None:
    assert problems(tmp_path) == ["expected a file, got a folder; name the file inside it"]


def test_file_that_the_system_will_not_open_is_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    path = written(tmp_path, "log: {}")
    monkeypatch.setattr(Path, "read_bytes", forbidden)
    assert problems(path) == ["cannot be read: Permission denied; check path and permissions"]


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n", "~", "{}"])
def test_empty_file_is_all_defaults(tmp_path: Path, text: str) -> None:
    assert check(read(written(tmp_path, text)), {}) == (Settings(), {})


def test_no_file_is_all_defaults() -> None:
    assert check(read(None), {}) == (Settings(), {})


def test_byte_order_mark_and_windows_line_ends_are_accepted(tmp_path: Path) -> None:
    path = written(tmp_path, b"\xef\xbb\xbfpaper:\r\n  seed: 7\r\n")
    assert check(read(path), {})[0].paper.seed == 7


@pytest.mark.parametrize(
    ("written_as", "meant"),
    [
        ("5", 5), ("-3", -3), ("+3", 3), ("0", 0), ("1e-5", 1e-5), ("1.5E+3", 1500.0), (".5", 0.5), ("5.", 5.0),
        ("yes", True), ("On", True), ("TRUE", True), ("no", False), ("off", False), ("~", None), ("Null", None),
        ("'5'", "5"), ('"true"', "true"), ("1:30", "1:30"), ("007", "007"), ("0o7", "0o7"), ("1_000", "1_000"),
        ("2026-01-01", "2026-01-01"), ("nan", "nan"), ("=", "="), ("9" * 19, 1e19), ("y", "y"), ("-", [None]),
    ],
)  # fmt: skip
def test_scalars_mean_what_they_look_like(tmp_path: Path, written_as: str, meant: object) -> None:
    value = read(written(tmp_path, f"a:\n  {written_as}\n")).tree["a"]
    assert (value, type(value)) == (meant, type(meant))


@given(st.text(alphabet="ab01:-?{}[],&*!|>'\"%@#~ \n\t.<\\", max_size=40) | st.binary(max_size=40))
def test_any_file_is_read_or_refused_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, text: str | bytes
) -> None:
    path = written(tmp_path_factory.getbasetemp(), text)
    refused: tuple[str, ...] = ()
    try:
        tree = read(path).tree
        assert isinstance(tree, dict)
    except ConfigError as refusal:
        refused = refusal.problems
    for problem in refused:
        assert problem.startswith(f"{path}: ")
        assert problem.isprintable()
