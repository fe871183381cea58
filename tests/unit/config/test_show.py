"""The effective configuration: shown with origins, without secrets, and fit to be loaded again."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.settings import load_settings
from config.layers import EnvironmentLayer, OverrideLayer
from config.loader import Loaded, load
from config.show import show, show_json
from tests.support.config import (
    Backoff,
    Desk,
    Log,
    Maker,
    Settings,
    Side,
    Taker,
    Trading,
    yaml,
)

TEXT = """\
trading:
  desks: {eth: {size: 0.50}}
  tags: [a, 'yes please', null-ish]
  legs: [{size: 1}]
  sides: [sell, buy]
passphrase: open sesame
"""

SHOWN = """\
mode: live  # -o
name: ketch  # default
symbol: ETH  # default
colour: true  # default
retries: null  # env KETCH__RETRIES
ratio: 1.0  # default
trading:
  desks:
    eth:
      size: 0.50  # paper.yaml:2
      side: buy  # default
      timeout_s: 5.0  # default
      max_slippage_bps: null  # default
  legs:
    - size: 1  # paper.yaml:4
      side: buy  # default
      timeout_s: 5.0  # default
      max_slippage_bps: null  # default
  tags: [a, "yes please", null-ish]  # paper.yaml:3
  band: [0, 9]  # default
  sides: [buy, sell]  # paper.yaml:5
  entry:
    entry: taker  # default
    cap_bps: 10  # default
backoff:
  initial: 1.0  # default
  max: 30.0  # default
log:
  file-name: ketch.log  # default
  level: info  # default
passphrase: "***"  # paper.yaml:6
"""

names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
sizes = st.decimals("0.000001", "1000000", places=9)
desks = st.builds(
    Desk,
    size=sizes,
    side=st.sampled_from(Side),
    timeout_s=st.floats(0.1, 300) | st.just("infinite"),
    max_slippage_bps=st.none() | st.decimals(0, 99, places=3),
)
tradings = st.builds(
    Trading,
    desks=st.dictionaries(names, desks, max_size=3),
    legs=st.lists(desks, max_size=2).map(tuple),
    tags=st.lists(names | st.just(""), max_size=5).map(tuple),
    band=st.tuples(st.integers(), st.integers(-9, 9)).map(lambda band: (band[0] % 10**39, band[1])),
    sides=st.frozensets(st.sampled_from(Side)),
    entry=st.builds(Maker, st.integers(0, 9)) | st.builds(Taker, sizes),
)
configs = st.builds(
    Settings,
    mode=st.sampled_from(["paper", "live"]),
    name=names | st.sampled_from(["null", "~", "true", "no", "5", "1:30", "# a", "- a", "a: b"]),
    symbol=st.just("ETH"),
    colour=st.booleans(),
    retries=st.none() | st.integers(0, 9),
    ratio=st.floats(allow_nan=False, allow_infinity=False),
    trading=tradings,
    backoff=st.builds(Backoff, st.just(1.0), st.floats(1, 99)),
    log=st.builds(Log, names, st.sampled_from(["debug", "info", "off"])),
)


def shown_of_three_layers() -> Loaded[Settings]:
    environment = EnvironmentLayer({"KETCH__RETRIES": "null"})
    return load(Settings, yaml(TEXT), environment, OverrideLayer(("mode=live",)))


def test_every_value_is_shown_with_its_origin_and_secrets_are_masked() -> None:
    assert show(shown_of_three_layers()) == SHOWN


@settings(max_examples=100, deadline=None)
@given(configs)
def test_what_is_shown_loads_as_the_same_configuration(config: Settings) -> None:
    page = show(Loaded(config, {}))
    again = load(Settings, yaml(page)).config
    assert again == config
    assert digits(again) == digits(config)


def digits(config: Settings) -> list[tuple[Any, ...]]:
    return [desk.size.as_tuple() for desk in config.trading.legs]


def test_what_was_taken_away_stays_away_when_loaded_over_the_same_defaults() -> None:
    defaults = yaml("trading: {desks: {eth: {size: 1}, a.b: {size: 2}}}", "defaults.yaml")
    mine = yaml("trading:\n  desks:\n    eth: ~\n    a.b: null\n")
    page = show(load(Settings, defaults, mine))
    assert "    eth: null  # paper.yaml:3\n" in page
    assert load(Settings, defaults, yaml(page)).config.trading.desks == {}
    assert load(Settings, yaml(page)).config.trading.desks == {}


def test_unset_values_are_not_shown() -> None:
    class Patch(msgspec.Struct):
        rate: float | msgspec.UnsetType = msgspec.UNSET
        burst: int | msgspec.UnsetType = msgspec.UNSET

    assert show(load(Patch, yaml("burst: 2"))) == "burst: 2  # paper.yaml:1\n"


def test_the_json_page_has_plain_values_and_origins() -> None:
    page = json.loads(show_json(shown_of_three_layers()))
    assert page["schema"] == "ketch/config/1"
    assert page["config"]["trading"]["desks"]["eth"]["size"] == "0.50"
    assert page["config"]["trading"]["entry"] == {"entry": "taker", "cap_bps": "10"}
    assert page["config"]["trading"]["sides"] == ["buy", "sell"]
    assert page["config"]["passphrase"] == "***"
    assert page["origins"]["trading.desks.eth.size"] == "paper.yaml:2"
    assert "name" not in page["origins"]


def test_no_page_holds_a_secret() -> None:
    loaded = shown_of_three_layers()
    assert loaded.config.passphrase == "open sesame"
    assert "sesame" not in show(loaded) + show_json(loaded)


def test_a_secret_that_is_not_given_is_shown_as_empty() -> None:
    loaded = load(Settings, yaml("passphrase: ''"))
    assert 'passphrase: ""' in show(loaded)
    assert json.loads(show_json(loaded))["config"]["passphrase"] == ""


def test_the_account_of_live_trading_is_not_shown() -> None:
    loaded = load_settings(None, ("live.confirm_account=123456789",))
    assert 'confirm_account: "***"  # -o' in show(loaded)
    assert "123456789" not in show(loaded) + show_json(loaded)


def test_decimals_are_never_floats() -> None:
    config = load(Settings, yaml("trading: {legs: [{size: 0.1}]}")).config
    assert config.trading.legs[0].size == Decimal("0.1")
