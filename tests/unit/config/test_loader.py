"""What a valid configuration gives: values by the schema's types, layers in order, origins."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from config.errors import ConfigError, ConfigErrors, Problem, UnknownKey
from config.layers import EnvironmentLayer, FileLayer, OverrideLayer, shipped
from config.loader import load
from tests.support.config import Desk, Maker, Settings, Side, mistakes, settings, yaml


def test_the_schema_decides_what_a_text_means() -> None:
    config = settings("name: no\nlog: {level: off, file-name: 1:30}\nratio: 2\nretries: ~")
    assert (config.name, config.log.level, config.log.file_name) == ("no", "off", "1:30")
    assert (config.ratio, config.retries) == (2.0, None)
    assert isinstance(config.ratio, float)


def test_a_name_that_is_spelled_like_nothing_is_a_name() -> None:
    assert list(settings('trading: {desks: {"null": {size: 1, side: buy}}}').trading.desks) == [
        "null"
    ]


def test_a_quoted_null_is_a_text() -> None:
    assert settings("name: 'null'").name == "null"


@pytest.mark.parametrize("text", ["0.1", "0.10", "1e-4", "12345678901234567.123456789"])
def test_money_is_read_from_its_text_digit_by_digit(text: str) -> None:
    size = settings(f"trading: {{legs: [{{size: {text}}}]}}").trading.legs[0].size
    assert size.as_tuple() == Decimal(text).as_tuple()


def test_lists_mappings_kinds_and_members_get_their_types() -> None:
    config = settings(
        "trading:\n"
        "  desks: {eth: {size: 1, side: sell, timeout_s: infinite}}\n"
        "  entry: {entry: maker, reprice_ms: 100}\n"
        "  tags: [a, 5]\n"
    )
    eth = Desk(Decimal(1), Side.SELL, "infinite")
    assert config.trading.desks == {"eth": eth}
    assert config.trading.entry == Maker(100)
    assert config.trading.tags == ("a", "5")


def test_an_alias_repeats_what_its_anchor_holds() -> None:
    legs = settings("trading: {legs: [&leg {size: 1}, *leg]}").trading.legs
    assert legs[0] == legs[1]


def test_a_byte_order_mark_is_not_a_key(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xef\xbb\xbfmode: live\n")
    assert load(Settings, FileLayer(str(path))).config.mode == "live"


def test_a_later_layer_wins() -> None:
    environ = {"KETCH__RETRIES": "3", "KETCH__NAME": "c"}
    loaded = load(
        Settings,
        yaml("{mode: live, ratio: 1.5, retries: 1, name: a, symbol: A}", "defaults.yaml"),
        yaml("ratio: 2.5\nretries: 2\nname: b\n", "mine.yaml"),
        EnvironmentLayer(environ),
        OverrideLayer(("name=d",)),
    )
    config = loaded.config
    assert (config.mode, config.ratio, config.retries, config.name) == ("live", 2.5, 3, "d")
    assert [loaded.origin(path) for path in ("mode", "ratio", "retries", "name", "colour")] == [
        "defaults.yaml:1", "mine.yaml:1", "env KETCH__RETRIES", "-o", "default",
    ]  # fmt: skip


def test_mappings_merge_and_lists_are_replaced() -> None:
    loaded = load(
        Settings,
        yaml("trading: {desks: {eth: {size: 1, side: sell}}, tags: [a, b]}", "defaults.yaml"),
        yaml("trading:\n  desks:\n    eth:\n      size: 2\n    btc: {size: 3}\n  tags: [c]\n"),
    )
    trading = loaded.config.trading
    assert trading.desks == {"eth": Desk(Decimal(2), Side.SELL), "btc": Desk(Decimal(3))}
    assert trading.tags == ("c",)
    assert loaded.origin("trading.desks.eth.side") == "defaults.yaml:1"
    assert loaded.origin("trading.desks.eth.size") == "paper.yaml:4"
    assert loaded.origin("trading.tags[0]") == "paper.yaml:6"


def test_null_takes_a_named_thing_away() -> None:
    layers = (
        yaml("trading: {desks: {eth: {size: 1}}}"),
        OverrideLayer(("trading.desks.eth=null",)),
    )
    assert load(Settings, *layers).config.trading.desks == {}


def test_a_variable_finds_keys_whatever_their_case() -> None:
    layers = (
        yaml("trading: {desks: {ETH-perp: {size: 1}}}"),
        EnvironmentLayer({"KETCH__TRADING__DESKS__ETH-PERP__SIZE": "2"}),
    )
    assert load(Settings, *layers).config.trading.desks["ETH-perp"].size == 2


def test_an_override_may_hold_a_mapping_or_list() -> None:
    overrides = OverrideLayer(('trading.desks."a.b"={size: 1}', "trading.tags=[x, y]"))
    trading = load(Settings, overrides).config.trading
    assert (list(trading.desks), trading.tags) == (["a.b"], ("x", "y"))


def test_other_variables_are_none_of_our_business() -> None:
    assert load(Settings, EnvironmentLayer({"KETCH_HOME": "x", "PATH": "y"})).config == Settings()


@pytest.mark.parametrize(
    ("environ", "overrides", "message"),
    [
        (
            {"KETCH__RETRIES": "x"},
            (),
            "env KETCH__RETRIES: retries: got 'x', expected an integer >= 0 or null",
        ),
        (
            {"KETCH__LOG__LEVL": "x"},
            (),
            'env KETCH__LOG__LEVL: unknown key log.levl; did you mean "level"?',
        ),
        (
            {"KETCH____LOG": "x"},
            (),
            "env KETCH____LOG: names no setting; write KETCH__SECTION__KEY=value",
        ),
        ({"KETCH__NAME": "\udcff"}, (), "env KETCH__NAME: is not UTF-8 text"),
        ({}, ("retries=x",), "-o: retries: got 'x', expected an integer >= 0 or null"),
        ({}, ("retries",), "-o: 'retries' names no setting; write -o section.key=value"),
        (
            {},
            ("log..level=info",),
            "-o: 'log..level=info' names no setting; write -o section.key=value",
        ),
    ],
)
def test_variables_and_overrides_are_named_in_errors(
    environ: dict[str, str], overrides: tuple[str, ...], message: str
) -> None:
    assert mistakes(EnvironmentLayer(environ), OverrideLayer(overrides)) == [message]


def test_an_empty_override_is_null() -> None:
    assert load(Settings, OverrideLayer(("retries=",))).config.retries is None


def test_an_override_that_is_not_yaml_does_not_repeat_its_value() -> None:
    [message] = mistakes(OverrideLayer(("name=[hunter2",)))
    assert message.startswith("-o name: is not YAML: ")
    assert "hunter2" not in message


@settings_of_hypothesis(max_examples=200, deadline=None)
@given(st.text("abegilmnoprtsd:-[]{},&*!|>'\"#%@?~ \n\t0159.\x00\u2028é", max_size=60))
def test_no_text_whatever_breaks_the_loader(text: str) -> None:
    with contextlib.suppress(ConfigErrors):
        load(Settings, yaml(text), OverrideLayer((text, f"trading={text}")))


def too_large(config: Settings) -> Iterable[Problem]:
    for name, desk in config.trading.desks.items():
        if desk.size > 1:
            yield Problem(f"trading.desks.{name}.size", desk.size, "at most 1")
    if config.passphrase == "1234":
        yield Problem("passphrase", config.passphrase, "a better one")
    if config.retries == 0:
        yield Problem("trading.band", config.trading.band, "more than no retries")


def test_what_does_not_fit_together_is_told_with_the_line_of_the_setting() -> None:
    text = "trading:\n  desks:\n    eth: {size: 2}\npassphrase: '1234'\nretries: 0\n"
    with pytest.raises(ConfigErrors) as caught:
        load(Settings, yaml(text), validate=too_large)
    assert str(caught.value).splitlines() == [
        "paper.yaml:3: trading.desks.eth.size: got '2', expected at most 1",
        "paper.yaml:4: passphrase: got ***, expected a better one",
        "paper.yaml:1: trading.band: got '(0, 9)', expected more than no retries",
    ]


def test_a_problem_with_a_default_is_the_defaults() -> None:
    def validate(config: Settings) -> Iterable[Problem]:
        yield Problem("ratio", config.ratio, "another")

    with pytest.raises(ConfigErrors, match=r"^default: ratio: got '1.0', expected another$"):
        load(Settings, yaml("mode: live"), validate=validate)


def test_errors_carry_fields() -> None:
    with pytest.raises(ConfigErrors) as caught:
        load(Settings, yaml("retries: x\nzzz: 1"))
    wrong, unknown = caught.value.errors
    assert type(wrong) is ConfigError
    assert (wrong.path, wrong.value, wrong.origin) == ("retries", "'x'", "paper.yaml:1")
    assert isinstance(unknown, UnknownKey)


def test_a_schema_with_a_type_no_setting_can_have_is_a_mistake_of_ours() -> None:
    class Odd(msgspec.Struct):
        blob: bytes = b""

    with pytest.raises(TypeError, match="blob has a type no setting can have"):
        load(Odd, yaml("blob: x"))


def test_a_shipped_file_that_is_not_there_is_a_broken_installation() -> None:
    with pytest.raises(FileNotFoundError):
        shipped("no-such-file.yaml")
