"""Configuration: what a schema refuses, and in which words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pydantic
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from neo_core.config import GuardConfig, PluginConfig, Raw, Section, Settings, check, describe, read
from neo_core.errors import ConfigError

COOL_11 = "if recovery is unwanted, set `recovery_enabled: false` in the guard's section"


class Step(Section):
    bps: float = Field(gt=0)


class Sample(GuardConfig):
    lookback_ticks: int = Field(default=25, ge=1, description="How many ticks are looked at.")
    entry_bps: float = Field(default=6.0, gt=0)
    exit_bps: float = Field(default=4.0, gt=0)
    levels: list[Annotated[float, Field(gt=0)]] = Field(default=[])
    weights: dict[str, float] | None = None
    limit: int | str = 1
    label: str = Field(default="a", pattern="^[a-z]+$", max_length=8)
    share: float = Field(default=0.5, ge=0, lt=1)
    note: str = Field(default="none", min_length=2)
    steps: list[Step] = Field(default=[])

    @pydantic.model_validator(mode="after")
    def hysteresis(self, info: pydantic.ValidationInfo) -> Sample:
        settings = (info.context or {}).get("settings")
        if settings is not None and self.entry_bps >= settings.quoting.anchor_cap_bps:
            raise ValueError(f"expected entry_bps below the cap,\n  got {self.entry_bps}")
        return self


class Demanding(PluginConfig):
    url: str


class Broken(PluginConfig):
    @pydantic.model_validator(mode="after")
    def fails(self) -> Broken:
        raise KeyError("cap")


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "neo.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


def problems(tmp_path: Path, text: str | bytes, overrides: Any = None, **classes: type[PluginConfig]) -> list[str]:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as refusal:
        check(read(path), classes, overrides)
    return [problem.removeprefix(f"{path}: ") for problem in refusal.value.problems]


def settings_of(text: str) -> Settings:
    return check(Raw(yaml.safe_load(text), "test"), {})[0]


ABOVE_0 = "a number greater than 0"
COUNT_OR_NULL = "a whole number of at least 1, or null"
NAME = "1 to 64 letters, digits, '_', '.' or '-'"
DATABASE = "sqlite:/// and a file, such as sqlite:///neo.db"
SECTION = "a section (keys with their values)"
SIZE = "quoting.order_size_xrp: expected a number from risk.min_order_xrp"

BAD_VALUES = [  # key, what is written, what was expected, what came
    ("risk.max_ledger_age_seconds", "soon", f"{ABOVE_0}, or null", "'soon'"),
    ("risk.max_ledger_age_seconds", "0", f"{ABOVE_0}, or null", "0"),
    ("risk.collar_bps", ".nan", ABOVE_0, "nan"),
    ("risk.collar_bps", "-.inf", ABOVE_0, "-inf"),
    ("risk.collar_bps", "1e999", ABOVE_0, "inf"),
    ("risk.collar_bps", "null", ABOVE_0, "null"),
    ("risk.collar_bps", "", ABOVE_0, "null"),
    ("risk.collar_bps", "true", ABOVE_0, "true"),
    ("risk.collar_bps", "on", ABOVE_0, "true"),
    ("risk.collar_bps", "'5'", ABOVE_0, "'5'"),
    ("risk.collar_bps", "[5]", ABOVE_0, "a list"),
    ("risk.collar_bps", "{a: 5}", ABOVE_0, "a section"),
    ("risk.collar_bps", "2026-01-01", ABOVE_0, "'2026-01-01'"),
    ("risk.collar_bps", "1:30", ABOVE_0, "'1:30'"),
    ("risk.collar_bps", "1_000", ABOVE_0, "'1_000'"),
    ("risk.collar_bps", "010", ABOVE_0, "'010'"),
    ("risk.collar_bps", "0x10", ABOVE_0, "'0x10'"),
    ("risk.min_order_xrp", "0", "a number of at least 0.000001", "0"),
    ("risk.max_failed_observations", "5.0", COUNT_OR_NULL, "5.0"),
    ("risk.max_failed_observations", "false", COUNT_OR_NULL, "false"),
    ("quoting.target_inventory_pct", "100.5", "a number from 0 to 100", "100.5"),
    ("quoting.bid_offset_bps", "2000", "a number greater than 0 and up to 1000", "2000"),
    ("quoting.mid_weight", "-0.1", "a number of at least 0", "-0.1"),
    ("quoting.min_book_xrp", "-1", "a number from 0 to 100000000000", "-1"),
    ("quoting.min_book_xrp", "null", "a number from 0 to 100000000000", "null"),
    ("paper.seed", "1.5", "a whole number from 0 to 4294967295", "1.5"),
    ("paper.wallet", "mine", "new or keep", "'mine'"),
    ("paper.scenario", "''", "text that is not empty", "''"),
    ("log.level", "loud", "debug, info, warning or error", "'loud'"),
    ("log.level", "x" * 500, "debug, info, warning or error", f"'{'x' * 59}..."),
    ("log.file", "off", "text that is not empty, or null", "false"),
    ("engine.mode", "real", "paper or live", "'real'"),
    ("engine.name", "7", "text", "7"),
    ("engine.name", "a b", NAME, "'a b'"),
    ("engine.name", '"neo\\n"', NAME, r"'neo\n'"),
    ("engine.database", "neo.db", DATABASE, "'neo.db'"),
    ("engine.database", "'sqlite:///'", DATABASE, "'sqlite:///'"),
    ("risk", "", SECTION, "null"),
    ("risk", "5", SECTION, "5"),
    ("plugins", "[a]", SECTION, "a list"),
    ("plugins.a", "on", SECTION, "true"),
    ("plugins.sample.lookback_ticks", "0", "a whole number of at least 1", "0"),
    ("plugins.sample.recovery_enabled", "1", "true or false", "1"),
    ("plugins.sample.enabled", "'yes'", "true or false", "'yes'"),
    ("plugins.sample.share", "1", "a number of at least 0 and below 1", "1"),
    ("plugins.sample.note", "[]", "text of at least 2 characters", "a list"),
    ("plugins.sample.levels", "3", f"a list of {ABOVE_0}", "3"),
    ("plugins.sample.weights.a", "x", "a number", "'x'"),
    ("plugins.sample.limit", "1.5", "a whole number or text", "1.5"),
    ("plugins.sample.label", "A", "text of 0 to 8 characters that matches ^[a-z]+$", "'A'"),
]

CROSS_FAULTS = [
    (
        "quoting: {mid_weight: 0, amm_weight: 0}",
        "quoting: expected mid_weight or amm_weight above 0, got 0 for both",
    ),
    (
        "quoting: {renew_before_seconds: 60}",
        "quoting: expected renew_before_seconds below order_ttl_seconds (60.0), got 60.0",
    ),
    (
        "risk: {min_order_xrp: 2000}",
        "risk: expected min_order_xrp of at most max_order_xrp (1000.0), got 2000.0",
    ),
    (
        "quoting: {order_size_xrp: 1001}",
        f"{SIZE} (1.0) to risk.max_order_xrp (1000.0), got 1001.0",
    ),
    (
        "risk: {min_order_xrp: 200}",
        f"{SIZE} (200.0) to risk.max_order_xrp (1000.0), got 100.0",
    ),
    (
        "plugins: {sample: {entry_bps: 10}}",
        "plugins.sample: expected entry_bps below the cap, got 10.0",
    ),
    (
        "plugins: {sample: {levels: [1, x]}}",
        "plugins.sample.levels[1]: expected a number greater than 0, got 'x'",
    ),
    (
        "plugins: {sample: {steps: [{bps: 1}, {}]}}",
        "plugins.sample.steps[1].bps: expected a number greater than 0, but it is missing",
    ),
]

UNKNOWN_KEYS = [
    ("risk.max_leger_age_seconds", "did you mean max_ledger_age_seconds?"),
    ("qouting", "did you mean quoting?"),
    ("log.xyz", "expected one of file, level"),
    ("log.3", "expected one of file, level"),
    ("log.on", "expected one of file, level"),
    ("log.'a b'", "expected one of file, level"),
    ("plugins.sample.lookback_tick", "did you mean lookback_ticks?"),
]


def as_yaml(path: str, value: str) -> str:
    *sections, key = path.split(".")
    return "".join(f"{section}: {{" for section in sections) + f"{key}: {value}" + "}" * len(sections)


@pytest.mark.rule("PLUG-2")
@pytest.mark.parametrize(("path", "value", "expected", "came"), BAD_VALUES)
def test_bad_value_is_refused_with_path_expectation_and_value(
    tmp_path: Path, path: str, value: str, expected: str, came: str
) -> None:
    assert problems(tmp_path, as_yaml(path, value), sample=Sample) == [f"{path}: expected {expected}, got {came}"]


@pytest.mark.parametrize(("text", "sentence"), CROSS_FAULTS)
def test_values_that_do_not_fit_together_are_refused_in_one_sentence(
    tmp_path: Path, text: str, sentence: str
) -> None:
    assert problems(tmp_path, text, sample=Sample) == [sentence]


@pytest.mark.rule("PLUG-2")
@pytest.mark.parametrize(("path", "advice"), UNKNOWN_KEYS)
def test_unknown_key_is_refused_and_the_nearest_known_one_named(tmp_path: Path, path: str, advice: str) -> None:
    assert problems(tmp_path, as_yaml(path, "{}"), sample=Sample) == [f"{path}: there is no such key; {advice}"]


NUMBERS = [key for key in describe(Settings) if "number" in key.expected]
WRONG_KINDS = [float("nan"), float("inf"), float("-inf"), "soon", "5", True, False, [1], {"a": 1}, -1, -0.5]


@pytest.mark.parametrize("key", NUMBERS, ids=lambda key: key.key)
def test_every_number_of_the_core_refuses_every_wrong_kind(key: Any) -> None:
    section, name = key.key.split(".")
    nothing = [] if "null" in key.expected else [None]
    for value in WRONG_KINDS + nothing:
        with pytest.raises(ConfigError) as refusal:
            check(Raw({section: {name: value}}, "f"), {})
        assert [problem.startswith(f"f: {key.key}: expected ") for problem in refusal.value.problems] == [True]


@pytest.mark.rule("COOL-11")
@pytest.mark.parametrize("value", ["0", "-3", "0.5", "-.inf"])
@pytest.mark.parametrize("key", ["recovery_cooldown_ticks", "max_degraded_episodes_per_source_per_session"])
def test_recovery_value_below_one_is_refused_and_says_how_to_switch_recovery_off(
    tmp_path: Path, key: str, value: str
) -> None:
    shown = value.replace("-.inf", "-inf")
    assert problems(tmp_path, f"degraded_recovery: {{{key}: {value}}}") == [
        f"degraded_recovery.{key}: expected a whole number of at least 1, got {shown}; {COOL_11}"
    ]


@pytest.mark.rule("COOL-11")
def test_recovery_values_of_one_are_accepted() -> None:
    text = "{recovery_cooldown_ticks: 1, max_degraded_episodes_per_source_per_session: 1}"
    recovery = settings_of(f"degraded_recovery: {text}").degraded_recovery
    assert (recovery.recovery_cooldown_ticks, recovery.max_degraded_episodes_per_source_per_session) == (1, 1)


@pytest.mark.rule("COOL-11")
def test_retired_key_is_refused_by_name(tmp_path: Path) -> None:
    (sentence,) = problems(tmp_path, "degraded_recovery: {max_recovery_attempts_per_episode: 3}")
    assert sentence.startswith("degraded_recovery.max_recovery_attempts_per_episode: this key is retired")
    assert "max_degraded_episodes_per_source_per_session" in sentence


@pytest.mark.rule("PLUG-2", "HALT-7")
def test_faults_of_core_and_plugins_are_reported_all_at_once_with_exit_code_two(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "risk: {collar_bps: 0, xyz: 1}\nlog: {level: loud}\nplugins:\n  sample: {levels: [x, 0]}\n  other: 3\n",
    )
    with pytest.raises(ConfigError) as refusal:
        check(read(path), {"sample": Sample, "demanding": Demanding}, {"paper": {"speed": -1.0}})
    assert refusal.value.exit_code == 2
    starts = [problem.split(": expected")[0].split(": there is")[0] for problem in refusal.value.problems]
    assert starts == [
        f"{path}: log.level",
        f"{path}: risk.collar_bps",
        f"{path}: risk.xyz",
        "command line: paper.speed",
        f"{path}: plugins.other",
        f"{path}: plugins.sample.levels[0]",
        f"{path}: plugins.sample.levels[1]",
        f"{path}: plugins.demanding.url",
    ]
    assert str(refusal.value).count("\n") == len(starts) - 1


def test_plugin_without_settings_to_compare_with_is_still_checked(tmp_path: Path) -> None:
    text = "quoting: {anchor_cap_bps: x}\nplugins: {sample: {entry_bps: 90, lookback_ticks: 0}}"
    assert [problem.split(":")[0] for problem in problems(tmp_path, text, sample=Sample)] == [
        "quoting.anchor_cap_bps",
        "plugins.sample.lookback_ticks",
    ]


@pytest.mark.rule("PLUG-2")
def test_plugin_schema_that_fails_itself_is_refused_and_named(tmp_path: Path) -> None:
    assert problems(tmp_path, "plugins: {broken: {}}", broken=Broken) == [
        "plugins.broken: the schema of this section failed (KeyError('cap')); tell the plugin's author"
    ]


def test_absent_plugin_section_gives_its_defaults_and_sections_of_others_stay_raw(tmp_path: Path) -> None:
    settings, plugins = check(read(written(tmp_path, "plugins: {other: {any: [thing]}}")), {"sample": Sample})
    assert plugins == {
        "sample": Sample.model_construct(**{k: f.get_default() for k, f in Sample.model_fields.items()})
    }
    assert settings.plugins == {"other": {"any": ["thing"]}}


# --- the command line over the file ---------------------------------------------------------------------------


def test_command_line_goes_over_the_file_key_by_key(tmp_path: Path) -> None:
    path = written(tmp_path, "paper: {seed: 7, speed: 2.0}\nplugins: {sample: {entry_bps: 5.5}}")
    over = {"paper": {"speed": 0.0}, "plugins": {"sample": {"enabled": False}}, "engine": {"name": "b"}}
    settings, plugins = check(read(path), {"sample": Sample}, over)
    assert (settings.paper.seed, settings.paper.speed, settings.engine.name) == (7, 0.0, "b")
    assert plugins["sample"].model_dump(include={"enabled", "entry_bps"}) == {"enabled": False, "entry_bps": 5.5}


def test_fault_from_the_command_line_names_it_even_where_the_file_was_right(tmp_path: Path) -> None:
    assert problems(tmp_path, "paper: {speed: 1.0, fee_drops: x}", {"paper": {"speed": -1.0}}) == [
        "command line: paper.speed: expected a number of at least 0, got -1.0",
        "paper.fee_drops: expected a whole number from 0 to 1000000, got 'x'",
    ]


def test_faulty_section_of_the_file_is_not_hidden_by_the_command_line(tmp_path: Path) -> None:
    assert problems(tmp_path, "paper: 5", {"paper": {"speed": 1.0}}) == [
        "paper: expected a section (keys with their values), got 5"
    ]


def test_fault_between_keys_without_a_file_names_the_command_line() -> None:
    with pytest.raises(ConfigError, match=r"^command line: quoting: expected renew_before_seconds below"):
        check(read(None), {}, {"quoting": {"renew_before_seconds": 90.0}})


def test_required_key_without_a_file_says_so() -> None:
    with pytest.raises(ConfigError) as refusal:
        check(read(None), {"demanding": Demanding})
    assert refusal.value.problems == (
        "no configuration file: plugins.demanding.url: expected text, but it is missing",
    )


TEXTS = st.text(alphabet="ab.:' \n\x1b\ud800\u20ac", max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
KEYS = st.sampled_from(sorted({part for key in describe(Settings) for part in key.key.split(".")})) | TEXTS


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=3) | VALUES, max_size=4), VALUES)
def test_any_tree_is_accepted_or_refused_in_printable_sentences(tree: dict[str, Any], sample: Any) -> None:
    try:
        check(Raw(tree, "f"), {"sample": Sample}, {"plugins": {"sample": sample}})
        refused: tuple[str, ...] = ()
    except ConfigError as refusal:
        refused = refusal.problems
    for problem in refused:
        assert problem.startswith(("f: ", "command line: "))
        assert problem.isprintable()


# --- what a schema says about itself ----------------------------------------------------------------------------


def test_describe_gives_key_kind_default_and_description_in_words() -> None:
    described = {key.key: key for key in describe(Sample)}
    assert described["lookback_ticks"] == (
        "lookback_ticks",
        "a whole number of at least 1",
        25,
        "How many ticks are looked at.",
    )
    assert described["enabled"].expected == "true or false"
    assert described["weights"].expected == "a section (keys with their values), or null"
    assert describe(Demanding)[-1] == ("url", "text (required)", None, "")


def test_every_key_of_the_core_has_a_description() -> None:
    assert [key.key for key in describe(Settings) if not key.description.endswith(".")] == []
