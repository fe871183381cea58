"""Several desks in one configuration: what they may share, and the example of the page."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from cli.exits import CommandFailed
from cli.settings import Settings, load_settings
from config.schema import MOST_DESKS, TAKEN_NAMES

PAGE = Path(__file__).resolve().parents[3] / "docs" / "configuration.md"
BTC = "{venue: backpack, symbol: BTC_USDC_PERP}", "{venue: grvt, symbol: BTC_USDT_Perp}"
SOL = "{venue: grvt, symbol: SOL_USDT_Perp}", "{venue: backpack, symbol: SOL_USDC_PERP}"


def desk(name: str, legs: tuple[str, str]) -> str:
    return f"desks.{name}={{primary: {legs[0]}, hedge: {legs[1]}, size: 1}}"


def loaded(*overrides: str) -> Settings:
    return load_settings(None, overrides).config


def refusal(*overrides: str) -> str:
    with pytest.raises(CommandFailed) as caught:
        loaded(*overrides)
    return str(caught.value)


def test_desks_stand_beside_each_other_in_the_order_in_which_they_are_given() -> None:
    assert list(loaded(desk("btc", BTC), desk("sol", SOL)).desks) == ["eth", "btc", "sol"]


def test_two_desks_may_not_share_an_instrument_of_a_venue() -> None:
    said = refusal(desk("btc", BTC), desk("more", (SOL[0], BTC[0])))
    assert "desks.more.hedge.symbol: got 'BTC_USDC_PERP'" in said
    assert "expected an instrument that no other desk trades: btc does" in said


def test_there_is_at_least_one_desk() -> None:
    assert "desks: got '0', expected 1 to 50 desks" in refusal("desks.eth=null")


def test_there_are_at_most_so_many_desks() -> None:
    legs = "{venue: grvt, symbol: A%d}", "{venue: backpack, symbol: B%d}"
    desks = [desk(f"d{n}", (legs[0] % n, legs[1] % n)) for n in range(MOST_DESKS)]
    assert f"expected 1 to {MOST_DESKS} desks" in refusal(*desks)
    assert len(loaded(*desks[1:]).desks) == MOST_DESKS


@pytest.mark.parametrize("name", sorted(TAKEN_NAMES))
def test_a_desk_is_not_called_like_what_stands_beside_it(name: str) -> None:
    said = refusal(desk(name, BTC))
    assert f"desks.{name}: got '{name}', expected a name that is not an actor's already" in said


@pytest.mark.parametrize("name", ["Eth", "1st", "e-th", "e" * 33])
def test_what_a_desk_may_be_called_is_said_in_words(name: str) -> None:
    said = refusal(desk(name, BTC))
    assert "expected a name of at most 32 of a-z, 0-9 and _ that begins with a letter" in said


def test_the_example_of_three_desks_on_the_page_is_one(tmp_path: Path) -> None:
    part = PAGE.read_text().partition("## Several desks")[2]
    file = tmp_path / "mine.yaml"
    file.write_text(part.partition("```yaml\n")[2].partition("```")[0])
    desks = load_settings(file, ()).config.desks
    assert list(desks) == ["eth", "btc", "sol"]
    assert desks["btc"].size == Decimal("0.01")
    assert desks["sol"].primary.venue == "grvt"
    assert desks["btc"].ladder == desks["sol"].ladder
