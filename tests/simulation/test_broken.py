"""Managers that guess, as most bots do: the judgement must find each of them out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulation.broken import TEMPTATIONS, Temptation
from tests.simulation.scenarios import LIMIT_S
from tests.simulation.trouble import Trouble
from tests.simulation.world import World
from tests.support.trading import plan
from trading.order_manager import OrderManager

_SEEDS = range(30)
_BROKEN_S = 100.0  # what is broken need not come to an end


def faults(
    manager: type[OrderManager], trouble: Trouble, limit_s: float = LIMIT_S
) -> Iterator[list[str]]:
    for seed in _SEEDS:
        yield World(seed, trouble, plan(cycles=3), manager=manager).run(limit_s).faults()


def name_of(temptation: Temptation) -> str:
    return temptation.broken.__name__


@pytest.mark.parametrize("temptation", TEMPTATIONS, ids=name_of)
def test_the_judgement_finds_out_who_guesses(temptation: Temptation) -> None:
    assert any(faults(temptation.broken, temptation.trouble, _BROKEN_S))


@pytest.mark.parametrize("temptation", TEMPTATIONS, ids=name_of)
def test_who_does_not_guess_is_not_tempted(temptation: Temptation) -> None:
    for seed, wrong in zip(_SEEDS, faults(OrderManager, temptation.trouble), strict=True):
        assert not wrong, f"seed {seed}"
